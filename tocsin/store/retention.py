"""Deleting what the settings no longer keep: by age and by kind, in short transactions.

What an alert rests on is never deleted: an alert is kept for ever, and with it its events, their triggers and articles.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Text, cast, delete, exists, literal, select, tuple_, update

from tocsin.store import schema, totals
from tocsin.store.engine import Database

_BATCH = 500
_START = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_ARTICLES, _TRIGGERS, _EVENTS, _AUDIT = schema.articles, schema.triggers, schema.events, schema.audit
_READ = _ARTICLES.c.detected.is_not(None)
_IN_VERDICT = exists().where(schema.verdicts.c.trigger == _TRIGGERS.c.id)
_LEFTOVER = _TRIGGERS.c.event.is_(None) & _TRIGGERS.c.withdrawn_at.is_not(None) & ~_IN_VERDICT
"""A trigger that was withdrawn before any event had it: nothing will ever ask for it."""
_HAS_TRIGGER = exists().where(_TRIGGERS.c.article == _ARTICLES.c.id)
_NEEDED = exists().where(_TRIGGERS.c.article == _ARTICLES.c.id, ~_LEFTOVER)
_IN_ALERT = exists().where(schema.alert_events.c.event == _EVENTS.c.id)
_JUDGED = exists().where(schema.verdicts.c.trigger == _TRIGGERS.c.id, _TRIGGERS.c.event == _EVENTS.c.id)

Mark = tuple[dt.datetime, int]
Work = Callable[[Connection, list[int]], int]


@dataclass(frozen=True, slots=True)
class Retention:
    """Each method yields the count of each batch, one short transaction a batch, so that a sweep never waits long.

    A row is looked at again inside the transaction that deletes it. All of it may be interrupted at any point.
    """

    db: Database

    def clear_bodies(self, *, before: dt.datetime) -> Iterator[int]:
        """Empty the summaries of articles first seen before that time that were read and have no trigger."""
        which = _READ & _ARTICLES.c.aside.is_(None) & (_ARTICLES.c.summary != "") & ~_HAS_TRIGGER
        return self._articles(which, before, lambda c, ids: _clear(c, ids, which))

    def delete_articles(self, *, before: dt.datetime) -> Iterator[int]:
        """Delete articles first seen before that time that were read and that no trigger needs."""
        which = _READ & ~_NEEDED
        return self._articles(which, before, lambda c, ids: _delete_articles(c, ids, which))

    def delete_events(self, *, before: dt.datetime) -> Iterator[int]:
        """Delete events older than that time, with their triggers, unless an alert rests on them or a person judged.

        Their articles have no trigger then, and go by their own age.
        """
        settled = (_EVENTS.c.evaluated >= _EVENTS.c.version) & _EVENTS.c.shrunk_at.is_(None)
        which = (_EVENTS.c.changed_at < before) & settled & ~_IN_ALERT & ~_JUDGED
        return self._by_age(_EVENTS.c.started_at, _EVENTS.c.id, which, before, lambda c, ids: _events(c, ids, which))

    def delete_audit(self, *, before: dt.datetime) -> Iterator[int]:
        """Delete lines of the audit trail older than that time, unless they are about an alert or an event that is."""
        alert = exists().where(schema.alerts.c.id == _AUDIT.c.subject)
        event = exists().where(literal("event:").concat(cast(_EVENTS.c.id, Text)) == _AUDIT.c.subject)
        gone = delete(_AUDIT).where(_AUDIT.c.at < before, ~alert, ~event)
        lowest = -1
        while True:
            start = lowest
            page = select(_AUDIT.c.id).where(_AUDIT.c.id > start).order_by(_AUDIT.c.id).limit(_BATCH)
            ids = self.db.read(lambda c: list(c.execute(page).scalars()))  # noqa: B023 (read at once)
            if not ids:
                return
            lowest = ids[-1]
            batch = gone.where(_AUDIT.c.id.in_(ids))
            yield self.db.write(lambda c: c.execute(batch).rowcount)  # noqa: B023 (run at once)

    def _articles(self, which: ColumnElement[bool], before: dt.datetime, work: Work) -> Iterator[int]:
        return self._by_age(_ARTICLES.c.first_seen, _ARTICLES.c.id, which, before, work)

    def _by_age(
        self,
        time: ColumnElement[dt.datetime],
        id: ColumnElement[int],
        which: ColumnElement[bool],
        before: dt.datetime,
        work: Work,
    ) -> Iterator[int]:
        """Run `work` on what is `which` and older than `before`, page by page in the order of the index on `time`."""
        mark: Mark = (_START, 0)
        query = select(id, time).where(time < before, which).order_by(time, id).limit(_BATCH)
        while True:
            page = query.where(tuple_(time, id) > mark)
            rows = self.db.read(lambda c: list(c.execute(page)))  # noqa: B023 (read at once)
            if not rows:
                return
            mark = rows[-1][1], rows[-1][0]
            ids = [row[0] for row in rows]
            yield self.db.write(lambda c: work(c, ids))  # noqa: B023 (run at once)


def _clear(connection: Connection, ids: list[int], which: ColumnElement[bool]) -> int:
    query = update(_ARTICLES).where(_ARTICLES.c.id.in_(ids), which)
    return connection.execute(query.values(summary="")).rowcount


def _delete_articles(connection: Connection, ids: list[int], which: ColumnElement[bool]) -> int:
    totals.forget(connection)
    connection.execute(delete(_TRIGGERS).where(_TRIGGERS.c.article.in_(ids), _LEFTOVER))
    return connection.execute(delete(_ARTICLES).where(_ARTICLES.c.id.in_(ids), which, ~_HAS_TRIGGER)).rowcount


def _events(connection: Connection, ids: list[int], which: ColumnElement[bool]) -> int:
    totals.forget(connection)
    still = select(_EVENTS.c.id).where(_EVENTS.c.id.in_(ids), which).with_for_update()
    ids = list(connection.execute(still).scalars())
    connection.execute(delete(_TRIGGERS).where(_TRIGGERS.c.event.in_(ids)))
    return connection.execute(delete(_EVENTS).where(_EVENTS.c.id.in_(ids))).rowcount
