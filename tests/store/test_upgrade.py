from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import tocsin.store
from tests.store.samples import NOW, polled
from tocsin.errors import SetupError
from tocsin.failpoint import VARIABLE
from tocsin.store import Store
from tocsin.store.schema import REVISIONS, metadata


def set_revision(revision: str) -> Callable[[Connection], None]:
    return lambda connection: connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'")).close()


def test_the_migrations_make_exactly_the_tables_of_the_code(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        # Alembic cannot compare an empty text as a default on SQLite.
        options = {
            "compare_type": True,
            "compare_server_default": connection.dialect.name != "sqlite",
            # Full-text indexes stand in the migration only: no metadata can say them.
            "include_name": lambda name, _kind, _parents: "_words" not in (name or ""),
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    assert store.db.read(differences) == []


def test_every_migration_is_a_known_revision() -> None:
    folder = Path(tocsin.store.__file__).parent / "migrations"
    scripts = ScriptDirectory(str(folder)).walk_revisions()

    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


def test_a_newer_schema_is_refused(database: str) -> None:
    with Store.open(database) as store:
        store.db.write(set_revision("9999"))

    for refused in (lambda: Store.open(database), lambda: Store.upgrade(database, now=NOW)):
        with pytest.raises(SetupError, match="its schema 9999 is newer than this Tocsin, which knows up to"):
            refused()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_an_empty_postgres_is_refused_until_it_is_upgraded(database: str) -> None:
    with Store.open(database) as store:
        store.db.write(lambda c: c.execute(text("DROP SCHEMA public CASCADE")))
        store.db.write(lambda c: c.execute(text("CREATE SCHEMA public")))

    with pytest.raises(SetupError, match=r"it is empty; to make its tables run `tocsin db upgrade`"):
        Store.open(database)
    assert Store.upgrade(database, now=NOW) == ("", REVISIONS[-1])
    with Store.open(database) as store:
        assert store.feeds.all() == []


def test_upgrading_what_is_up_to_date_changes_nothing(database: str, tmp_path: Path) -> None:
    with Store.open(database) as store:
        polled(store)
        assert Store.upgrade(database, now=NOW) == (REVISIONS[-1], REVISIONS[-1])
        assert len(store.articles.undetected(rules="", limit=9)) == 3
    assert not (tmp_path / "backups").exists()


def test_an_upgrade_copies_the_file_first(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tocsin.db")) as old:
        old.execute("CREATE TABLE kept (id INTEGER)")

    with pytest.raises(SetupError, match="tocsin db upgrade"):
        Store.open("", tmp_path)
    assert Store.upgrade("", tmp_path, now=NOW) == ("", REVISIONS[-1])
    backups = list((tmp_path / "backups").iterdir())
    assert [path.name for path in backups] == ["tocsin-empty-20260301T120000.db"]
    with closing(sqlite3.connect(backups[0])) as copy:
        assert copy.execute("SELECT name FROM sqlite_master").fetchall() == [("kept",)]
    with Store.open("", tmp_path) as store:
        assert store.feeds.all() == []


def test_killed_inside_an_upgrade_the_old_schema_stays_and_the_next_try_succeeds(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tocsin.db")) as old:
        old.execute("CREATE TABLE kept (id INTEGER)")
    kill(f"Store.upgrade('', Path({str(tmp_path)!r}), now=dt.datetime.now(dt.UTC))")

    with closing(sqlite3.connect(tmp_path / "tocsin.db")) as old:
        assert old.execute("SELECT name FROM sqlite_master").fetchall() == [("kept",)]
    assert Store.upgrade("", tmp_path, now=NOW) == ("", REVISIONS[-1])


def test_killed_while_a_database_is_made_there_is_none_and_the_next_try_succeeds(tmp_path: Path) -> None:
    kill(f"Store.open('', Path({str(tmp_path)!r}))")

    assert not (tmp_path / "tocsin.db").exists()
    with Store.open("", tmp_path) as store:
        assert store.feeds.all() == []


def kill(statement: str) -> None:
    code = f"import datetime as dt; from pathlib import Path; from tocsin.store import Store; {statement}"
    environment = {**os.environ, VARIABLE: "mid_upgrade:kill"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_many_that_make_the_database_at_once_share_one(tmp_path: Path) -> None:
    stores: list[Store] = []
    threads = [threading.Thread(target=lambda: stores.append(Store.open("", tmp_path / "new"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    stores[0].notices.remember("who", "first")
    assert [store.notices.recall("who") for store in stores] == ["first"] * 3
    for store in stores:
        store.close()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tocsin.db"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tocsin.db", b"", "the file is empty, which no database is; put the last backup in its place"),
        ("tocsin.db-wal", b"x", "the file is gone, but its -wal is there; put the last backup in its place"),
        ("tocsin.db", b"not a database at all" * 500, "the file is damaged: stop Tocsin and put the last backup"),
    ],
)
def test_a_damaged_or_lost_file_is_refused_and_left_as_it_is(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SetupError, match=message):
        Store.open("", tmp_path)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, content)]


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SetupError, match="cannot make the database: "):
        Store.open("", tmp_path / "file" / "state")
