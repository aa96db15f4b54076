"""Leases: one process at a time does a thing; a paused one that wakes up late finds its token outdated."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select, update

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
        """The lease, or None while somebody else holds it.

        One that was given back is free whatever the clock says. One that would last longer than twice `ttl` was taken
        before the clock was set back, and counts as over.
        """
        until = now + ttl
        insert = self.db.insert(_TABLE).values(name=name, holder=holder, until=until, token=1)
        over = (_TABLE.c.holder == "") | (_TABLE.c.until <= now) | (_TABLE.c.until > now + 2 * ttl)
        values = {"holder": holder, "until": until, "token": _TABLE.c.token + 1}
        query = insert.on_conflict_do_update(index_elements=["name"], set_=values, where=over)
        token = self.db.write(lambda c: c.execute(query.returning(_TABLE.c.token)).scalar())
        return None if token is None else Lease(name, holder, until, token)

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
