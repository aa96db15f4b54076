"""What a sweep did, in numbers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a step or of a whole sweep; they add up. `skipped` says why something was left undone."""

    feeds: int = 0
    failed_feeds: int = 0
    articles: int = 0
    edited: int = 0
    triggers: int = 0
    events: int = 0
    alerts: int = 0
    sent: int = 0
    failed: int = 0
    skipped: str = ""

    def __add__(self, other: Tally) -> Tally:
        names = [each.name for each in dataclasses.fields(Tally)]
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def __str__(self) -> str:
        counts = (
            f"{self.feeds} feeds polled ({self.failed_feeds} failed), {self.articles} new articles, {self.triggers} "
            f"triggers, {self.events} events, {self.alerts} alerts, {self.sent} sent, {self.failed} not sent"
        )
        return f"{counts}; {self.skipped}" if self.skipped else counts
