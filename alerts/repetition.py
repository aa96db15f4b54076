"""How soon a threshold may raise the next alert of a group. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise

from tocsin.config.thresholds import Threshold
from tocsin.model import Alert, AlertKind


def next_at(threshold: Threshold, prior: Sequence[Alert], group: str) -> dt.datetime | None:
    """From when the next alert of `group` is allowed, given those raised `prior`; None: at any time."""
    times = sorted(
        alert.fired_at
        for alert in prior
        if alert.threshold == threshold.id and alert.group == group and alert.kind is AlertKind.ALERT
    )
    if not times or not threshold.cooldown:
        return None
    pause = threshold.cooldown
    for earlier, later in pairwise(times):
        # Twice the pause without an alert, and the group is calm again.
        calm = later - earlier >= 2 * pause
        pause = threshold.cooldown if calm else _doubled(threshold, pause)
    return times[-1] + pause


def since(threshold: Threshold, now: dt.datetime) -> dt.datetime:
    """How far back `prior` alerts must reach for `next_at` and for telling what was alerted on already."""
    longest = max(threshold.timespan, threshold.cooldown, threshold.exponential_realert or dt.timedelta(0))
    return now - (8 * longest if threshold.exponential_realert else longest)


def _doubled(threshold: Threshold, pause: dt.timedelta) -> dt.timedelta:
    return min(2 * pause, threshold.exponential_realert) if threshold.exponential_realert else pause
