"""Why there is no alert on an article: each step of its way, from the store, with the reason where it ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alerts.fitting import concerns, misfit
from alerts.thresholds import Decision, evaluate, query
from tocsin.config.folder import Config
from tocsin.config.thresholds import Threshold, wheres
from tocsin.config.watches import Watch
from tocsin.model import Alert, Article, Delivery, Event, Trigger
from tocsin.store import Store


@dataclass(frozen=True, slots=True)
class Step:
    """What one threshold makes of an event: the alerts that it raised on it, else its reason for none."""

    watch: str
    threshold: str
    version: str
    reason: str
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """One trigger of an article with its event and what the thresholds make of it."""

    trigger: Trigger
    event: Event | None
    steps: tuple[Step, ...]
    deliveries: Mapping[str, tuple[Delivery, ...]]
    """Of each alert."""


def chains(config: Config, store: Store, article: Article) -> list[Chain]:
    """The way of each trigger of `article` that stands."""
    triggers = store.triggers.of_articles([article.id])
    events_of = store.triggers.events_of([article.id])
    events = store.events.by_id(set(events_of.values()))
    return [_chain(config, store, trigger, events.get(events_of.get(trigger.id, 0))) for trigger in triggers]


def _chain(config: Config, store: Store, trigger: Trigger, event: Event | None) -> Chain:
    if event is None:
        return Chain(trigger, None, (), {})
    raised = store.alerts.resting_on([event.id])
    steps = tuple(
        step
        for watch in config.watches
        for threshold in watch.thresholds
        for step in _steps(store, watch, threshold, event, raised)
    )
    return Chain(trigger, event, steps, {alert.id: tuple(store.outbox.of_alert(alert.id)) for alert in raised})


def _steps(store: Store, watch: Watch, threshold: Threshold, event: Event, raised: list[Alert]) -> Iterator[Step]:
    """At most one step: none where the threshold does not look at such events at all."""
    mine = tuple(alert for alert in raised if (alert.watch, alert.threshold) == (watch.id, threshold.id))
    looked = [where for _, where in wheres(threshold) if concerns(where, event)]
    if mine:
        yield Step(watch.id, threshold.id, threshold.version, mine[0].reason, mine)
    elif looked and threshold.generate:
        misfits = [misfit(where, event) for where in looked]
        reason = next(filter(None, misfits), "") or _judged(store, watch, threshold, event)
        yield Step(watch.id, threshold.id, threshold.version, reason)


def _judged(store: Store, watch: Watch, threshold: Threshold, event: Event) -> str:
    """What the threshold decides when it is judged as of the event's last change."""
    now = event.changed_at
    parts = [part for part in map(watch.threshold, getattr(threshold, "of", ())) if part is not None]
    asked = query(threshold, now, parts)
    events = store.events.window(since=asked.since, until=now + dt.timedelta(microseconds=1), voices=False)
    prior = store.alerts.prior(since=asked.since, watch=watch.id)
    prior = [alert for alert in prior if alert.fired_at <= now]
    found = evaluate(threshold, events=events, prior=prior, now=now, watch=watch.id, parts=parts)
    return _told(found, event) or "it is judged with the next sweep"


def _told(decisions: tuple[Decision, ...], event: Event) -> str:
    about = [decision for decision in decisions if event.id in {each.id for each in decision.events}]
    for decision in about or decisions:
        if not decision.fire:
            return f"{decision.group}: {decision.reason}".removeprefix(": ")
    return ""
