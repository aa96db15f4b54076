"""Kept backtests: the list of them, and two side by side."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from flows.backtest.comparison import Change, compare
from flows.backtest.saved import Saved, load, runs
from tocsin.errors import SetupError
from tocsin.web.desk import At, Desk
from tocsin.web.formats import as_csv, as_json
from tocsin.web.lists import SPREADSHEET
from tocsin.web.rows import Words

router = APIRouter(tags=["backtests"])
WEEK = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class BacktestRow:
    """One kept backtest; `alerts` are those that somebody would have got."""

    name: str
    saved_at: dt.datetime
    config: str
    source: str
    first: dt.date
    last: dt.date
    articles: int
    triggers: int
    events: int
    alerts: int
    messages: int
    messages_a_day: float

    @classmethod
    def of(cls, saved: Saved) -> BacktestRow:
        """The row of `saved`."""
        run, record = saved.run, saved.record
        days = (record.last - record.first).days + 1
        counts = (record.articles, int(saved.answer["triggers"]), len(record.events), len(record.told))
        told = (record.first, record.last, *counts, record.messages, round(record.messages / days, 2))
        return cls(run.name, run.saved_at, run.config, run.source, *told)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many alerts of one threshold each of two backtests has."""

    threshold: str
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """An alert that B gains, loses or has at another time than A (`before`), and why."""

    change: str
    id: str
    threshold: str
    group: str
    title: str
    fired_at: dt.datetime
    before: dt.datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two backtests; `weeks` are Mondays, and `a_week` and `b_week` their alerts in each."""

    a: BacktestRow
    b: BacktestRow
    thresholds: Sequence[Tally]
    weeks: Sequence[dt.date]
    a_week: Sequence[int]
    b_week: Sequence[int]
    changes: Sequence[ChangeRow]

    @property
    def alike(self) -> bool:
        """Whether both are of the same archive, without which no alert can be told from another."""
        return (self.a.first, self.a.last, self.a.articles) == (self.b.first, self.b.last, self.b.articles)


def side_by_side(a: Saved, b: Saved) -> SideBySide:
    """What changes where `b` takes the place of `a`."""
    found = compare(b.record, a.record)
    kinds = (("gained", found.gained), ("lost", found.lost), ("moved", found.moved))
    changes = [_row(kind, change) for kind, every in kinds for change in every]
    counts = [Counter(f"{alert.watch}/{alert.threshold}" for alert in each.record.told) for each in (a, b)]
    weekly = [Counter(_monday(alert.fired_at.date()) for alert in each.record.told) for each in (a, b)]
    weeks = _weeks(min(a.record.first, b.record.first, *weekly[0], *weekly[1]), [*weekly[0], *weekly[1], a.record.last])
    return SideBySide(
        BacktestRow.of(a),
        BacktestRow.of(b),
        [Tally(name, counts[0][name], counts[1][name]) for name in sorted({*counts[0], *counts[1]})],
        weeks,
        [weekly[0][week] for week in weeks],
        [weekly[1][week] for week in weeks],
        sorted(changes, key=lambda row: (row.fired_at, row.id)),
    )


def _row(kind: str, change: Change) -> ChangeRow:
    alert = change.alert
    threshold, title = f"{alert.watch}/{alert.threshold}", alert.title or alert.threshold
    return ChangeRow(kind, alert.id, threshold, alert.group, title, alert.fired_at, change.before, change.reason)


def _monday(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


def _weeks(first: dt.date, others: Sequence[dt.date]) -> list[dt.date]:
    """The Mondays from that of `first` to that of the last of `others`."""
    start = _monday(first)
    return [start + count * WEEK for count in range((_monday(max(others)) - start).days // 7 + 1)]


@router.get("/backtests", response_class=HTMLResponse, include_in_schema=False)
@router.get("/backtests.csv", responses=SPREADSHEET, response_class=Response)
@router.get("/backtests.json", response_model=list[BacktestRow])
def listed(request: Request, desk: At) -> Response:
    """Kept backtests, the latest first."""
    found, errors = runs(desk.config.state)
    rows = [BacktestRow.of(saved) for saved in found]
    if request.url.path.endswith(".json"):
        return as_json(rows)
    if request.url.path.endswith(".csv"):
        return as_csv(rows, BacktestRow, name="backtests")
    return desk.page(request, "backtests.html", rows=rows, errors=errors, name="backtests")


@router.get("/backtests/compare", response_class=HTMLResponse, include_in_schema=False)
@router.get("/backtests/compare.csv", responses=SPREADSHEET, response_class=Response)
@router.get("/backtests/compare.json", response_model=SideBySide)
def compared(request: Request, desk: At, a: Annotated[Words, Query()], b: Annotated[Words, Query()]) -> Response:
    """Two kept backtests side by side; as CSV the alerts that differ."""
    both = side_by_side(_saved(desk, a), _saved(desk, b))
    if request.url.path.endswith(".json"):
        return as_json(both)
    if request.url.path.endswith(".csv"):
        return as_csv(both.changes, ChangeRow, name="comparison")
    return desk.page(request, "comparison.html", both=both, name="backtests/compare")


def _saved(desk: Desk, name: str) -> Saved:
    try:
        return load(desk.config.state, name)
    except SetupError as error:
        raise HTTPException(404, f"There is no such backtest: {name}.") from error
