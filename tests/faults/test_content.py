"""P01–P03 and P09 through a whole sweep: a hostile or foreign body is its feed's error, and nobody else's trouble."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import pytest

from tests.faults.oracle import check
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room
from tocsin.model import FeedState

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
ONE = "<rss version='2.0'><channel><title>t</title><item><title>{}</title><guid>g</guid></item></channel></rss>"
HOSTILE = {
    "path of a file": b"/etc/passwd",
    "endless device": b"/dev/zero",
    "address": b"http://127.0.0.1:1/feed",
    "billion laughs": f"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a0 'ha'>{LAUGHS}]>{ONE.format('&a9;')}".encode(),
    "quadratic blow-up": f"<!DOCTYPE x [<!ENTITY a '{'h' * 50_000}'>]>{ONE.format('&a;' * 5_000)}".encode(),
    "external entity": f"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>{ONE.format('&a;')}".encode(),
    "external DTD": f"<!DOCTYPE x SYSTEM 'http://127.0.0.1:1/x.dtd'>{ONE.format('t')}".encode(),
    "punycode": b"<?xml version='1.0' encoding='punycode'?>" + ONE.format("t").encode(),
    "huge character": ONE.format("&#99999999999;").encode(),
    "HTML": b"<!doctype html><html><head><title>Sign in</title></head><body><p>Welcome</p></body></html>",
    "JPEG": bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(5_000),
    "random": bytes((n * 7919 + n // 251) % 256 for n in range(20_000)),
    "empty": b"",
}
READABLE = {"quadratic blow-up", "external entity", "external DTD", "punycode", "huge character", "billion laughs"}
"""Those that may be read as a feed, without what is hostile in them."""


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def polled(room: Room, body: bytes) -> FeedState:
    """Two polls: the second finds `body` in one feed, and news in the other."""
    bad, good = room.paper("bad").publish(NOISE, at=NOW - HOUR), room.paper("good").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    bad.answers(body)
    good.publish(MISSILE, at=NOW + HOUR)
    started = time.monotonic()
    tally = room.sweep(now=NOW + HOUR)

    assert tally.sent == 2
    assert time.monotonic() - started < 100
    with room.store() as store:
        state = store.feeds.get("bad")
    assert state is not None
    return state


def greatest_child() -> int:
    """Kilobytes that the greatest process started so far has held; other tests start great ones too."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_body_stops_nobody_and_is_named(what: str, room: Room) -> None:
    others = greatest_child()
    state = polled(room, HOSTILE[what])

    if what not in READABLE:
        assert state.failures == 1
        assert state.last_error
        assert state.next_check_at > NOW + HOUR
        check(room, baseline=NOW, now=NOW + HOUR)
    with room.store() as store:
        stored = store.db.read(lambda c: str(c.exec_driver_sql("select title, summary from articles").fetchall()))
    assert "root:" not in stored
    assert greatest_child() <= max(others, 1_000_000)


def test_a_pipe_that_a_body_names_is_never_opened(pipe: Path, room: Room) -> None:
    assert polled(room, str(pipe).encode()).failures == 1


def test_after_an_error_nothing_counts_as_read(room: Room) -> None:
    polled(room, HOSTILE["HTML"])
    bad = room.press.papers["bad"].mended().publish(MISSILE, at=NOW + 2 * HOUR)

    tally = room.sweep(now=NOW + 3 * HOUR)

    assert tally.articles == 1
    assert len(bad.items) == 2
    with room.store() as store:
        state = store.feeds.get("bad")
    assert state is not None
    assert state.failures == 0
