"""The outbox: who has still to be told of what. Claim, commit, send, mark; nothing is sent inside a transaction."""

from __future__ import annotations

import dataclasses
import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from tocsin import failpoint
from tocsin.model import Delivery, DeliveryState
from tocsin.store import schema
from tocsin.store.audit import Act, record
from tocsin.store.engine import Database

_TABLE = schema.deliveries
_FIELDS = tuple(field.name for field in dataclasses.fields(Delivery))
_STATE = _FIELDS.index("state")
_SELECT = select(*(_TABLE.c[name] for name in _FIELDS))
_NEXT_DUE = select(func.min(_TABLE.c.due_at))


@dataclass(frozen=True, slots=True)
class Outbox:
    """The table of deliveries."""

    db: Database

    def claim(self, *, now: dt.datetime, lease: dt.timedelta, limit: int, holder: str) -> list[Delivery]:
        """Take what is due, oldest first and at most `limit` for each channel, for the time of `lease`.

        The attempt is counted and committed before anything is sent. A delivery whose last holder never said how it
        went comes marked `uncertain`: it may have been sent. `holder` is for people who look into the table.
        """
        token = secrets.token_hex(8)
        claimed = self.db.write(lambda c: _claim(c, now, lease, limit, holder, token))
        failpoint.reach("after_claim")
        return claimed

    def next_due(self) -> dt.datetime | None:
        """When the next delivery can be claimed; None where nothing waits."""
        due: dt.datetime | None = self.db.read(lambda c: c.execute(_NEXT_DUE).scalar())
        return due

    def held(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Those of `deliveries` whose claim nobody else has taken over."""
        tokens = {delivery.id: delivery.token for delivery in deliveries}
        query = select(_TABLE.c.id, _TABLE.c.token).where(_TABLE.c.id.in_(tokens))
        found = self.db.read(lambda c: {row.id: row.token for row in c.execute(query)})
        return [delivery for delivery in deliveries if found.get(delivery.id) == delivery.token]

    def sent(self, delivery: Delivery, *, now: dt.datetime) -> bool:
        """The channel took it. False where the claim was lost meanwhile: another sender has it now."""
        done = self._mark(delivery, state=DeliveryState.SENT, sent_at=now, due_at=None, last_error="")
        failpoint.reach("after_sent")
        return done

    def failed(self, delivery: Delivery, *, error: str, next_try_at: dt.datetime) -> bool:
        """It was not taken; try again at `next_try_at`. False where the claim was lost meanwhile."""
        return self._mark(
            delivery, state=DeliveryState.QUEUED, next_try_at=next_try_at, due_at=next_try_at, last_error=error
        )

    def dead(self, delivery: Delivery, *, error: str) -> bool:
        """It will never be taken. False where the claim was lost meanwhile."""
        return self._mark(delivery, state=DeliveryState.DEAD, due_at=None, last_error=error)

    def release(self, delivery: Delivery) -> bool:
        """It was claimed but not tried; give it back at once. False where the claim was lost meanwhile."""
        due = delivery.next_try_at
        return self._mark(delivery, state=DeliveryState.QUEUED, due_at=due, attempts=delivery.attempts - 1)

    def revive(self, alert: str, *, who: str, now: dt.datetime, note: str = "") -> int:
        """Queue again what will not be sent of `alert` (dead, or held for a person), for now; how many deliveries."""
        query = update(_TABLE).where(_TABLE.c.alert == alert, _TABLE.c.state == DeliveryState.DEAD.value)
        query = query.values(
            state=DeliveryState.QUEUED.value, next_try_at=now, due_at=now, attempts=0, uncertain=False, last_error=""
        )

        def revive(connection: Connection) -> int:
            count = connection.execute(query).rowcount
            if count:
                record(connection, Act(now, who, "send", alert, note))
            return count

        return self.db.write(revive)

    def of_alert(self, alert: str) -> list[Delivery]:
        """All deliveries of one alert."""
        return self.db.read(lambda c: deliveries_of(c, alert))

    def in_state(self, state: DeliveryState, *, limit: int = 100) -> list[Delivery]:
        """At most `limit` deliveries in `state`, newest first."""
        query = _SELECT.where(_TABLE.c.state == state.value).order_by(_TABLE.c.id.desc()).limit(limit)
        return self.db.read(lambda c: [to_delivery(row) for row in c.execute(query)])

    def _mark(self, delivery: Delivery, *, state: DeliveryState, **values: object) -> bool:
        claim = (_TABLE.c.id == delivery.id, _TABLE.c.state == DeliveryState.CLAIMED.value)
        query = update(_TABLE).where(*claim, _TABLE.c.token == delivery.token)
        query = query.values(state=state.value, lease_until=None, token="", holder="", **values)
        return self.db.write(lambda c: c.execute(query).rowcount == 1)


def _claim(
    connection: Connection, now: dt.datetime, lease: dt.timedelta, limit: int, holder: str, token: str
) -> list[Delivery]:
    rank = func.row_number().over(partition_by=_TABLE.c.channel, order_by=_TABLE.c.id).label("rank")
    ranked = select(_TABLE.c.id, rank).where(_TABLE.c.due_at <= now).subquery()
    # Due again outside the ranking: Postgres checks that part once more after it waited for a row.
    query = _SELECT.where(_TABLE.c.due_at <= now, _TABLE.c.id.in_(select(ranked.c.id).where(ranked.c.rank <= limit)))
    query = query.order_by(_TABLE.c.id).with_for_update(skip_locked=True)
    due = [to_delivery(row) for row in connection.execute(query)]
    until = now + lease
    lost = [delivery.id for delivery in due if delivery.state is DeliveryState.CLAIMED]
    taken = {"state": DeliveryState.CLAIMED.value, "lease_until": until, "due_at": until}
    change = update(_TABLE).values(**taken, token=token, holder=holder, attempts=_TABLE.c.attempts + 1)
    if due:
        connection.execute(change.where(_TABLE.c.id.in_([delivery.id for delivery in due])))
    if lost:
        connection.execute(update(_TABLE).values(uncertain=True).where(_TABLE.c.id.in_(lost)))
    return [
        replace(
            delivery,
            state=DeliveryState.CLAIMED,
            attempts=delivery.attempts + 1,
            lease_until=until,
            token=token,
            uncertain=delivery.uncertain or delivery.state is DeliveryState.CLAIMED,
        )
        for delivery in due
    ]


def deliveries_of(connection: Connection, alert: str) -> list[Delivery]:
    """All deliveries of one alert, inside a transaction."""
    query = _SELECT.where(_TABLE.c.alert == alert).order_by(_TABLE.c.id)
    return [to_delivery(row) for row in connection.execute(query)]


def to_delivery(row: Sequence[Any] | Row[Any]) -> Delivery:
    """A `Delivery` from its columns in order."""
    values: list[Any] = list(row)
    values[_STATE] = DeliveryState(values[_STATE])
    return Delivery(*values)


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """The columns of a new delivery: waiting for its first try, or held for a person (`DEAD`)."""
    row = {name: getattr(delivery, name) for name in _FIELDS if name != "id"}
    row["state"] = delivery.state.value
    row["due_at"] = delivery.next_try_at if delivery.state is DeliveryState.QUEUED else None
    return row
