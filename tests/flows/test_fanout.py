"""Detection by other processes finds what this one finds, and goes on without them."""

from __future__ import annotations

import logging
import zlib
from dataclasses import replace

import psutil
import pytest

from flows.detecting import Reader, detector, rules_digest
from flows.fanout import ANSWER_S, CHUNK, Answer, FanOut, Pool, detect_packed
from tests.newsroom import MISSILE, NOISE, VETO, Room, language
from tests.store.samples import article
from tocsin.config.folder import Config, load

ITEMS = [
    replace(article(number), title=(MISSILE, NOISE, VETO)[number % 3], summary="", id=number)
    for number in range(2 * CHUNK + 30)
]


@pytest.fixture
def config(room: Room) -> Config:
    return load(room.write().config, {})


def found(reader: Reader) -> list[tuple[object, ...]]:
    return [(each.triggers, each.skipped, each.errors) for each in reader.detect_many(ITEMS)]


def here(config: Config) -> Reader:
    return detector(config, language)


class Refusing:
    """A pool that breaks: where it is asked, or where it should answer."""

    def __init__(self, *, at_once: bool) -> None:
        self.at_once = at_once
        self.patience: list[float] = []

    def submit(self, digest: str, rules: bytes, articles: bytes) -> Answer:
        if self.at_once:
            raise OSError("no route")
        return self

    def result(self, timeout: float) -> bytes:
        self.patience.append(timeout)
        raise OSError("gone")


class Done:
    def __init__(self, packed: bytes) -> None:
        self.packed = packed

    def result(self, timeout: float) -> bytes:
        return self.packed


def test_processes_find_what_one_process_finds_and_one_that_is_killed_is_replaced(config: Config) -> None:
    pool = Pool(2)
    fan = FanOut(config, pool.submit, lambda: here(config))
    expected = found(here(config))
    assert sum(bool(triggers) for triggers, *_ in expected) > CHUNK

    assert found(fan) == expected
    helpers = [each for each in psutil.Process().children() if "multiprocessing.spawn" in " ".join(each.cmdline())]
    assert len(helpers) == 2
    helpers[0].kill()
    assert found(fan) == expected
    assert found(fan) == expected
    pool.close()


def test_what_nobody_takes_is_done_here_and_not_offered_again(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    fan = FanOut(config, Refusing(at_once=True).submit, lambda: here(config))

    with caplog.at_level(logging.ERROR):
        assert found(fan) == found(here(config))
    assert [record.getMessage() for record in caplog.records] == ["detection cannot be handed on: OSError: no route"]


def test_what_nobody_does_is_done_here_and_waited_for_once(config: Config) -> None:
    helper = Refusing(at_once=False)
    fan = FanOut(config, helper.submit, lambda: here(config))

    assert found(fan) == found(here(config))
    assert helper.patience == [ANSWER_S, 0, 0]


def test_little_is_not_handed_on(config: Config) -> None:
    fan = FanOut(config, Refusing(at_once=True).submit, lambda: here(config))

    assert len(list(fan.detect_many(ITEMS[:CHUNK]))) == CHUNK


def test_where_is_detected_changes_no_rules(room: Room) -> None:
    before = rules_digest(load(room.write().config, {}))
    room.settings["detect"] = {"processes": 4, "dask": "tcp://10.0.0.5:8786"}

    assert rules_digest(load(room.write().config, {})) == before


def test_no_secret_goes_with_the_rules(room: Room) -> None:
    room.channels.append({"id": "secret", "url": "json://127.0.0.1/${TOKEN}"})
    config = load(room.write().config, {"TOKEN": "canary7Q"})
    seen: list[bytes] = []

    def submit(digest: str, rules: bytes, articles: bytes) -> Answer:
        seen.extend((rules, articles))
        return Done(detect_packed(digest, rules, articles))

    found(FanOut(config, submit, lambda: here(config)))
    assert seen
    assert not any(b"canary7Q" in zlib.decompress(each) for each in seen)
