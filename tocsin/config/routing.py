"""Routing as YAML has it: which channel gets which alert, and when it must wait.

What the keys mean is decided in `alerts.policy`; here they are only read. Every key stands in docs/watches.md.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator

from tocsin.config.bounds import Condition, Span
from tocsin.config.loader import Strict


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{value!r} is no time zone; an IANA name such as Asia/Seoul") from error
    return value


def _cron(value: str) -> str:
    try:
        CronSim(value, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    except CronSimError as error:
        raise ValueError(f"is not a cron line ({error}); five fields such as 0 7 * * *") from error
    return value


Zone = Annotated[str, AfterValidator(_zone)]
Cron = Annotated[str, AfterValidator(_cron)]


class QuietHours(Strict):
    """Local hours in which deliveries wait for the end of the hours; nothing is lost."""

    start: dt.time
    end: dt.time
    zone: Zone
    unless: Condition | None = None
    """An alert whose severity meets this goes out at once."""


class Route(Strict):
    """Sends alerts to a channel: all of them, or those whose severity meets a condition."""

    channel: str
    severity: Condition | None = None
    digest: bool = False
    """Hold for the watch's digest instead of sending at once."""
    quiet_hours: QuietHours | None = None


def _routes(value: object) -> object:
    if not isinstance(value, str | list):
        return value
    items = [value] if isinstance(value, str) else value
    return [{"channel": item} if isinstance(item, str) else item for item in items]


Routes = Annotated[tuple[Route, ...], BeforeValidator(_routes)]
"""Channel ids, or mappings with `channel` and a condition."""


class Escalation(Strict):
    """Tells further channels when an alert is still open after a while."""

    after: Span
    notify: Routes
