"""The report of a span of time: written as a file, and sent to the channels that take reports."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path

from alerts.channels import Sender
from alerts.evidence import Evidence
from alerts.messages import Message
from alerts.report import report
from flows.health import blind
from tocsin.config.folder import Config
from tocsin.errors import SendError
from tocsin.model import PRECISION_OF
from tocsin.store import Store

MOST = 2_000
"""Alerts in one report; the newest are kept."""


def write_report(
    config: Config, store: Store, *, since: dt.datetime, until: dt.datetime, path: Path | None = None
) -> Path:
    """The path of the report of [since, until), written whole or not at all; by default in the state folder."""
    path = path or config.state / "reports" / f"{until:%Y-%m-%d}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    html = _html(config, store, since, until)
    fresh.unlink(missing_ok=True)
    with fresh.open("x", encoding="utf-8") as file:  # never through a link that somebody has put there
        file.write(html)
    fresh.replace(path)
    return path


def send_report(
    config: Config, store: Store, sender: Sender, *, since: dt.datetime, until: dt.datetime
) -> Iterator[tuple[str, str]]:
    """Send the report in brief to every recipient of the channels that take reports; each with "", or why not."""
    html = _html(config, store, since, until, brief=True)
    line = f"Tocsin: report of {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
    id = hashlib.sha256(line.encode()).hexdigest()[:20]
    message = Message(id, line, html, "mail", {"Auto-Submitted": "auto-generated"})
    for channel in (each for each in config.channels if each.reports):
        for recipient in range(len(channel.recipients)):
            try:
                sender.send(channel, recipient, message)
            except SendError as error:
                yield f"{channel.id}/{recipient}", error.cause
            else:
                yield f"{channel.id}/{recipient}", ""


def _html(config: Config, store: Store, since: dt.datetime, until: dt.datetime, *, brief: bool = False) -> str:
    since, until = since.astimezone(dt.UTC), until.astimezone(dt.UTC)
    pairs = []
    for alert in store.alerts.recent(limit=MOST, since=since, until=until):
        detail = store.alerts.detail(alert.id)
        if detail is not None:
            pairs.append((detail.alert, Evidence(detail.events, detail.reports)))
    events = store.events.window(since=since, until=until, voices=False)
    return report(
        pairs,
        since=since,
        until=until,
        events=[event for event in events if event.articles and not event.backfill],
        precision=[each for by in PRECISION_OF for each in store.verdicts.precision(by, until=until)],
        feeds=store.feeds.all(),
        blind=blind(config, store, now=until),
        names=config.actors.titles,
        brief=brief,
    )
