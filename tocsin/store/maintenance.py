"""Keeping the database small, whole and saved."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Exists, delete, exists, select, text, tuple_

from tocsin.errors import SetupError, StoreError
from tocsin.store import schema
from tocsin.store.engine import Database

_BATCH = 500
_START = dt.datetime(1, 1, 2, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Work for quiet hours; all of it may be interrupted at any point."""

    db: Database

    def delete_articles(self, *, before: dt.datetime) -> Iterator[int]:
        """Delete articles first seen before that time that were read and have no trigger; the count of each batch.

        One short transaction a batch, so that a sweep beside it never waits long.
        """
        mark = (_START, 0)
        while True:
            start = mark
            rows = self.db.read(lambda c: _old(c, before, start))  # noqa: B023 (read at once)
            if not rows:
                return
            mark = rows[-1][1], rows[-1][0]
            ids = [id for id, _ in rows]
            table = schema.articles
            query = delete(table).where(table.c.id.in_(ids), ~_has_trigger())
            yield self.db.write(lambda c: c.execute(query).rowcount)  # noqa: B023 (run at once)

    def optimise(self) -> None:
        """Refresh the planner's statistics and give free pages back (Postgres does the latter by itself)."""
        self.db.bare(_optimise)

    def check(self) -> list[str]:
        """What is damaged in a SQLite file, each in a line; reads all of it. Empty for a sound one."""
        if self.db.path is None:
            return []
        try:
            return self.db.read(_damage)
        except StoreError as error:
            if error.retry:
                raise
            return [error.cause]

    def backup(self, target: Path) -> None:
        """Write a complete, compact copy of a SQLite database to `target`, which must not exist; writers go on."""
        if self.db.path is None:
            cause = "it is on a Postgres server; use pg_dump"
            raise SetupError("cannot back up the database", subject=self.db.name, cause=cause)
        if target.exists():
            raise StoreError("cannot back up the database", subject=str(target), cause="the file exists already")
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        try:
            self._vacuum_into(draft)
            draft.rename(target)
        finally:
            draft.unlink(missing_ok=True)

    def _vacuum_into(self, path: Path) -> None:
        self.db.bare(lambda c: c.execute(text("VACUUM INTO :path"), {"path": str(path)}))
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def _damage(connection: Connection) -> list[str]:
    found = [str(row[0]) for row in connection.execute(text("PRAGMA quick_check"))]
    rows = connection.execute(text("PRAGMA foreign_key_check"))
    return [line for line in found if line != "ok"] + [f"{row[0]} row {row[1]} lost its {row[2]}" for row in rows]


def _optimise(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        connection.execute(text("ANALYZE"))
        return
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    # As a script, because `execute` would stop after the first page that the vacuum frees.
    driver.executescript(
        "PRAGMA analysis_limit=1000; PRAGMA optimize; PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)"
    )


def _has_trigger() -> Exists:
    return exists().where(schema.triggers.c.article == schema.articles.c.id)


def _old(connection: Connection, before: dt.datetime, mark: tuple[dt.datetime, int]) -> list[tuple[int, dt.datetime]]:
    table = schema.articles
    query = select(table.c.id, table.c.first_seen).where(
        table.c.first_seen < before,
        tuple_(table.c.first_seen, table.c.id) > mark,
        table.c.detected.is_not(None),
        ~_has_trigger(),
    )
    query = query.order_by(table.c.first_seen, table.c.id).limit(_BATCH)
    return [(id, first_seen) for id, first_seen in connection.execute(query)]
