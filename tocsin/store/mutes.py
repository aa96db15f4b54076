"""Mutes: what is recorded but not sent, for a while."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, insert, select, update

from tocsin.model import Mute
from tocsin.store import schema
from tocsin.store.audit import Act, history, record
from tocsin.store.engine import Database

_TABLE = schema.mutes
_SELECT = select(
    *(_TABLE.c[name] for name in ("matchers", "starts_at", "until", "by", "comment", "id")),
)


@dataclass(frozen=True, slots=True)
class Mutes:
    """The table of mutes."""

    db: Database

    def add(self, mute: Mute, *, now: dt.datetime) -> Mute:
        """Store `mute`; it comes back with its id."""

        def add(connection: Connection) -> Mute:
            row = {
                "matchers": dict(mute.matchers),
                "starts_at": mute.starts_at,
                "until": mute.until,
                "by": mute.by,
                "comment": mute.comment,
            }
            stored = replace(mute, id=connection.execute(insert(_TABLE).returning(_TABLE.c.id), row).scalar_one())
            record(connection, Act(now, mute.by, "mute", _subject(stored.id), mute.comment))
            return stored

        return self.db.write(add)

    def active(self, *, now: dt.datetime) -> list[Mute]:
        """Those that hold at `now`, by id."""
        return self._read(_TABLE.c.until > now, _TABLE.c.starts_at <= now)

    def since(self, since: dt.datetime) -> list[Mute]:
        """Those that end after `since`, also the ones that have not begun, by id."""
        return self._read(_TABLE.c.until > since)

    def undo(self, id: int, *, who: str, now: dt.datetime) -> bool:
        """End a mute now; False, and nothing written, where there is none that lasts."""

        def undo(connection: Connection) -> bool:
            query = update(_TABLE).where(_TABLE.c.id == id, _TABLE.c.until > now).values(until=now)
            done = connection.execute(query).rowcount == 1
            if done:
                record(connection, Act(now, who, "unmute", _subject(id)))
            return done

        return self.db.write(undo)

    def history(self, id: int) -> tuple[Act, ...]:
        """Who made and undid a mute, and when."""
        return self.db.read(lambda c: history(c, _subject(id)))

    def _read(self, *wanted: ColumnElement[bool]) -> list[Mute]:
        query = _SELECT.where(*wanted).order_by(_TABLE.c.id)
        return self.db.read(lambda c: [Mute(*row) for row in c.execute(query)])


def _subject(id: int) -> str:
    return f"mute:{id}"
