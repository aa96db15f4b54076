"""The connection to the database: transactions that are retried whole, and errors that say what to do.

SQLite: WAL, foreign keys, `synchronous=FULL` (an alert that was committed survives a power cut), and writers that
begin IMMEDIATE, so that a read followed by a write never fails halfway. Postgres: READ COMMITTED, with unique keys,
version checks and row locks where it matters. No network but the database's own happens inside a transaction.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic_core import from_json
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, insert, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from tocsin.errors import SetupError, StoreError

FILE = "tocsin.db"
BUSY_TIMEOUT = dt.timedelta(seconds=30)
PATIENCE = dt.timedelta(seconds=150)
"""A transaction that meets locks or lost connections is tried again for this long."""
_BEGIN = "tocsin_begin"
WRITER = {_BEGIN: "BEGIN IMMEDIATE"}
"""Execution options of a connection that will write (to SQLite; Postgres does not look at them)."""
_BARE = {_BEGIN: ""}
_AGAIN = ("40001", "40P01", "55P03", "57P01", "57P02", "57P03", "08")
"""SQLSTATEs (or classes) after which the same transaction can succeed: serialisation, locks, a server gone."""
_LATER = ("53",)
"""Full disk, no memory, too many connections: only time or an operator mends it."""
_LATER_SQLITE = ("SQLITE_FULL", "SQLITE_IOERR")
_ROWS = 500
"""A statement takes so many rows; SQLite has room for 32,766 values in one."""
_CORRUPT = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_DUMPS = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
"""One for all engines: psycopg keeps two classes for ever for each that it is given."""

T = TypeVar("T")


def database_url(text: str, state: Path) -> URL:
    """The SQLAlchemy URL that `text` means; "" is SQLite in the folder `state`. `SetupError` for what is no such."""
    if not text:
        return URL.create("sqlite", database=str(state / FILE))
    try:
        url = make_url(text)
    except ArgumentError:
        raise SetupError("cannot open the database", subject="(url)", cause="the address cannot be read") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url
    if url.drivername != "postgresql+psycopg":
        cause = "write sqlite:///path/of/a/file or postgresql+psycopg://user@host/name"
        raise SetupError("cannot open the database", subject=url.render_as_string(), cause=cause)
    return url


class Database:
    """Runs functions inside transactions; the only holder of an engine. Safe to share between threads."""

    def __init__(
        self, url: URL, *, busy_timeout: dt.timedelta = BUSY_TIMEOUT, patience: dt.timedelta = PATIENCE
    ) -> None:
        self.name = url.render_as_string(hide_password=True)
        self.path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        self.patience_s = patience.total_seconds()
        self.engine = open_engine(url, busy_timeout)
        # Each statement sees its own snapshot on Postgres either way; BEGIN and COMMIT would be two more round trips.
        self.reader = self.engine if self.path else open_engine(url, busy_timeout, isolation_level="AUTOCOMMIT")
        self._writer = self.engine.execution_options(**WRITER)
        self._bare = self.engine.execution_options(**_BARE)
        self._condition: Callable[[Connection], None] | None = None

    def on(self, condition: Callable[[Connection], None]) -> Self:
        """The same database, but every write first asks `condition`, inside its transaction; it refuses by raising."""
        same = copy.copy(self)
        same._condition = condition
        return same

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, seen from one snapshot (SQLite), or each statement from its own (Postgres)."""
        return self._run(self.reader, work)

    def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, committed. It may run several times, so it must leave nothing behind but rows."""
        condition = self._condition
        if condition is None:
            return self._run(self._writer, work)

        def conditional(connection: Connection) -> T:
            condition(connection)
            return work(connection)

        return self._run(self._writer, conditional)

    def bare(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, run outside any transaction: for statements of SQLite's that refuse to be in one."""
        return self._run(self._bare, work)

    def insert(self, table: Table) -> postgresql.Insert:
        """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
        if self.path is None:
            return postgresql.insert(table)
        # Both dialects spell these clauses alike; SQLAlchemy has no common type for them.
        return sqlite.insert(table)  # type: ignore[return-value]

    def close(self) -> None:
        """Give all connections back; the object is of no use afterwards."""
        self.engine.dispose()
        self.reader.dispose()

    def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        deadline = time.monotonic() + self.patience_s
        pause_s = 0.02
        while True:
            try:
                with engine.begin() as connection:
                    return work(connection)
            except (DBAPIError, PoolTimeoutError) as error:
                if not _again(error) or time.monotonic() + pause_s > deadline:
                    raise self.error(error) from error
            time.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, 2.0)

    def error(self, error: DBAPIError | PoolTimeoutError) -> StoreError:
        """`error` in our words: names the database, never its rows or its password."""
        original = error.orig if isinstance(error, DBAPIError) and error.orig else error
        cause = str(original).strip().split("\n")[0]
        if _sqlite_name(error).startswith(_CORRUPT):
            cause += "; the file is damaged: stop Tocsin and put the last backup in its place (docs/operate.md)"
        retry = _again(error) or _starts(error, _LATER, _LATER_SQLITE)
        return StoreError("the database refused", subject=self.name, cause=cause, retry=retry)


class Lone(Database):
    """A SQLite file for one process alone, which need not outlive it: nothing is synced.

    It keeps one connection, outside any transaction where it only reads: to take one out, begin and commit is a quarter
    of what a small read costs. Threads take turns.
    """

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._only = self._bare.connect()
        self._turn = threading.RLock()
        for pragma in ("journal_mode=MEMORY", "synchronous=OFF"):
            self._only.exec_driver_sql(f"PRAGMA {pragma}")

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns."""
        with self._turn:
            try:
                return work(self._only)
            except DBAPIError as error:
                raise self.error(error) from error

    def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, all of it written or nothing."""
        return self.read(partial(self._whole, work))

    def _whole(self, work: Callable[[Connection], T], connection: Connection) -> T:
        connection.exec_driver_sql("BEGIN")
        try:
            result = work(connection)
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
        return result

    def close(self) -> None:
        """Give the connection back; the object is of no use afterwards."""
        self._only.close()
        super().close()


def insert_many(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Insert `rows`, each the values of the columns `names` in this order."""
    dialect = connection.dialect
    if dialect.paramstyle != "qmark":
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
        return
    # SQLAlchemy arranges the values of every row by name, which costs as much as SQLite's own work.
    processors = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    columns = zip(*rows, strict=True)
    bound = [map(process, column) if process else column for process, column in zip(processors, columns, strict=True)]
    row = f"({', '.join('?' * len(names))})"
    # FTS5 begins a new part of its index with every statement, and would have to merge as many as there are rows.
    values = zip(*bound, strict=True)
    while batch := list(islice(values, _ROWS)):
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([row] * len(batch))}"
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(batch)))


