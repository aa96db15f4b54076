"""Keeping the database tidy, whole and saved."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from tocsin.errors import SetupError, StoreError
from tocsin.store import totals
from tocsin.store.engine import Database
from tocsin.store.search import WORDS

_PAGES = 2_000
"""Free pages that one step of the vacuum gives back."""
_WORTH = 1 / 5
"""A full-text index is put together again where so much of it lies outside its largest part."""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Work for quiet hours; all of it may be interrupted at any point."""

    db: Database

    def optimise(self) -> None:
        """Refresh the planner's statistics and what was counted of each table.

        On SQLite also tidy full-text indexes and give free pages back.
        """
        self.db.bare(_optimise)
        totals.count(self.db)

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
            draft.touch(0o600, exist_ok=False)  # SQLite writes into an empty file too
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
    for words in WORDS:
        _merge(driver, words)
    driver.executescript("PRAGMA analysis_limit=1000; PRAGMA optimize")
    left = _free_pages(connection)
    while left:
        # As a script, because `execute` would stop after the first page; some at a time, so that a sweep gets its turn.
        driver.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
        before, left = left, _free_pages(connection)
        if left >= before:
            break
    driver.executescript("PRAGMA wal_checkpoint(TRUNCATE)")


def _merge(driver: sqlite3.Connection, words: str) -> None:
    """Rid a full-text index of what was deleted, in steps so short that a sweep beside it never waits long.

    What was deleted stands in the newer parts as a note, and goes when these meet the part that has it. That rewrites
    all of the index, so it waits for enough that is new or deleted: a night costs as much as the day brought, times
    1 / `_WORTH` over the years, whatever has gathered. Until then FTS5 merges small parts by itself.
    """
    parts = [row[0] for row in driver.execute(f"SELECT max(pgno) FROM {words}_idx GROUP BY segid")]
    if sum(parts) - max(parts, default=0) < _WORTH * sum(parts):
        return
    pages = -_PAGES  # the first step takes in all parts of the index, the others go on with it
    before = -2
    while driver.total_changes - before >= 2:  # FTS5's own way of saying that there is nothing left to do
        before = driver.total_changes
        driver.execute(f"INSERT INTO {words} ({words}, rank) VALUES ('merge', ?)", (pages,)).close()
        pages = _PAGES


def _free_pages(connection: Connection) -> int:
    return int(connection.execute(text("PRAGMA freelist_count")).scalar_one())
