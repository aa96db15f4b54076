"""K13, D10, M06: what was away for long comes back, and nothing is lost, or sent twice but where it may be."""

from __future__ import annotations

import os
import signal
import threading

from tests.faults.driver import Driver
from tests.faults.oracle import check
from tests.faults.reading import Reader
from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, NOW, VETO, Room
from tocsin.model import AlertKind, DeliveryState

ACTORS = 500


def test_k13_after_two_hours_one_sweep_catches_up_though_many_are_overdue(any_room: Room, driver: Driver) -> None:
    """Prefect starts every overdue run at once; one of them does the work, the others find nothing or are kept out."""
    room = any_room
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + 10 * MINUTE).publish(VETO, at=NOW + HOUR)
    asked, later = len(paper.requests), NOW + 2 * HOUR

    logs = [room.folder / f"overdue{number}.log" for number in range(4)]
    pids = [driver.start(room.environ, later, log) for log in logs]
    ended = [driver.wait(pid, log) for pid, log in zip(pids, logs, strict=True)]

    assert [each.code for each in ended] == [0] * 4, [each.log for each in ended]
    assert len(paper.requests) == asked + 1
    assert sum(each.tally["sent"] for each in ended) >= 3
    check(room, baseline=NOW, now=later)


def test_d10_a_sender_that_is_paused_beyond_its_lease_marks_nothing_when_it_wakes(
    any_room: Room, driver: Driver
) -> None:
    """Stopped in the midst of a send, so that its message may be out: the one that takes over sends again (D)."""
    room = any_room
    room.watch["notify"] = ["hook"]
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR).publish(VETO, at=NOW + HOUR)
    arrived, release = threading.Event(), threading.Event()

    def hold() -> bool:
        arrived.set()
        return release.wait(60)

    room.hooks.hold = hold
    log = room.folder / "paused.log"
    pid = driver.start(room.environ, NOW + HOUR, log)
    assert arrived.wait(60)
    os.kill(pid, signal.SIGSTOP)
    room.hooks.hold = None
    release.set()

    after = NOW + HOUR + 10 * MINUTE
    try:
        other = driver.sweep(room.environ, after, room.folder / "other.log")
        with room.store() as store:
            marked = {each.id: each for alert in store.alerts.recent() for each in store.outbox.of_alert(alert.id)}
    finally:
        os.kill(pid, signal.SIGCONT)
        woken = driver.wait(pid, log)
    assert (other.code, other.tally["sent"]) == (0, 2), other.log
    assert "uncertain whether it was sent" in other.log

    # It learns of the loss by its token before it sends the second, and changes no line of the outbox.
    assert woken.code == 0, woken.log
    assert "its claim was lost meanwhile" in woken.log
    with room.store() as store:
        now = {each.id: each for alert in store.alerts.recent() for each in store.outbox.of_alert(alert.id)}
        assert now == marked
        assert {each.state for each in now.values()} == {DeliveryState.SENT}
    check(room, baseline=NOW, now=after, extra=2)


def test_m06_five_hundred_alerts_wait_for_a_channel_that_was_down_for_three_days(room: Room) -> None:
    """Back again, what waited goes out oldest first and at the channel's rate; people get few messages, not 500."""
    names = [f"Region{number:03}" for number in range(ACTORS)]
    room.settings["send"] = {"give_up_after": "100h"}
    room.channels[0]["per_minute"] = 60
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write()
    with room.opened(now=NOW) as sweep:
        sweep.reader = Reader()
        sweep.run(now=NOW)
        for name in names:
            paper.publish(f"{name} fires a missile", at=NOW + HOUR, guid=name)
        room.hooks.status, room.mailbox.answer_data = 503, "451 later"
        assert sweep.run(now=NOW + HOUR).alerts == ACTORS
        for hours in (3, 12, 30, 60, 72):
            sweep.run(now=NOW + hours * HOUR)
        down = len(room.hooks.requests)
        assert room.mailbox.mails == []

        room.hooks.status, room.mailbox.answer_data = 200, ""
        for minute in range(10):
            before = len(room.hooks.requests)
            sweep.run(now=NOW + 74 * HOUR + minute * MINUTE)
            assert len(room.hooks.requests) - before <= 60
        with room.store() as store:
            assert not [*store.outbox.in_state(DeliveryState.QUEUED), *store.outbox.in_state(DeliveryState.DEAD)]
            ids = [alert.id for alert in store.alerts.recent(limit=9_999) if alert.kind is AlertKind.ALERT]
            first = {each.alert: each.id for id in ids for each in store.outbox.of_alert(id) if each.channel == "hook"}
    got = room.hooked()[down:]
    assert sorted(got) == sorted(ids)
    assert [first[id] for id in got] == sorted(first.values())
    text = "\n".join(mail.as_string() for _, mail in room.mailbox.mails)
    assert len(room.mailbox.mails) <= 10
    assert all(name.upper() in text.upper() for name in names)
