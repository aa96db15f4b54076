"""Events: grown by linking, judged by thresholds, read by window."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, null, select, update

from tocsin import failpoint
from tocsin.errors import StoreError
from tocsin.model import Event, Modality, Voice
from tocsin.store import schema
from tocsin.store.audit import Act, history, record
from tocsin.store.engine import Database

NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)

_TABLE = schema.events
_FIELDS = tuple(field.name for field in dataclasses.fields(Event))
_SELECT = select(*(_TABLE.c[name] for name in _FIELDS))
WITHOUT_VOICES = select(*(null() if name == "voices" else _TABLE.c[name] for name in _FIELDS))
_VERSIONS = select(_TABLE.c.id, _TABLE.c.version)
_READ: tuple[tuple[int, Callable[[Any], Any]], ...] = tuple(
    (_FIELDS.index(name), read)
    for name, read in (
        ("modality", Modality),
        ("families", frozenset),
        ("voices", lambda voices: tuple(Voice(*voice) for voice in voices or ())),
        ("articles", tuple),
        ("denials", tuple),
        ("tags", frozenset),
    )
)
"""How the columns that are no plain values become those of the dataclass."""


@dataclass(frozen=True, slots=True)
class Link:
    """`event` as it is after `triggers` (ids, none of them in an event) joined it; a new event has id 0.

    A grown event carries the version it grew to: one more than the stored one.
    """

    event: Event
    triggers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Events:
    """The table of events. Where it has a `memory`, by id, an event is read again only when it has changed."""

    db: Database
    memory: dict[int, Event] | None = None

    def window(
        self,
        *,
        since: dt.datetime,
        until: dt.datetime | None = None,
        types: Collection[str] = (),
        modalities: Collection[Modality] = (),
        sources: Collection[str] = (),
        targets: Collection[str] = (),
        voices: bool = True,
    ) -> list[Event]:
        """Events that started in [since, until), oldest first; an empty filter accepts all.

        Without `voices`, which only linking looks at, they cost much less; such events must not be saved again.
        """
        filters = {"type": types, "modality": modalities, "source": sources, "target": targets}
        shape = tuple((name, len(values) == 1) for name, values in filters.items() if values)
        values: dict[str, object] = {"since": since}
        if until is not None:
            values["until"] = until
        for name, one in shape:
            values[name] = next(iter(filters[name])) if one else sorted(filters[name])
        if self.memory is not None:
            return self._remembered(_window(shape, until is not None, _VERSIONS), values, self.memory)
        query = _window(shape, until is not None, _SELECT if voices else WITHOUT_VOICES)
        return self.db.read(lambda c: [to_event(row) for row in c.execute(query, values).all()])

    def _remembered(self, query: Select[Any], values: Mapping[str, object], memory: dict[int, Event]) -> list[Event]:
        def read(connection: Connection) -> list[int]:
            found = connection.execute(query, values).all()
            stale = [id for id, version in found if id not in memory or memory[id].version != version]
            if stale:
                memory.update(events_by_id(connection, stale))
            return [id for id, _ in found]

        return [memory[id] for id in self.db.read(read)]

    def changed(self, *, limit: int, until: dt.datetime = NEVER) -> list[Event]:
        """At most `limit` events that are new or have grown since thresholds judged them, by id.

        One that started after `until` is left for later: the clock was set back, and no window holds it yet.
        """
        values = {"limit": limit, "until": until}
        return self.db.read(lambda c: [to_event(row) for row in c.execute(_CHANGED, values).all()])

    def recent(self, *, limit: int, type: str | None = None) -> list[Event]:
        """At most `limit` events, the latest started first; without those that were withdrawn or merged away."""
        query = _SELECT.where(_TABLE.c.articles != []).order_by(_TABLE.c.started_at.desc(), _TABLE.c.id.desc())
        if type is not None:
            query = query.where(_TABLE.c.type == type)
        return self.db.read(lambda c: [to_event(row) for row in c.execute(query.limit(limit))])

    def by_id(self, ids: Collection[int]) -> dict[int, Event]:
        """Those of `ids` that exist."""
        return self.db.read(lambda c: events_by_id(c, ids))

    def save_links(self, links: Sequence[Link]) -> list[Event]:
        """Store new and grown events and put their triggers into them, in one transaction; the events with their ids.

        `StoreError` (with `retry`) and nothing stored where another process linked one of the triggers or grew one
        of the events meanwhile: read again and link again.
        """
        saved = self.db.write(lambda c: self._save_links(c, links))
        failpoint.reach("after_link")
        return saved

    def _save_links(self, connection: Connection, links: Sequence[Link]) -> list[Event]:
        new = [link.event for link in links if not link.event.id]
        ids: list[int] = []
        if new:
            query = insert(_TABLE).returning(_TABLE.c.id, sort_by_parameter_order=True)
            ids = list(connection.execute(query, [_row(event) for event in new]).scalars())
        fresh = iter(ids)
        saved = [link.event if link.event.id else replace(link.event, id=next(fresh)) for link in links]
        grown = [link.event for link in links if link.event.id]
        joined = [
            {"row_id": trigger, "row_event": event.id}
            for event, link in zip(saved, links, strict=True)
            for trigger in link.triggers
        ]
        self._expect(connection, _GROW, [{**_row(event), "row_id": event.id} for event in grown])
        self._expect(connection, _JOIN, joined)
        return saved

    def shrunk(self, *, limit: int, among: Collection[int] | None = None) -> list[Event]:
        """At most `limit` events that lost a trigger (its article was edited) and must be gathered again, by id.

        With `among`, only of these ids.
        """
        query = _SHRUNK if among is None else _SHRUNK.where(_TABLE.c.id.in_(among))
        return self.db.read(lambda c: [to_event(row) for row in c.execute(query, {"limit": limit})])

    def save_shrunk(self, event: Event) -> None:
        """Store an event as gathered again from the triggers it has left, with a version one higher.

        `StoreError` (with `retry`) and nothing stored where it changed meanwhile.
        """
        row = {**_row(event), "row_id": event.id}
        self.db.write(lambda c: self._expect(c, _GROW.values(shrunk_at=None), [row]))

    def merge(self, whole: Event, absorbed: Sequence[Event], *, who: str, now: dt.datetime, note: str = "") -> None:
        """Store `whole` with a version one higher, and give it the triggers and alerts of `absorbed`.

        These stay as events without articles and voices, so that no later event gets the id of one that was alerted on;
        no correction goes out for them. `StoreError` (with `retry`) and nothing stored where one changed meanwhile.
        """
        self.db.write(lambda c: self._merge(c, whole, absorbed, who, now, note))

    def _merge(
        self, connection: Connection, whole: Event, absorbed: Sequence[Event], who: str, now: dt.datetime, note: str
    ) -> None:
        self._expect(connection, _GROW, [{**_row(whole), "row_id": whole.id}])
        empty = [
            replace(
                each,
                articles=(),
                denials=(),
                families=frozenset(),
                voices=(),
                changed_at=now,
                version=each.version + 1,
            )
            for each in absorbed
        ]
        self._expect(connection, _SILENT, [{**_row(each), "row_id": each.id} for each in empty])
        ids = [each.id for each in absorbed]
        triggers, links = schema.triggers, schema.alert_events
        connection.execute(update(triggers).where(triggers.c.event.in_(ids)).values(event=whole.id))
        told = select(links.c.alert).where(links.c.event == whole.id)
        for id in ids:
            # An alert that rests on both keeps one of the two lines.
            connection.execute(delete(links).where(links.c.event == id, links.c.alert.in_(told)))
            connection.execute(update(links).where(links.c.event == id).values(event=whole.id))
        names = ", ".join(map(str, ids))
        record(connection, Act(now, who, "merge", _subject(whole.id), _noted(f"took in {names}", note)))
        for id in ids:
            record(connection, Act(now, who, "merge", _subject(id), _noted(f"is part of {whole.id}", note)))

    def split(
        self, left: Event, parted: Event, triggers: Sequence[int], *, who: str, now: dt.datetime, note: str = ""
    ) -> Event:
        """Store `left` with a version one higher, and the new event `parted` with `triggers`, which were in `left`.

        The new event with its id. `StoreError` (with `retry`) and nothing stored where `left` changed meanwhile.
        """

        def split(connection: Connection) -> Event:
            self._expect(connection, _GROW, [{**_row(left), "row_id": left.id}])
            query = insert(_TABLE).returning(_TABLE.c.id)
            stored = replace(parted, id=connection.execute(query, _row(parted)).scalar_one())
            self._expect(connection, _MOVE, [{"row_id": id, "old": left.id, "new": stored.id} for id in triggers])
            parts = (left.id, f"gave up {stored.id}"), (stored.id, f"was part of {left.id}")
            for id, said in parts:
                record(connection, Act(now, who, "split", _subject(id), _noted(said, note)))
            return stored

        return self.db.write(split)

    def history(self, id: int) -> tuple[Act, ...]:
        """How people merged and split an event, oldest first."""
        return self.db.read(lambda c: history(c, _subject(id)))

    def _expect(self, connection: Connection, query: Any, rows: list[dict[str, Any]]) -> None:
        """Run `query` for each of `rows`; each must change one row."""
        for row in rows:
            if connection.execute(query, row).rowcount != 1:
                cause = "another process changed the same events meanwhile"
                raise StoreError("linking was refused", subject=self.db.name, cause=cause, retry=True)


@cache
def _window(shape: tuple[tuple[str, bool], ...], until: bool, columns: Select[Any]) -> Select[Any]:
    """The statement for filters of that shape (column, whether one value). To build one costs twice its execution."""
    query = columns.where(_TABLE.c.started_at >= bindparam("since"))
    if until:
        query = query.where(_TABLE.c.started_at < bindparam("until"))
    for name, one in shape:
        column = _TABLE.c[name]
        query = query.where(column == bindparam(name) if one else column.in_(bindparam(name, expanding=True)))
    return query.order_by(_TABLE.c.started_at, _TABLE.c.id)


_CHANGED = (
    _SELECT.where(_TABLE.c.evaluated < _TABLE.c.version, _TABLE.c.started_at <= bindparam("until"))
    .order_by(_TABLE.c.id)
    .limit(bindparam("limit"))
)
_SHRUNK = _SELECT.where(_TABLE.c.shrunk_at.is_not(None)).order_by(_TABLE.c.id).limit(bindparam("limit"))
_GROW = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row_id"), _TABLE.c.version == bindparam("version") - 1)
    .values({name: bindparam(name) for name in _FIELDS if name != "id"})
)
_SILENT = _GROW.values(evaluated=bindparam("version"), shrunk_at=None)
"""Saves a state that there is nothing to tell about."""
_MOVE = (
    update(schema.triggers)
    .where(schema.triggers.c.id == bindparam("row_id"), schema.triggers.c.event == bindparam("old"))
    .values(event=bindparam("new"))
)
_JOIN = (
    update(schema.triggers)
    .where(schema.triggers.c.id == bindparam("row_id"), schema.triggers.c.event.is_(None))
    .values(event=bindparam("row_event"))
)


def _subject(id: int) -> str:
    return f"event:{id}"


def _noted(said: str, note: str) -> str:
    return f"{said}: {note}" if note else said


def events_by_id(connection: Connection, ids: Collection[int]) -> dict[int, Event]:
    """Those of `ids` that exist, inside a transaction."""
    query = _SELECT.where(_TABLE.c.id.in_(ids)).order_by(_TABLE.c.id)
    return {event.id: event for event in (to_event(row) for row in connection.execute(query))}


def to_event(row: Row[Any]) -> Event:
    """An `Event` from its columns in order."""
    values: list[Any] = list(row)
    for place, read in _READ:
        values[place] = read(values[place])
    return Event(*values)


def _row(event: Event) -> dict[str, Any]:
    row = {name: getattr(event, name) for name in _FIELDS if name != "id"}
    row["modality"] = event.modality.value
    row["families"] = sorted(event.families)
    row["voices"] = [dataclasses.astuple(voice) for voice in event.voices]
    row["articles"] = list(event.articles)
    row["denials"] = list(event.denials)
    row["gained"] = dict(event.gained)
    row["tags"] = sorted(event.tags)
    row["facts"] = dict(event.facts)
    return row
