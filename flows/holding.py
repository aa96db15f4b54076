"""One sweep at a time: a lease in the database that its holder renews for as long as it lives."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tocsin.errors import StoreError
from tocsin.store import Lease, Store

LEASE = dt.timedelta(minutes=2)
"""A sweep that was killed keeps the next one waiting for at most this long."""


@contextmanager
def held(
    store: Store, name: str, *, holder: str, now: dt.datetime, ttl: dt.timedelta = LEASE
) -> Iterator[Callable[[], bool] | None]:
    """The lease `name` for the time of the block, however long; None where somebody else has it.

    The yielded function says whether it was lost meanwhile, as when this process was paused for longer than `ttl`.
    """
    lease = store.leases.acquire(name, holder=holder, now=now, ttl=ttl)
    if lease is None:
        yield None
        return
    beat = _Beat(store, lease, now, ttl)
    beat.thread.start()
    try:
        yield beat.lost
    finally:
        beat.done.set()
        beat.thread.join()
        store.leases.release(lease, now=now)


class _Beat:
    """Renews a lease four times in its span. The clock is the one handed in, moved on by the time that has passed."""

    def __init__(self, store: Store, lease: Lease, now: dt.datetime, ttl: dt.timedelta) -> None:
        self._store, self._lease, self._from, self._ttl = store, lease, now, ttl
        self._started = time.monotonic()
        self._gone = threading.Event()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"lease-{lease.name}", daemon=True)

    def lost(self) -> bool:
        """Whether somebody else has the lease now, as the store says."""
        if not self._gone.is_set():
            self._renew()
        return self._gone.is_set()

    def _renew(self) -> None:
        now = self._from + dt.timedelta(seconds=time.monotonic() - self._started)
        if self._store.leases.renew(self._lease, now=now, ttl=self._ttl) is None:
            self._gone.set()

    def _run(self) -> None:
        while not self.done.wait(self._ttl.total_seconds() / 4):
            try:
                self._renew()
            except StoreError:
                continue  # the sweep itself will meet the same database, and say so
