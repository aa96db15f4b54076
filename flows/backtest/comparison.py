"""Two outcomes of one archive held against each other: which alerts were gained, lost or moved, and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.backtest.archive import Key, key
from flows.backtest.outcome import Outcome, alert_json, told
from tocsin.config.thresholds import Threshold
from tocsin.model import Alert, Article, Trigger

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


def compare(new: Outcome, old: Outcome) -> Comparison:
    """What `new` alerts on otherwise than `old`. Alerts are the same where threshold, group and an article agree."""
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


def _counterpart(alert: Alert, mine: Outcome, others: Sequence[Alert], theirs: Outcome) -> Alert | None:
    """The alert of `others` that is the same, the nearest in time."""
    articles = set(map(key, mine.articles(alert)))
    alike = [
        other
        for other in others
        if (other.watch, other.threshold, other.group) == (alert.watch, alert.threshold, alert.group)
        and (other.id == alert.id if not articles else articles & set(map(key, theirs.articles(other))))
    ]
    return min(alike, key=lambda other: abs(other.fired_at - alert.fired_at), default=None)


def _reason(alert: Alert, has: Outcome, lacks: Outcome) -> str:
    held_back = _counterpart(alert, has, [other for other in lacks.alerts if not told(other)], lacks)
    if held_back is not None:
        return f"raised, but{held_back.reason.partition('; not sent:')[2]}"
    return _why(alert, has, lacks) or "its triggers and its threshold are alike; the alerts before it differ"


def _why(alert: Alert, has: Outcome, lacks: Outcome) -> str:
    """What the configuration that raises `alert` does otherwise than the other: in its threshold, in its triggers."""
    found = [_threshold(alert, has, lacks)]
    for event in alert.events:
        kind = has.events[event].type if event in has.events else ""
        found += [_triggers(article, kind, has, lacks) for article in has.reports.get(event, ())]
    return "; ".join(dict.fromkeys(filter(None, found)))


def _threshold(alert: Alert, has: Outcome, lacks: Outcome) -> str:
    mine, other = _find(alert, has), _find(alert, lacks)
    if mine is None or other is None:
        return f"the other configuration has no threshold {alert.threshold}"
    here, there = mine.model_dump(), other.model_dump()
    keys = [name for name in here if name not in _NOT_JUDGED and here[name] != there.get(name)]
    return f"threshold {alert.threshold} differs in {', '.join(keys)}" if keys else ""


def _find(alert: Alert, outcome: Outcome) -> Threshold | None:
    watches = {watch.id: watch for watch in outcome.config.watches}
    return watches[alert.watch].threshold(alert.threshold) if alert.watch in watches else None


def _triggers(article: Article, kind: str, has: Outcome, lacks: Outcome) -> str:
    """How the triggers of one type in one article differ, "" where they do not."""
    mine = _of(has.triggers, key(article), kind)
    other = _of(lacks.triggers, key(article), kind)
    if [_told(trigger) for trigger in mine] == [_told(trigger) for trigger in other]:
        return ""
    name = f"{has.archive.names[key(article)]} “{article.title[:_SHOWN]}”"
    return f"in article {name} {_versions(mine)} finds {_all(mine)}, {_versions(other) or 'the other'} {_all(other)}"


def _of(triggers: Mapping[Key, tuple[Trigger, ...]], article: Key, kind: str) -> list[Trigger]:
    return sorted((each for each in triggers.get(article, ()) if each.type == kind), key=lambda each: each.rule)


def _told(trigger: Trigger) -> tuple[object, ...]:
    return trigger.modality, trigger.source, trigger.target, trigger.place, trigger.occurred_on


def _versions(triggers: Sequence[Trigger]) -> str:
    return ", ".join(dict.fromkeys(f"{trigger.rule}@{trigger.version}" for trigger in triggers))


def _all(triggers: Sequence[Trigger]) -> str:
    return ", ".join(f"{t.type} {t.modality} {t.source or '–'} → {t.target or '–'}" for t in triggers) or "nothing"
