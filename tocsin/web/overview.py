"""A watch at a glance: the escalation index of its pairs, its events by type and place, today's alerts, its feeds."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BeforeValidator

from alerts.crossings import HALF_LIVES
from alerts.fitting import fits, values
from tocsin.config.thresholds import Score, Where, wheres
from tocsin.config.watches import Watch
from tocsin.model import Event, Modality
from tocsin.web.desk import At, Desk
from tocsin.web.lists import feed_rows
from tocsin.web.maps import maps
from tocsin.web.places import Gazetteer, Spot, spots
from tocsin.web.rows import AlertRow

router = APIRouter(tags=["watches"])
DAY = dt.timedelta(days=1)
PAIRS = 6
"""Pairs whose index is drawn: those that rose or fell furthest."""
FLAT = 0.05
"""An index that never comes so far from nothing is not drawn: it reads as 0."""
PLACES = 20
"""Places that are listed; the map has all that it knows."""
TODAY = 6
"""Alerts of today that are shown at once."""
SHOWN_ALERTS = 500
KEPT = dt.timedelta(minutes=1)
"""An overview is as old as this at most; a sweep a minute brings nothing newer."""
HALF_LIFE = 7 * DAY
"""Where no threshold of the watch is a score, which says its own."""
Days = Annotated[Literal[7, 30, 90, 365], BeforeValidator(lambda text: int(text) if str(text).isdecimal() else text)]


@dataclass(frozen=True, slots=True)
class Series:
    """The escalation index of one pair: the sum of severities, each halved for every half-life of its age."""

    pair: str
    points: Sequence[float]
    """At each of the overview's times."""

    @property
    def furthest(self) -> float:
        """The point furthest from 0."""
        return max(self.points, key=abs)

    @property
    def flat(self) -> bool:
        """Whether it reads as 0 all the time."""
        return all(abs(point) < FLAT for point in self.points)


@dataclass(frozen=True, slots=True)
class Overview:
    """What the charts of a watch show."""

    watch: str
    half_life_days: float
    times: Sequence[dt.datetime]
    pairs: Sequence[Series]
    days: Sequence[dt.date]
    types: Mapping[str, Sequence[int]]
    """Type of trigger → number of events on each of `days`."""
    places: Sequence[Spot]
    alerts: Sequence[AlertRow]


@dataclass(slots=True)
class Overviews:
    """Those made in the last minute."""

    made: dict[tuple[str, int], tuple[dt.datetime, Overview]] = field(default_factory=dict)

    def get(self, desk: Desk, watch: Watch, days: int) -> Overview:
        """The overview of `watch` over the last `days`."""
        now = desk.clock()
        made_at, found = self.made.get((watch.id, days), (None, None))
        if found is None or made_at is None or not dt.timedelta(0) <= now - made_at < KEPT:
            found = _made(desk, watch, days, now)
            self.made[watch.id, days] = (now, found)
        return found


def _made(desk: Desk, watch: Watch, days: int, now: dt.datetime) -> Overview:
    since = now - days * DAY
    half_life = half_life_of(watch)
    types = sorted({rule.type for rule in desk.config.rules})
    events = desk.store.search.outline(since=since - HALF_LIVES * half_life, types=types)
    looked_for = wanted(watch, types)
    mine = [event for event in events if any(fits(where, event) for where in looked_for[event.type])]
    shown = [event for event in mine if event.started_at >= since]
    alerts = desk.store.search.alerts(watch=watch.id, since=since, limit=SHOWN_ALERTS)
    times = steps(since, now)
    dates = [since.date() + count * DAY for count in range((now.date() - since.date()).days + 1)]
    return Overview(
        watch.id,
        half_life / DAY,
        times,
        [each for each in series(mine, half_life, times) if not each.flat],
        dates,
        timeline(shown, dates),
        spots(shown, Gazetteer(desk.config.places, desk.config.actors)),
        [AlertRow.of(alert) for alert in alerts],
    )


def half_life_of(watch: Watch) -> dt.timedelta:
    """That of the watch's first score."""
    return next((each.half_life for each in watch.thresholds if isinstance(each, Score)), HALF_LIFE)


