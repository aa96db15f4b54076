"""Counts and last times, for `tocsin status`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Select, func, select, true

from tocsin.model import AlertState, DeliveryState
from tocsin.store import schema, totals
from tocsin.store.engine import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the watch in numbers. Times are None where nothing happened yet."""

    feeds: int
    feeds_due: int
    feeds_failing: int
    feeds_disabled: int
    last_poll_at: dt.datetime | None
    articles: int
    articles_day: int
    undetected: int
    aside: int
    last_article_at: dt.datetime | None
    triggers: int
    unlinked: int
    events: int
    events_day: int
    unevaluated: int
    alerts: Mapping[AlertState, int]
    last_alert_at: dt.datetime | None
    deliveries: Mapping[DeliveryState, int]
    last_sent_at: dt.datetime | None
    waiting_since: dt.datetime | None
    """Due time of the oldest delivery that is not over."""


def read_status(db: Database, *, now: dt.datetime) -> Status:
    """All of it from one snapshot."""
    return db.read(lambda c: _status(c, now))


def _status(connection: Connection, now: dt.datetime) -> Status:
    feeds, articles, triggers, events, alerts, deliveries = (
        schema.feeds,
        schema.articles,
        schema.triggers,
        schema.events,
        schema.alerts,
        schema.deliveries,
    )
    configured = feeds.c.configured == true()
    day = now - dt.timedelta(days=1)

    def one(query: Select[tuple[T]]) -> T:
        return connection.execute(query).scalar_one()

    count = func.count()
    by_alert = connection.execute(select(alerts.c.state, count).group_by(alerts.c.state))
    by_delivery = connection.execute(select(deliveries.c.state, count).group_by(deliveries.c.state))
    return Status(
        feeds=one(select(count).where(configured)),
        feeds_due=one(select(count).where(configured, feeds.c.next_check_at <= now, feeds.c.disabled == "")),
        feeds_failing=one(select(count).where(configured, feeds.c.failures > 0)),
        feeds_disabled=one(select(count).where(configured, feeds.c.disabled != "")),
        last_poll_at=one(select(func.max(feeds.c.last_success_at)).where(configured)),
        articles=totals.total(connection, articles),
        articles_day=one(select(count).where(articles.c.first_seen >= day)),
        undetected=one(select(count).where(articles.c.detected.is_(None))),
        aside=one(select(count).where(articles.c.aside.is_not(None))),
        last_article_at=one(select(func.max(articles.c.first_seen))),
        triggers=totals.total(connection, triggers),
        unlinked=one(select(count).where(triggers.c.event.is_(None), triggers.c.withdrawn_at.is_(None))),
        events=totals.total(connection, events),
        events_day=one(select(count).where(events.c.started_at >= day)),
        unevaluated=one(select(count).where(events.c.evaluated < events.c.version)),
        alerts={AlertState(state): number for state, number in by_alert},
        last_alert_at=one(select(func.max(alerts.c.fired_at))),
        deliveries={DeliveryState(state): number for state, number in by_delivery},
        last_sent_at=one(select(func.max(deliveries.c.sent_at))),
        waiting_since=one(select(func.min(deliveries.c.due_at))),
    )
