"""The lines of every list: what a page, JSON and CSV show of each thing, and what can be asked for."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from extractors.health import Condition, Health
from tocsin.config.feeds import Feed
from tocsin.config.triggers import Rule
from tocsin.model import Alert, AlertState, Article, Event, FeedState, Modality, Precision

Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Id = Annotated[int, Field(ge=0, le=2**62)]
DAY = dt.timedelta(days=1)


class Query(BaseModel):
    """What can be asked of a list. A field that a form leaves empty counts as not given; unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: Words = ""
    since: dt.date | None = None
    until: dt.date | None = None
    """The last day, inclusive."""
    limit: Annotated[int, Field(ge=1, le=1_000)] = 50

    @model_validator(mode="before")
    @classmethod
    def _given(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value != ""} if isinstance(data, dict) else data

    @property
    def span(self) -> dict[str, dt.datetime | None]:
        """`since` and `until` as times, the latter exclusive."""
        return {
            "since": _start(self.since) if self.since else None,
            "until": _start(self.until) + DAY if self.until and self.until < dt.date.max else None,
        }


class AlertQuery(Query):
    """Which alerts."""

    watch: Words = ""
    threshold: Words = ""
    state: AlertState | None = None
    before: Words = ""


class EventQuery(Query):
    """Which events; `actor` is source or target, `severity` the least absolute one."""

    type: Words = ""
    modality: Modality | None = None
    actor: Words = ""
    severity: Annotated[float, Field(ge=0, le=10)] | None = None
    before: Id = 0


class ArticleQuery(Query):
    """Which articles."""

    feed: Words = ""
    before: Id = 0


def _start(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert."""

    id: str
    fired_at: dt.datetime
    watch: str
    threshold: str
    group: str
    kind: str
    state: str
    severity: float
    title: str
    reason: str
    events: Sequence[int]

    @classmethod
    def of(cls, alert: Alert) -> AlertRow:
        """The row of `alert`."""
        values = {field.name: getattr(alert, field.name) for field in dataclasses.fields(cls)}
        return cls(**values | {"kind": alert.kind.value, "state": alert.state.value})


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event. `voices` counts the independent publishers, `articles` the reports."""

    id: int
    started_at: dt.datetime
    type: str
    modality: str
    source: str | None
    target: str | None
    object: str | None
    place: str | None
    severity: float
    confidence: float
    voices: int
    articles: int
    state_media: bool
    title: str

    @classmethod
    def of(cls, event: Event) -> EventRow:
        """The row of `event`."""
        same = ("id", "started_at", "type", "source", "target", "object", "place", "severity", "confidence")
        return cls(
            **{name: getattr(event, name) for name in same},
            modality=event.modality.value,
            voices=event.corroboration,
            articles=len(event.articles),
            state_media=event.state_media,
            title=event.title,
        )


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """One article, with the types of the triggers in it."""

    id: int
    first_seen: dt.datetime
    published: dt.datetime | None
    feed: str
    publisher: str
    language: str
    title: str
    summary: str
    link: str
    triggers: Sequence[str]

    @classmethod
    def of(cls, article: Article, triggers: Sequence[str], *, link: str) -> ArticleRow:
        """The row of `article`; `link` is its checked address."""
        same = ("id", "first_seen", "published", "feed", "publisher", "language", "title", "summary")
        return cls(**{name: getattr(article, name) for name in same}, link=link, triggers=triggers)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule, and what people found of what it detected. `precision` lies in [`low`, `high`] with 95 %."""

    id: str
    type: str
    title: str
    severity: float
    version: str
    triggers: int
    judged: int
    precision: float | None
    low: float
    high: float

    @classmethod
    def of(cls, rule: Rule, triggers: int, precision: Precision) -> RuleRow:
        """The row of `rule`."""
        low, high = precision.interval
        told = (triggers, precision.judged, precision.value, low, high)
        return cls(rule.id, rule.type, rule.title, rule.severity, rule.version, *told)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One feed and how it does; where it is not `alive` its silence means nothing."""

    id: str
    title: str
    publisher: str
    state_media: str
    condition: str
    words: str
    alive: bool
    last_success_at: dt.datetime | None
    last_new_at: dt.datetime | None
    next_check_at: dt.datetime | None
    failures: int

    @classmethod
    def of(cls, feed: Feed, health: Health | None, state: FeedState | None) -> FeedRow:
        """The row of `feed`, which may never have been polled."""
        how = (str(health.condition), health.words, health.alive) if health else _unpolled(feed)
        if state is None:
            return cls(feed.id, feed.title, feed.publisher, feed.state_media, *how, None, None, None, 0)
        times = (state.last_success_at, state.last_new_at, state.next_check_at)
        return cls(feed.id, feed.title, feed.publisher, feed.state_media, *how, *times, state.failures)


def _unpolled(feed: Feed) -> tuple[str, str, bool]:
    """How a feed does that no sweep has met: one that is switched on is met by the next."""
    return (str(Condition.WAITING), "not polled yet", False) if feed.enabled else ("off", "is not polled", False)
