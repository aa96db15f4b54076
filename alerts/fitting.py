"""Whether an event fits a `where`, and into which groups it falls. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from itertools import product

from tocsin.config.thresholds import Key, Where
from tocsin.model import Event

UNKNOWN = "?"
"""Stands in a group for what the reports do not name."""


def concerns(where: Where, event: Event) -> bool:
    """Whether the event is of the kind that `where` asks for, whatever its quality."""
    actors = {event.source, event.target}
    return (
        (not where.type or event.type in where.type)
        and event.modality in where.modality
        and (not where.source or event.source in where.source)
        and (not where.target or event.target in where.target)
        and (not where.either or not actors.isdisjoint(where.either))
        and (not where.pair or (event.source != event.target and actors <= set(where.pair)))
        and (not where.place or _named(where.place, event.place))
        and (not where.object or _named(where.object, event.object))
        and (not where.tags or not event.tags.isdisjoint(where.tags))
    )


def misfit(where: Where, event: Event) -> str:
    """Why an event that `where` concerns does not fit all the same, "" where it fits."""
    if event.backfill:
        return "known from history alone"
    if not event.articles:
        return "withdrawn by its publishers"
    if where.severity and not where.severity.holds(event.severity):
        return f"severity {event.severity:g} is not {where.severity}"
    if event.corroboration < where.min_corroboration:
        return f"{event.corroboration} of {where.min_corroboration} independent publishers"
    if event.state_media and where.state_media == "ignore":
        return "only state media carry it"
    if not event.state_media and where.state_media == "only":
        return "not only state media carry it"
    if event.confidence < where.min_confidence:
        return f"confidence {event.confidence:.2f} is under {where.min_confidence:g}"
    return ""


def fits(where: Where, event: Event) -> bool:
    """Whether the event is what `where` asks for."""
    return concerns(where, event) and not misfit(where, event)


def values(event: Event, key: Key) -> tuple[str, ...]:
    """The event's values of a key: one, or for `publisher` one for each independent voice."""
    match key:
        case "pair":
            return ("-".join(sorted((event.source or UNKNOWN, event.target or UNKNOWN))),)
        case "source":
            return (event.source or UNKNOWN,)
        case "target":
            return (event.target or UNKNOWN,)
        case "type":
            return (event.type,)
        case "place":
            return (event.place or UNKNOWN,)
        case "publisher":
            return tuple(sorted(event.families))


def groups(event: Event, keys: Sequence[Key]) -> list[str]:
    """The groups that the event falls into, such as `pair=KP-KR, type=missile_test`; "" without keys."""
    choices = [[f"{key}={value.replace(',', ';')}" for value in values(event, key)] for key in keys]
    return [", ".join(choice) for choice in product(*choices)]


def labels(group: str) -> dict[str, str]:
    """A group as keys and values."""
    parts = (part.partition("=") for part in group.split(", ") if part)
    return {key: value for key, _, value in parts}


def by_group(events: Iterable[Event], keys: Sequence[Key]) -> dict[str, list[Event]]:
    """Events by group, oldest first; without keys there is always the one group."""
    found: dict[str, list[Event]] = {} if keys else {"": []}
    for event in sorted(events, key=age_order):
        for group in groups(event, keys):
            found.setdefault(group, []).append(event)
    return found


def age_order(event: Event) -> tuple[dt.datetime, int]:
    """Sort key: the oldest first, and always in the same order."""
    return (event.started_at, event.id)


def within(events: Iterable[Event], since: dt.datetime, until: dt.datetime) -> list[Event]:
    """Events whose event time lies in (since, until]."""
    return [event for event in events if since < event.started_at <= until]


def _named(words: Sequence[str], text: str | None) -> bool:
    return text is not None and any(word.casefold() in text.casefold() for word in words)
