"""What an outcome leaves to be looked at and compared: plain values, the same from memory and from a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flows.backtest.archive import Name, key
from flows.backtest.outcome import Outcome, told
from tocsin.config.folder import Config
from tocsin.model import Alert, Modality, Trigger


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found, without where in the text."""

    type: str
    modality: Modality
    source: str | None
    target: str | None
    place: str | None
    occurred_on: dt.date | None
    rule: str
    version: str


@dataclass(frozen=True, slots=True)
class Text:
    """An article in which something was found."""

    article: Name
    title: str
    publisher: str
    link: str
    seen_at: dt.datetime
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event as the answer for a program has it."""

    id: int
    type: str
    source: str | None
    target: str | None
    date: dt.date
    articles: tuple[Name, ...]


@dataclass(frozen=True)
class Record:
    """An outcome; events and alerts oldest first, `a_day` the messages by channel and day.

    `thresholds` has the keys of each, in force then, by `watch/id`. `first` and `last` are the days of the archive.
    """

    first: dt.date
    last: dt.date
    articles: int
    events: tuple[Occurrence, ...]
    alerts: tuple[Alert, ...]
    a_day: Mapping[str, Mapping[dt.date, int]]
    texts: tuple[Text, ...]
    thresholds: Mapping[str, Mapping[str, Any]]

    @property
    def told(self) -> list[Alert]:
        """The alerts that somebody would have got: no word about an earlier one, and hidden by nothing."""
        return [alert for alert in self.alerts if told(alert)]

    @property
    def messages(self) -> int:
        """How many would have been sent."""
        return sum(sum(days.values()) for days in self.a_day.values())

    @cached_property
    def event(self) -> Mapping[int, Occurrence]:
        """Events by id."""
        return {event.id: event for event in self.events}

    @cached_property
    def text(self) -> Mapping[Name, Text]:
        """Articles in which something was found, by name."""
        return {text.article: text for text in self.texts}

    def resting_on(self, alert: Alert) -> tuple[Name, ...]:
        """The articles under an alert, oldest first in each of its events."""
        return tuple(name for id in alert.events if id in self.event for name in self.event[id].articles)

    def threshold(self, alert: Alert) -> Mapping[str, Any] | None:
        """The keys of the threshold of `alert`, None where this configuration has none of that name."""
        return self.thresholds.get(f"{alert.watch}/{alert.threshold}")


def record(outcome: Outcome) -> Record:
    """What is worth keeping of `outcome`."""
    archive = outcome.archive
    days = [article.seen_at.date() for article in archive.articles]
    return Record(
        first=min(days),
        last=max(days),
        articles=len(days),
        events=tuple(
            Occurrence(
                id=event.id,
                type=event.type,
                source=event.source,
                target=event.target,
                date=event.occurred_on or event.started_at.date(),
                articles=tuple(archive.names[key(article)] for article in outcome.reports[event.id]),
            )
            for event in outcome.events.values()
        ),
        alerts=outcome.alerts,
        a_day=outcome.a_day(),
        texts=_texts(outcome),
        thresholds=_thresholds(outcome.config),
    )


def _texts(outcome: Outcome) -> tuple[Text, ...]:
    return tuple(
        Text(
            article=outcome.archive.names[key(article)],
            title=article.title,
            publisher=article.publisher,
            link=article.link,
            seen_at=article.seen_at,
            findings=tuple(map(_finding, outcome.triggers[key(article)])),
        )
        for article in outcome.archive.articles
        if key(article) in outcome.triggers
    )


def _finding(trigger: Trigger) -> Finding:
    return Finding(
        type=trigger.type,
        modality=trigger.modality,
        source=trigger.source,
        target=trigger.target,
        place=trigger.place,
        occurred_on=trigger.occurred_on,
        rule=trigger.rule,
        version=trigger.version,
    )


def _thresholds(config: Config) -> dict[str, dict[str, Any]]:
    return {
        f"{watch.id}/{threshold.id}": threshold.model_dump(mode="json")
        for watch in config.watches
        for threshold in watch.thresholds
    }
