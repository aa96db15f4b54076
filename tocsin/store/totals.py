"""How many articles, triggers and events are kept, without counting them all each time somebody asks.

Monitoring asks each minute, and the count of a table takes longer with every year: of 20 million rows seconds on
Postgres. So each night's count is kept with the id up to which it went, and only what came since is counted. These
rows are deleted nowhere but in `retention.py`, whose transactions forget the counts; then all is counted until the
next night.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, Table, delete, func, select

from tocsin.store import schema
from tocsin.store.engine import Database

_KEY = "counted"
_TABLES = (schema.articles, schema.triggers, schema.events)
_OPEN = 10_000
"""Ids at the end that are counted anew: on Postgres a number is given before its row is committed."""


def total(connection: Connection, table: Table) -> int:
    """Rows of one of the three tables."""
    end, count = _kept(connection).get(table.name, (0, 0))
    rows = select(func.count()).select_from(table)
    return count + connection.execute(rows.where(table.c.id > end) if end else rows).scalar_one()


def count(db: Database) -> None:
    """Count all, and keep the counts. Nothing may be deleted meanwhile."""
    counts = {table.name: db.read(lambda c: _counted(c, table)) for table in _TABLES}  # noqa: B023 (read at once)
    insert = db.insert(schema.meta).values(key=_KEY, value=json.dumps(counts))
    query = insert.on_conflict_do_update(index_elements=["key"], set_={"value": insert.excluded.value})
    db.write(lambda c: c.execute(query))


def forget(connection: Connection) -> None:
    """Have the next who asks count all."""
    connection.execute(delete(schema.meta).where(schema.meta.c.key == _KEY))


def _kept(connection: Connection) -> Mapping[str, tuple[int, int]]:
    """Table → the id up to which its rows were counted, and how many they were."""
    said = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == _KEY)).scalar()
    return {name: (end, rows) for name, (end, rows) in json.loads(said or "{}").items()}


def _counted(connection: Connection, table: Table) -> tuple[int, int]:
    end = (connection.execute(select(func.max(table.c.id))).scalar() or 0) - _OPEN
    if end <= 0:
        return 0, 0
    # Not those up to `end`: SQLite would read the table for them, and counts all of it by the smallest index.
    every = select(func.count()).select_from(table).scalar_subquery()
    later = select(func.count()).where(table.c.id > end).scalar_subquery()
    return end, connection.execute(select(every - later)).scalar_one()
