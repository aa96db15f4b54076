"""Triggers: stored once for each article, rule and span, however often the article is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from tocsin import failpoint
from tocsin.model import Article, Evidence, Modality, Trigger
from tocsin.store import schema
from tocsin.store.articles import COLUMNS as ARTICLE_COLUMNS
from tocsin.store.engine import Database

_TABLE = schema.triggers
COLUMNS = tuple(
    _TABLE.c[name]
    for name in (
        *("type", "modality", "source", "target", "object", "rule", "version"),
        *("field", "span_start", "span_end", "text"),
        *("confidence", "severity", "occurred_on", "place", "facts", "article", "id"),
    )
)
_WIDTH = len(COLUMNS)
_REPORTS = select(*COLUMNS, *ARTICLE_COLUMNS).join_from(_TABLE, schema.articles)
_UNLINKED = (
    _REPORTS.where(_TABLE.c.event.is_(None), _TABLE.c.withdrawn_at.is_(None))
    .order_by(_TABLE.c.id)
    .limit(bindparam("limit"))
)
_JUDGED = ("type", "modality", "source", "target", "object", "occurred_on", "place", "facts")
"""What linking and thresholds look at: a trigger that changed in one of these is linked again."""
_CHANGED = (*_JUDGED, "version", "text", "confidence", "severity", "detected_at", "event")


@dataclass(frozen=True, slots=True)
class Triggers:
    """The table of triggers."""

    db: Database

    def save_detection(
        self,
        articles: Sequence[Article],
        triggers: Iterable[Trigger],
        *,
        rules: str,
        now: dt.datetime,
        history: bool = False,
    ) -> int:
        """Store what `rules` detected in `articles` and mark these as read, in one transaction.

        Each trigger names its article by id. An article that was edited after it was read stays undetected and its
        triggers are dropped. Of an article that is read again, triggers no longer found are withdrawn, changed ones go
        to linking again, and the events that lost one are marked (`events.shrunk`). With `history`, articles in which
        anything is new become backfill, so that nobody is alerted on it. The result is the number of triggers that are
        new.
        """
        found = list(triggers)
        count = self.db.write(lambda c: self._save(c, articles, found, rules, now, history))
        failpoint.reach("after_detect")
        return count

    def _save(
        self,
        connection: Connection,
        articles: Sequence[Article],
        found: list[Trigger],
        rules: str,
        now: dt.datetime,
        history: bool,
    ) -> int:
        current = _current(connection, articles)
        rows = {_key(row): row for row in (_row(item, now) for item in found if item.article in current)}
        stored = _stored(connection, current)
        new = [row for key, row in rows.items() if key not in stored]
        if new:
            connection.execute(self.db.insert(_TABLE).on_conflict_do_nothing(), new)
        moved = _reconcile(connection, stored, rows, now) if stored else set()
        if history:
            _become_history(connection, {row["article"] for row in new} | moved)
        failpoint.reach("mid_detect")
        table = schema.articles
        connection.execute(update(table).where(table.c.id.in_(current)).values(detected=rules, aside=None))
        return len(new)

    def unlinked(self, *, limit: int, articles: Collection[int] | None = None) -> list[tuple[Trigger, Article]]:
        """At most `limit` triggers that are in no event yet, with their articles, by id.

        With `articles`, only theirs.
        """
        query = _UNLINKED if articles is None else _UNLINKED.where(_TABLE.c.article.in_(articles))
        return self.db.read(lambda c: [to_report(row) for row in c.execute(query, {"limit": limit})])

    def of_events(self, events: Collection[int]) -> dict[int, list[tuple[Trigger, Article]]]:
        """The triggers of each event of `events` that stand, with their articles, by id."""
        return self.db.read(lambda c: of_events(c, events))

    def events_of(self, articles: Collection[int]) -> dict[int, int]:
        """Trigger → event, of the triggers of `articles` that are in one."""
        query = select(_TABLE.c.id, _TABLE.c.event).where(_TABLE.c.article.in_(articles), _TABLE.c.event.is_not(None))
        return self.db.read(lambda c: dict(c.execute(query).tuples().all()))

    def of_articles(self, articles: Collection[int]) -> list[Trigger]:
        """The triggers of `articles` that stand, by id."""
        query = select(*COLUMNS).where(_TABLE.c.article.in_(articles), _TABLE.c.withdrawn_at.is_(None))
        return self.db.read(lambda c: [to_trigger(row) for row in c.execute(query.order_by(_TABLE.c.id))])


def of_events(
    connection: Connection, events: Collection[int], *, withdrawn: bool = False
) -> dict[int, list[tuple[Trigger, Article]]]:
    """The triggers of each event of `events`, also those `withdrawn`, with their articles, by id."""
    query = _REPORTS.add_columns(_TABLE.c.event).where(_TABLE.c.event.in_(events)).order_by(_TABLE.c.id)
    if not withdrawn:
        query = query.where(_TABLE.c.withdrawn_at.is_(None))
    found: dict[int, list[tuple[Trigger, Article]]] = {event: [] for event in events}
    for row in connection.execute(query):
        found[row[-1]].append(to_report(row[:-1]))
    return found


def to_trigger(row: Sequence[Any] | Row[Any]) -> Trigger:
    """A `Trigger` from its columns in order."""
    values = list(row[:_WIDTH])
    values[1] = Modality(values[1])
    values[7:11] = [Evidence(*values[7:11])]
    return Trigger(*values)


def to_report(row: Sequence[Any] | Row[Any]) -> tuple[Trigger, Article]:
    """A trigger and its article from the columns of both in order."""
    return to_trigger(row[:_WIDTH]), Article(*row[_WIDTH:])


def _row(trigger: Trigger, now: dt.datetime) -> dict[str, Any]:
    return {
        "article": trigger.article,
        "rule": trigger.rule,
        "field": trigger.evidence.field,
        "span_start": trigger.evidence.start,
        "span_end": trigger.evidence.end,
        "type": trigger.type,
        "modality": trigger.modality.value,
        "source": trigger.source,
        "target": trigger.target,
        "object": trigger.object,
        "version": trigger.version,
        "text": trigger.evidence.text,
        "confidence": trigger.confidence,
        "severity": trigger.severity,
        "occurred_on": trigger.occurred_on,
        "place": trigger.place,
        "facts": dict(trigger.facts),
        "detected_at": now,
    }


Key = tuple[int, str, str, int, int]


def _key(row: dict[str, Any]) -> Key:
    return row["article"], row["rule"], row["field"], row["span_start"], row["span_end"]


def _current(connection: Connection, articles: Sequence[Article]) -> set[int]:
    """Ids of those `articles` whose text is still the one that was read; locked until the transaction ends."""
    table = schema.articles
    query = select(table.c.id, table.c.digest).where(table.c.id.in_([article.id for article in articles]))
    digests = {row.id: row.digest for row in connection.execute(query.with_for_update())}
    return {article.id for article in articles if digests.get(article.id) == article.digest}


def _stored(connection: Connection, articles: Collection[int]) -> dict[Key, dict[str, Any]]:
    """The triggers that `articles` already have."""
    query = select(_TABLE).where(_TABLE.c.article.in_(articles))
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return {_key(row): row for row in rows}


def _reconcile(
    connection: Connection, stored: dict[Key, dict[str, Any]], rows: dict[Key, dict[str, Any]], now: dt.datetime
) -> set[int]:
    """Bring the `stored` triggers of articles that were read again in line with what was found now.

    The result is the articles of those that go to linking again.
    """
    gone = [row for key, row in stored.items() if key not in rows and row["withdrawn_at"] is None]
    if gone:
        connection.execute(update(_TABLE).where(_TABLE.c.id.in_([row["id"] for row in gone])).values(withdrawn_at=now))
    lost = {row["event"] for row in gone}
    changed = []
    for key in stored.keys() & rows.keys():
        old, new = stored[key], rows[key]
        stays = old["withdrawn_at"] is None and all(old[name] == new[name] for name in _JUDGED)
        if not stays or old["version"] != new["version"]:
            changed.append({**new, "row_id": old["id"], "event": old["event"] if stays else None})
        if not stays:
            lost.add(old["event"])
    if changed:
        connection.execute(_CHANGE, changed)
    _mark_shrunk(connection, lost - {None}, now)
    return {row["article"] for row in changed if row["event"] is None}


def _become_history(connection: Connection, articles: Collection[int]) -> None:
    if articles:
        table = schema.articles
        connection.execute(update(table).where(table.c.id.in_(articles)).values(backfill=True))


def _mark_shrunk(connection: Connection, events: Collection[int], now: dt.datetime) -> None:
    """Have `events` gathered again. The new version refuses whoever is about to save the old state of one."""
    if events:
        table = schema.events
        query = update(table).where(table.c.id.in_(events))
        connection.execute(query.values(shrunk_at=now, version=table.c.version + 1))


_CHANGE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row_id"))
    .values(withdrawn_at=None, **{name: bindparam(name) for name in _CHANGED})
)
