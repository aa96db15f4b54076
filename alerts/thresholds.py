"""Thresholds: events, prior alerts and the time in; decisions with their reasons out.

Pure. `query` says which events must be fetched, `affected` whether there is anything to judge at all, `evaluate`
judges. Nothing is lost by judging late or twice: what counts is what stands in the events and the prior alerts.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from alerts import repetition, spikes
from alerts.crossings import HALF_LIVES, Crossing, Seen, by_time, crossings
from alerts.fitting import age_order, concerns
from tocsin.config.thresholds import (
    All,
    AnyOf,
    EventThreshold,
    NewValue,
    Score,
    Silence,
    Spike,
    Threshold,
    Where,
    wheres,
)
from tocsin.model import Alert, AlertKind, Event, Modality

Window = tuple[dt.datetime, dt.datetime]
LOOKS = 24
"""How often, within the time of `resolve_after`, it is looked whether a condition still held."""
_NO_ACTIVITY: Mapping[str, Sequence[dt.datetime]] = {}


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events `evaluate` needs: those that started in one of `windows`, narrowed where a set is not empty.

    `feeds` are those whose entry times must be given as `activity`.
    """

    windows: tuple[Window, ...]
    types: frozenset[str] = frozenset()
    modalities: frozenset[Modality] = frozenset()
    sources: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    feeds: frozenset[str] = frozenset()

    @property
    def since(self) -> dt.datetime:
        """Start of the earliest window."""
        return min(start for start, _ in self.windows)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an alert is due for one group of a threshold, and why or why not.

    `window` tells it from the next one of the group; `events` are those it rests on, oldest first. A decision that must
    wait, or that time alone may change, says `again_at`.
    """

    watch: str
    threshold: str
    version: str
    group: str
    window: str
    fire: bool
    reason: str
    at: dt.datetime
    title: str = ""
    severity: float = 0.0
    events: tuple[Event, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    kind: AlertKind = AlertKind.ALERT
    about: tuple[str, ...] = ()
    again_at: dt.datetime | None = None

    @property
    def id(self) -> str:
        """Id of the alert: the same for the same watch, threshold, group and window, live or replayed."""
        identity = "\x1f".join((self.watch, self.threshold, self.group, self.window, self.kind))
        return hashlib.sha256(identity.encode()).hexdigest()[:20]

    def alert(self) -> Alert:
        """The alert that this decision raises."""
        return Alert(
            id=self.id,
            watch=self.watch,
            threshold=self.threshold,
            threshold_version=self.version,
            group=self.group,
            window=self.window,
            fired_at=self.at,
            reason=self.reason,
            events=tuple(event.id for event in self.events),
            severity=self.severity,
            title=self.title,
            kind=self.kind,
            about=self.about,
        )


def query(threshold: Threshold, now: dt.datetime, parts: Sequence[Threshold] = ()) -> EventQuery:
    """The events that `evaluate` at `now` needs; `parts` are the thresholds that an `all` or `any` names."""
    if isinstance(threshold, All | AnyOf):
        queries = [query(_wide(part, threshold), now) for part in parts]
        return _union(queries) if queries else EventQuery(((now, now),))
    asked = _asked(threshold)
    return EventQuery(
        windows=tuple(_windows(threshold, now)),
        types=_all_of(where.type for where in asked),
        modalities=frozenset(chain.from_iterable(where.modality for where in asked)),
        sources=_all_of(where.source for where in asked),
        targets=_all_of(where.target for where in asked),
        feeds=frozenset(threshold.feeds) if isinstance(threshold, Silence) else frozenset(),
    )


def affected(
    threshold: Threshold,
    changed: Collection[Event],
    parts: Sequence[Threshold] = (),
    *,
    now: dt.datetime,
    again_at: dt.datetime | None = None,
) -> bool:
    """Whether `evaluate` may decide otherwise than before: an event of its kind changed, or time may have done it.

    `again_at` is the earliest that the threshold's last decisions gave.
    """
    if again_at is not None and again_at <= now:
        return True
    if isinstance(threshold, All | AnyOf):
        return any(affected(part, changed, now=now, again_at=again_at) for part in parts)
    if again_at is None and by_time(threshold):
        return True
    return any(concerns(where, event) for event in changed for where in _asked(threshold))


def evaluate(
    threshold: Threshold,
    *,
    events: Sequence[Event],
    prior: Sequence[Alert],
    now: dt.datetime,
    watch: str = "",
    parts: Sequence[Threshold] = (),
    watched_since: dt.datetime | None = None,
    activity: Mapping[str, Sequence[dt.datetime]] = _NO_ACTIVITY,
    blind: Collection[str] = (),
) -> tuple[Decision, ...]:
    """A decision for every group that `events` fall into, in a fixed order.

    `prior` are the watch's alerts since `repetition.since(threshold, now)`; `watched_since` is when the first article
    was stored; `blind` names feeds that could not be read lately.
    """
    seen = Seen(events, now, watched_since, activity, blind)
    mine = [alert for alert in prior if alert.watch == watch and alert.threshold == threshold.id]
    found = crossings(threshold, seen, parts)
    if isinstance(threshold, EventThreshold):
        found = _gathered(threshold, found, mine)
    decisions = [_decide(threshold, crossing, mine, now, watch) for crossing in found]
    return tuple(sorted(decisions, key=lambda decision: (decision.group, decision.window)))


def last_met(
    threshold: Threshold,
    *,
    events: Sequence[Event],
    now: dt.datetime,
    back: dt.timedelta,
    parts: Sequence[Threshold] = (),
    watched_since: dt.datetime | None = None,
    activity: Mapping[str, Sequence[dt.datetime]] = _NO_ACTIVITY,
) -> dict[str, dt.datetime]:
    """For each group whose condition was met within `back` of `now`, whatever was alerted on: until when it was.

    What waits for single events is met at the moment of each. Everything else holds for a while: it is judged at
    `LOOKS` moments, and what held at one counts as met until the next, so that no answer is too early. `events` and
    `activity` must reach back by `back` further than a judgement at `now` asks; feeds that are blind do not matter.
    """
    single = isinstance(threshold, EventThreshold)
    if single:
        threshold = threshold.model_copy(update={"timespan": max(threshold.timespan, back)})
    step = back / LOOKS
    met: dict[str, dt.datetime] = {}
    for number in range(1 if single else LOOKS):
        at = now - number * step
        for crossing in crossings(threshold, Seen(events, at, watched_since, activity), parts):
            if crossing.met:
                until = crossing.events[-1].started_at if single else min(now, at + step)
                met[crossing.group] = max(until, met.get(crossing.group, until))
    return met


def _gathered(threshold: EventThreshold, found: Sequence[Crossing], prior: Sequence[Alert]) -> list[Crossing]:
    """Crossings that are news, those of one group as one."""
    told = {event for alert in prior if alert.kind is AlertKind.ALERT for event in alert.events}
    news = [c for c in found if not c.met or c.events[0].id not in told]
    if not threshold.group_by:
        return news
    result = [crossing for crossing in news if not crossing.met]
    for group in sorted({crossing.group for crossing in news if crossing.met}):
        same = [crossing for crossing in news if crossing.met and crossing.group == group]
        events = tuple(sorted((event for crossing in same for event in crossing.events), key=age_order))
        reason = same[-1].reason if len(same) == 1 else f"{len(same)} new events: {'; '.join(c.reason for c in same)}"
        numbers = {**same[-1].numbers, "count": len(same)}
        result.append(replace(same[-1], events=events, reason=reason, numbers=numbers))
    return result


def _decide(threshold: Threshold, crossing: Crossing, prior: Sequence[Alert], now: dt.datetime, watch: str) -> Decision:
    decision = Decision(
        watch=watch,
        threshold=threshold.id,
        version=threshold.version,
        group=crossing.group,
        window=crossing.window,
        fire=False,
        reason=crossing.reason,
        at=now,
        title=threshold.title,
        severity=_severity(threshold, crossing.events),
        events=crossing.events,
        numbers=crossing.numbers,
        again_at=crossing.again_at,
    )
    if not crossing.met:
        return decision
    if any(alert.id == decision.id for alert in prior):
        return replace(decision, reason=f"alerted already: {crossing.reason}")
    # An event without group_by is a group of its own, which never repeats.
    alone = isinstance(threshold, EventThreshold) and not threshold.group_by
    allowed_at = None if alone else repetition.next_at(threshold, prior, crossing.group)
    if allowed_at and now < allowed_at:
        reason = f"waits for realert until {allowed_at:%Y-%m-%d %H:%M} UTC: {crossing.reason}"
        return replace(decision, reason=reason, again_at=allowed_at)
    gathered_at = _gathered_at(threshold, crossing)
    if gathered_at and now < gathered_at:
        reason = f"gathers until {gathered_at:%Y-%m-%d %H:%M} UTC: {crossing.reason}"
        return replace(decision, reason=reason, again_at=gathered_at)
    return replace(decision, fire=True)


def _gathered_at(threshold: Threshold, crossing: Crossing) -> dt.datetime | None:
    """When `group_wait` is over: counted from the first event that is news, else from the event that crossed."""
    if not threshold.group_wait or not crossing.events:
        return None
    first = crossing.events[0] if isinstance(threshold, EventThreshold) else crossing.events[-1]
    return first.started_at + threshold.group_wait


def _severity(threshold: Threshold, events: Sequence[Event]) -> float:
    if threshold.severity is not None:
        return threshold.severity
    return max((event.severity for event in events), key=abs, default=0.0)


def _windows(threshold: Threshold, now: dt.datetime) -> list[Window]:
    match threshold:
        case Score():
            back = HALF_LIVES * threshold.half_life + (threshold.over or dt.timedelta(0))
            return [(now - back, now)]
        case Spike():
            return spikes.windows(threshold, now)
        case NewValue():
            return [(now - threshold.timespan - dt.timedelta(days=1), now)]
    return [(now - threshold.timespan, now)]


def _wide(part: Threshold, whole: Threshold) -> Threshold:
    return part.model_copy(update={"timespan": whole.timespan}) if isinstance(part, EventThreshold) else part


def _asked(threshold: Threshold) -> list[Where]:
    """Every `where` that counts: the steps and their exclusion stand in the place of the common one."""
    return [where for path, where in wheres(threshold) if path != ("where",) or not hasattr(threshold, "steps")]


def _all_of(names: Iterable[tuple[str, ...]]) -> frozenset[str]:
    """Union of the lists; empty (no narrowing) where one of them is empty."""
    lists = list(names)
    return frozenset(chain.from_iterable(lists)) if all(lists) else frozenset()


def _union(queries: Sequence[EventQuery]) -> EventQuery:
    def joined(name: str) -> frozenset[str]:
        sets: list[frozenset[str]] = [getattr(query, name) for query in queries]
        return frozenset().union(*sets) if all(sets) else frozenset()

    return EventQuery(
        windows=tuple(dict.fromkeys(window for query in queries for window in query.windows)),
        types=joined("types"),
        modalities=frozenset().union(*(query.modalities for query in queries)),
        sources=joined("sources"),
        targets=joined("targets"),
        feeds=frozenset().union(*(query.feeds for query in queries)),
    )
