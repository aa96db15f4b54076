"""Local hours: when quiet hours end and when a cron line is next due, daylight saving included. Pure."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tocsin.config.routing import QuietHours


def next_cron(line: str, zone: str, now: dt.datetime) -> dt.datetime:
    """The next time after `now`, in UTC, at which the cron line is due in `zone`.

    An hour that the clock skips comes right after the gap, one that it repeats comes once.
    """
    return next(CronSim(line, now.astimezone(ZoneInfo(zone)))).astimezone(dt.UTC)


def quiet_until(hours: QuietHours, at: dt.datetime) -> dt.datetime:
    """The end of the quiet hours that `at` lies in; `at` itself where it lies in none."""
    zone = ZoneInfo(hours.zone)
    local = at.astimezone(zone)
    for day in (local.date() - dt.timedelta(days=1), local.date()):
        start = dt.datetime.combine(day, hours.start, zone)
        last = day if hours.start < hours.end else day + dt.timedelta(days=1)
        end = dt.datetime.combine(last, hours.end, zone)
        # Compared in UTC: two local times of one zone are compared by the clock on the wall, whatever it was set to.
        if start.astimezone(dt.UTC) <= at < end.astimezone(dt.UTC):
            return end.astimezone(dt.UTC)
    return at
