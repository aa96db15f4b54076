"""`tocsin redetect`: changed rules over articles that were read before."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Annotated

import typer

from flows.redetection import redetect as read_again
from flows.sweep import Sweep
from tocsin.cli.backtesting import Since, Until, span
from tocsin.cli.context import Json, configuration, err, now, opened, out, print_json

WEEK = dt.timedelta(days=7)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(redetect)


def redetect(
    *,
    since: Since = None,
    until: Until = None,
    rule: Annotated[str, typer.Option(help="Change only the triggers of this rule.")] = "",
    as_json: Json = False,
) -> None:
    """Read articles again that other rules have read, the last week's by default; nobody is alerted on what is new."""
    config, moment = configuration(), now()
    if rule and rule not in {each.id for each in config.rules}:
        err.print(f"tocsin: no rule {rule!r}", markup=False)
        raise typer.Exit(2)
    start, end = span(since or (moment - WEEK).replace(hour=0, minute=0, second=0, microsecond=0), until)
    with opened(config) as store:
        done = read_again(Sweep(config, store), since=start, until=end, now=moment, rule=rule)
    if as_json:
        print_json(dataclasses.asdict(done))
    else:
        out.print(
            f"{done.articles} articles read again: {done.new} triggers new, {done.withdrawn} withdrawn; no alerts"
        )
