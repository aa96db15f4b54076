"""C04 and D09: several at once on one database, and everything is still done exactly once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.driver import Driver
from tests.faults.oracle import check
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, VETO, Room


def test_three_sweeps_at_once_do_the_work_of_one(any_room: Room, driver: Driver) -> None:
    room = any_room
    papers = [room.paper(name).publish(NOISE, at=NOW - HOUR) for name in ("herald", "post", "times")]
    room.write().sweep(now=NOW)
    for paper in papers:
        paper.publish(MISSILE, at=NOW + HOUR).publish(VETO, at=NOW + HOUR)

    logs = [room.folder / f"sweep{number}.log" for number in range(3)]
    pids = [driver.start(room.environ, NOW + HOUR, log) for log in logs]
    ended = [driver.wait(pid, log) for pid, log in zip(pids, logs, strict=True)]

    assert [each.code for each in ended] == [0, 0, 0], [each.log for each in ended]
    assert sum(each.tally["sent"] for each in ended) == 4
    check(room, baseline=NOW, now=NOW + HOUR)


def test_two_senders_at_once_share_the_outbox(any_room: Room) -> None:
    room = any_room
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR).publish(VETO, at=NOW + HOUR)
    with room.opened(now=NOW + HOUR) as first, room.opened(now=NOW + HOUR) as second:
        for _, step in first.steps()[:3]:
            step(now=NOW + HOUR)
        with ThreadPoolExecutor(2) as threads:
            tallies = threads.map(lambda sweep: sweep.send(now=NOW + HOUR), (first, second))
            sent = [tally.sent for tally in tallies]

    assert sum(sent) == 4
    check(room, baseline=NOW, now=NOW + HOUR)


@pytest.mark.parametrize("channel", [0, 1])
def test_one_dead_channel_of_two_leaves_the_other_in_time(channel: int, room: Room) -> None:
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    if channel:
        room.mailbox.answer_data = "451 try later"
    else:
        room.hooks.status = 502

    room.sweep(now=NOW + HOUR)
    assert (len(room.mailbox.mails) if channel == 0 else len(room.hooks.requests)) == 1
    room.mailbox.answer_data, room.hooks.status = "", 200
    before = len(room.hooks.requests)
    room.sweep(now=NOW + 3 * HOUR)

    assert len(room.mailbox.mails) == 1
    assert len(room.hooks.requests) - before == (1 if channel == 0 else 0)
