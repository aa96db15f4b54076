"""Alerts: raised once, with their deliveries, and what people did about them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update

from tocsin import failpoint
from tocsin.model import Alert, AlertKind, AlertState, Article, Delivery, Event, Trigger
from tocsin.store import schema
from tocsin.store.audit import Act, history, record
from tocsin.store.engine import Database
from tocsin.store.events import events_by_id
from tocsin.store.outbox import deliveries_of, delivery_row
from tocsin.store.triggers import of_events

_TABLE = schema.alerts
_NAMES = {"group": "group_key", "window": "window_key"}
_FIELDS = tuple(field.name for field in dataclasses.fields(Alert))
COLUMNS = tuple(_TABLE.c[_NAMES.get(name, name)] for name in _FIELDS if name != "events")
"""Those of an alert, without its events, for `to_alert`."""
_SELECT = select(*COLUMNS)
_EVENTS = _FIELDS.index("events")
Waits = Mapping[tuple[str, str], dt.datetime | None]
"""Watch and threshold → when it must be judged again, None: no longer."""
NO_WAITS: Waits = {}
_STATE, _KIND, _ABOUT = (_FIELDS.index(name) for name in ("state", "kind", "about"))


@dataclass(frozen=True, slots=True)
class Decision:
    """An alert that a threshold raised, and to whom it goes."""

    alert: Alert
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """An alert with all that explains it."""

    alert: Alert
    deliveries: tuple[Delivery, ...]
    events: tuple[Event, ...]
    reports: dict[int, list[tuple[Trigger, Article]]]
    """Event id → its triggers with their articles, also those that were withdrawn since."""
    history: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Alerts:
    """The table of alerts."""

    db: Database

    def save_decisions(
        self, decisions: Sequence[Decision], *, evaluated: Sequence[Event], waits: Waits = NO_WAITS
    ) -> list[Alert]:
        """Store alerts with their deliveries and mark `evaluated` events as judged, all in one transaction.

        An alert whose id, or threshold, group and window, is stored already is left as it is and gets no delivery.
        `waits` says of each threshold that was judged when it must be judged again, None: when an event changes. The
        result is the alerts that are really new.
        """
        new = self.db.write(lambda c: self._save(c, decisions, evaluated, waits))
        failpoint.reach("after_alert_commit")
        return new

    def waits(self) -> dict[tuple[str, str], dt.datetime]:
        """Watch and threshold of what decided to wait, and until when."""
        return self.db.read(lambda c: {(watch, threshold): due_at for watch, threshold, due_at in c.execute(_WAITS)})

    def _save(
        self, connection: Connection, decisions: Sequence[Decision], evaluated: Sequence[Event], waits: Waits
    ) -> list[Alert]:
        new: list[Decision] = []
        query = self.db.insert(_TABLE).on_conflict_do_nothing().returning(_TABLE.c.id)
        for decision in decisions:
            if connection.execute(query, _row(decision.alert)).first() is not None:
                new.append(decision)
        links = [
            {"alert": decision.alert.id, "event": event, "place": place}
            for decision in new
            for place, event in enumerate(dict.fromkeys(decision.alert.events))
        ]
        rows = [delivery_row(delivery) for decision in new for delivery in decision.deliveries]
        for table, values in ((schema.alert_events, links), (schema.deliveries, rows)):
            if values:
                connection.execute(self.db.insert(table).on_conflict_do_nothing(), values)
        if evaluated:
            connection.execute(_EVALUATED, [{"row_id": event.id, "row_version": event.version} for event in evaluated])
        self._save_waits(connection, waits)
        failpoint.reach("before_alert_commit")
        return [decision.alert for decision in new]

    def _save_waits(self, connection: Connection, waits: Waits) -> None:
        table = schema.waits
        over = [{"row_watch": watch, "row_threshold": threshold} for watch, threshold in waits]
        again = [
            {"watch": watch, "threshold": threshold, "due_at": due_at}
            for (watch, threshold), due_at in waits.items()
            if due_at is not None
        ]
        if over:
            mine = (table.c.watch == bindparam("row_watch"), table.c.threshold == bindparam("row_threshold"))
            connection.execute(delete(table).where(*mine), over)
        if again:
            connection.execute(insert(table), again)

    def prior(
        self, *, since: dt.datetime, watch: str | None = None, threshold: str | None = None, group: str | None = None
    ) -> list[Alert]:
        """Alerts fired at or after `since`, oldest first: what the next decision of a threshold takes into account."""
        given = {"watch": watch, "threshold": threshold, "group_key": group}
        values = {name: value for name, value in given.items() if value is not None}
        query = _prior(tuple(values))
        return self.db.read(lambda c: _load(c, query, {"since": since, **values}))

    def resting_on(self, events: Collection[int]) -> list[Alert]:
        """Alerts that any of `events` (ids) is part of, oldest first: those to correct or update when it changes."""
        if not events:
            return []
        return self.db.read(lambda c: _load(c, _RESTING_ON, {"events": list(events)}))

    def unresolved(self, *, watch: str) -> list[Alert]:
        """The alerts of a watch that are open or acknowledged, oldest first."""
        return self.db.read(lambda c: _load(c, _UNRESOLVED, {"watch": watch}))

    def recent(
        self,
        *,
        limit: int = 50,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        state: AlertState | None = None,
        watch: str | None = None,
    ) -> list[Alert]:
        """At most `limit` alerts fired in [since, until), newest first."""
        query = _SELECT.order_by(_TABLE.c.fired_at.desc(), _TABLE.c.id.desc()).limit(limit)
        if since is not None:
            query = query.where(_TABLE.c.fired_at >= since)
        if until is not None:
            query = query.where(_TABLE.c.fired_at < until)
        if state is not None:
            query = query.where(_TABLE.c.state == state.value)
        if watch is not None:
            query = query.where(_TABLE.c.watch == watch)
        return self.db.read(lambda c: _load(c, query))

    def detail(self, id: str) -> AlertDetail | None:
        """One alert with its deliveries, events, triggers, articles and history; None where there is none."""
        return self.db.read(lambda c: _detail(c, id))

    def acknowledge(self, id: str, *, who: str, now: dt.datetime, note: str = "") -> bool:
        """Mark an open alert as seen by `who`; False, and nothing written, where it is not open."""
        return self._turn(id, (AlertState.OPEN,), AlertState.ACKNOWLEDGED, Act(now, who, "acknowledge", id, note))

    def resolve(self, id: str, *, who: str, now: dt.datetime, note: str = "") -> bool:
        """Mark an alert as over; False, and nothing written, where it is resolved already or unknown."""
        life = (AlertState.OPEN, AlertState.ACKNOWLEDGED)
        return self._turn(id, life, AlertState.RESOLVED, Act(now, who, "resolve", id, note))

    def _turn(self, id: str, old: tuple[AlertState, ...], new: AlertState, act: Act) -> bool:
        query = update(_TABLE).where(_TABLE.c.id == id, _TABLE.c.state.in_([state.value for state in old]))

        def turn(connection: Connection) -> bool:
            done = connection.execute(query.values(state=new.value)).rowcount == 1
            if done:
                record(connection, act)
            return done

        return self.db.write(turn)


@cache
def _prior(names: tuple[str, ...]) -> Select[Any]:
    """The statement for a filter by the columns `names`. To build one costs twice its execution."""
    query = _SELECT.where(_TABLE.c.fired_at >= bindparam("since"))
    return query.where(*(_TABLE.c[name] == bindparam(name) for name in names)).order_by(_TABLE.c.fired_at, _TABLE.c.id)


_WAITS = select(schema.waits.c.watch, schema.waits.c.threshold, schema.waits.c.due_at)
_RESTING_ON = _SELECT.where(
    _TABLE.c.id.in_(
        select(schema.alert_events.c.alert).where(schema.alert_events.c.event.in_(bindparam("events", expanding=True)))
    )
).order_by(_TABLE.c.fired_at, _TABLE.c.id)
_UNRESOLVED = _SELECT.where(
    _TABLE.c.watch == bindparam("watch"),
    _TABLE.c.state.in_([AlertState.OPEN.value, AlertState.ACKNOWLEDGED.value]),
).order_by(_TABLE.c.fired_at, _TABLE.c.id)
_EVALUATED = (
    update(schema.events)
    .where(schema.events.c.id == bindparam("row_id"), schema.events.c.evaluated < bindparam("row_version"))
    .values(evaluated=bindparam("row_version"))
)


def _row(alert: Alert) -> dict[str, Any]:
    row = {_NAMES.get(name, name): getattr(alert, name) for name in _FIELDS if name != "events"}
    row["state"] = alert.state.value
    row["kind"] = alert.kind.value
    row["about"] = list(alert.about)
    return row


def to_alert(row: Sequence[Any] | Row[Any]) -> Alert:
    """An `Alert` from `COLUMNS`, still without its events."""
    values: list[Any] = list(row)
    values.insert(_EVENTS, ())
    values[_STATE] = AlertState(values[_STATE])
    values[_KIND] = AlertKind(values[_KIND])
    values[_ABOUT] = tuple(values[_ABOUT])
    return Alert(*values)


def with_events(connection: Connection, alerts: Sequence[Alert]) -> list[Alert]:
    """`alerts` with the ids of their events."""
    table = schema.alert_events
    found: dict[str, list[int]] = {alert.id: [] for alert in alerts}
    ids = list(found)
    for start in range(0, len(ids), 5_000):
        query = select(table.c.alert, table.c.event).where(table.c.alert.in_(ids[start : start + 5_000]))
        for alert, event in connection.execute(query.order_by(table.c.alert, table.c.place)):
            found[alert].append(event)
    return [replace(alert, events=tuple(found[alert.id])) for alert in alerts]


def _load(connection: Connection, query: Select[Any], values: dict[str, object] | None = None) -> list[Alert]:
    return with_events(connection, [to_alert(row) for row in connection.execute(query, values)])


def _detail(connection: Connection, id: str) -> AlertDetail | None:
    alerts = _load(connection, _SELECT.where(_TABLE.c.id == id))
    if not alerts:
        return None
    events = events_by_id(connection, alerts[0].events)
    return AlertDetail(
        alerts[0],
        tuple(deliveries_of(connection, id)),
        tuple(events[event] for event in alerts[0].events),
        of_events(connection, alerts[0].events, withdrawn=True),
        history(connection, id),
    )
