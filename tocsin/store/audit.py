"""The audit trail: who did what, and when. Lines are added in the transaction of the deed and never changed."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from tocsin.store import schema

_TABLE = schema.audit


@dataclass(frozen=True, slots=True)
class Act:
    """`who` did `act` to `subject` (an alert's id, `mute:3` …) at `at`."""

    at: dt.datetime
    who: str
    act: str
    subject: str
    note: str = ""


def record(connection: Connection, act: Act) -> None:
    """Add a line, inside the transaction of the deed."""
    connection.execute(insert(_TABLE), dataclasses.asdict(act))


def history(connection: Connection, subject: str) -> tuple[Act, ...]:
    """All that was done to `subject`, oldest first."""
    query = select(_TABLE.c.at, _TABLE.c.who, _TABLE.c.act, _TABLE.c.subject, _TABLE.c.note)
    rows = connection.execute(query.where(_TABLE.c.subject == subject).order_by(_TABLE.c.id))
    return tuple(Act(*row) for row in rows)
