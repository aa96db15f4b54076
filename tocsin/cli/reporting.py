"""`tocsin report`: a week, or any other span, as one HTML file and as an e-mail."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from alerts.channels import Sender
from flows.reporting import send_report, week_before, week_name, write_report
from tocsin.cli.context import configuration, err, now, opened, out

_WEEK = dt.timedelta(days=7)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(report)


def report(
    *,
    week: Annotated[str, typer.Option(help="An ISO week, such as 2026-W47; by default the last whole one.")] = "",
    since: Annotated[str, typer.Option(help="Instead of a week: from this date or time on.")] = "",
    until: Annotated[str, typer.Option(help="With --since: before this date or time; by default now.")] = "",
    file: Annotated[Path | None, typer.Option("--out", help="The file; by default in the state folder.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Send it, too, to the channels with `reports: true`.")] = False,
) -> None:
    """Write what a week was like: plots, events, alerts with their evidence, precision, blind feeds."""
    config = configuration()
    if send and not any(channel.reports for channel in config.channels):
        _wrong("no channel takes reports; set `reports: true` at a channel of mails in channels.yaml")
    start, end = _span(week, since, until, now())
    path = file or config.state / "reports" / f"{_name(start, end)}.html"
    failed = False
    with opened(config) as store:
        out.print(f"report at {write_report(config, store, since=start, until=end, path=path)}", markup=False)
        if send:
            sender = Sender(timeout=config.settings.send.timeout)
            for recipient, error in send_report(config, store, sender, since=start, until=end):
                out.print(f"{recipient.name}: {error or 'taken'}", markup=False, style="red" if error else None)
                failed |= bool(error)
    raise typer.Exit(1 if failed else 0)


def _span(week: str, since: str, until: str, moment: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The span that the options mean, in UTC; a week begins on Monday."""
    if (week and (since or until)) or (until and not since):
        _wrong("give --week, or --since and perhaps --until")
    if since:
        start, end = _time("--since", since), _time("--until", until) if until else moment
        if start >= end:
            _wrong("--since must be before --until")
        return start, end
    if not week:
        return week_before(moment, dt.UTC)
    try:
        monday = dt.date.fromisoformat(f"{week}-1")
    except ValueError:
        _wrong(f"--week {week!r} is no ISO week; write year and week as in 2026-W47")
    start = dt.datetime.combine(monday, dt.time(), dt.UTC)
    return start, start + _WEEK


def _time(option: str, text: str) -> dt.datetime:
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        _wrong(f"{option} {text!r} is no date or time; write 2026-11-16 or 2026-11-16T06:00+01:00")
    return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _name(since: dt.datetime, until: dt.datetime) -> str:
    """2026-W47 for that week, else both ends."""
    is_week = until - since == _WEEK and since.weekday() == 0 and since.time() == dt.time()
    return week_name(since) if is_week else f"{since:%Y-%m-%dT%H%M}_{until:%Y-%m-%dT%H%M}"


def _wrong(message: str) -> NoReturn:
    err.print(f"tocsin: {message}", markup=False)
    raise typer.Exit(2)
