"""Verdicts: what people found of alerts and triggers, and the precision that follows from it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    SelectBase,
    func,
    insert,
    literal,
    select,
    union,
    union_all,
)

from tocsin.model import Article, Judgement, Precision, PrecisionOf, Trigger, Verdict
from tocsin.store import schema
from tocsin.store.articles import COLUMNS as ARTICLE_COLUMNS
from tocsin.store.audit import Act, record
from tocsin.store.engine import Database
from tocsin.store.triggers import COLUMNS as TRIGGER_COLUMNS
from tocsin.store.triggers import to_report

_TABLE = schema.verdicts
_COLUMNS = tuple(_TABLE.c[field.name] for field in dataclasses.fields(Verdict))
_WIDTH = len(_COLUMNS)
_STANDS = _TABLE.c.id.in_(select(func.max(_TABLE.c.id)).group_by(_TABLE.c.alert, _TABLE.c.trigger))
"""The last one on its subject."""
_TRIGGERS, _ARTICLES, _LINKS = schema.triggers, schema.articles, schema.alert_events


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The table of verdicts, which is only ever added to."""

    db: Database

    def add(self, verdict: Verdict) -> Verdict | None:
        """Store `verdict`; it comes back with its id. None, and nothing written, where its alert or trigger is unknown.

        Said twice by the same person it is kept once: the one that stands already comes back.
        """
        return self.db.write(lambda c: _add(c, verdict))

    def list(
        self,
        *,
        alert: str | None = None,
        trigger: int | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        standing: bool = False,
        limit: int = 1_000,
    ) -> tuple[Verdict, ...]:
        """At most `limit` verdicts given in [since, until), newest first; with `standing` the last on each subject."""
        wanted = _between(since, until)
        if alert is not None:
            wanted.append(_TABLE.c.alert == alert)
        if trigger is not None:
            wanted.append(_TABLE.c.trigger == trigger)
        if standing:
            wanted.append(_STANDS)
        query = select(*_COLUMNS).where(*wanted).order_by(_TABLE.c.id.desc()).limit(limit)
        return self.db.read(lambda c: tuple(_verdict(row) for row in c.execute(query)))

    def precision(
        self,
        by: PrecisionOf,
        *,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> tuple[Precision, ...]:
        """Of each rule, publisher or threshold (as watch/threshold), by name, over verdicts given in [since, until).

        Each standing verdict counts once for whatever it concerns: the threshold of an alert, and the rules and
        publishers of its triggers, but for those triggers that have a verdict of their own.
        """
        named = _named(by, _between(since, until)).subquery()
        query = select(named.c.name, named.c.value, func.count()).group_by(named.c.name, named.c.value)
        counts: dict[str, dict[str, int]] = {}
        for name, value, count in self.db.read(lambda c: c.execute(query).all()):
            counts.setdefault(name, {})[value] = count
        return tuple(Precision(by, name, **counts[name]) for name in sorted(counts))

    def examples(self, *, rule: str | None = None) -> tuple[tuple[Verdict, Trigger, Article], ...]:
        """Standing verdicts with each trigger they concern, and its article, oldest trigger first.

        The verdict on an alert concerns all its triggers that have none of their own.
        """
        query = union_all(*_concerned(*_COLUMNS, *TRIGGER_COLUMNS, *ARTICLE_COLUMNS))
        rows = self.db.read(lambda c: c.execute(query).all())
        found = [(_verdict(row), *to_report(row[_WIDTH:])) for row in rows]
        # Few are judged; asked for a rule, SQLite would begin with all triggers of the rule.
        chosen = [each for each in found if rule is None or each[1].rule == rule]
        return tuple(sorted(chosen, key=lambda each: (each[1].id, each[0].id)))


def _between(since: dt.datetime | None, until: dt.datetime | None) -> list[ColumnElement[bool]]:
    bounds = []
    if since is not None:
        bounds.append(_TABLE.c.at >= since)
    if until is not None:
        bounds.append(_TABLE.c.at < until)
    return bounds


def _add(connection: Connection, verdict: Verdict) -> Verdict | None:
    if not _exists(connection, verdict):
        return None
    subject = _TABLE.c.alert == verdict.alert if verdict.alert is not None else _TABLE.c.trigger == verdict.trigger
    last = connection.execute(select(*_COLUMNS).where(subject).order_by(_TABLE.c.id.desc()).limit(1)).first()
    if last is not None and replace(_verdict(last), at=verdict.at, id=0) == verdict:
        return _verdict(last)
    row = {**dataclasses.asdict(verdict), "value": verdict.value.value}
    del row["id"]
    id = connection.execute(insert(_TABLE).returning(_TABLE.c.id), row).scalar_one()
    name = verdict.alert if verdict.alert is not None else f"trigger:{verdict.trigger}"
    record(connection, Act(verdict.at, verdict.who, f"verdict {verdict.value}", name, verdict.note))
    return replace(verdict, id=id)


def _exists(connection: Connection, verdict: Verdict) -> bool:
    """Whether the one subject is stored; locked, so that the same click twice is one after the other."""
    if (verdict.alert is None) == (verdict.trigger is None):
        raise ValueError("a verdict is on an alert or on a trigger")
    table, id = (schema.alerts, verdict.alert) if verdict.alert is not None else (_TRIGGERS, verdict.trigger)
    return connection.execute(select(table.c.id).where(table.c.id == id).with_for_update()).first() is not None


def _verdict(row: Sequence[Any] | Row[Any]) -> Verdict:
    return Verdict(Judgement(row[0]), *row[1:_WIDTH])


def _concerned(*columns: ColumnElement[Any]) -> tuple[Select[Any], Select[Any]]:
    """`columns` of each standing verdict with each trigger it concerns and its article: on triggers, and on alerts.

    Two selections, because a join on either of two conditions would read all triggers.
    """
    judged = select(_TABLE.c.trigger).where(_TABLE.c.trigger.is_not(None))
    on_trigger = select(*columns).join_from(_TABLE, _TRIGGERS, _TRIGGERS.c.id == _TABLE.c.trigger)
    on_alert = (
        select(*columns)
        .join_from(_TABLE, _LINKS, _LINKS.c.alert == _TABLE.c.alert)
        .join(_TRIGGERS, _TRIGGERS.c.event == _LINKS.c.event)
        .where(_TRIGGERS.c.id.not_in(judged))
    )
    of_article = _ARTICLES.c.id == _TRIGGERS.c.article
    return on_trigger.join(_ARTICLES, of_article).where(_STANDS), on_alert.join(_ARTICLES, of_article).where(_STANDS)


def _named(by: PrecisionOf, wanted: Sequence[ColumnElement[bool]]) -> SelectBase:
    """One row of `name` and `value` for each standing verdict and each rule, publisher or threshold it concerns."""
    verdict = (_TABLE.c.id.label("id"), _TABLE.c.value.label("value"))
    if by == "threshold":
        alerts = schema.alerts
        name = (alerts.c.watch + literal("/") + alerts.c.threshold).label("name")
        return select(name, *verdict).join_from(_TABLE, alerts).where(_STANDS, *wanted)
    publisher = func.coalesce(func.nullif(_ARTICLES.c.publisher, ""), _ARTICLES.c.feed)
    name = (_TRIGGERS.c.rule if by == "rule" else publisher).label("name")
    return union(*(part.where(*wanted) for part in _concerned(name, *verdict)))
