"""From decisions to alerts and to what is queued for whom and when: inhibition, mutes, quiet hours, caps, escalation.

Pure. An alert that is inhibited or muted is raised all the same, with its reason, and queued for nobody; one that must
wait is queued for later. Nothing is dropped.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from alerts.fitting import labels, values
from alerts.hours import next_cron, quiet_until
from alerts.thresholds import Decision
from tocsin.config.channels import Channel
from tocsin.config.routing import Route
from tocsin.config.thresholds import Threshold
from tocsin.config.watches import Watch
from tocsin.model import Alert, AlertKind, AlertState, Delivery, DeliveryState, Mute

HOUR = dt.timedelta(hours=1)
OURSELVES = "tocsin"
"""The watch of alarms about Tocsin itself."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision: an alert with its deliveries, or none; and why."""

    decision: Decision
    alert: Alert | None
    deliveries: tuple[Delivery, ...] = ()
    reason: str = ""


def outcomes(
    decisions: Sequence[Decision],
    watch: Watch,
    *,
    prior: Sequence[Alert],
    mutes: Sequence[Mute],
    channels: Mapping[str, Channel],
    now: dt.datetime,
) -> tuple[Outcome, ...]:
    """An outcome for each decision of one watch, in their order.

    `prior` are the watch's alerts of the last hour and of the longest `within` of its inhibitions; `mutes` those that
    hold now.
    """
    raised = list(prior)
    firing = [decision.alert() for decision in decisions if decision.fire and decision.kind is AlertKind.ALERT]
    found = []
    for decision in decisions:
        if not decision.fire:
            found.append(Outcome(decision, None, (), decision.reason))
            continue
        outcome = _outcome(decision, watch, raised, firing, mutes, channels, now)
        if outcome.alert:
            raised.append(outcome.alert)
        found.append(outcome)
    return tuple(found)


def _outcome(
    decision: Decision,
    watch: Watch,
    raised: Sequence[Alert],
    firing: Sequence[Alert],
    mutes: Sequence[Mute],
    channels: Mapping[str, Channel],
    now: dt.datetime,
) -> Outcome:
    alert = decision.alert()
    held_back = _inhibited(alert, watch, [*raised, *firing], now) or _muted(decision, mutes)
    if held_back:
        alert = replace(alert, reason=f"{alert.reason}; not sent: {held_back}")
        return Outcome(decision, alert, (), held_back)
    threshold = watch.threshold(decision.threshold)
    routes = watch.routes(threshold) if threshold else watch.notify
    count = sum(1 for other in raised if other.watch == watch.id and other.fired_at > now - HOUR)
    deliveries = _deliveries(alert, routes, watch, count, channels, now)
    return Outcome(decision, alert, deliveries, _when(deliveries, now))


def doubted(outcome: Outcome, told_until: dt.datetime) -> Outcome:
    """The outcome with its deliveries held for a person where all that it rests on happened until `told_until`."""
    started = [event.started_at for event in outcome.decision.events]
    if outcome.alert is None or not started or max(started) > told_until:
        return outcome
    why = f"it may have been told before the database was restored ({told_until:%Y-%m-%d %H:%M} UTC); held for a person"
    held = tuple(replace(each, state=DeliveryState.DEAD, last_error=why) for each in outcome.deliveries)
    return replace(outcome, deliveries=held, reason=why)


def _when(deliveries: Sequence[Delivery], now: dt.datetime) -> str:
    if not deliveries:
        return "no channel is set for it"
    later = [delivery for delivery in deliveries if delivery.next_try_at > now]
    if not later:
        return f"queued for {len(deliveries)}"
    until = max(delivery.next_try_at for delivery in later)
    return f"queued for {len(deliveries)}, {len(later)} of them held until {until:%Y-%m-%d %H:%M} UTC at the latest"


def _deliveries(
    alert: Alert,
    routes: Iterable[Route],
    watch: Watch,
    count: int,
    channels: Mapping[str, Channel],
    now: dt.datetime,
) -> tuple[Delivery, ...]:
    """A delivery to each recipient of each channel that a fitting route names, at the earliest time of its routes."""
    times: dict[str, dt.datetime] = {}
    for route in routes:
        if route.channel in channels and (route.severity is None or route.severity.holds(alert.severity)):
            at = send_at(route, watch, alert, count=count, now=now)
            times[route.channel] = min(at, times.get(route.channel, at))
    return tuple(
        Delivery(alert.id, name, recipient, DeliveryState.QUEUED, at)
        for name, at in times.items()
        for recipient in range(len(channels[name].recipients))
    )


def send_at(route: Route, watch: Watch, alert: Alert, *, count: int, now: dt.datetime) -> dt.datetime:
    """When a route sends an alert that is the `count`-th (from 0) of the watch within an hour: now, or later."""
    at = now
    capped = watch.max_per_hour is not None and count >= watch.max_per_hour and alert.kind is AlertKind.ALERT
    if route.digest or capped:
        at = next_cron(watch.digest.cron, watch.digest.zone, now)
    hours = route.quiet_hours or watch.quiet_hours
    if hours and not (hours.unless and hours.unless.holds(alert.severity)):
        at = quiet_until(hours, at)
    return at


