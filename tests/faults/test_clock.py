"""T04: a machine that does not know the time yet sweeps nothing, says so, and goes on once it knows."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room
from tocsin.errors import SetupError

BOOT = dt.datetime(1970, 1, 1, 0, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("boot", [BOOT, BOOT.replace(year=1980), BOOT.replace(year=2000)])
def test_t04_a_clock_at_its_beginning_is_refused_and_leaves_nothing(boot: dt.datetime, room: Room) -> None:
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    asked = len(paper.requests)
    paper.publish(MISSILE, at=NOW + HOUR)

    with pytest.raises(SetupError, match=rf"cannot sweep: clock: it says {boot:%Y-%m-%d}") as refused:
        room.sweep(now=boot)

    assert refused.value.retry, "the next run may find it set"
    assert len(paper.requests) == asked
    tally = room.sweep(now=NOW + HOUR)
    assert (tally.articles, tally.alerts, tally.sent) == (1, 1, 2)


@pytest.mark.parametrize("hours", [2, -2])
def test_t01_a_step_of_the_clock_doubles_no_alert_and_stops_no_feed(hours: int, any_room: Room) -> None:
    room = any_room
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW)
    room.sweep(now=NOW + HOUR)
    asked = len(paper.requests)

    stepped = NOW + HOUR + hours * HOUR
    for minutes in (1, 2, 3):
        room.sweep(now=stepped + minutes * dt.timedelta(minutes=1))

    assert len(paper.requests) > asked, "polled on under the new time"
    assert len(set(room.hooked())) == len(room.hooked()) == len(room.mailbox.mails) == 1
