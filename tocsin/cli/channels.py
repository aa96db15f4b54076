"""`tocsin channels`: where alerts go, and whether they get there."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer
from rich.table import Table

from alerts import policy
from alerts.channels import Sender
from alerts.evidence import Evidence
from alerts.messages import Renderer
from tocsin.cli.context import Json, configuration, err, now, out, print_json
from tocsin.config.channels import Channel
from tocsin.errors import SendError


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="Channels: list them, send a trial message.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(test)
    app.add_typer(group, name="channels")


def list_(*, as_json: Json = False) -> None:
    """The channels, without their addresses."""
    channels = configuration().channels
    if as_json:
        print_json([_json(channel) for channel in channels])
        return
    table = Table("id", "title", "family", "recipients", "alarms", box=None, pad_edge=False)
    for channel in channels:
        alarms = "yes" if channel.alarms else ""
        table.add_row(channel.id, channel.title, channel.family, str(len(channel.recipients)), alarms)
    out.print(table if channels else "no channels")


def _json(channel: Channel) -> dict[str, object]:
    return {
        "id": channel.id,
        "title": channel.title,
        "family": channel.family,
        "recipients": len(channel.recipients),
        "alarms": channel.alarms,
    }


def test(
    ids: Annotated[list[str] | None, typer.Argument(help="Channels to try; all where none is named.")] = None,
) -> None:
    """Send a trial message to every recipient. Exit 1 where one did not take it."""
    config = configuration()
    channels = {channel.id: channel for channel in config.channels}
    for unknown in sorted(set(ids or ()) - set(channels)):
        err.print(f"tocsin: no channel {unknown!r}; there are {', '.join(channels) or 'none'}", markup=False)
        raise typer.Exit(2)
    sender = Sender(timeout=config.settings.send.timeout)
    failed = False
    for channel in (channels[id] for id in ids or channels):
        for recipient in range(len(channel.recipients)):
            failed |= not _try(sender, channel, recipient)
    raise typer.Exit(1 if failed else 0)


def _try(sender: Sender, channel: Channel, recipient: int) -> bool:
    moment = now()
    outcome = policy.alarm("trial", "a trial message, sent by `tocsin channels test`", channels={}, now=moment)
    alert = dataclasses.replace(outcome.decision.alert(), title="Trial message")
    name = f"{channel.id}/{recipient}"
    try:
        sender.send(channel, recipient, Renderer().alert(alert, Evidence(), channel.family, now=moment))
    except SendError as error:
        out.print(f"{name}: {error.cause}", markup=False, style="red")
        return False
    out.print(f"{name}: taken")
    return True