def _inhibited(alert: Alert, watch: Watch, raised: Sequence[Alert], now: dt.datetime) -> str:
    """Which alert hides this one, "" where none does."""
    if alert.kind is not AlertKind.ALERT:
        return ""
    mine = labels(alert.group)
    for rule in watch.inhibit:
        if alert.threshold not in rule.hides:
            continue
        for big in raised:
            theirs = labels(big.group)
            alike = all(mine.get(key) == theirs.get(key) for key in rule.equal)
            fresh = now - big.fired_at <= rule.within and big.kind is AlertKind.ALERT and big.watch == watch.id
            if big.threshold in rule.by and alike and fresh and big.id != alert.id:
                return f"inhibited by {big.threshold} ({big.id})"
    return ""


def _muted(decision: Decision, mutes: Sequence[Mute]) -> str:
    """Which mute holds, "" where none does."""
    facts: dict[str, set[str]] = {key: {value} for key, value in labels(decision.group).items()}
    for event in decision.events:
        for key in ("pair", "source", "target", "type", "place"):
            facts.setdefault(key, set()).update(values(event, key))
    facts |= {"watch": {decision.watch}, "threshold": {decision.threshold}, "group": {decision.group}}
    for mute in mutes:
        in_force = mute.starts_at <= decision.at < mute.until
        if in_force and all(_agrees(facts.get(key, set()), pattern) for key, pattern in mute.matchers.items()):
            return f"muted by {mute.by} until {mute.until:%Y-%m-%d %H:%M} UTC (mute {mute.id})"
    return ""


def _agrees(found: Iterable[str], pattern: str) -> bool:
    return any(fnmatchcase(value, pattern) for value in found)


def escalations(
    watch: Watch,
    *,
    open_alerts: Sequence[Alert],
    prior: Sequence[Alert],
    channels: Mapping[str, Channel],
    now: dt.datetime,
) -> tuple[Outcome, ...]:
    """For every alert that nobody acknowledged in time, a word to the channels of each step that is due.

    `prior` must hold the escalations that were raised already.
    """
    known = {alert.id for alert in prior}
    found = []
    for alert in open_alerts:
        threshold = watch.threshold(alert.threshold)
        if alert.watch != watch.id or alert.kind is not AlertKind.ALERT or alert.state is not AlertState.OPEN:
            continue
        for step, rule in enumerate(watch.escalations(threshold) if threshold else watch.escalation, 1):
            if now - alert.fired_at < rule.after or "; not sent: " in alert.reason:
                continue
            decision = _escalation(alert, step, now)
            if decision.id not in known:
                deliveries = _deliveries(decision.alert(), rule.notify, watch, 0, channels, now)
                found.append(Outcome(decision, decision.alert(), deliveries, decision.reason))
    return tuple(found)


def _escalation(alert: Alert, step: int, now: dt.datetime) -> Decision:
    minutes = round((now - alert.fired_at).total_seconds() / 60)
    return Decision(
        watch=alert.watch,
        threshold=alert.threshold,
        version=alert.threshold_version,
        group=alert.group,
        window=f"{alert.id} step {step}",
        fire=True,
        reason=f"nobody has acknowledged it for {minutes} minutes; {alert.reason}",
        at=now,
        title=alert.title,
        severity=alert.severity,
        kind=AlertKind.ESCALATION,
        about=(alert.id,),
    )


def resolved(
    threshold: Threshold,
    *,
    open_alerts: Sequence[Alert],
    last_met: Mapping[str, dt.datetime],
    now: dt.datetime,
) -> tuple[str, ...]:
    """Ids of the alerts of `threshold` that are over: the condition of their group was last met too long ago.

    `last_met` gives by group until when its condition is known to have been met; a group without one was last met when
    its alert fired.
    """
    if threshold.resolve_after is None:
        return ()
    return tuple(
        alert.id
        for alert in open_alerts
        if alert.threshold == threshold.id
        and alert.state is not AlertState.RESOLVED
        and now - max(alert.fired_at, last_met.get(alert.group, alert.fired_at)) >= threshold.resolve_after
    )


def alarm(subject: str, reason: str, *, channels: Mapping[str, Channel], now: dt.datetime) -> Outcome:
    """An alarm about Tocsin itself, at most one a day for each `subject` (`channel=desk`).

    It goes to the channels that take alarms, to all where none does, never to a channel that it is about.
    """
    decision = Decision(
        watch=OURSELVES,
        threshold="alarm",
        version=hashlib.sha256(subject.encode()).hexdigest()[:12],
        group=subject,
        window=f"{now:%Y-%m-%d}",
        fire=True,
        reason=reason,
        at=now,
        title=f"Tocsin itself: {subject}",
        kind=AlertKind.ALARM,
    )
    others = {name: channel for name, channel in channels.items() if labels(subject).get("channel") != name}
    takers = {name: channel for name, channel in others.items() if channel.alarms} or others
    deliveries = tuple(
        Delivery(decision.id, name, recipient, DeliveryState.QUEUED, now)
        for name, channel in takers.items()
        for recipient in range(len(channel.recipients))
    )
    return Outcome(decision, decision.alert(), deliveries, reason)
