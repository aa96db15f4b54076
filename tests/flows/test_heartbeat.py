"""M10: when the watch is dead, or blind, its heartbeat stops; nothing else follows from it."""

from __future__ import annotations

from tests.newsroom import HOUR, MINUTE, NOISE, NOW, Room


def beating(room: Room) -> Room:
    room.settings["heartbeat"] = f"http://127.0.0.1:{room.hooks.port}/beat"
    room.paper("herald", interval={"min": "5m", "max": "30m"}).publish(NOISE, at=NOW - HOUR)
    return room.write()


def test_each_sweep_that_ends_is_a_beat_and_without_an_address_there_is_none(room: Room) -> None:
    beating(room).sweep(now=NOW)
    room.sweep(now=NOW + MINUTE)
    assert room.hooks.asked == ["/beat", "/beat"]

    room.settings["heartbeat"] = ""
    room.write().sweep(now=NOW + 2 * MINUTE)
    assert len(room.hooks.asked) == 2


def test_it_stops_when_nothing_could_be_read_for_two_intervals_and_comes_back(room: Room) -> None:
    beating(room).sweep(now=NOW)
    room.press.papers["herald"].answers(b"", 503)
    room.sweep(now=NOW + 50 * MINUTE)
    assert len(room.hooks.asked) == 2
    room.sweep(now=NOW + 61 * MINUTE)
    room.sweep(now=NOW + 2 * HOUR)
    assert len(room.hooks.asked) == 2

    room.press.papers["herald"].mended()
    room.sweep(now=NOW + 30 * HOUR)
    assert len(room.hooks.asked) == 3


def test_a_sweep_that_is_kept_out_or_stopped_is_none(room: Room) -> None:
    beating(room)
    with room.opened(now=NOW) as sweep:
        sweep.stop = lambda: True
        sweep.run(now=NOW)
        assert sweep.store.leases.acquire("sweep", holder="stuck", now=NOW, ttl=HOUR)
        sweep.run(now=NOW + MINUTE)
    assert room.hooks.asked == []


def test_a_service_that_does_not_answer_is_told_in_status_and_stops_nothing(room: Room) -> None:
    beating(room)
    room.hooks.status = 500
    room.sweep(now=NOW)
    with room.store() as store:
        assert [(each.subject, each.message) for each in store.notices.all()] == [("heartbeat", "HTTP 500")]

    room.settings["heartbeat"] = "http://127.0.0.1:9/secret"
    room.write().sweep(now=NOW + MINUTE)
    with room.store() as store:
        (notice,) = store.notices.all()
        assert "no answer" in notice.message and "secret" not in notice.message

    room.hooks.status = 200
    beating(room).sweep(now=NOW + 2 * MINUTE)
    with room.store() as store:
        assert store.notices.all() == []
