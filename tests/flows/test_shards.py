"""The feeds in parts: each in one, the same in every process."""

from __future__ import annotations

import pytest

from flows.holding import held
from flows.shards import divided, names, undisturbed
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room
from tocsin.store import Store

FEEDS = [f"feed{number}" for number in range(1_000)]


def test_every_feed_is_in_one_shard_and_no_shard_has_much_more_than_another() -> None:
    parts = divided(FEEDS, 8)

    assert list(parts) == names(8) == [f"shard {number} of 8" for number in range(1, 9)]
    assert sorted(feed for part in parts.values() for feed in part or ()) == sorted(FEEDS)
    assert all(90 <= len(part or ()) <= 160 for part in parts.values())


def test_a_feed_stays_in_its_shard_whatever_others_there_are() -> None:
    alone = divided(["feed7"], 8)

    assert [lease for lease, part in divided(FEEDS, 8).items() if part and "feed7" in part] == [
        lease for lease, part in alone.items() if part
    ]


def test_one_shard_is_all_feeds_and_those_that_left_the_configuration() -> None:
    assert divided(FEEDS, 1) == {"shard 1 of 1": None}


def test_one_process_does_all_shards(any_room: Room) -> None:
    any_room.settings["shards"] = 5
    papers = [any_room.paper(f"paper{number}").publish(NOISE, at=NOW - HOUR) for number in range(7)]
    any_room.write().sweep(now=NOW)
    for paper in papers:
        paper.publish(MISSILE, at=NOW + HOUR)

    tally = any_room.sweep(now=NOW + HOUR)

    assert (tally.feeds, tally.articles, tally.triggers, tally.events, tally.alerts) == (7, 7, 7, 1, 1)


def test_a_shard_that_another_has_is_left_to_it(any_room: Room) -> None:
    any_room.settings["shards"] = 2
    for number in range(7):
        any_room.paper(f"paper{number}").publish(NOISE, at=NOW - HOUR)
    any_room.write()
    mine, theirs = divided(list(any_room.press.papers), 2).values()
    with any_room.store() as store, held(store, "shard 2 of 2", holder="another", now=NOW) as hold:
        assert hold is not None
        assert any_room.sweep(now=NOW).feeds == len(mine or ())
    assert all(any_room.press.papers[feed].requests == [] for feed in theirs or ())


@pytest.mark.parametrize("busy", ["shard 2 of 3", "sweep"])
def test_nobody_is_undisturbed_while_a_sweep_is_under_way(store: Store, busy: str) -> None:
    with held(store, busy, holder="another", now=NOW) as hold:
        assert hold is not None
        with undisturbed(store, 3, holder="me", now=NOW) as alone:
            assert not alone
    with undisturbed(store, 3, holder="me", now=NOW) as alone:
        assert alone
        assert store.leases.acquire("shard 1 of 3", holder="another", now=NOW, ttl=HOUR) is None
