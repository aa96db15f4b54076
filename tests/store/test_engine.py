from __future__ import annotations

import datetime as dt
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from psycopg.types.json import JsonbDumper, JsonDumper
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import StatementError

from tests.store.samples import NOW, article, polled
from tocsin.errors import SetupError, StoreError
from tocsin.model import FeedState
from tocsin.store import Store
from tocsin.store.engine import database_url, open_engine

SHORT = dt.timedelta(milliseconds=50)
LONG = dt.timedelta(seconds=20)


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process that holds the whole file."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield other


@pytest.mark.parametrize("text", ["", "sqlite:///state/tocsin.db"])
def test_sqlite_is_the_default(text: str) -> None:
    assert str(database_url(text, Path("state"))) == "sqlite:///state/tocsin.db"


def test_engines_that_come_and_go_leave_no_classes_with_the_driver() -> None:
    def classes() -> int:
        open_engine(make_url("postgresql+psycopg://host/db"), SHORT).dispose()
        return len(JsonDumper.__subclasses__()) + len(JsonbDumper.__subclasses__())

    assert classes() == classes() > 0


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgres_is_reached_by_the_one_driver(scheme: str) -> None:
    assert database_url(f"{scheme}://ann@host/db", Path()).drivername == "postgresql+psycopg"


@pytest.mark.parametrize("text", ["mysql://ann:hush@host/db", "sqlite://", "sqlite:///:memory:", "hush hush"])
def test_another_database_is_refused_without_telling_the_password(text: str) -> None:
    with pytest.raises(SetupError) as caught:
        database_url(text, Path())
    assert "hush" not in str(caught.value)


def test_a_lock_is_waited_for_and_the_whole_transaction_run_again(tmp_path: Path) -> None:
    with Store.open("", tmp_path, busy_timeout=SHORT, patience=LONG) as store:
        with locked(tmp_path / "tocsin.db") as other:
            release = threading.Timer(0.5, other.execute, ["COMMIT"])
            release.start()
            polled(store, 3)
            release.join()
        assert len(store.articles.undetected(rules="", limit=9)) == 3


def test_a_lock_that_lasts_is_an_error_that_says_to_try_again(tmp_path: Path) -> None:
    with Store.open("", tmp_path, busy_timeout=SHORT, patience=SHORT) as store:
        with locked(tmp_path / "tocsin.db"), pytest.raises(StoreError) as caught:
            polled(store)
        assert caught.value.retry
        assert str(caught.value) == f"the database refused: sqlite:///{tmp_path}/tocsin.db: database is locked"
        assert polled(store).feed == "kcna"


def test_a_read_that_leads_to_a_write_never_fails_halfway(tmp_path: Path) -> None:
    """Without BEGIN IMMEDIATE the second of two such writers fails at once, however long it would wait."""

    def count_up(store: Store) -> None:
        def work(connection: Connection) -> None:
            number = int(connection.execute(text("SELECT value FROM meta")).scalar_one())
            time.sleep(0.005)
            connection.execute(text("UPDATE meta SET value = :value"), {"value": str(number + 1)})

        for _ in range(10):
            store.db.write(work)

    # Patience of nothing: no failure is hidden by running a transaction again.
    with Store.open("", tmp_path, patience=dt.timedelta()) as store:
        store.notices.remember("count", "0")
        threads = [threading.Thread(target=count_up, args=(store,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.notices.recall("count") == "40"


def test_a_full_disk_is_an_error_that_names_the_file_and_loses_nothing(tmp_path: Path) -> None:
    with Store.open("", tmp_path) as store:
        polled(store, 1)

        def fill(connection: Connection) -> None:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            connection.execute(text("INSERT INTO meta VALUES ('big', :value)"), {"value": "x" * 900})
            connection.execute(text("UPDATE meta SET value = (SELECT hex(randomblob(100000)))"))

        with pytest.raises(StoreError, match=r"tocsin\.db: database or disk is full") as caught:
            store.db.write(fill)
        assert caught.value.retry
        assert store.notices.recall("big") == ""
        assert len(store.articles.undetected(rules="", limit=9)) == 1


def test_a_mistake_in_a_statement_is_not_tried_again(store: Store) -> None:
    runs: list[int] = []

    def work(connection: Connection) -> None:
        runs.append(1)
        connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(StoreError) as caught:
        store.db.write(work)
    assert not caught.value.retry
    assert len(runs) == 1
    assert "\n" not in str(caught.value)


def test_an_error_of_the_caller_rolls_back_and_passes_through(store: Store) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO meta VALUES ('key', 'value')"))
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        store.db.write(work)
    assert store.notices.recall("key") == ""


def once(statement: str) -> Callable[[Connection], int]:
    """Work that `statement` ends at its first run only; the number of runs."""
    runs: list[int] = []

    def work(connection: Connection) -> int:
        runs.append(1)
        connection.execute(text("INSERT INTO meta VALUES (:key, '')"), {"key": f"run {len(runs)}"})
        if len(runs) == 1:
            connection.execute(text(statement))
        return len(runs)

    return work


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = 'serialization_failure'; END $$",
        "DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = 'deadlock_detected'; END $$",
        "DO $$ BEGIN RAISE EXCEPTION 'locked' USING ERRCODE = 'lock_not_available'; END $$",
    ],
)
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_lost_connection_or_conflict_runs_the_whole_transaction_again(store: Store, statement: str) -> None:
    assert store.db.write(once(statement)) == 2
    assert store.db.read(lambda c: c.execute(text("SELECT key FROM meta")).scalars().all()) == ["run 2"]


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_connection_that_was_dropped_while_idle_is_replaced(store: Store, database: str) -> None:
    polled(store)
    with Store.open(database) as other:
        drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        other.db.read(lambda c: c.execute(text(f"{drop} AND pid <> pg_backend_pid()")).all())

    assert store.feeds.get("kcna") == polled(store)


def test_a_server_that_cannot_be_reached_is_an_error_to_try_again(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        Store.open(f"postgresql://ann:hush@/db?host={tmp_path}")
    assert caught.value.retry
    assert "hush" not in str(caught.value)


def test_a_broken_off_poll_leaves_nothing(store: Store) -> None:
    """The validators are written before the articles: were it two transactions, they would stay."""
    polled(store, 0)
    later = FeedState("kcna", NOW, etag='"later"')
    with pytest.raises((ValueError, StatementError), match="without a zone"):
        store.feeds.save_poll(later, [article(1), article(2, first_seen=NOW.replace(tzinfo=None))])
    state = store.feeds.get("kcna")
    assert state is not None
    assert state.etag == '"1"'
    assert store.articles.undetected(rules="", limit=9) == []
