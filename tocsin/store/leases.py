"""Leases: one process at a time does a thing; a paused one that wakes up late finds its token outdated.

What is written under a lease (`Store.under`) asks for the token in the transaction that writes it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from tocsin.errors import LeaseError
from tocsin.store import schema
from tocsin.store.engine import Database

_TABLE = schema.leases


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do `name` until `until`. `token` grows with each holder: an older one is refused everywhere."""

    name: str
    holder: str
    until: dt.datetime
    token: int


@dataclass(frozen=True, slots=True)
class Leases:
    """The table of leases."""

    db: Database

    def acquire(self, name: str, *, holder: str, now: dt.datetime, ttl: dt.timedelta) -> Lease | None:
        """The lease `name`, or None while somebody else holds it."""
        return self.acquire_one((name,), holder=holder, now=now, ttl=ttl)

    def acquire_one(self, names: Sequence[str], *, holder: str, now: dt.datetime, ttl: dt.timedelta) -> Lease | None:
        """That lease of `names` which has been free for longest, or None while others hold all of them.

        One that was given back is free whatever the clock says. One that would last longer than twice `ttl` was taken
        before the clock was set back, and counts as over. Nobody waits for another who is taking one at this moment.
        """
        return self.db.write(lambda c: self._acquire(c, names, holder, now, ttl))

    def _acquire(
        self, connection: Connection, names: Sequence[str], holder: str, now: dt.datetime, ttl: dt.timedelta
    ) -> Lease | None:
        rows = [{"name": name, "holder": "", "until": now, "token": 0} for name in names]
        connection.execute(self.db.insert(_TABLE).on_conflict_do_nothing(), rows)
        over = (_TABLE.c.holder == "") | (_TABLE.c.until <= now) | (_TABLE.c.until > now + 2 * ttl)
        free = select(_TABLE.c.name, _TABLE.c.token).where(_TABLE.c.name.in_(names), over)
        free = free.order_by(_TABLE.c.until, _TABLE.c.name).limit(1).with_for_update(skip_locked=True)
        found = connection.execute(free).first()
        if found is None:
            return None
        lease = Lease(found.name, holder, now + ttl, found.token + 1)
        taken = {"holder": holder, "until": lease.until, "token": lease.token}
        connection.execute(update(_TABLE).where(_TABLE.c.name == lease.name).values(**taken))
        return lease

    def renew(self, lease: Lease, *, now: dt.datetime, ttl: dt.timedelta) -> Lease | None:
        """The lease for another `ttl` from `now`, or None where somebody else took it over meanwhile."""
        until = now + ttl
        query = update(_TABLE).where(_TABLE.c.name == lease.name, _TABLE.c.token == lease.token)
        done = self.db.write(lambda c: c.execute(query.values(until=until)).rowcount == 1)
        return Lease(lease.name, lease.holder, until, lease.token) if done else None

    def release(self, lease: Lease, *, now: dt.datetime) -> bool:
        """Give the lease back; False where somebody else took it over meanwhile."""
        query = update(_TABLE).where(_TABLE.c.name == lease.name, _TABLE.c.token == lease.token)
        return self.db.write(lambda c: c.execute(query.values(until=now, holder="")).rowcount == 1)

    def holder(self, name: str) -> Lease | None:
        """Who holds `name` or held it last."""
        query = select(_TABLE.c.name, _TABLE.c.holder, _TABLE.c.until, _TABLE.c.token).where(_TABLE.c.name == name)
        return self.db.read(lambda c: next((Lease(*row) for row in c.execute(query)), None))


def demand(connection: Connection, lease: Lease) -> None:
    """`LeaseError` where somebody else took `lease` over; nobody can before this transaction has ended."""
    mine = select(_TABLE.c.token).where(_TABLE.c.name == lease.name, _TABLE.c.token == lease.token)
    if connection.execute(mine.with_for_update(read=True)).first() is None:
        raise LeaseError(lease.name)
