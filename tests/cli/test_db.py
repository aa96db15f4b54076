"""`tocsin db`: upgrade, backup, restore, check, move."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flows.serving import only_one
from tests.cli.conftest import Run
from tests.newsroom import HOUR, MINUTE, NOISE, NOW, Room, rows
from tocsin.store import Store

on_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)


def swept(room: Room) -> Path:
    """A room with one article in its database."""
    room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    return room.state / "tocsin.db"


def test_a_backup_is_restored_and_the_database_of_before_is_kept(room: Room, run: Run) -> None:
    path, copy = swept(room), room.folder / "copy.db"
    assert run("db", "backup", str(copy)).code == 0
    with room.store() as store:
        store.notices.remember("since", "the backup")

    done = run("db", "restore", str(copy))

    assert done.code == 0
    assert done.out.startswith(f"restored: {copy}, schema 0001\nkept: {room.state}/backups/tocsin-replaced-")
    assert rows(path, "SELECT count(*) FROM articles") == [(1,)]
    assert rows(path, "SELECT count(*) FROM meta WHERE key = 'since'") == [(0,)]


def test_nothing_is_restored_while_the_watch_runs(room: Room, run: Run) -> None:
    swept(room)
    copy = room.folder / "copy.db"
    run("db", "backup", str(copy))

    with only_one(room.state):
        done = run("db", "restore", str(copy))

    assert done.code == 2
    assert "already serves this state folder" in done.err
    assert not (room.state / "backups").exists()


def test_what_is_no_backup_is_exit_2_and_changes_nothing(room: Room, run: Run) -> None:
    path = swept(room)
    done = run("db", "restore", str(room.folder / "nothing.db"))
    assert done.code == 2
    assert done.err.startswith("tocsin: cannot restore the database: ")
    assert rows(path, "SELECT count(*) FROM articles") == [(1,)]


def test_a_sound_database_is_said_to_be_so_and_a_damaged_one_is_exit_1(room: Room, run: Run) -> None:
    path = swept(room)
    assert (run("db", "check").code, run("db", "check").out) == (0, f"sqlite:///{path}: schema 0001, sound\n")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DELETE FROM feeds")

    done = run("db", "check")

    assert done.code == 1
    assert done.err == "articles row 1 lost its feeds\n"
    assert done.out.endswith(", 1 problems\n")


@on_postgres
def test_a_file_moves_to_a_server_whose_address_is_named_by_the_environment(
    database: str, room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept(room)
    monkeypatch.setenv("TARGET", database)

    done = run("db", "move", "${TARGET}")

    assert done.code == 0, done.err
    assert "articles: 1\n" in done.out
    with Store.open(database) as store:
        assert [each.feed for each in store.feeds.all()] == ["herald"]
    again = run("db", "move", "${TARGET}")
    assert again.code == 2
    assert "it has rows in feeds, " in again.err


def test_nothing_moves_while_a_sweep_is_under_way_or_to_an_address_that_is_none(room: Room, run: Run) -> None:
    swept(room)
    missing = run("db", "move", "postgresql://ann:${NO_SUCH_NAME}@127.0.0.1/db")
    assert missing.code == 2
    assert "${NO_SUCH_NAME}, which is not set" in missing.err
    with room.store() as store:
        store.leases.acquire("sweep", holder="other", now=dt.datetime.now(dt.UTC), ttl=MINUTE)

    done = run("db", "move", "postgresql://ann@127.0.0.1:9/db")

    assert done.code == 2
    assert "a sweep is under way" in done.err


@pytest.mark.parametrize("command", ["db move postgresql://ann:hush@127.0.0.1:9/db", "db upgrade"])
def test_a_server_that_cannot_be_reached_is_exit_2_with_its_cause(command: str, room: Room, run: Run) -> None:
    swept(room)
    if command == "db upgrade":
        room.settings["database"] = "postgresql://ann:${HUSH}@127.0.0.1:9/db"
        room.secrets["HUSH"] = "hush"
        room.write()

    done = run(*command.split())

    assert done.code == 2
    assert done.err.startswith("tocsin: cannot upgrade the database: ")
    assert "127.0.0.1" in done.err and "hush" not in done.err and "Traceback" not in done.err
