from __future__ import annotations

import datetime as dt
import threading

from tests.store.samples import DAY, MINUTE, NOW
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