def wanted(watch: Watch, types: Iterable[str]) -> dict[str, list[Where]]:
    """Type → what thresholds of the watch could count an event of it by."""
    every = {where for threshold in watch.thresholds for _, where in wheres(threshold)}
    return {type: [where for where in every if not where.type or type in where.type] for type in types}


def steps(since: dt.datetime, until: dt.datetime) -> list[dt.datetime]:
    """Times from `since` to `until`, `until` the last one: six hours apart, or a day where that is over a month."""
    step = dt.timedelta(hours=6) if until - since <= 31 * DAY else DAY
    return [until - number * step for number in range(int((until - since) / step), -1, -1)]


def series(events: Iterable[Event], half_life: dt.timedelta, times: Sequence[dt.datetime]) -> list[Series]:
    """The index of the pairs that moved furthest, at each of `times`; only of what happened between two known parties.

    The same sum as `alerts.crossings.index` gives at each time, carried from one to the next.
    """
    by_pair: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda each: each.started_at):
        if event.modality is Modality.HAPPENED and event.source and event.target and event.source != event.target:
            by_pair.setdefault(values(event, "pair")[0], []).append(event)
    found = [Series(pair, _index(each, half_life, times)) for pair, each in by_pair.items()]
    found.sort(key=lambda each: (-max(map(abs, each.points), default=0.0), each.pair))
    return found[:PAIRS]


def _index(events: Sequence[Event], half_life: dt.timedelta, times: Sequence[dt.datetime]) -> list[float]:
    points: list[float] = []
    value, at, following = 0.0, times[0], iter([*events, None])
    event = next(following)
    for time in times:
        value *= math.pow(0.5, (time - at) / half_life)
        at = time
        while event is not None and event.started_at <= time:
            value += event.severity * math.pow(0.5, (time - event.started_at) / half_life)
            event = next(following)
        points.append(round(value, 3))
    return points


def timeline(events: Iterable[Event], days: Sequence[dt.date]) -> dict[str, list[int]]:
    """Type → events that happened on each of `days`, the commonest type first."""
    places = {day: index for index, day in enumerate(days)}
    found: dict[str, list[int]] = {}
    for event in events:
        if event.modality is Modality.HAPPENED and event.started_at.date() in places:
            found.setdefault(event.type, [0] * len(days))[places[event.started_at.date()]] += 1
    return dict(sorted(found.items(), key=lambda item: (-sum(item[1]), item[0])))


@router.get("/", include_in_schema=False)
def first(desk: At) -> Response:
    """The first watch; without any, its alerts."""
    watches = desk.config.watches
    return RedirectResponse(f"/watches/{watches[0].id}" if watches else "/alerts", 303)


@router.get("/watches/{id}/overview.json", response_model=Overview)
def data(request: Request, desk: At, id: str, days: Annotated[Days, Query()] = 30) -> Overview:
    """What the charts show."""
    overviews: Overviews = request.app.state.overviews
    return overviews.get(desk, _watch(desk, id), days)


@router.get("/watches/{id}", response_class=HTMLResponse, include_in_schema=False)
def page(request: Request, desk: At, id: str, days: Annotated[Days, Query()] = 30) -> HTMLResponse:
    """The watch at a glance."""
    watch = _watch(desk, id)
    now = desk.clock()
    overview = data(request, desk, id, days)
    polled = [row for row in feed_rows(desk) if row.condition != "off"]
    error = desk.loaded.error
    return desk.page(
        request,
        "overview.html",
        watch=watch,
        days=days,
        overview=overview,
        today=[row for row in overview.alerts if row.fired_at >= now - DAY],
        shown_today=TODAY,
        shown_alerts=SHOWN_ALERTS,
        since=(now - days * DAY).date(),
        maps=maps(tuple(overview.places)),
        shown_places=PLACES,
        polled=polled,
        blind=[row for row in polled if not row.alive],
        notices=desk.store.notices.all(),
        config_error=str(error) if error else "",
        swept_at=desk.store.notices.recall("swept_at"),
    )


def _watch(desk: Desk, id: str) -> Watch:
    found = next((watch for watch in desk.config.watches if watch.id == id), None)
    if found is None:
        raise HTTPException(404, "There is no such watch.")
    return found
