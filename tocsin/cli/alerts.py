"""`tocsin alerts`: what was raised, why, and what people did about it."""

from __future__ import annotations

import dataclasses
import getpass
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tocsin.cli import exporting
from tocsin.cli.context import Json, configuration, err, now, opened, out, print_json
from tocsin.model import Alert, AlertState, Article, Delivery, DeliveryState, Trigger
from tocsin.store import AlertDetail

AlertId = Annotated[str, typer.Argument(help="Id of an alert, as `tocsin alerts list` shows it.")]
Who = Annotated[str, typer.Option(help="Who says so; by default the user of this machine.")]
Note = Annotated[str, typer.Option(help="Why, for the audit trail.")]


def register(app: typer.Typer) -> typer.Typer:
    """Add the commands to `app`; their group."""
    group = typer.Typer(help="Alerts: list, explain, acknowledge, resolve, mute.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(ack)
    group.command()(resolve)
    group.command()(send)
    group.command("export")(exporting.alerts)
    app.add_typer(group, name="alerts")
    return group


def user(who: str) -> str:
    """Who acts: `who`, else the user of this machine."""
    return who or getpass.getuser()


def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    state: Annotated[AlertState | None, typer.Option(help="Only alerts in this state.")] = None,
    watch: Annotated[str | None, typer.Option(help="Only alerts of this watch.")] = None,
    as_json: Json = False,
) -> None:
    """The newest alerts first."""
    with opened(configuration()) as store:
        alerts = store.alerts.recent(limit=limit, state=state, watch=watch)
    if as_json:
        print_json([alert_json(alert) for alert in alerts])
        return
    table = Table("id", "fired (UTC)", "state", "severity", "threshold", "group", "title", box=None, pad_edge=False)
    for alert in alerts:
        fired = f"{alert.fired_at:%Y-%m-%d %H:%M}"
        row = (alert.id, fired, alert.state.value, f"{alert.severity:+g}", alert.threshold, alert.group, alert.title)
        table.add_row(*(Text(cell) for cell in row))
    out.print(table if alerts else "no alerts")


def show(alert: AlertId, *, as_json: Json = False) -> None:
    """One alert with its reason, events, articles and deliveries."""
    with opened(configuration()) as store:
        detail = store.alerts.detail(alert)
    if detail is None:
        err.print(f"tocsin: no alert {alert!r}; see `tocsin alerts list`", markup=False)
        raise typer.Exit(2)
    if as_json:
        print_json(detail_json(detail))
    else:
        for line in lines(detail, numbered=True):
            out.print(line)


def ack(alert: AlertId, *, who: Who = "", note: Note = "") -> None:
    """Say that somebody takes care of it; escalation stops."""
    with opened(configuration()) as store:
        done = store.alerts.acknowledge(alert, who=user(who), now=now(), note=note)
    _report(done, alert, "acknowledged", "it is not open")


def resolve(alert: AlertId, *, who: Who = "", note: Note = "") -> None:
    """Say that it is over."""
    with opened(configuration()) as store:
        done = store.alerts.resolve(alert, who=user(who), now=now(), note=note)
    _report(done, alert, "resolved", "it is resolved already, or unknown")


def send(alert: AlertId, *, who: Who = "", note: Note = "") -> None:
    """Send, with the next sweep, what of an alert was given up or is held for a person."""
    with opened(configuration()) as store:
        count = store.outbox.revive(alert, who=user(who), now=now(), note=note)
    _report(count > 0, alert, "queued again", "none of its deliveries was given up or held")


def _report(done: bool, alert: str, verb: str, otherwise: str) -> None:
    if not done:
        err.print(f"tocsin: {alert} was not {verb}: {otherwise}", markup=False)
        raise typer.Exit(1)
    out.print(f"{alert} {verb}")


def alert_json(alert: Alert) -> dict[str, Any]:
    """An alert as JSON has it."""
    return dataclasses.asdict(alert)


def detail_json(detail: AlertDetail) -> dict[str, Any]:
    """An alert with everything that explains it, as JSON has it."""
    return {
        "alert": alert_json(detail.alert),
        "events": [
            {
                "id": event.id,
                "type": event.type,
                "modality": event.modality.value,
                "source": event.source,
                "target": event.target,
                "started_at": event.started_at,
                "title": event.title,
                "families": sorted(event.families),
                "reports": [_report_json(*report) for report in detail.reports[event.id]],
            }
            for event in detail.events
        ],
        "deliveries": [
            {
                "channel": delivery.channel,
                "recipient": delivery.recipient,
                "state": delivery.state.value,
                "attempts": delivery.attempts,
                "sent_at": delivery.sent_at,
                "uncertain": delivery.uncertain,
                "last_error": delivery.last_error,
            }
            for delivery in detail.deliveries
        ],
        "history": [dataclasses.asdict(act) for act in detail.history],
    }


def _report_json(trigger: Trigger, article: Article) -> dict[str, Any]:
    return {
        "article": article.id,
        "trigger": trigger.id,
        "publisher": article.publisher,
        "title": article.title,
        "link": article.link,
        "published": article.published,
        "rule": trigger.rule,
        "version": trigger.version,
        "evidence": trigger.evidence.text,
        "confidence": trigger.confidence,
    }


def highlighted(trigger: Trigger, article: Article) -> Text:
    """The article's text with the words that the trigger rests on in bold."""
    evidence = trigger.evidence
    whole = article.title if evidence.field == "title" else article.summary
    text = Text(whole)
    text.stylize("bold yellow", evidence.start, evidence.end)
    return text


def _when(delivery: Delivery) -> str:
    """When it was sent, or for when it waits: a digest, the end of quiet hours, the next try."""
    if delivery.sent_at:
        return f" at {delivery.sent_at:%Y-%m-%d %H:%M}"
    return f" for {delivery.next_try_at:%Y-%m-%d %H:%M}" if delivery.state is DeliveryState.QUEUED else ""


def lines(detail: AlertDetail, *, numbered: bool = False) -> list[Text]:
    """An alert for the terminal: what, why, by whom it is reported, and who was told; `numbered`: ids of triggers."""
    alert = detail.alert
    found = [
        Text.assemble((f"{alert.title}", "bold"), f"  [{alert.state.value}, severity {alert.severity:+g}]"),
        Text(
            f"  {alert.id}  {alert.watch}/{alert.threshold}@{alert.threshold_version}"
            f"  {alert.fired_at:%Y-%m-%d %H:%M} UTC"
        ),
        Text(f"  why: {alert.reason}"),
    ]
    for event in detail.events:
        parties = " → ".join(filter(None, (event.source, event.target))) or "no party named"
        kinds = f"{event.type}, {event.modality.value}, {parties}"
        plural = "" if event.corroboration == 1 else "s"
        found.append(Text(f"  event {event.id}: {kinds}; {event.corroboration} independent publisher{plural}"))
        for trigger, article in detail.reports[event.id]:
            stamp = f"    {article.seen_at:%Y-%m-%d %H:%M} {article.publisher}: "
            number = f", trigger {trigger.id}" if numbered else ""
            rule = f"  ({trigger.rule}@{trigger.version}{number})"
            found.append(Text.assemble(stamp, highlighted(trigger, article), rule))
    for delivery in detail.deliveries:
        error = f": {delivery.last_error}" if delivery.last_error else ""
        found.append(Text(f"  {delivery.channel}/{delivery.recipient}: {delivery.state.value}{_when(delivery)}{error}"))
    found += [Text(f"  {act.at:%Y-%m-%d %H:%M} {act.who}: {act.act} {act.note}") for act in detail.history]
    return found
