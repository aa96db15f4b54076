"""Notices: what an operator should know now, one for each subject, until it is mended."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, select

from tocsin.store import schema
from tocsin.store.engine import Database

_TABLE = schema.notices


@dataclass(frozen=True, slots=True)
class Notice:
    """Something is wrong with `subject` (`channel:mail`, `rule:nuclear_test`, `config` …) since `since`."""

    subject: str
    message: str
    since: dt.datetime
    last_at: dt.datetime
    count: int


@dataclass(frozen=True, slots=True)
class Notices:
    """The table of notices, and of small facts that outlive a process."""

    db: Database

    def put(self, subject: str, message: str, *, now: dt.datetime) -> None:
        """Say that something is wrong with `subject`; said again, it counts up and keeps the time of the first."""
        values = {"subject": subject, "message": message, "since": now, "last_at": now, "count": 1}
        insert = self.db.insert(_TABLE).values(values)
        again = {"message": message, "last_at": now, "count": _TABLE.c.count + 1}
        self.db.write(lambda c: c.execute(insert.on_conflict_do_update(index_elements=["subject"], set_=again)))

    def clear(self, subject: str) -> None:
        """It is mended; writes nothing where nothing was wrong."""
        wrong = select(_TABLE.c.subject).where(_TABLE.c.subject == subject)
        if self.db.read(lambda c: c.execute(wrong).first()) is not None:
            self.db.write(lambda c: c.execute(delete(_TABLE).where(_TABLE.c.subject == subject)))

    def all(self) -> list[Notice]:
        """Everything that is wrong now, longest first."""
        columns = (_TABLE.c.subject, _TABLE.c.message, _TABLE.c.since, _TABLE.c.last_at, _TABLE.c.count)
        query = select(*columns).order_by(_TABLE.c.since, _TABLE.c.subject)
        return self.db.read(lambda c: [Notice(*row) for row in c.execute(query)])

    def remember(self, key: str, value: str) -> None:
        """Keep a small fact, such as when the last sweep ended."""
        insert = self.db.insert(schema.meta).values(key=key, value=value)
        query = insert.on_conflict_do_update(index_elements=["key"], set_={"value": value})
        self.db.write(lambda c: c.execute(query))

    def forget(self, key: str) -> None:
        """Keep it no longer."""
        self.db.write(lambda c: c.execute(delete(schema.meta).where(schema.meta.c.key == key)))

    def recall(self, key: str) -> str:
        """What was remembered under `key`, else ""."""
        query = select(schema.meta.c.value).where(schema.meta.c.key == key)
        return self.db.read(lambda c: c.execute(query).scalar()) or ""
