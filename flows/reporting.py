"""Write the report of a span of time into the state folder."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from alerts.evidence import Evidence
from alerts.report import report
from flows.health import blind
from tocsin.config.folder import Config
from tocsin.store import Store

MOST = 2_000
"""Alerts in one report; the newest are kept."""


def write_report(config: Config, store: Store, *, since: dt.datetime, until: dt.datetime) -> Path:
    """The path of the report of [since, until], written whole or not at all."""
    pairs = []
    for alert in store.alerts.recent(limit=MOST, since=since):
        detail = store.alerts.detail(alert.id)
        if detail is not None and alert.fired_at <= until:
            pairs.append((detail.alert, Evidence(detail.events, detail.reports)))
    feeds, silent = store.feeds.all(), blind(config, store, now=until)
    html = report(pairs, since=since, until=until, feeds=feeds, blind=silent, names=config.actors.titles)
    path = config.state / "reports" / f"{until:%Y-%m-%d}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(html, encoding="utf-8")
    fresh.replace(path)
    return path
