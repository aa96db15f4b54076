"""Moving a store from SQLite to Postgres."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BigInteger, Connection, Table, func, insert, select, text

from tocsin.errors import SetupError
from tocsin.store import schema
from tocsin.store.engine import Database

_BATCH = 1_000
_LEFT = {"leases"}
"""Who holds what at this moment is nothing to take along."""


def move(source: Database, target: Database) -> Mapping[str, int]:
    """Copy every row of `source` (SQLite) into `target` (Postgres, with our tables, empty); rows of each table.

    One transaction on either side: all of it is there, as at one moment, or nothing. `source` is not changed. The
    caller sees to it that nobody writes meanwhile. `SetupError` where a side is not what it must be.
    """
    if source.path is None:
        raise SetupError("cannot move the database", subject=source.name, cause="it is not a SQLite file")
    if target.path is not None:
        cause = "it is no Postgres; write postgresql+psycopg://user@host/name"
        raise SetupError("cannot move the database", subject=target.name, cause=cause)
    return source.read(lambda old: target.write(lambda new: _copy(old, new, target.name)))


def _copy(old: Connection, new: Connection, name: str) -> dict[str, int]:
    tables = [table for table in schema.metadata.sorted_tables if table.name not in _LEFT]
    filled = [table.name for table in tables if new.execute(select(table).limit(1)).first()]
    if filled:
        cause = f"it has rows in {', '.join(filled)} already; name an empty one"
        raise SetupError("cannot move the database", subject=name, cause=cause)
    counts = {table.name: _copy_table(old, new, table) for table in tables}
    found = {table.name: new.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}
    if found != counts:
        raise SetupError("cannot move the database", subject=name, cause=f"{counts} rows were read, {found} arrived")
    return counts


def _copy_table(old: Connection, new: Connection, table: Table) -> int:
    count = 0
    rows = old.execution_options(yield_per=_BATCH).execute(select(table).order_by(*table.primary_key))
    for batch in rows.mappings().partitions():
        new.execute(insert(table), [dict(row) for row in batch])
        count += len(batch)
    (key, *others) = table.primary_key
    if key.name == "id" and not others and isinstance(key.type, BigInteger):
        # Ids went in as they were, past the sequence that gives the next ones.
        last = f"(SELECT coalesce(max(id), 0) + 1 FROM {table.name})"
        new.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {last}, false)"))
    return count
