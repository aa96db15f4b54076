"""Reports → events: which triggers, over all outlets, are about the same real-world occurrence.

Pure. Reports are taken in the order of their event time, so the order in which they arrived within a sweep changes
nothing. Two reports are of one event when type and modality are the same, the actors and places do not contradict
each other, the acts' dates agree, and, for kinds of acts that happen daily, the titles are alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from extractors.matching import Growing, Open, refers
from extractors.voices import KEPT, family, is_new, voice
from tocsin.model import NO_FACTS, Event, Growth, Modality, Report


@dataclass(frozen=True, slots=True)
class Link:
    """What became of one event: its new state, what it was before (None: new), what it gained, and its new reports."""

    event: Event
    before: Event | None
    growth: frozenset[Growth]
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class Links:
    """The outcome of `link`, in the order of the events' first report of this sweep."""

    links: tuple[Link, ...]

    @property
    def new(self) -> tuple[Link, ...]:
        """Events seen for the first time."""
        return tuple(link for link in self.links if link.before is None)

    @property
    def grown(self) -> tuple[Link, ...]:
        """Known events that gained something."""
        return tuple(link for link in self.links if link.before is not None)


def link(reports: Sequence[Report], open_events: Sequence[Event], *, now: dt.datetime) -> Links:
    """Assign every report to an open event or to a new one; each report stands in exactly one link.

    `open_events` are those of the reports' types that started within the type's `matching.memory` of the reports.
    A denial becomes an event of its own modality, and the event that it denies grows by it (a link without reports).
    """
    opened = Open(open_events)
    touched: dict[int, Growing] = {}
    for report in sorted(reports, key=_order):
        item = opened.best(report)
        if item is None:
            item = Growing(gather([report], now=now), None)
        else:
            item.event, growth = _grown(item.event, report, now)
            item.growth |= growth
        opened.add(item)
        item.reports += (report,)
        touched[id(item)] = item
    for report in sorted(reports, key=_order):
        denied = opened.denied(report) if report.trigger.modality is Modality.DENIED else None
        if denied is not None and report.trigger.article not in denied.event.denials:
            articles = tuple(sorted({*denied.event.denials, report.trigger.article}))
            denied.event = replace(denied.event, denials=articles, changed_at=now)
            denied.growth |= {Growth.DENIAL}
            touched[id(denied)] = denied
    return Links(tuple(map(_result, touched.values())))


def gather(reports: Iterable[Report], *, now: dt.datetime) -> Event:
    """The event that all of `reports` (at least one) are about: for a new event, a merge, a split, a withdrawal."""
    first, *others = sorted(reports, key=_order)
    trigger, article = first.trigger, first.article
    event = Event(
        type=trigger.type,
        modality=trigger.modality,
        source=trigger.source,
        target=trigger.target,
        started_at=article.seen_at,
        changed_at=now,
        title=article.title,
        severity=trigger.severity,
        object=trigger.object,
        place=trigger.place,
        occurred_on=trigger.occurred_on,
        families=frozenset({family(first)}),
        voices=(voice(first),),
        articles=(trigger.article,),
        state_media=bool(first.state_media),
        backfill=article.backfill,
        tags=frozenset(first.tags),
        confidence=trigger.confidence,
        facts=trigger.facts,
    )
    for report in others:
        event, _ = _grown(event, report, now)
    return replace(event, version=1)


def merged(events: Sequence[Event], *, now: dt.datetime) -> Event:
    """One event of several that an analyst found to be the same; it keeps the identity of the earliest."""
    first, *others = sorted(events, key=lambda event: (event.started_at, event.id))
    voices = list(first.voices)
    for other in others:
        voices += [each for each in other.voices if is_new(each, tuple(voices))]
    facts: dict[str, int | float | str] = {}
    for event in (first, *others):
        facts = _facts(facts, event.facts)
    known = [first, *others]
    return replace(
        first,
        source=next((event.source for event in known if event.source), None),
        target=next((event.target for event in known if event.target), None),
        place=next((event.place for event in known if event.place), None),
        severity=max((event.severity for event in known), key=abs),
        families=frozenset(each.family for each in voices) or first.families,
        voices=tuple(voices[:KEPT]),
        articles=tuple(sorted({article for event in known for article in event.articles})),
        denials=tuple(sorted({article for event in known for article in event.denials})),
        state_media=all(event.state_media for event in known),
        backfill=all(event.backfill for event in known),
        tags=frozenset(tag for event in known for tag in event.tags),
        confidence=max(event.confidence for event in known),
        facts=MappingProxyType(facts),
        changed_at=now,
        version=max(event.version for event in known) + 1,
    )


def _result(item: Growing) -> Link:
    if item.before is None:
        return Link(replace(item.event, version=1), None, frozenset(), item.reports)
    gained: dict[str, int | float | str] = dict(item.before.gained)
    gained |= dict.fromkeys(sorted(item.growth), item.event.changed_at.isoformat())
    event = replace(item.event, version=item.before.version + 1, gained=MappingProxyType(gained))
    return Link(event, item.before, item.growth, item.reports)


def _order(report: Report) -> tuple[object, ...]:
    article, trigger = report.article, report.trigger
    span = (trigger.evidence.field, trigger.evidence.start, trigger.evidence.end)
    return (article.seen_at, article.feed, article.key, trigger.rule, span)


def _facts(
    known: Mapping[str, int | float | str], more: Mapping[str, int | float | str]
) -> dict[str, int | float | str]:
    """`known` and `more`; of two numbers the greater, since counts of an occurrence grow while it is reported."""
    facts = dict(known)
    for name, value in more.items():
        old = facts.get(name)
        numbers = isinstance(old, int | float) and isinstance(value, int | float)
        if old is None or (numbers and value > old):  # type: ignore[operator]
            facts[name] = value
    return facts


def _grown(event: Event, report: Report, now: dt.datetime) -> tuple[Event, set[Growth]]:
    """`event` after `report` joined it, and what it gained."""
    trigger, article = report.trigger, report.article
    growth = {Growth.REPORT}
    mine = voice(report)
    families, voices = event.families, event.voices
    if mine.family not in families and is_new(mine, voices):
        growth.add(Growth.SOURCE)
        families = families | {mine.family}
        voices = (*voices, mine)[:KEPT]
    # What stands near a mere reference to the act belongs to something else as often as not.
    tells = not refers(report)
    facts = _facts(event.facts, trigger.facts if tells else NO_FACTS)
    if facts != dict(event.facts) or (tells and trigger.place and not event.place):
        growth.add(Growth.FACT)
    severity = max(event.severity, trigger.severity, key=abs)
    if severity != event.severity:
        growth.add(Growth.SEVERITY)
    grown = replace(
        event,
        source=event.source or (trigger.source if tells else None),
        target=event.target or (trigger.target if tells else None),
        object=event.object or (trigger.object if tells else None),
        place=event.place or (trigger.place if tells else None),
        occurred_on=event.occurred_on or trigger.occurred_on,
        started_at=min(event.started_at, article.seen_at),
        changed_at=now,
        severity=severity,
        families=families,
        voices=voices,
        articles=tuple(sorted({*event.articles, trigger.article})),
        state_media=event.state_media and bool(report.state_media),
        backfill=event.backfill and article.backfill,
        tags=event.tags | frozenset(report.tags),
        confidence=max(event.confidence, trigger.confidence),
        facts=MappingProxyType(facts),
    )
    return grown, growth