def _again(error: DBAPIError | PoolTimeoutError) -> bool:
    """Whether the whole transaction can succeed when it is run again now."""
    if isinstance(error, PoolTimeoutError) or error.connection_invalidated:
        return True
    if _starts(error, _AGAIN, ("SQLITE_BUSY", "SQLITE_LOCKED")):
        return True
    # psycopg gives no SQLSTATE when the server cannot be reached at all.
    unreachable = not isinstance(error.orig, sqlite3.Error) and getattr(error.orig, "sqlstate", "") is None
    return unreachable and type(error.orig).__name__ == "OperationalError"


def _starts(error: DBAPIError | PoolTimeoutError, states: tuple[str, ...], names: tuple[str, ...]) -> bool:
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return str(state).startswith(states) or _sqlite_name(error).startswith(names)


def _sqlite_name(error: DBAPIError | PoolTimeoutError) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlite_errorname", ""))


def open_engine(url: URL, busy_timeout: dt.timedelta, *, foreign_keys: bool = True, **options: Any) -> Engine:
    """An engine for `url`. Without `foreign_keys` it is for a migration: one connection, closed after use.

    No connection is tried out before use: one that was lost makes its transaction run again, on a new one.
    """
    options |= {"hide_parameters": True, "json_serializer": _DUMPS, "json_deserializer": from_json}
    if not foreign_keys:
        options["poolclass"] = NullPool
    if url.get_backend_name() != "sqlite":
        # A plan that fits any window reads the whole table; the one for this window reads the window.
        plan = "-c plan_cache_mode=force_custom_plan"
        settings = f"-c timezone=UTC -c lock_timeout={int(busy_timeout.total_seconds() * 1000)} {plan}"
        arguments = {"connect_timeout": 10, "application_name": "tocsin", "options": settings}
        return create_engine(url, connect_args=arguments, **options)
    engine = create_engine(url, connect_args={"timeout": busy_timeout.total_seconds()}, **options)
    event.listen(engine, "connect", partial(_prepare, foreign_keys=foreign_keys))
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object, *, foreign_keys: bool) -> None:
    # The driver must not begin transactions by itself: it would begin them DEFERRED.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL").close()
    connection.execute("PRAGMA synchronous=FULL").close()
    connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}").close()


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)
