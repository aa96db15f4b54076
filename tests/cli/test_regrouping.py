"""`tocsin events` and `tocsin alerts mute`, run over a real watch."""

from __future__ import annotations

import json

from tests.cli.conftest import Run
from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, NOW, Room

AGAIN = "North Korea fires a missile off its eastern coast, Seoul says"


def told(room: Room) -> None:
    """Two papers that tell of a launch, in one event that was alerted on."""
    for name in ("herald", "post"):
        room.paper(name).publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    room.paper("herald").publish(MISSILE, at=NOW + MINUTE)
    room.sweep(now=NOW + HOUR)
    room.paper("post").publish(AGAIN, at=NOW + 2 * HOUR)
    room.sweep(now=NOW + 3 * HOUR)


def events(run: Run) -> list[dict[str, object]]:
    """What `tocsin events list` tells a program."""
    done = run("events", "list", "--json")
    assert done.code == 0, done.err
    found: list[dict[str, object]] = json.loads(done.out)
    return found


def test_an_event_is_split_and_merged_again_and_only_the_split_off_part_alerts(room: Room, run: Run) -> None:
    told(room)
    (whole,) = events(run)
    assert len(room.hooked()) == 1
    shown = run("events", "show", str(whole["id"])).out
    assert "2 independent publishers" in shown
    first, second = whole["articles"]  # type: ignore[misc]

    done = run("events", "split", str(whole["id"]), str(second), "--who", "ann", "--note", "two launches")
    assert done.code == 0, done.err
    room.sweep(now=NOW + 4 * HOUR)

    assert len(events(run)) == 2
    assert len(set(room.hooked())) == 2
    assert "ann: split, gave up 2: two launches" in run("events", "show", str(whole["id"])).out

    done = run("events", "merge", str(whole["id"]), "2")
    assert done.code == 0, done.err
    room.sweep(now=NOW + 5 * HOUR)

    (again,) = events(run)
    assert again["articles"] == [first, second]
    assert len(room.hooked()) == 2
    assert "alert" in run("events", "show", str(whole["id"])).out
    assert "part of another event" in run("events", "show", "2").out


def test_what_cannot_be_regrouped_is_refused_in_words(room: Room, run: Run) -> None:
    told(room)

    assert "no event 9" in run("events", "show", "9").err
    assert "there is no such event" in run("events", "merge", "1", "9").err
    refused = run("events", "split", "1", "1", "2", "3", "4")
    assert refused.code == 2
    assert "name some, but not all, of its articles" in refused.err


def test_a_mute_holds_back_and_can_be_undone(room: Room, run: Run) -> None:
    room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)

    done = run("alerts", "mute", "source=KP", "--for", "24h", "--comment", "known drill", "--who", "ann")
    assert done.code == 0, done.err
    assert "mute 1 until" in done.out
    (mute,) = json.loads(run("alerts", "mutes", "--json").out)
    assert (mute["matchers"], mute["by"]) == ({"source": "KP"}, "ann")

    assert run("alerts", "unmute", "1").code == 0
    assert "no mutes" in run("alerts", "mutes").out


def test_a_matcher_or_span_that_means_nothing_is_refused(room: Room, run: Run) -> None:
    room.write()

    assert "is no matcher" in run("alerts", "mute", "colour=red", "--for", "1h").err
    assert "is no duration" in run("alerts", "mute", "source=KP", "--for", "soon").err
