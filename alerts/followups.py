"""What those who got an alert must hear later: what it rests on was denied or withdrawn, or has grown. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from alerts.thresholds import Decision
from tocsin.config.watches import Watch
from tocsin.model import Alert, AlertKind, Event, Growth

_SAID = {
    Growth.SOURCE: "another independent publisher reports it",
    Growth.SEVERITY: "it is graver than was known",
    Growth.FACT: "a new fact is known",
    Growth.REPORT: "another report came in",
}


def followups(
    watch: Watch, *, changed: Mapping[int, Event], prior: Sequence[Alert], now: dt.datetime
) -> tuple[Decision, ...]:
    """A decision for each earlier alert that a changed event makes wrong or old.

    `changed` are events by id that are new or have grown, `prior` the watch's alerts that rest on one of them, with the
    follow-ups that were raised already. A correction goes where the alert went: the routes of its threshold.
    """
    known = {alert.id for alert in prior}
    found = []
    for alert in prior:
        if alert.watch != watch.id or alert.kind is not AlertKind.ALERT or "; not sent: " in alert.reason:
            continue
        for id in alert.events:
            event = changed.get(id)
            decision = event and (_correction(watch, alert, event, now) or _update(watch, alert, event, prior, now))
            if decision and decision.id not in known:
                known.add(decision.id)
                found.append(decision)
    return tuple(found)


def _correction(watch: Watch, alert: Alert, event: Event, now: dt.datetime) -> Decision | None:
    if not watch.correct:
        return None
    if not event.articles:
        return _followup(alert, event, AlertKind.CORRECTION, "withdrawn", "its reports were withdrawn or changed", now)
    denied_at = _time(event, Growth.DENIAL)
    if not event.denials or denied_at is None or denied_at <= alert.fired_at:
        return None
    count = len(event.denials)
    reason = f"it is denied by {count} report{'s' if count != 1 else ''}"
    return _followup(alert, event, AlertKind.CORRECTION, "denied", reason, now)


def _update(watch: Watch, alert: Alert, event: Event, prior: Sequence[Alert], now: dt.datetime) -> Decision | None:
    threshold = watch.threshold(alert.threshold)
    wanted = threshold.realert_on if threshold else ()
    told_at = max([alert.fired_at, *(other.fired_at for other in prior if alert.id in other.about)])
    grown = {kind: at for kind in wanted if (at := _time(event, kind)) and at > told_at}
    if not grown:
        return None
    reason = "; ".join(_SAID[kind] for kind in wanted if kind in grown and kind in _SAID)
    return _followup(alert, event, AlertKind.UPDATE, max(grown.values()).isoformat(), reason, now)


def _time(event: Event, kind: Growth) -> dt.datetime | None:
    value = event.gained.get(kind)
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else None


def _followup(alert: Alert, event: Event, kind: AlertKind, what: str, reason: str, now: dt.datetime) -> Decision:
    return Decision(
        watch=alert.watch,
        threshold=alert.threshold,
        version=alert.threshold_version,
        group=alert.group,
        window=f"{alert.id} event {event.id} {what}",
        fire=True,
        reason=reason,
        at=now,
        title=alert.title,
        severity=alert.severity,
        events=(event,),
        kind=kind,
        about=(alert.id,),
    )
