"""The report of a span of time: written as a file, and sent to the channels that take reports."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from alerts.channels import Sender
from alerts.evidence import Evidence
from alerts.messages import Message
from alerts.report import report
from flows.health import blind
from tocsin.config.channels import Channel
from tocsin.config.folder import Config
from tocsin.errors import SendError
from tocsin.model import PRECISION_OF
from tocsin.store import Store

MOST = 2_000
"""Alerts in one report; the newest are kept."""
_WEEK = dt.timedelta(days=7)
_LEASE = "report"
_LEASE_FOR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a channel."""

    channel: Channel
    number: int

    @property
    def name(self) -> str:
        """As in `tocsin status`: mail/0."""
        return f"{self.channel.id}/{self.number}"


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
    config: Config,
    store: Store,
    sender: Sender,
    *,
    since: dt.datetime,
    until: dt.datetime,
    to: Sequence[Recipient] | None = None,
) -> Iterator[tuple[Recipient, str]]:
    """Send the report in brief, to every recipient of the channels that take reports; each with "", or why not.

    With `to`, to those alone.
    """
    recipients = takers(config) if to is None else to
    if not recipients:
        return
    html = _html(config, store, since, until, brief=True)
    start, end = since.astimezone(dt.UTC), until.astimezone(dt.UTC)
    line = f"Tocsin: report of {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    id = hashlib.sha256(line.encode()).hexdigest()[:20]
    message = Message(id, line, html, "mail", {"Auto-Submitted": "auto-generated"})
    for recipient in recipients:
        try:
            sender.send(recipient.channel, recipient.number, message)
        except SendError as error:
            yield recipient, error.cause
        else:
            yield recipient, ""


def report_week(config: Config, store: Store, sender: Sender, *, now: dt.datetime, holder: str) -> str:
    """Write the report of the last whole week, and send it to those takers who have not got it; in words what was done.

    Asked again, it sends to nobody twice, but for a crash between a send and the note of it. Who could not be reached
    is tried when it is next asked for, until the week after is over.
    """
    since, until = week_before(now, ZoneInfo(config.settings.timezone))
    week = week_name(since)
    path = write_report(config, store, since=since, until=until, path=config.state / "reports" / f"{week}.html")
    lease = store.leases.acquire(_LEASE, holder=holder, now=now, ttl=_LEASE_FOR)
    if lease is None:
        return f"report at {path}; another process sends it"
    notices = store.under(lease).notices
    due = [each for each in takers(config) if notices.recall(_got(each)) < week]
    failed = 0
    for recipient, error in send_report(config, store, sender, since=since, until=until, to=due):
        if error:
            failed += 1
            notices.put(_got(recipient), f"did not get the report of {week}: {error}", now=now)
        else:
            notices.remember(_got(recipient), week)
            notices.clear(_got(recipient))
    store.leases.release(lease, now=now)
    return f"report at {path}; {len(due) - failed} sent, {failed} not sent"


def takers(config: Config) -> list[Recipient]:
    """Every recipient of the channels that take reports."""
    channels = [channel for channel in config.channels if channel.reports]
    return [Recipient(channel, number) for channel in channels for number in range(len(channel.recipients))]


def week_before(moment: dt.datetime, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    """The last whole week at `moment`, Monday to Monday by the clocks of `zone`."""
    day = moment.astimezone(zone).date()
    monday = day - dt.timedelta(days=day.weekday())
    since, until = (dt.datetime.combine(each, dt.time(), zone) for each in (monday - _WEEK, monday))
    return since, until


def week_name(since: dt.datetime) -> str:
    """2026-W47 for the week that begins at `since`; such names sort by time."""
    return f"{since:%G-W%V}"


def _got(recipient: Recipient) -> str:
    """Under which it is remembered what week's report a recipient got last, and told that one did not get it."""
    return f"report:{recipient.name}"


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
