from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest

from tests.store.samples import DAY, MINUTE, NOW, article
from tocsin.errors import LeaseError
from tocsin.model import FeedState
from tocsin.store import Lease, Store

HOUR = 60 * MINUTE


def take(store: Store, holder: str, now: dt.datetime = NOW) -> Lease | None:
    return store.leases.acquire("sweep", holder=holder, now=now, ttl=MINUTE)


def test_one_holder_at_a_time(store: Store) -> None:
    first = take(store, "a")

    assert first == Lease("sweep", "a", NOW + MINUTE, 1)
    assert store.leases.holder("sweep") == first
    assert take(store, "b") is None
    assert take(store, "a") is None
    assert store.leases.acquire("send", holder="b", now=NOW, ttl=MINUTE) is not None


def test_the_token_grows_with_each_holder_and_an_outdated_one_is_refused(store: Store) -> None:
    first = take(store, "a")
    second = take(store, "b", NOW + MINUTE)

    assert first is not None
    assert second is not None
    assert (first.token, second.token) == (1, 2)
    assert store.leases.renew(first, now=NOW + MINUTE, ttl=MINUTE) is None
    assert not store.leases.release(first, now=NOW + MINUTE)
    assert store.leases.holder("sweep") == second


def test_a_renewed_lease_lasts_longer(store: Store) -> None:
    first = take(store, "a")
    assert first is not None

    renewed = store.leases.renew(first, now=NOW + MINUTE / 2, ttl=MINUTE)
    assert renewed == Lease("sweep", "a", NOW + MINUTE * 1.5, 1)
    assert take(store, "b", NOW + MINUTE) is None


def test_a_released_lease_is_free_and_keeps_counting(store: Store) -> None:
    first = take(store, "a")
    assert first is not None

    assert store.leases.release(first, now=NOW)
    second = take(store, "b")
    assert second is not None
    assert second.token == 2


def test_a_lease_taken_before_the_clock_was_set_back_does_not_block(store: Store) -> None:
    take(store, "a", NOW + 2 * HOUR)

    assert take(store, "b") is not None


def test_a_clock_that_is_a_little_behind_does_not_steal_a_lease(store: Store) -> None:
    take(store, "a")

    assert take(store, "b", NOW - MINUTE / 2) is None


def test_of_many_at_once_one_gets_it(database: str) -> None:
    got: list[Lease | None] = []

    def run(name: str) -> None:
        with Store.open(database) as own:
            got.append(take(own, name, NOW + DAY))

    runs = [threading.Thread(target=run, args=(f"p{number}",)) for number in range(6)]
    for item in runs:
        item.start()
    for item in runs:
        item.join()

    assert len(got) == 6
    assert [lease.token for lease in got if lease] == [1]


def test_of_several_names_the_one_that_was_free_for_longest_comes_first(store: Store) -> None:
    names = ("a", "b", "c")
    taken = [store.leases.acquire_one(names, holder="one", now=NOW + n * MINUTE / 9, ttl=HOUR) for n in range(4)]

    assert [lease and lease.name for lease in taken] == ["a", "b", "c", None]
    for lease in (taken[1], taken[0]):
        assert lease is not None
        assert store.leases.release(lease, now=NOW + MINUTE if lease.name == "a" else NOW)
    again = store.leases.acquire_one(names, holder="two", now=NOW + MINUTE, ttl=HOUR)
    assert again == Lease("b", "two", NOW + MINUTE + HOUR, 2)


def test_of_many_at_once_each_gets_another(database: str) -> None:
    names = [f"n{number}" for number in range(4)]
    got: list[str] = []

    def run(holder: str) -> None:
        with Store.open(database) as own:
            while lease := own.leases.acquire_one(names, holder=holder, now=NOW, ttl=DAY):
                got.append(lease.name)

    runs = [threading.Thread(target=run, args=(f"p{number}",)) for number in range(4)]
    for item in runs:
        item.start()
    for item in runs:
        item.join()

    assert sorted(got) == names


def test_d10_what_wakes_up_after_its_lease_was_taken_over_writes_nothing(store: Store) -> None:
    first = take(store, "paused")
    assert first is not None
    mine = store.under(first)
    mine.feeds.ensure(["kcna"], now=NOW)
    # The lease is over, but nobody has it: nothing is in anybody's way.
    mine.feeds.save_poll(FeedState("kcna", NOW, etag="early"))

    assert take(store, "another", NOW + MINUTE)
    writes: list[Callable[[], object]] = [
        lambda: mine.feeds.save_poll(FeedState("kcna", NOW, etag="late"), [article(1)]),
        lambda: mine.triggers.save_detection([], [], rules="r", now=NOW),
        lambda: mine.events.save_links([]),
        lambda: mine.alerts.save_decisions([], evaluated=[]),
    ]
    for write in writes:
        with pytest.raises(LeaseError, match="another process took the lease over") as refused:
            write()
        assert not refused.value.retry

    state = store.feeds.get("kcna")
    assert state is not None and state.etag == "early"
    assert store.articles.undetected(rules="r", limit=9) == []
