"""Events and alerts in the words of other programs: pure formatting, piece by piece, so that any number fits memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tocsin.config.actors import Actors
from tocsin.model import Article, Event, Trigger


@dataclass(frozen=True, slots=True)
class Told:
    """An event with the reports that it rests on."""

    event: Event
    reports: tuple[tuple[Trigger, Article], ...] = ()

    @property
    def articles(self) -> tuple[Article, ...]:
        """Each article once, in the order of the reports."""
        return tuple({article.id: article for _, article in self.reports}.values())


@dataclass(frozen=True, slots=True)
class Names:
    """Names of actor codes, and which of them are states."""

    titles: Mapping[str, str]
    states: frozenset[str]
    groups: frozenset[str]

    @classmethod
    def of(cls, actors: Actors) -> Names:
        """Those of a configuration."""
        return cls(actors.titles, frozenset(actors.states), frozenset(actors.groups))

    def title(self, code: str) -> str:
        """The name, else the code itself."""
        return self.titles.get(code, code)
