"""What came of a backtest, and how it is told to a program."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.backtest.archive import Archive, Key
from tocsin.config.folder import Config
from tocsin.model import Alert, AlertKind, Article, Event, Trigger


@dataclass(frozen=True, slots=True)
class Post:
    """One message that would have been sent."""

    at: dt.datetime
    channel: str


@dataclass(frozen=True)
class Outcome:
    """Everything that the watch would have done with an archive.

    `triggers` are by article; events and alerts are those of the temporary store at the end, oldest first, `reports`
    the articles of each event. Alarms of Tocsin about itself are not among the alerts.
    """

    config: Config
    archive: Archive
    triggers: Mapping[Key, tuple[Trigger, ...]]
    events: Mapping[int, Event]
    reports: Mapping[int, tuple[Article, ...]]
    alerts: tuple[Alert, ...]
    posts: tuple[Post, ...]

    @property
    def told(self) -> list[Alert]:
        """The alerts that somebody would have got: no word about an earlier one, and hidden by nothing."""
        return [alert for alert in self.alerts if told(alert)]

    def articles(self, alert: Alert) -> tuple[Article, ...]:
        """What an alert rests on, oldest first."""
        return tuple(article for event in alert.events for article in self.reports.get(event, ()))

    def a_day(self) -> dict[str, Counter[dt.date]]:
        """Messages by channel and day."""
        days: dict[str, Counter[dt.date]] = {}
        for post in self.posts:
            days.setdefault(post.channel, Counter())[post.at.date()] += 1
        return days

    def as_json(self) -> dict[str, Any]:
        """The stable answer for a program; articles stand by their id in the file or in the store."""
        names = self.archive.names
        return {
            "articles": len(self.archive.articles),
            "triggers": sum(map(len, self.triggers.values())),
            "events": [
                {
                    "id": event.id,
                    "type": event.type,
                    "source": event.source,
                    "target": event.target,
                    "date": (event.occurred_on or event.started_at.date()).isoformat(),
                    "articles": [names[article.feed, article.key] for article in self.reports[event.id]],
                }
                for event in self.events.values()
            ],
            "alerts": [alert_json(alert) for alert in self.alerts],
            "messages": len(self.posts),
        }


def told(alert: Alert) -> bool:
    """Whether it is an alert of its own that went to somebody."""
    return alert.kind is AlertKind.ALERT and "; not sent: " not in alert.reason


def alert_json(alert: Alert) -> dict[str, Any]:
    """An alert in the answer for a program."""
    return {
        "id": alert.id,
        "threshold": alert.threshold,
        "group": alert.group,
        "fired_at": alert.fired_at.isoformat(),
        "events": list(alert.events),
        "reason": alert.reason,
    }
