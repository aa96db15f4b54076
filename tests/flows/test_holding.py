"""One sweep at a time, however long it takes; a killed one keeps nobody waiting for long."""

from __future__ import annotations

import datetime as dt
import time

from flows.holding import LEASE, held
from tests.newsroom import NOW
from tocsin.store import Store

SHORT = dt.timedelta(seconds=0.4)


def test_one_holder_at_a_time_and_none_afterwards(store: Store) -> None:
    with held(store, "sweep", holder="one", now=NOW) as hold:
        assert hold is not None
        assert not hold.lost()
        with held(store, "sweep", holder="two", now=NOW) as other:
            assert other is None

    with held(store, "sweep", holder="two", now=NOW) as hold:
        assert hold is not None


def expiry(store: Store) -> dt.datetime:
    lease = store.leases.holder("sweep")
    assert lease is not None
    return lease.until


def test_it_is_kept_for_as_long_as_the_block_lasts(store: Store) -> None:
    with held(store, "sweep", holder="one", now=NOW, ttl=SHORT):
        later = NOW + 2.5 * SHORT
        while expiry(store) <= later:
            time.sleep(0.01)
        assert store.leases.acquire("sweep", holder="two", now=later, ttl=SHORT) is None


def test_a_holder_that_was_paused_for_too_long_is_told_that_it_lost_it(store: Store) -> None:
    with held(store, "sweep", holder="paused", now=NOW) as hold:
        assert hold is not None
        taken = store.leases.acquire("sweep", holder="another", now=NOW + LEASE, ttl=LEASE)
        assert taken is not None
        assert hold.lost()

    # … and does not give away what is no longer its own.
    assert store.leases.acquire("sweep", holder="third", now=NOW + LEASE, ttl=LEASE) is None


def test_a_killed_holder_keeps_others_waiting_for_one_lease(store: Store) -> None:
    store.leases.acquire("sweep", holder="killed", now=NOW, ttl=LEASE)

    with held(store, "sweep", holder="next", now=NOW + LEASE - dt.timedelta(seconds=1)) as early:
        assert early is None
    with held(store, "sweep", holder="next", now=NOW + LEASE) as late:
        assert late is not None
