"""The report of a span of time as one HTML file: what it was like, alerts with their evidence, what was blind. Pure.

Its plots are tables whose cells are coloured: mail clients run no script and many draw no SVG, but all draw a table.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from alerts.escaping import one_line
from alerts.evidence import Evidence, view, who
from tocsin.model import Alert, Event, FeedState, Precision

_NO_NAMES: Mapping[str, str] = {}
_TEMPLATES = Environment(
    loader=PackageLoader("alerts", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_COLUMNS = 31
"""Most columns of a plot."""
_UNITS = ((1, "day", "%m-%d"), (7, "week", "%G-W%V"), (31, "month", "%Y-%m"), (366, "year", "%Y"))
"""Days, name and label of what a column can stand for."""
_SHADES = ("#f6e9c3", "#ecd48a", "#dcb648", "#c99a1c")
"""From one event to the most, all light enough for dark figures."""
SHOWN_EVENTS = 100
SHOWN_IN_BRIEF = 20


def report(
    alerts: Sequence[tuple[Alert, Evidence]],
    *,
    since: dt.datetime,
    until: dt.datetime,
    events: Sequence[Event] = (),
    precision: Sequence[Precision] = (),
    feeds: Sequence[FeedState] = (),
    blind: Sequence[str] = (),
    names: Mapping[str, str] = _NO_NAMES,
    brief: bool = False,
) -> str:
    """The HTML of the report of [since, until).

    `events` are those that started in it, `precision` what was known at its end, `blind` the ids of those of `feeds`
    that told nothing; `names` maps actor codes. `brief`, for a mail, names the alerts without their evidence.
    """
    ordered = sorted(alerts, key=lambda pair: (pair[0].fired_at, pair[0].id))
    unit, buckets, label = _columns(since, until)
    told = sorted(events, key=lambda event: (-abs(event.severity), -event.corroboration, event.started_at, event.id))
    shown = told[: SHOWN_IN_BRIEF if brief else SHOWN_EVENTS]
    values = {
        "since": f"{since:%Y-%m-%d %H:%M}",
        "until": f"{until:%Y-%m-%d %H:%M}",
        "brief": brief,
        "alerts": [
            {**view(alert, evidence, names=names, now=alert.fired_at), "state": alert.state.value}
            for alert, evidence in ordered
        ],
        "watches": sorted({one_line(alert.watch, 64) for alert, _ in ordered}),
        "unit": unit,
        "buckets": buckets,
        "bars": _bars(buckets, (label(alert.fired_at) for alert, _ in ordered)),
        "types": _heat(buckets, ((event.type, label(event.started_at)) for event in events)),
        "event_count": len(events),
        "events": [_event(event, names) for event in shown],
        "more_events": len(told) - len(shown),
        "precision": [_precision(each) for each in _told(precision, SHOWN_IN_BRIEF if brief else len(precision))],
        "feeds": len(feeds),
        "blind": [
            {"feed": state.feed, "error": one_line(state.disabled or state.last_error or "never read", 300)}
            for state in feeds
            if state.feed in blind
        ],
    }
    return _TEMPLATES.get_template("report.html").render(values)


def _columns(since: dt.datetime, until: dt.datetime) -> tuple[str, list[str], Callable[[dt.datetime], str]]:
    """What a column stands for, the labels of all columns in order, and how a time gets its label."""
    days = max(1, -(-(until - since) // dt.timedelta(days=1)))
    _, unit, form = next((each for each in _UNITS if days <= each[0] * _COLUMNS), _UNITS[-1])
    moments = [since + n * dt.timedelta(days=1) for n in range(days)]
    labels = dict.fromkeys(f"{moment:{form}}" for moment in (*moments, until - dt.timedelta.resolution))
    return unit, list(labels), lambda moment: f"{moment.astimezone(dt.UTC):{form}}"


def _bars(buckets: Sequence[str], labels: Iterable[str]) -> list[dict[str, Any]]:
    """A row for each bucket: its count, and the width of its bar in per cent of the longest."""
    counts = Counter(labels)
    most = max(counts.values(), default=0) or 1
    return [{"label": each, "count": counts[each], "width": round(100 * counts[each] / most)} for each in buckets]


def _heat(buckets: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """A row for each type, the commonest first: its sum, and a count with its shade for each bucket."""
    counts = Counter(pairs)
    most = max(len(_SHADES), *counts.values()) if counts else 1
    sums: Counter[str] = Counter()
    for (type, _), count in counts.items():
        sums[type] += count
    return [
        {
            "type": type.replace("_", " "),
            "sum": total,
            "cells": [_cell(counts[type, bucket], most) for bucket in buckets],
        }
        for type, total in sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    ]


def _cell(count: int, most: int) -> dict[str, Any]:
    return {"count": count, "shade": _SHADES[(count * len(_SHADES) - 1) // most] if count else ""}


def _event(event: Event, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "when": f"{event.started_at:%Y-%m-%d %H:%M}",
        "type": event.type.replace("_", " "),
        "modality": event.modality.value,
        "who": who(event, names),
        "title": one_line(event.title, 200),
        "severity": f"{event.severity:+g}",
        "publishers": event.corroboration,
    }


def _told(precision: Sequence[Precision], most: int) -> list[Precision]:
    """Those that have verdicts, at most `most`, in the order given; those with few are left out first."""
    judged = sorted((each for each in precision if each.judged), key=lambda each: -each.judged)[:most]
    return [each for each in precision if each in judged]


def _precision(found: Precision) -> dict[str, Any]:
    low, high = found.interval
    return {
        "by": found.by,
        "name": one_line(found.name, 100),
        "value": f"{found.value:.0%}",
        "interval": f"{low:.0%} to {high:.0%}",
        "low": round(100 * low),
        "width": max(1, round(100 * high) - round(100 * low)),
        "judged": found.judged,
    }
