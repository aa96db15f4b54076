"""`tocsin events`: what was found to be one occurrence, and putting it right by hand."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from flows import regrouping
from tocsin.cli import exporting
from tocsin.cli.alerts import Note, Who, highlighted, user
from tocsin.cli.context import Json, configuration, err, now, opened, out, print_json
from tocsin.model import Alert, Article, Event, Trigger
from tocsin.store import Act

EventId = Annotated[int, typer.Argument(help="Id of an event, as `tocsin events list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="Events: list, explain, merge, split.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(merge)
    group.command()(split)
    group.command("export")(exporting.events)
    app.add_typer(group, name="events")


def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    type: Annotated[str | None, typer.Option(help="Only events of this trigger type.")] = None,
    as_json: Json = False,
) -> None:
    """The newest events first."""
    with opened(configuration()) as store:
        events = store.events.recent(limit=limit, type=type)
    if as_json:
        print_json([event_json(event) for event in events])
        return
    table = Table("id", "started (UTC)", "type", "modality", "parties", "voices", "title", box=None, pad_edge=False)
    for event in events:
        started, voices = f"{event.started_at:%Y-%m-%d %H:%M}", str(event.corroboration)
        row = (str(event.id), started, event.type, event.modality.value, parties(event), voices, event.title)
        table.add_row(*(Text(cell) for cell in row))
    out.print(table if events else "no events")


def show(event: EventId, *, as_json: Json = False) -> None:
    """One event with its reports, the alerts that rest on it, and what people did with it."""
    with opened(configuration()) as store:
        found = store.events.by_id([event]).get(event)
        reports = store.triggers.of_events([event])[event]
        alerts = store.alerts.resting_on([event])
        history = store.events.history(event)
    if found is None:
        err.print(f"tocsin: no event {event}; see `tocsin events list`", markup=False)
        raise typer.Exit(2)
    if as_json:
        print_json({**event_json(found), "alerts": [alert.id for alert in alerts], "history": _acts(history)})
        return
    for line in lines(found, reports, alerts, history):
        out.print(line)


def merge(
    events: Annotated[list[int], typer.Argument(help="Ids of two or more events that are one.")],
    *,
    who: Who = "",
    note: Note = "",
) -> None:
    """Make one event of several; it keeps the id of the earliest."""
    with opened(configuration()) as store:
        whole = regrouping.merge(store, list(dict.fromkeys(events)), who=user(who), now=now(), note=note)
    out.print(f"{', '.join(map(str, events))} are event {whole.id}: {len(whole.articles)} articles", markup=False)


def split(
    event: EventId,
    articles: Annotated[list[int], typer.Argument(help="Ids of the articles that are about something else.")],
    *,
    who: Who = "",
    note: Note = "",
) -> None:
    """Part some articles from an event into a new one, which thresholds then judge by itself."""
    config = configuration()
    with opened(config) as store:
        left, parted = regrouping.split(config, store, event, articles, who=user(who), now=now(), note=note)
    out.print(f"event {left.id} keeps {len(left.articles)} articles, event {parted.id} has {len(parted.articles)}")


def parties(event: Event) -> str:
    """Who did it to whom."""
    return " → ".join(filter(None, (event.source, event.target))) or "no party named"


def event_json(event: Event) -> dict[str, Any]:
    """An event as JSON has it, without the texts that linking keeps."""
    return {
        field.name: getattr(event, field.name)
        if field.name not in ("gained", "facts")
        else dict(getattr(event, field.name))
        for field in dataclasses.fields(event)
        if field.name != "voices"
    }


def lines(
    event: Event, reports: list[tuple[Trigger, Article]], alerts: list[Alert], history: tuple[Act, ...]
) -> list[Text]:
    """An event for the terminal."""
    kinds = f"  event {event.id}: {event.type}, {event.modality.value}, {parties(event)}"
    voices = f"{event.corroboration} independent publishers: {', '.join(sorted(event.families))}"
    found = [Text(event.title, "bold"), Text(kinds), Text(f"  {event.started_at:%Y-%m-%d %H:%M} UTC; {voices}")]
    if not event.articles:
        found.append(Text("  none of its reports is left: withdrawn, or part of another event"))
    for trigger, article in reports:
        stamp = f"    article {article.id}  {article.seen_at:%Y-%m-%d %H:%M} {article.publisher}: "
        found.append(Text.assemble(stamp, highlighted(trigger, article)))
    found += [Text(f"  alert {each.id}  {each.watch}/{each.threshold}  [{each.state.value}]") for each in alerts]
    found += [Text(f"  {act.at:%Y-%m-%d %H:%M} {act.who}: {act.act}, {act.note}") for act in history]
    return found


def _acts(history: tuple[Act, ...]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(act) for act in history]
