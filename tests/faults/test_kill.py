"""K01–K12: killed at any boundary of a sweep, the next one goes on; nothing is lost, nor twice but where it may be."""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.faults.driver import Driver, Ended
from tests.faults.oracle import check
from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, NOW, VETO, Room
from tocsin.model import DeliveryState

LATER = NOW + HOUR
MENDED = LATER + 6 * MINUTE
"""After every lease of a killed sweep."""

CASES = [
    ("K01", "before_request", 0),
    ("K02", "after_response", 0),
    ("K03", "mid_store", 0),
    ("K04", "after_store", 0),
    ("K05", "mid_detect", 0),
    ("K06", "after_detect", 0),
    ("K06", "after_link", 0),
    ("K07", "before_alert_commit", 0),
    ("K08", "after_alert_commit", 0),
    ("K09", "after_claim", 0),
    ("K11", "after_send", 2),
    ("K12", "after_sent", 1),
]


def publish(room: Room) -> None:
    """Two feeds that were polled before, and the news of the hour among much noise."""
    herald, post = room.paper("herald").publish(NOISE, at=NOW - HOUR), room.paper("post").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    for number in range(40):
        herald.publish(f"{NOISE}, part {number}", at=LATER - MINUTE)
    herald.publish(MISSILE, at=LATER)
    post.publish(MISSILE, at=LATER).publish(VETO, at=LATER)


def sweep(room: Room, driver: Driver, now: dt.datetime, failpoint: str = "") -> Ended:
    """One sweep in a process of its own."""
    return driver.sweep(room.environ, now, room.folder / "sweep.log", failpoint=failpoint)


def recover(room: Room, driver: Driver, extra: int) -> str:
    """Sweep until nothing is left to do; everything that was said."""
    for minutes in (0, 1):
        ended = sweep(room, driver, MENDED + minutes * MINUTE)
        assert ended.code == 0, ended.log
        assert not ended.tally["skipped"]
    check(room, baseline=NOW, now=MENDED, extra=extra)
    return ended.log


@pytest.mark.parametrize(("case", "failpoint", "extra"), CASES)
def test_killed_at(case: str, failpoint: str, extra: int, room: Room, driver: Driver) -> None:
    publish(room)

    ended = sweep(room, driver, LATER, failpoint)

    assert ended.code == -signal.SIGKILL, ended.log
    log = recover(room, driver, extra)
    if case == "K11":
        assert "uncertain whether it was sent" in log


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("failpoint", "extra"), [("mid_store", 0), ("before_alert_commit", 0), ("after_claim", 0), ("after_send", 2)]
)
def test_killed_on_postgres_at(failpoint: str, extra: int, any_room: Room, driver: Driver) -> None:
    publish(any_room)

    assert sweep(any_room, driver, LATER, failpoint).code == -signal.SIGKILL

    recover(any_room, driver, extra)


def test_before_the_store_no_validator_is_kept_so_that_the_whole_document_comes_again(
    room: Room, driver: Driver
) -> None:
    publish(room)
    before = len(room.press.papers["herald"].requests)

    sweep(room, driver, LATER, "mid_store")
    sweep(room, driver, MENDED)

    asked = room.press.papers["herald"].requests[before:]
    assert len(asked) >= 2
    assert len({request.get("If-None-Match") for request in asked}) == 1


def test_a_lease_keeps_the_next_sweep_out_for_two_minutes_and_no_longer(room: Room, driver: Driver) -> None:
    publish(room)
    sweep(room, driver, LATER, "after_store")

    assert sweep(room, driver, LATER + MINUTE).tally["skipped"] == "another sweep is under way"
    assert sweep(room, driver, LATER + 2 * MINUTE + dt.timedelta(seconds=2)).tally["sent"] == 4


@pytest.mark.parametrize("counted", [True, False])
def test_k10_killed_while_the_receiver_has_half_of_it(
    counted: bool, room: Room, driver: Driver, tmp_path: Path
) -> None:
    publish(room)
    arrived, release = threading.Event(), threading.Event()

    def hold() -> bool:
        arrived.set()
        release.wait(30)
        return counted

    room.hooks.hold = hold
    log = tmp_path / "held.log"
    pid = driver.start(room.environ, LATER, log)
    assert arrived.wait(60)
    os.kill(pid, signal.SIGKILL)
    assert driver.wait(pid, log).code == -signal.SIGKILL
    room.hooks.hold = None
    release.set()

    # Claimed together, the second of the channel was not tried and the mails may be out, unmarked.
    recover(room, driver, extra=3)


def test_k11_with_on_uncertain_hold_nothing_is_sent_twice_and_a_person_is_told(room: Room, driver: Driver) -> None:
    room.channels[0]["on_uncertain"] = "hold"
    room.channels[1]["alarms"], room.channels[0]["alarms"] = True, False
    room.watch["notify"] = ["hook"]
    publish(room)

    sweep(room, driver, LATER, "after_send")
    for minutes in (0, 1):
        sweep(room, driver, MENDED + minutes * MINUTE)

    assert len(room.hooks.requests) == 1
    assert [subject for subject in room.mailed() if "channel=hook" in subject]
    with room.store() as store:
        assert {each.uncertain for each in store.outbox.in_state(DeliveryState.DEAD)} == {True}


def test_the_command_itself_killed_and_started_again(room: Room) -> None:
    present = dt.datetime.now(dt.UTC)
    paper = room.paper("herald").publish(NOISE, at=present - 2 * HOUR)
    room.write().sweep(now=present - HOUR)
    paper.publish(MISSILE, at=present)

    killed = room.tocsin("sweep", environ={"TOCSIN_FAILPOINT": "after_alert_commit:kill"})
    assert killed.code == -signal.SIGKILL
    with room.store() as store:
        lease = store.leases.holder("sweep")
        assert lease is not None
        store.leases.release(lease, now=present)
    again = room.tocsin("sweep")

    assert (again.code, len(room.hooked()), len(room.mailbox.mails)) == (0, 1, 1)


def test_k14_sigterm_in_the_midst_of_a_send_ends_after_it_and_gives_back_the_rest(
    room: Room, driver: Driver, tmp_path: Path
) -> None:
    room.watch["notify"] = ["hook"]
    publish(room)
    arrived, release = threading.Event(), threading.Event()

    def hold() -> bool:
        arrived.set()
        return release.wait(30)

    room.hooks.hold = hold
    log = tmp_path / "held.log"
    pid = driver.start(room.environ, LATER, log)
    assert arrived.wait(60)
    driver.terminate(pid, log)
    release.set()
    ended = driver.wait(pid, log)

    assert (ended.code, ended.tally["sent"]) == (0, 1), ended.log
    room.hooks.hold = None
    with room.store() as store:
        (rest,) = store.outbox.in_state(DeliveryState.QUEUED)
        assert (rest.attempts, rest.uncertain) == (0, False)
    # At once: neither the lease of the sweep nor that of the delivery is left behind.
    assert sweep(room, driver, LATER + dt.timedelta(seconds=1)).tally["sent"] == 1
    check(room, baseline=NOW, now=LATER)
