"""`tocsin why` and `why-not`: the whole way from an article to a message, or to where it ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from extractors.triggers import Explanation
from extractors.triggers import Text as Item
from flows.detecting import detector
from flows.explanation import Chain, chains
from tocsin.cli.alerts import AlertId, alert_json, detail_json, highlighted
from tocsin.cli.context import Json, configuration, err, opened, out, print_json
from tocsin.cli.detection import trigger_json
from tocsin.cli.events import parties
from tocsin.config.folder import Config
from tocsin.model import Article, Delivery, Trigger
from tocsin.store import AlertDetail


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(why)
    app.command("why-not")(why_not)


def why(alert: AlertId, *, as_json: Json = False) -> None:
    """Why there is an alert: its articles, triggers, events, threshold, routing and deliveries, with their versions."""
    config = configuration()
    with opened(config) as store:
        detail = store.alerts.detail(alert)
    if detail is None:
        err.print(f"tocsin: no alert {alert!r}; see `tocsin alerts list`", markup=False)
        raise typer.Exit(2)
    rules = _versions(config)
    if as_json:
        answer = detail_json(detail)
        reports = [trigger for reports in detail.reports.values() for trigger, _ in reports]
        answer["rules"] = {f"{each.rule}@{each.version}": _in_force(each, rules) for each in reports}
        answer["threshold_in_force"] = _threshold_in_force(detail, config)
        print_json(answer)
        return
    for line in _why(detail, rules, config):
        out.print(line)


def why_not(
    article: Annotated[int, typer.Argument(help="Id of an article in the store.")], *, as_json: Json = False
) -> None:
    """Why there is no alert on an article: what was found in it, and where its way ended."""
    config = configuration()
    with opened(config) as store:
        found = store.articles.get(article)
        if found is None:
            err.print(f"tocsin: no article {article} in the store", markup=False)
            raise typer.Exit(2)
        way = chains(config, store, found)
        aside = {each.article.id: each.error for each in store.articles.aside(limit=10_000)}.get(article, "")
    reasons = [] if way else _unfound(config, found, aside)
    if as_json:
        print_json(_json(found, way, reasons))
        return
    out.print(Text(found.title, "bold"))
    out.print(Text(f"  article {found.id}, {found.publisher}, first seen {found.first_seen:%Y-%m-%d %H:%M} UTC"))
    for line in _why_not(found, way, reasons, _versions(config)):
        out.print(line)


def _versions(config: Config) -> Mapping[str, str]:
    return {rule.id: rule.version for rule in config.rules}


def _in_force(trigger: Trigger, rules: Mapping[str, str]) -> str:
    """How the rule of a trigger stands now."""
    version = rules.get(trigger.rule)
    if version is None:
        return "no longer there"
    return "in force" if version == trigger.version else f"now @{version}"


def _threshold_in_force(detail: AlertDetail, config: Config) -> str:
    alert = detail.alert
    watch = next((watch for watch in config.watches if watch.id == alert.watch), None)
    threshold = watch.threshold(alert.threshold) if watch else None
    if threshold is None:
        return "no longer there"
    return "in force" if threshold.version == alert.threshold_version else f"now @{threshold.version}"


def _why(detail: AlertDetail, rules: Mapping[str, str], config: Config) -> Iterator[Text]:
    alert = detail.alert
    yield Text.assemble((alert.title, "bold"), f"  {alert.id}  {alert.fired_at:%Y-%m-%d %H:%M} UTC")
    for event in detail.events:
        for trigger, article in detail.reports[event.id]:
            head = f"  article    {article.id}  {article.seen_at:%Y-%m-%d %H:%M} {article.publisher}: "
            yield Text.assemble(head, highlighted(trigger, article))
            yield _trigger(trigger, rules)
        publishers = ", ".join(sorted(event.families))
        yield Text(f"  event      {event.id}: {event.type}, {event.modality}, {parties(event)}; {publishers}")
    version = f"{alert.threshold_version} ({_threshold_in_force(detail, config)})"
    yield Text(f"  threshold  {alert.watch}/{alert.threshold}@{version}")
    yield Text(f"             {alert.reason}")
    yield Text(f"  policy     group {alert.group or '–'}, severity {alert.severity:+g}, {alert.state}")
    yield from _deliveries(detail.deliveries)
    for act in detail.history:
        yield Text(f"  history    {act.at:%Y-%m-%d %H:%M} {act.who}: {act.act} {act.note}")


def _trigger(trigger: Trigger, rules: Mapping[str, str]) -> Text:
    who = f"{trigger.source or '–'} → {trigger.target or '–'}"
    rule = f"{trigger.rule}@{trigger.version} ({_in_force(trigger, rules)})"
    line = (
        f"  trigger    {trigger.type}, {trigger.modality}, {who}, confidence {trigger.confidence:.2f}, by rule {rule}"
    )
    return Text(line)


def _deliveries(deliveries: Sequence[Delivery]) -> Iterator[Text]:
    if not deliveries:
        yield Text("  delivery   none: the reason above says why, or no route is for it")
    for each in deliveries:
        at = each.sent_at or each.next_try_at
        error = f": {each.last_error}" if each.last_error else ""
        yield Text(f"  delivery   {each.channel}/{each.recipient} {each.state}, {at:%Y-%m-%d %H:%M} UTC{error}")


def _unfound(config: Config, article: Article, aside: str) -> list[str]:
    """Why the article has no trigger, by the rules of now."""
    if aside:
        return [f"it was set aside: {aside}"]
    explanation = detector(config).explain(Item(article.title, article.summary, article.published))
    if explanation.detection.skipped:
        return [f"it was not read: {explanation.detection.skipped}"]
    if explanation.detection.triggers:
        return ["the rules of now find something in it; the next sweep or `tocsin redetect` will"]
    kinds = sorted(set(_looked_at(explanation)))
    reasons = [f"{kind}: {reason}" for kind in kinds for reason in explanation.why_not(kind)]
    return reasons or ["no rule found any of its words"]


def _looked_at(explanation: Explanation) -> Iterator[str]:
    for segment in explanation.segments:
        yield from (attempt.frame.rule.type for attempt in segment.attempts)


def _why_not(
    article: Article, way: Sequence[Chain], reasons: Sequence[str], rules: Mapping[str, str]
) -> Iterator[Text]:
    if article.backfill:
        yield Text("  it is history (the first poll of its feed, or found by `tocsin redetect`): never alerted on")
    if not way:
        yield Text("  no trigger")
        yield from (Text(f"    - {reason}") for reason in reasons)
    for chain in way:
        yield _trigger(chain.trigger, rules)
        if chain.event is None:
            yield Text("  event      none yet; the next sweep links it")
            continue
        event = chain.event
        yield Text(f"  event      {event.id}: {event.type}, {event.modality}, {parties(event)}")
        if not chain.steps:
            yield Text("  threshold  none looks at events of this type, modality and parties")
        for step in chain.steps:
            yield Text(f"  threshold  {step.watch}/{step.threshold}@{step.version}: {step.reason}")
            for alert in step.alerts:
                yield Text(f"  alert      {alert.id}, {alert.fired_at:%Y-%m-%d %H:%M} UTC: `tocsin why {alert.id}`")
                yield from _deliveries(chain.deliveries[alert.id])


def _json(article: Article, way: Sequence[Chain], reasons: Sequence[str]) -> dict[str, Any]:
    return {
        "article": article.id,
        "title": article.title,
        "backfill": article.backfill,
        "reasons": list(reasons),
        "triggers": [
            {
                **trigger_json(chain.trigger),
                "event": chain.event.id if chain.event else None,
                "thresholds": [
                    {
                        "watch": step.watch,
                        "threshold": step.threshold,
                        "version": step.version,
                        "reason": step.reason,
                        "alerts": [alert_json(alert) for alert in step.alerts],
                    }
                    for step in chain.steps
                ],
                "deliveries": [dataclasses.asdict(delivery) for each in chain.deliveries.values() for delivery in each],
            }
            for chain in way
        ],
    }
