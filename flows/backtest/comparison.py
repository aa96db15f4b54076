"""Two outcomes held against each other: which alerts were gained, lost or moved, and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.backtest.archive import Name
from flows.backtest.outcome import alert_json, told
from flows.backtest.record import Finding, Record
from tocsin.model import Alert

_SHOWN = 90
_NOT_JUDGED = frozenset({"title", "description"})


@dataclass(frozen=True, slots=True)
class Change:
    """An alert that only one of two configurations raises, or that they raise at different times; and the reason."""

    alert: Alert
    reason: str
    before: dt.datetime | None = None
    """When the other one raises it, where it was moved."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What becomes of the alerts that somebody is told of when one configuration takes the place of another."""

    gained: tuple[Change, ...]
    lost: tuple[Change, ...]
    moved: tuple[Change, ...]

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return {
            "gained": [_json(change) for change in self.gained],
            "lost": [_json(change) for change in self.lost],
            "moved": [_json(change) for change in self.moved],
        }


def _json(change: Change) -> dict[str, Any]:
    before = {"before": change.before.isoformat()} if change.before else {}
    return {**alert_json(change.alert), "why": change.reason, **before}


def compare(new: Record, old: Record) -> Comparison:
    """What `new` alerts on otherwise than `old`. Alerts are the same where threshold, group and an article agree.

    Articles are the same where their names are: both must be of one archive.
    """
    left = list(old.told)
    gained: list[Alert] = []
    moved: list[Change] = []
    for alert in new.told:
        same = _counterpart(alert, new, left, old)
        if same is None:
            gained.append(alert)
            continue
        left.remove(same)
        if same.fired_at != alert.fired_at:
            moved.append(Change(alert, _why(alert, new, old) or "the alerts before it differ", same.fired_at))
    return Comparison(
        tuple(Change(alert, _reason(alert, new, old)) for alert in gained),
        tuple(Change(alert, _reason(alert, old, new)) for alert in left),
        tuple(moved),
    )


def _counterpart(alert: Alert, mine: Record, others: Sequence[Alert], theirs: Record) -> Alert | None:
    """The alert of `others` that is the same, the nearest in time."""
    articles = set(mine.resting_on(alert))
    alike = [
        other
        for other in others
        if (other.watch, other.threshold, other.group) == (alert.watch, alert.threshold, alert.group)
        and (other.id == alert.id if not articles else articles & set(theirs.resting_on(other)))
    ]
    return min(alike, key=lambda other: abs(other.fired_at - alert.fired_at), default=None)


def _reason(alert: Alert, has: Record, lacks: Record) -> str:
    held_back = _counterpart(alert, has, [other for other in lacks.alerts if not told(other)], lacks)
    if held_back is not None:
        return f"raised, but{held_back.reason.partition('; not sent:')[2]}"
    return _why(alert, has, lacks) or "its triggers and its threshold are alike; the alerts before it differ"


def _why(alert: Alert, has: Record, lacks: Record) -> str:
    """What the configuration that raises `alert` does otherwise than the other: in its threshold, in its triggers."""
    found = [_threshold(alert, has, lacks)]
    for event in filter(None, map(has.event.get, alert.events)):
        found += [_findings(article, event.type, has, lacks) for article in event.articles]
    return "; ".join(dict.fromkeys(filter(None, found)))


def _threshold(alert: Alert, has: Record, lacks: Record) -> str:
    here, there = has.threshold(alert), lacks.threshold(alert)
    if here is None or there is None:
        return f"the other configuration has no threshold {alert.threshold}"
    keys = [name for name in here if name not in _NOT_JUDGED and here[name] != there.get(name)]
    return f"threshold {alert.threshold} differs in {', '.join(keys)}" if keys else ""


def _findings(article: Name, kind: str, has: Record, lacks: Record) -> str:
    """How what was found of one type in one article differs, "" where it does not."""
    mine, other = _of(has, article, kind), _of(lacks, article, kind)
    if [_told(finding) for finding in mine] == [_told(finding) for finding in other]:
        return ""
    title = has.text[article].title[:_SHOWN] if article in has.text else ""
    versions = _versions(other) or "the other"
    return f"in article {article} “{title}” {_versions(mine)} finds {_all(mine)}, {versions} {_all(other)}"


def _of(record: Record, article: Name, kind: str) -> list[Finding]:
    findings = record.text[article].findings if article in record.text else ()
    return sorted((each for each in findings if each.type == kind), key=lambda each: each.rule)


def _told(finding: Finding) -> tuple[object, ...]:
    return finding.modality, finding.source, finding.target, finding.place, finding.occurred_on


def _versions(findings: Sequence[Finding]) -> str:
    return ", ".join(dict.fromkeys(f"{finding.rule}@{finding.version}" for finding in findings))


def _all(findings: Sequence[Finding]) -> str:
    return ", ".join(f"{f.type} {f.modality} {f.source or '–'} → {f.target or '–'}" for f in findings) or "nothing"
