"""Thresholds that time alone may make cross are looked at again and again; here, without the store between two looks.

Between two moments at which something comes in, events and alerts stay what they are, so each look is a pure judgement
of what was fetched once. The first look that would raise an alert is left to a real sweep.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from alerts import repetition
from alerts.crossings import by_time
from alerts.fitting import concerns
from alerts.thresholds import Decision, EventQuery, evaluate, query
from tocsin.config.thresholds import Silence, Threshold
from tocsin.config.watches import Watch
from tocsin.model import Alert, Event
from tocsin.store import Store

Wait = tuple[str, str]
Ceil = Callable[[dt.datetime], dt.datetime]
"""The first sweep that is not before a moment."""
Judge = Callable[..., Sequence[Decision]]
"""`alerts.thresholds.evaluate`."""


def skippable(watches: Sequence[Watch]) -> dict[Wait, Threshold]:
    """The thresholds whose looks need only events and alerts; the silence of feeds also asks when articles came."""
    return {
        (watch.id, threshold.id): threshold
        for watch in watches
        for threshold in watch.thresholds
        if by_time(threshold) and not (isinstance(threshold, Silence) and threshold.feeds)
    }


@dataclass(frozen=True)
class Looks:
    """When one threshold is to be looked at next, and whether that look would raise an alert."""

    at: dt.datetime
    fires: bool


def look(
    threshold: Threshold,
    wait: Wait,
    store: Store,
    *,
    events: Iterable[Event],
    at: dt.datetime,
    until: dt.datetime,
    ceil: Ceil,
    watched_since: dt.datetime | None,
    judge: Judge = evaluate,
) -> Looks:
    """Look from the wait that ends `at` on, while nothing fires and it is before `until`.

    `events` are all that concern the threshold, as they are until then. Two looks are two sweeps, as live: a threshold
    that asks to be looked at at once is looked at by the next.
    """
    sweep = ceil(at)
    if sweep >= until:
        return Looks(at, fires=False)
    concerned = sorted((e for e in events if concerns(threshold.where, e)), key=lambda e: (e.started_at, e.id))
    prior = store.alerts.prior(since=repetition.since(threshold, sweep), watch=wait[0])
    while sweep < until:
        within = _within(concerned, query(threshold, sweep))
        again_at = _look(threshold, wait, within, prior, sweep, watched_since, judge)
        if again_at is None:
            return Looks(at, fires=True)
        at, sweep = again_at, ceil(max(again_at, sweep + dt.timedelta.resolution))
    return Looks(at, fires=False)


def _look(
    threshold: Threshold,
    wait: Wait,
    events: Sequence[Event],
    prior: Sequence[Alert],
    now: dt.datetime,
    watched_since: dt.datetime | None,
    judge: Judge,
) -> dt.datetime | None:
    """When to look again; None where something is to be done now."""
    since = repetition.since(threshold, now)
    known = [alert for alert in prior if alert.fired_at >= since]
    decisions = judge(threshold, events=events, prior=known, now=now, watch=wait[0], watched_since=watched_since)
    if any(decision.fire for decision in decisions):
        return None
    return min((decision.again_at for decision in decisions if decision.again_at is not None), default=None)


def _within(events: Sequence[Event], asked: EventQuery) -> list[Event]:
    return [e for e in events if any(start <= e.started_at <= end for start, end in asked.windows)]
