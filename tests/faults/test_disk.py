"""D03 and D04: a disk that is full, and a database that cannot be written: nothing is lost, nothing sent unclaimed."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.driver import Driver, Ended
from tests.faults.oracle import check
from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, NOW, Room
from tests.store.samples import polled
from tocsin.errors import SetupError, StoreError
from tocsin.model import DeliveryState
from tocsin.store import Store


class Full:
    """A disk on which a process finds no room any more, from a moment on that the fake feed or receiver chooses."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._pid: int | None = None
        self._known = threading.Event()

    def strike(self, *, left: int = 0) -> bool:
        """From now on none of the process's files grows beyond what the database's log has reached, and `left`."""
        assert self._known.wait(60) and self._pid is not None
        reached = (self._room.state / "tocsin.db-wal").stat().st_size
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (reached + left, resource.RLIM_INFINITY))
        return True

    def sweep(self, driver: Driver, log: Path) -> Ended:
        """A sweep that the disk strikes."""
        pid = self._pid = driver.start(self._room.environ, NOW + HOUR, log)
        self._known.set()
        return driver.wait(pid, log)


def prepared(room: Room) -> Room:
    room.watch["notify"] = ["hook"]
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    return room


def states(room: Room) -> list[DeliveryState]:
    with room.store() as store:
        return [each.state for alert in store.alerts.recent() for each in store.outbox.of_alert(alert.id)]


def test_d03_full_while_entries_are_stored(room: Room, driver: Driver) -> None:
    full = Full(prepared(room))
    paper = room.press.papers["herald"]
    for number in range(400):
        paper.publish(f"{NOISE} {number}", at=NOW + HOUR)
    # Room enough to say what is wrong, and not for so many entries.
    paper.delay = lambda: full.strike(left=100_000) and None

    ended = full.sweep(driver, room.folder / "full.log")

    assert ended.code != 0
    assert "tocsin.db: disk I/O error" in ended.log or "tocsin.db: database or disk is full" in ended.log
    assert room.hooks.requests == []
    with room.store() as store:
        assert store.status(now=NOW).articles == 1
        assert store.maintenance.check() == []
    paper.delay = None
    after = driver.sweep(room.environ, NOW + HOUR + 10 * MINUTE, room.folder / "freed.log")
    assert (after.code, after.tally["sent"]) == (0, 1), after.log
    check(room, baseline=NOW, now=NOW + HOUR + 10 * MINUTE)


def test_d03_full_when_a_message_that_was_taken_is_to_be_marked(room: Room, driver: Driver) -> None:
    """D: it was claimed before it was sent, so it is sent again when the lease is over, and the log says so."""
    full = Full(prepared(room))
    room.hooks.hold = full.strike

    ended = full.sweep(driver, room.folder / "full.log")

    assert ended.code != 0
    assert len(room.hooks.requests) == 1
    assert states(room) == [DeliveryState.CLAIMED]
    room.hooks.hold = None
    early = driver.sweep(room.environ, NOW + HOUR + 3 * MINUTE, room.folder / "early.log")
    assert (early.code, early.tally["sent"]) == (0, 0), early.log
    after = driver.sweep(room.environ, NOW + HOUR + 10 * MINUTE, room.folder / "freed.log")
    assert (after.code, after.tally["sent"]) == (0, 1), after.log
    assert "uncertain whether it was sent" in after.log
    assert len(set(room.hooked())) == 1
    check(room, baseline=NOW, now=NOW + HOUR + 10 * MINUTE, extra=1)


@contextmanager
def nobody() -> Iterator[Path]:
    """A folder in which this process may read and not write, as the user of a service that lost its folder."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-readonly-"))
    user = os.geteuid()
    try:
        yield folder
    finally:
        os.seteuid(user)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def closed(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)


@pytest.mark.parametrize("beside", [False, True])
def test_d04_a_database_that_may_not_be_written_is_refused_and_left_alone(beside: bool) -> None:
    """Alone in its folder, and with the log of a process that was killed."""
    with nobody() as folder:
        with Store.open("", folder) as store:
            polled(store)
            if beside:
                shutil.copytree(folder, folder / "killed")
        if beside:
            (folder / "tocsin.db").unlink()
            for left in (folder / "killed").iterdir():
                left.rename(folder / left.name)
            (folder / "killed").rmdir()
        closed(folder)
        before = {path.name: path.read_bytes() for path in folder.iterdir()}

        with pytest.raises((SetupError, StoreError)) as caught, Store.open("", folder) as store:
            polled(store, 5)

        assert "tocsin.db" in str(caught.value)
        assert "readonly" in str(caught.value) or "unable to open" in str(caught.value)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert not stat.S_IMODE(folder.stat().st_mode) & 0o222
