"""An outcome against what is known to have happened: a CSV file with the columns `date` and `what`."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.backtest.outcome import Outcome, alert_json
from tocsin.config.folder import Config
from tocsin.errors import SetupError
from tocsin.model import Alert

WITHIN = dt.timedelta(days=1)
"""An alert is about a known event where a report that it rests on is at most this far from its day."""
_STEM = 5
_WORD = re.compile(r"[a-z]{4,}")
_EMPTY = frozenset("with that from their into near over after during north south east west says said".split())


@dataclass(frozen=True, slots=True)
class Known:
    """One event that is known to have happened; `what` is a trigger type, a threshold, or a sentence."""

    day: dt.date
    what: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A known event with the first alert about it. `lead` is positive where the alert came before the event's day."""

    known: Known
    alert: Alert
    lead: dt.timedelta


@dataclass(frozen=True, slots=True)
class Verdict:
    """Known events that were alerted on, those that were not, and alerts about nothing that is known."""

    hits: tuple[Hit, ...]
    misses: tuple[Known, ...]
    false: tuple[Alert, ...]

    @property
    def lead(self) -> dt.timedelta | None:
        """The median of the hits."""
        leads = sorted(hit.lead for hit in self.hits)
        return leads[len(leads) // 2] if leads else None

    def as_json(self) -> dict[str, Any]:
        """For a program; `lead_h` in hours."""
        hour = dt.timedelta(hours=1)
        return {
            "hits": [
                {**_json(hit.known), "alert": hit.alert.id, "lead_h": round(hit.lead / hour, 2)} for hit in self.hits
            ],
            "misses": [_json(known) for known in self.misses],
            "false": [alert_json(alert) for alert in self.false],
            "lead_h": round(self.lead / hour, 2) if self.lead is not None else None,
        }


def _json(known: Known) -> dict[str, Any]:
    return {"date": known.day.isoformat(), "what": known.what}


def read_truth(path: Path, *, since: dt.date, until: dt.date) -> list[Known]:
    """The rows of `path` that fall in [since, until]; further columns are left alone. `SetupError` names a bad row."""
    found: list[Known] = []
    number = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            if not {"date", "what"} <= set(reader.fieldnames or ()):
                raise ValueError("the first line must name the columns `date` and `what`")
            for row in reader:
                number = reader.line_num
                known = Known(dt.date.fromisoformat((row["date"] or "").strip()), (row["what"] or "").strip())
                if since <= known.day <= until:
                    found.append(known)
    except OSError as error:
        raise SetupError("cannot read what is known", subject=str(path), cause=error.strerror or str(error)) from error
    except (ValueError, csv.Error) as error:
        raise SetupError("cannot read what is known", subject=f"{path}:{number}", cause=str(error)) from error
    return sorted(found, key=lambda known: (known.day, known.what))


def judge(outcome: Outcome, truth: Sequence[Known]) -> Verdict:
    """Hits and misses of `outcome`, and of the thresholds that `truth` is about the alerts on nothing known."""
    about: dict[Known, list[Alert]] = {known: [] for known in truth}
    words = _Words.of(outcome.config)
    for alert in outcome.told:
        days = [event.started_at.date() for event in map(outcome.events.get, alert.events) if event]
        for known in about:
            near = any(abs(day - known.day) <= WITHIN for day in days or [alert.fired_at.date()])
            if near and _fits(known.what, alert, outcome, words):
                about[known].append(alert)
    hits = [Hit(known, alerts[0], _start(known) - alerts[0].fired_at) for known, alerts in about.items() if alerts]
    told_of = {alert.id for alerts in about.values() for alert in alerts}
    concerned = {alert.threshold for alerts in about.values() for alert in alerts} | {known.what for known in truth}
    false = [alert for alert in outcome.told if alert.threshold in concerned and alert.id not in told_of]
    return Verdict(tuple(hits), tuple(known for known, alerts in about.items() if not alerts), tuple(false))


def _start(known: Known) -> dt.datetime:
    return dt.datetime.combine(known.day, dt.time(), dt.UTC)


def _types(alert: Alert, outcome: Outcome) -> set[str]:
    return {event.type for event in map(outcome.events.get, alert.events) if event}


@dataclass(frozen=True, slots=True)
class _Words:
    """What words mean to a configuration: ids that stand for themselves, and names, which are in every story."""

    ids: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, config: Config) -> _Words:
        thresholds = {threshold.id for watch in config.watches for threshold in watch.thresholds}
        names = [_stems(name) for name in config.actors.titles.values()]
        return cls(frozenset(thresholds | {rule.type for rule in config.rules}), frozenset().union(*names))


def _fits(what: str, alert: Alert, outcome: Outcome, words: _Words) -> bool:
    """Whether an alert is about `what`: its type or threshold, or a sentence that shares a telling word with it."""
    types = _types(alert, outcome)
    if what in words.ids:
        return what == alert.threshold or what in types
    titles = " ".join(article.title for article in outcome.articles(alert))
    told = _stems(f"{titles} {' '.join(types)} {alert.title}")
    return bool(told & _stems(what) - words.names)


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:_STEM] for word in _WORD.findall(text.lower().replace("_", " ")) if word not in _EMPTY)


def lost(new: Verdict, old: Verdict | None) -> tuple[Known, ...]:
    """Known events that `new` misses and `old` alerted on; all that it misses where there is no `old`."""
    if old is None:
        return new.misses
    known = {hit.known for hit in old.hits}
    return tuple(each for each in new.misses if each in known)
