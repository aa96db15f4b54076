"""How many events were to be expected, given weekday and season, and whether there are many more or fewer. Pure."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from tocsin.config.thresholds import Spike

WEEK = dt.timedelta(days=7)
YEAR = 52 * WEEK
"""A year of whole weeks, so that weekdays stay what they are."""
SEASON = (0.5, 2.0)
"""However different the same season was a year ago, the expectation is changed by no more than this."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is a spike, why, and with which numbers."""

    met: bool
    reason: str
    numbers: Mapping[str, float]


def windows(threshold: Spike, now: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """The spans of time, newest first, that a verdict at `now` looks at; all but the first are the baseline."""
    ends = [now - week * WEEK for week in range(_weeks(threshold) + 1)]
    ends += [now - YEAR - week * WEEK for week in range(-1, _weeks(threshold) + 1)]
    return [(end - threshold.timespan, end) for end in ends]


def spike(
    times: Sequence[dt.datetime], threshold: Spike, *, now: dt.datetime, watched_since: dt.datetime | None
) -> Verdict:
    """The verdict on sorted event `times`; "no" where less than `min_history` was watched."""
    since = watched_since or now
    if now - since < threshold.min_history:
        text = f"only {(now - since).days} of {threshold.min_history.days} days of history were watched"
        return Verdict(False, text, {})
    count = _count(times, now, threshold.timespan)
    weekly = _weekly(times, threshold, now, since)
    if not weekly:
        return Verdict(False, "no earlier window of this length was watched", {"count": count})
    season = _season(times, threshold, now, since)
    expected = mean(weekly) * season
    high = threshold.spike_type != "down" and count >= max(threshold.min_count, threshold.spike_height * expected)
    low = threshold.spike_type != "up" and expected >= max(threshold.min_count, threshold.spike_height * count)
    text = f"{count} events where {expected:.1f} were to be expected from {len(weekly)} weeks"
    text += f" (season × {season:.2f})" if season != 1 else ""
    limit = f"{threshold.spike_height:g} times {'more' if high or not low else 'fewer'}"
    numbers = {"count": count, "expected": round(expected, 2), "weeks": len(weekly), "season": round(season, 2)}
    return Verdict(high or low, f"{text}, {'' if high or low else 'not '}{limit}", numbers)


def _weeks(threshold: Spike) -> int:
    return max(1, threshold.baseline // WEEK)


def _count(times: Sequence[dt.datetime], end: dt.datetime, length: dt.timedelta) -> int:
    return bisect_right(times, end) - bisect_right(times, end - length)


def _weekly(times: Sequence[dt.datetime], threshold: Spike, end: dt.datetime, since: dt.datetime) -> list[int]:
    """Counts of the same hours in the weeks before `end`, as far as they were watched and do not overlap the window."""
    ends = (end - week * WEEK for week in range(1, _weeks(threshold) + 1))
    clear = end - threshold.timespan
    return [_count(times, at, threshold.timespan) for at in ends if at <= clear and at - threshold.timespan >= since]


def _season(times: Sequence[dt.datetime], threshold: Spike, now: dt.datetime, since: dt.datetime) -> float:
    """How much more this season brought a year ago than the weeks before it; 1 where that was not watched."""
    then = now - YEAR
    before = _weekly(times, threshold, then, since)
    if len(before) < _weeks(threshold):
        return 1.0
    around = mean(_count(times, then + week * WEEK, threshold.timespan) for week in (-1, 0, 1))
    lowest, highest = SEASON
    return min(highest, max(lowest, (around + 0.5) / (mean(before) + 0.5)))
