"""Whether what a threshold waits for is the case: one function for each type, each giving its reason with numbers.

Pure. Whether there was an alert of it already is none of its business: see `alerts.thresholds`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from alerts.fitting import UNKNOWN, age_order, by_group, concerns, fits, misfit, values, within
from alerts.spikes import spike
from tocsin.config.thresholds import (
    All,
    AnyOf,
    EventCount,
    EventThreshold,
    NewValue,
    Score,
    Silence,
    Spike,
    Temporal,
    TemporalOrdered,
    Threshold,
    ValueCount,
    Where,
)
from tocsin.model import Event

HALF_LIVES = 10
"""After so many half-lives an event weighs a thousandth, and is forgotten."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a threshold is judged on.

    `events` are those of its `EventQuery`; `watched_since` is when anything was first seen (None: just now);
    `activity` holds the times of the entries of feeds; `blind` are feeds that could not be read lately.
    """

    events: Sequence[Event]
    now: dt.datetime
    watched_since: dt.datetime | None = None
    activity: Mapping[str, Sequence[dt.datetime]] = field(default_factory=dict)
    blind: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Crossing:
    """What one group of one threshold looks like: `met` and why, the events that count, the newest of which dates it.

    `window` tells this crossing from the next of the same group. `again_at`, later than the judgement, is when time
    alone may have changed it.
    """

    group: str
    met: bool
    window: str
    reason: str
    events: tuple[Event, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    again_at: dt.datetime | None = None


def by_time(threshold: Threshold) -> bool:
    """Whether time alone, without any event, may make the threshold cross."""
    falls = isinstance(threshold, Score) and bool(threshold.over or threshold.condition.has_upper)
    counts_down = isinstance(threshold, EventCount | ValueCount) and threshold.condition.has_upper
    return isinstance(threshold, Silence) or falls or counts_down or _spikes_down(threshold)


def _spikes_down(threshold: Threshold) -> bool:
    return isinstance(threshold, Spike) and threshold.spike_type != "up"


def crossings(threshold: Threshold, seen: Seen, parts: Sequence[Threshold] = ()) -> list[Crossing]:
    """The state of every group of `threshold`; `parts` are the thresholds that an `all` or `any` names."""
    found = _crossings(threshold, seen, parts)
    if not by_time(threshold):
        return found
    found = found or [Crossing("", False, f"{seen.now:%Y-%m-%d}", "nothing that fits is known")]
    look = seen.now + _pace(threshold)
    return [crossing if crossing.again_at else replace(crossing, again_at=look) for crossing in found]


def _pace(threshold: Threshold) -> dt.timedelta:
    """How often what falls by itself is looked at: 24 times in its half-life or window, at most each minute."""
    slow = threshold.half_life if isinstance(threshold, Score) else threshold.timespan
    return max(dt.timedelta(minutes=1), min(slow / 24, dt.timedelta(hours=1)))


def _crossings(threshold: Threshold, seen: Seen, parts: Sequence[Threshold]) -> list[Crossing]:
    match threshold:
        case EventThreshold():
            return _each(threshold, seen)
        case EventCount():
            return _counted(threshold, seen)
        case ValueCount():
            return _valued(threshold, seen)
        case Score():
            return _scored(threshold, seen)
        case Spike():
            return _spiked(threshold, seen)
        case Temporal() | TemporalOrdered():
            return _sequenced(threshold, seen)
        case NewValue():
            return _new_valued(threshold, seen)
        case Silence():
            return _silent(threshold, seen)
        case All() | AnyOf():
            return _combined(threshold, seen, parts)
    raise TypeError(f"no such type of threshold: {threshold.type}")


def span(delta: dt.timedelta) -> str:
    """A span as written in config: `36h`, `7d`, `90s`."""
    seconds = round(delta.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s" if seconds < 600 else f"{seconds / 3600:.1f}h"


def _recent(threshold: Threshold, seen: Seen) -> list[Event]:
    return within(seen.events, seen.now - threshold.timespan, seen.now)


def _fitting(threshold: Threshold, seen: Seen, where: Where | None = None) -> list[Event]:
    return [event for event in _recent(threshold, seen) if fits(where or threshold.where, event)]


def _window(events: Sequence[Event], now: dt.datetime) -> str:
    return str(max(events, key=age_order).id) if events else f"{now:%Y-%m-%d}"


def _each(threshold: EventThreshold, seen: Seen) -> list[Crossing]:
    found = []
    for event in sorted(seen.events, key=age_order):
        if not concerns(threshold.where, event):
            continue
        late = event.started_at <= seen.now - threshold.timespan
        why_not = f"older than {span(threshold.timespan)}" if late else misfit(threshold.where, event)
        for group in by_group([event], threshold.group_by):
            reason = why_not or f"{event.type} {event.modality}, {_voices(event)}"
            found.append(Crossing(group, not why_not, str(event.id), reason, (event,), _numbers(event)))
    return found


def _voices(event: Event) -> str:
    count = event.corroboration
    return f"{count} independent publisher{'s' if count != 1 else ''}" + (", state media" if event.state_media else "")


def _numbers(event: Event) -> dict[str, float]:
    return {"corroboration": event.corroboration, "severity": event.severity}


def _counted(threshold: EventCount, seen: Seen) -> list[Crossing]:
    found = []
    for group, events in by_group(_fitting(threshold, seen), threshold.group_by).items():
        count = len(events)
        met = threshold.condition.holds(count)
        reason = _compared(f"{count} events in {span(threshold.timespan)}", met, threshold.condition)
        found.append(Crossing(group, met, _window(events, seen.now), reason, tuple(events), {"count": count}))
    return found


def _compared(text: str, met: bool, condition: object) -> str:
    return f"{text}, {'' if met else 'not '}{condition}"


def _valued(threshold: ValueCount, seen: Seen) -> list[Crossing]:
    found = []
    for group, events in by_group(_fitting(threshold, seen), threshold.group_by).items():
        distinct = sorted({v for event in events for v in values(event, threshold.field) if UNKNOWN not in v})
        met = threshold.condition.holds(len(distinct))
        text = f"{len(distinct)} distinct values of {threshold.field} in {span(threshold.timespan)}"
        shown = f"{text} ({', '.join(distinct[:10])})" if distinct else text
        numbers = {"count": len(distinct)}
        reason = _compared(shown, met, threshold.condition)
        found.append(Crossing(group, met, _window(events, seen.now), reason, tuple(events), numbers))
    return found


def index(events: Iterable[Event], half_life: dt.timedelta, at: dt.datetime) -> float:
    """Sum of the severities of what was known at `at`, each halved for every `half_life` of its age."""
    known = (event for event in events if event.started_at <= at)
    return sum((event.severity * math.pow(0.5, (at - event.started_at) / half_life) for event in known), 0.0)


def _scored(threshold: Score, seen: Seen) -> list[Crossing]:
    since = seen.now - HALF_LIVES * threshold.half_life - (threshold.over or dt.timedelta(0))
    fitting = [event for event in within(seen.events, since, seen.now) if fits(threshold.where, event)]
    found = []
    for group, events in by_group(fitting, threshold.group_by).items():
        now = index(events, threshold.half_life, seen.now)
        numbers, value = {"index": round(now, 2)}, now
        text = f"index {now:.1f} (half-life {span(threshold.half_life)})"
        if threshold.over:
            before = index(events, threshold.half_life, seen.now - threshold.over)
            value = now - before
            numbers |= {"before": round(before, 2), "change": round(value, 2)}
            text = f"index changed by {value:+.1f} in {span(threshold.over)}, {before:.1f} → {now:.1f}"
        met = threshold.condition.holds(round(value, 6))
        reason = _compared(text, met, threshold.condition)
        found.append(Crossing(group, met, _window(events, seen.now), reason, tuple(events[-50:]), numbers))
    return found


def _spiked(threshold: Spike, seen: Seen) -> list[Crossing]:
    fitting = [e for e in seen.events if concerns(threshold.where, e) and (e.backfill or fits(threshold.where, e))]
    found = []
    for group, events in by_group(fitting, threshold.group_by).items():
        times = [event.started_at for event in events]
        result = spike(times, threshold, now=seen.now, watched_since=seen.watched_since)
        current = [event for event in within(events, seen.now - threshold.timespan, seen.now) if not event.backfill]
        window = _window(current, seen.now)
        found.append(Crossing(group, result.met, window, result.reason, tuple(current), result.numbers))
    return found


def _sequenced(threshold: Temporal | TemporalOrdered, seen: Seen) -> list[Crossing]:
    recent = _recent(threshold, seen)
    without = threshold.without if isinstance(threshold, TemporalOrdered) else None
    steps = [by_group((e for e in recent if fits(step, e)), threshold.group_by) for step in threshold.steps]
    blocks = by_group((e for e in recent if without and fits(without, e)), threshold.group_by)
    ordered = isinstance(threshold, TemporalOrdered)
    found = []
    for group in sorted({group for step in steps for group in step}):
        lists = [step.get(group, []) for step in steps]
        chain = _ordered(lists, blocks.get(group, [])) if ordered else _any_order(lists)
        missing = [str(number) for number, events in enumerate(lists, 1) if not events]
        how = "in this order" if ordered else "in any order"
        if chain:
            reason = f"all {len(lists)} steps within {span(threshold.timespan)} {how}"
        elif missing:
            reason = f"step {', '.join(missing)} of {len(lists)} is missing within {span(threshold.timespan)}"
        else:
            reason = f"the {len(lists)} steps do not come {how}" + (", or are undone between" if without else "")
        done = len(lists) - len(missing)
        events = tuple(sorted(chain, key=age_order))
        found.append(Crossing(group, bool(chain), _window(events, seen.now), reason, events, {"steps": done}))
    return found


def _any_order(lists: Sequence[Sequence[Event]]) -> list[Event]:
    """The newest event of each step, none of them used twice; [] where a step has none left."""
    chain: list[Event] = []
    for events in sorted(lists, key=len):
        free = [event for event in events if event not in chain]
        if not free:
            return []
        chain.append(free[-1])
    return chain


def _ordered(lists: Sequence[Sequence[Event]], blocks: Sequence[Event]) -> list[Event]:
    """The newest events that follow one another through the steps with no event of `blocks` between; [] if none do."""
    for last in reversed(lists[-1]):
        chain = [last]
        for events in reversed(lists[:-1]):
            earlier = [event for event in events if event.started_at < chain[0].started_at]
            if not earlier:
                break
            chain.insert(0, earlier[-1])
        else:
            first = chain[0].started_at
            if not any(first < block.started_at < last.started_at for block in blocks):
                return chain
    return []


def _new_valued(threshold: NewValue, seen: Seen) -> list[Crossing]:
    history = threshold.min_history or threshold.timespan
    watched = seen.now - (seen.watched_since or seen.now)
    # A crossing stays visible for a day, so that a sweep that comes late still finds it.
    fresh_since = seen.now - dt.timedelta(days=1)
    since = seen.now - threshold.timespan - dt.timedelta(days=1)
    known = [event for event in within(seen.events, since, seen.now) if concerns(threshold.where, event)]
    found = []
    for group, events in by_group(known, threshold.group_by).items():
        first: dict[str, Event] = {}
        for event in events:
            for value in values(event, threshold.field):
                if UNKNOWN not in value:
                    first.setdefault(value, event)
        for value, event in first.items():
            if event.started_at <= fresh_since or not fits(threshold.where, event):
                continue
            named = f"{threshold.field} {value} is the first in {span(threshold.timespan)}"
            enough = watched >= history
            reason = named if enough else f"{named}, but only {watched.days} of {history.days} days were watched"
            label = ", ".join(filter(None, (group, f"{threshold.field}={value.replace(',', ';')}")))
            numbers = {"watched_days": watched.days}
            found.append(Crossing(label, enough, str(event.id), reason, (event,), numbers))
    return found


def _silent(threshold: Silence, seen: Seen) -> list[Crossing]:
    since = seen.now - threshold.timespan
    if threshold.feeds:
        times = {f"feed={feed}": [t for t in seen.activity.get(feed, ()) if t > since] for feed in threshold.feeds}
        events: dict[str, list[Event]] = {}
    else:
        fitting = [e for e in _recent(threshold, seen) if concerns(threshold.where, e)]
        events = by_group(fitting, threshold.group_by)
        times = {group: [event.started_at for event in items] for group, items in events.items()}
    blind = sorted(set(seen.blind) & set(threshold.feeds)) if threshold.feeds else sorted(seen.blind)
    return [
        _silence(threshold, group, sorted(at), events.get(group, []), blind, seen.now) for group, at in times.items()
    ]


def _silence(
    threshold: Silence,
    group: str,
    times: Sequence[dt.datetime],
    events: Sequence[Event],
    blind: Sequence[str],
    now: dt.datetime,
) -> Crossing:
    if len(times) < threshold.min_events:
        text = f"{len(times)} of {threshold.min_events} needed to know its rhythm"
        return Crossing(group, False, f"{now:%Y-%m-%d}", text)
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    usual = dt.timedelta(seconds=median(pauses))
    limit = max(threshold.factor * usual, threshold.min_pause)
    quiet = now - times[-1]
    met = quiet >= limit and not blind
    reason = f"nothing for {_hours(quiet)}, usual pause {_hours(usual)}, silence from {_hours(limit)}"
    if blind and quiet >= limit:
        reason += f"; not judged, because these feeds could not be read: {', '.join(blind)}"
    numbers = {"quiet_h": quiet / dt.timedelta(hours=1), "usual_h": usual / dt.timedelta(hours=1)}
    # At that moment it is met: a look that put itself off to its own time would never end in a backtest.
    again_at = times[-1] + limit if quiet < limit else None
    return Crossing(group, met, times[-1].isoformat(), reason, tuple(events[-3:]), numbers, again_at)


def _hours(delta: dt.timedelta) -> str:
    hours = delta / dt.timedelta(hours=1)
    return f"{hours / 24:.1f} d" if hours >= 48 else f"{hours:.1f} h"


def _combined(threshold: All | AnyOf, seen: Seen, parts: Sequence[Threshold]) -> list[Crossing]:
    """Parts that wait for single events are met by one within `timespan`; the others must hold now."""
    alike = bool(threshold.group_by) and all(part.group_by == threshold.group_by for part in parts)
    met: list[dict[str, list[Crossing]]] = []
    looks: list[dt.datetime] = []
    for part in parts:
        wide = part.model_copy(update={"timespan": threshold.timespan}) if isinstance(part, EventThreshold) else part
        by: dict[str, list[Crossing]] = {}
        for crossing in crossings(wide, seen):
            if crossing.again_at:
                looks.append(crossing.again_at)
            if crossing.met:
                by.setdefault(crossing.group if alike else "", []).append(crossing)
        met.append(by)
    again_at = min(looks, default=None)
    names = sorted({group for by in met for group in by}) or ([""] if again_at else [])
    return [replace(_part_state(threshold, group, parts, met, seen.now), again_at=again_at) for group in names]


def _part_state(
    threshold: All | AnyOf,
    group: str,
    parts: Sequence[Threshold],
    met: Sequence[Mapping[str, Sequence[Crossing]]],
    now: dt.datetime,
) -> Crossing:
    hits = [part.id for part, by in zip(parts, met, strict=True) if group in by]
    events = {e.id: e for by in met for crossing in by.get(group, ()) for e in crossing.events}
    enough = len(hits) == len(parts) if isinstance(threshold, All) else bool(hits)
    reason = f"{len(hits)} of {len(parts)} parts hold" + (f" ({', '.join(hits)})" if hits else "")
    ordered = tuple(sorted(events.values(), key=age_order))
    return Crossing(group, enough, _window(ordered, now), reason, ordered, {"parts": len(hits)})
