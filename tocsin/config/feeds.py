"""`config/feeds.yaml`: the feeds to poll, who speaks through them, and how often to ask."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tocsin.config.addresses import parse_address
from tocsin.config.loader import Duration, Strict, read_yaml, validate
from tocsin.errors import Problem

SHORTEST = dt.timedelta(seconds=30)
LONGEST = dt.timedelta(days=7)


def _address(value: str) -> str:
    parse_address(value)
    return value


def _date(value: object) -> object:
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError("is not a date; write 2026-01-31") from None
    return value


class Interval(Strict):
    """Bounds for the time between two polls; within them it follows the feed's own rhythm."""

    min: Duration = dt.timedelta(minutes=5)
    max: Duration = dt.timedelta(hours=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not SHORTEST <= self.min <= self.max <= LONGEST:
            raise ValueError("has bounds out of order; allowed: 30s ≤ min ≤ max ≤ 7d")
        return self


class Feed(Strict):
    """One feed. `publisher` is `title` where not given, `family` is `publisher`."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    url: Annotated[str, Field(repr=False), AfterValidator(_address)]
    """May hold a secret, so it is never logged: messages name the feed by its id."""
    title: Annotated[str, Field(min_length=1, max_length=200)]
    publisher: Annotated[str, Field(min_length=1, max_length=200)]
    """Who is accountable for what it says."""
    family: Annotated[str, Field(min_length=1, max_length=200)]
    """The house that the publisher belongs to: one family is one voice when voices are counted."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    tags: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")], ...] = ()
    state_media: Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]{1,15})?$")] = ""
    """Code of the state (as in actors.yaml) whose voice it is, empty for independent media."""
    interval: Interval = Interval()
    enabled: bool = True
    known_good: Annotated[dt.date | None, BeforeValidator(_date)] = None
    """When the address was last known to answer with a feed."""

    @model_validator(mode="before")
    @classmethod
    def _names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        named = dict(data)
        named.setdefault("publisher", named.get("title", "(title is missing)"))
        named.setdefault("family", named["publisher"])
        return named


class _File(Strict):
    feeds: tuple[dict[str, Any], ...] = ()


def read_feeds(folder: Path, problems: list[Problem]) -> tuple[Feed, ...]:
    """The feeds of `folder`/feeds.yaml in their order; none where the file is absent."""
    path = folder / "feeds.yaml"
    if not path.exists():
        return ()
    document = read_yaml(path, problems, root=folder.parent)
    file = validate(_File, document, problems) if document else None
    if document is None or file is None:
        return ()
    feeds: list[Feed] = []
    ids: dict[str, int] = {}
    addresses: dict[str, int] = {}
    for index in range(len(file.feeds)):
        at = ("feeds", index)
        feed = validate(Feed, document, problems, at=at)
        if feed is None:
            continue
        feeds.append(feed)
        for key, value, seen in (("id", feed.id, ids), ("url", str(parse_address(feed.url)), addresses)):
            if value in seen:
                problems.append(document.problem((*at, key), f"is that of the feed in line {seen[value]} too"))
            seen.setdefault(value, document.line(at))
    return tuple(feeds)
