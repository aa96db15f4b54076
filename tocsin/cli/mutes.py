"""`tocsin alerts mute`, `unmute` and `mutes`: what is recorded but not sent, for a while."""

from __future__ import annotations

import dataclasses
from typing import Annotated, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table
from rich.text import Text

from tocsin.cli.alerts import Who, user
from tocsin.cli.context import Json, configuration, err, now, opened, out, print_json
from tocsin.config.bounds import Span
from tocsin.model import Mute

KEYS = ("watch", "threshold", "group", "source", "target", "pair", "type", "place")
"""What a matcher can name."""
_SPAN: TypeAdapter[Span] = TypeAdapter(Span)


def register(group: typer.Typer) -> None:
    """Add the commands to the group of `alerts`."""
    group.command()(mute)
    group.command()(unmute)
    group.command("mutes")(list_)


def mute(
    matchers: Annotated[list[str], typer.Argument(help=f"KEY=VALUE, all must agree; keys: {', '.join(KEYS)}.")],
    *,
    span: Annotated[str, typer.Option("--for", help="How long: 30m, 24h, 7d.")],
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    who: Who = "",
) -> None:
    """Record alerts that agree with every matcher, but send them to nobody, for a while."""
    wanted = {}
    for matcher in matchers:
        key, equals, value = matcher.partition("=")
        if key not in KEYS or not equals or not value:
            _wrong(f"{matcher!r} is no matcher; write KEY=VALUE with a key of {', '.join(KEYS)}; * stands for any text")
        wanted[key] = value
    try:
        lasting = _SPAN.validate_python(span)
    except ValidationError:
        _wrong(f"--for {span!r} is no duration; write a number and a unit: 30m, 24h, 7d")
    moment = now()
    made = Mute(wanted, starts_at=moment, until=moment + lasting, by=user(who), comment=comment)
    with opened(configuration()) as store:
        stored = store.mutes.add(made, now=moment)
    out.print(f"mute {stored.id} until {stored.until:%Y-%m-%d %H:%M} UTC; undo: tocsin alerts unmute {stored.id}")


def unmute(mute: Annotated[int, typer.Argument(help="Id of a mute.")], *, who: Who = "") -> None:
    """End a mute now."""
    with opened(configuration()) as store:
        done = store.mutes.undo(mute, who=user(who), now=now())
    if not done:
        err.print(f"tocsin: mute {mute} does not last, or is unknown; see `tocsin alerts mutes`", markup=False)
        raise typer.Exit(1)
    out.print(f"mute {mute} ended")


def list_(*, as_json: Json = False) -> None:
    """The mutes that hold or are to come."""
    with opened(configuration()) as store:
        mutes = store.mutes.since(now())
    if as_json:
        print_json([dataclasses.asdict(mute) for mute in mutes])
        return
    table = Table("id", "until (UTC)", "by", "matchers", "comment", box=None, pad_edge=False)
    for mute in mutes:
        matchers = " ".join(f"{key}={value}" for key, value in mute.matchers.items())
        row = (str(mute.id), f"{mute.until:%Y-%m-%d %H:%M}", mute.by, matchers, mute.comment)
        table.add_row(*(Text(cell) for cell in row))
    out.print(table if mutes else "no mutes")


def _wrong(message: str) -> NoReturn:
    err.print(f"tocsin: {message}", markup=False)
    raise typer.Exit(2)
