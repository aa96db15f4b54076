"""Leases held for as long as a thing takes: by one process at a time, which renews them for as long as it lives."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tocsin.errors import StoreError
from tocsin.store import Lease, Store

LEASE = dt.timedelta(minutes=2)
"""A process that was killed keeps the next one waiting for at most this long."""
SWEEP = "sweep"
"""Name of the lease under which one process at a time links, judges and sends."""


class Hold:
    """A lease that is renewed four times in its span. The clock is the one handed in, moved on by what has passed."""

    def __init__(self, store: Store, lease: Lease, now: dt.datetime, ttl: dt.timedelta) -> None:
        self.lease = lease
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"lease-{lease.name}", daemon=True)
        self._store, self._from, self._ttl = store, now, ttl
        self._started = time.monotonic()
        self._gone = threading.Event()

    def lost(self) -> bool:
        """Whether somebody else has the lease now, as the store says: so where this process was paused for too long."""
        if not self._gone.is_set():
            self._renew()
        return self._gone.is_set()

    def _renew(self) -> None:
        now = self._from + dt.timedelta(seconds=time.monotonic() - self._started)
        if self._store.leases.renew(self.lease, now=now, ttl=self._ttl) is None:
            self._gone.set()

    def _run(self) -> None:
        while not self.done.wait(self._ttl.total_seconds() / 4):
            try:
                self._renew()
            except StoreError:
                continue  # who holds it will meet the same database, and say so


@contextmanager
def held(store: Store, *names: str, holder: str, now: dt.datetime, ttl: dt.timedelta = LEASE) -> Iterator[Hold | None]:
    """That lease of `names` which was free for longest, for the time of the block; None where others have all."""
    lease = store.leases.acquire_one(names, holder=holder, now=now, ttl=ttl)
    if lease is None:
        yield None
        return
    hold = Hold(store, lease, now, ttl)
    hold.thread.start()
    try:
        yield hold
    finally:
        hold.done.set()
        hold.thread.join()
        store.leases.release(lease, now=now)
