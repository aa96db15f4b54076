"""`tocsin events` and `tocsin alerts mute`, run as a person would, in processes of their own over a real watch."""

from __future__ import annotations

import json

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


def events(room: Room) -> list[dict[str, object]]:
    """What `tocsin events list` tells a program."""
    done = room.tocsin("events", "list", "--json")
    assert done.code == 0, done.err
    found: list[dict[str, object]] = json.loads(done.out)
    return found


def test_an_event_is_split_and_merged_again_and_only_the_split_off_part_alerts(room: Room) -> None:
    told(room)
    (whole,) = events(room)
    assert len(room.hooked()) == 1
    shown = room.tocsin("events", "show", str(whole["id"])).out
    assert "2 independent publishers" in shown
    first, second = whole["articles"]  # type: ignore[misc]

    done = room.tocsin("events", "split", str(whole["id"]), str(second), "--who", "ann", "--note", "two launches")
    assert done.code == 0, done.err
    room.sweep(now=NOW + 4 * HOUR)

    assert len(events(room)) == 2
    assert len(set(room.hooked())) == 2
    assert "ann: split, gave up 2: two launches" in room.tocsin("events", "show", str(whole["id"])).out

    done = room.tocsin("events", "merge", str(whole["id"]), "2")
    assert done.code == 0, done.err
    room.sweep(now=NOW + 5 * HOUR)

    (again,) = events(room)
    assert again["articles"] == [first, second]
    assert len(room.hooked()) == 2
    assert "alert" in room.tocsin("events", "show", str(whole["id"])).out
    assert "part of another event" in room.tocsin("events", "show", "2").out


def test_what_cannot_be_regrouped_is_refused_in_words(room: Room) -> None:
    told(room)

    assert "no event 9" in room.tocsin("events", "show", "9").err
    assert "there is no such event" in room.tocsin("events", "merge", "1", "9").err
    refused = room.tocsin("events", "split", "1", "1", "2", "3", "4")
    assert refused.code == 2
    assert "name some, but not all, of its articles" in refused.err


def test_a_mute_holds_back_and_can_be_undone(room: Room) -> None:
    room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)

    done = room.tocsin("alerts", "mute", "source=KP", "--for", "24h", "--comment", "known drill", "--who", "ann")
    assert done.code == 0, done.err
    assert "mute 1 until" in done.out
    (mute,) = json.loads(room.tocsin("alerts", "mutes", "--json").out)
    assert (mute["matchers"], mute["by"]) == ({"source": "KP"}, "ann")

    assert room.tocsin("alerts", "unmute", "1").code == 0
    assert "no mutes" in room.tocsin("alerts", "mutes").out


def test_a_matcher_or_span_that_means_nothing_is_refused(room: Room) -> None:
    room.write()

    assert "is no matcher" in room.tocsin("alerts", "mute", "colour=red", "--for", "1h").err
    assert "is no duration" in room.tocsin("alerts", "mute", "source=KP", "--for", "soon").err
