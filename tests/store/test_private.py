"""What is stored is for the eyes of the user that stores it, whatever else the machine is used for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room
from tests.store.samples import polled
from tocsin.store import Store


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """A user whose new files everybody may read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_state_folder_is_closed_whoever_makes_it_first(room: Room) -> None:
    room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write()
    room.sweep(now=NOW)
    assert mode(room.state) == 0o700

    room.settings["state"] = "elsewhere"
    assert room.write().tocsin("status").code in (0, 1)
    assert mode(room.folder / "elsewhere") == 0o700


def test_a_database_its_log_and_its_copies_are_closed_in_an_open_folder_too(tmp_path: Path) -> None:
    with Store.open("", tmp_path) as store:
        polled(store, 5)
        store.maintenance.backup(tmp_path / "backup.db")
        files = {path.name: mode(path) for path in tmp_path.iterdir()}
    assert files.keys() >= {"tocsin.db", "tocsin.db-wal", "backup.db"}
    assert set(files.values()) == {0o600}, files

    (tmp_path / "backup.db").chmod(0o644)
    Store.restore("", tmp_path, tmp_path / "backup.db", now=NOW)
    assert mode(tmp_path / "tocsin.db") == 0o600


def test_a_report_is_not_written_through_a_link(room: Room) -> None:
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW)
    precious = room.folder / "precious"
    precious.write_text("kept")
    for name in ("report.html", ".report.html.new"):
        (room.folder / name).symlink_to(precious)

    done = room.tocsin("report", "--out", str(room.folder / "report.html"))

    assert done.code == 0, done.err
    assert precious.read_text() == "kept"
    assert not (room.folder / "report.html").is_symlink()
