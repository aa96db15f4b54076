"""What a backtest replays: articles in the order in which they came, from the store or from a file of JSON lines."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dateutil.parser import ParserError, isoparse

from tocsin.config.feeds import Feed
from tocsin.errors import SetupError
from tocsin.model import Article
from tocsin.store import Store

FEED = "archive"
"""Feed of the items of a file whose source is no configured feed."""
EVER = dt.datetime.max.replace(tzinfo=dt.UTC)
NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
_NOON = dt.timedelta(hours=12)
_A_DAY = len("2026-01-31")

Name = str | int
"""How an article is named in the answer: by its id in the file, or in the store."""
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Archive:
    """Articles, oldest first seen first, with the name of each and since when each feed was watched."""

    articles: tuple[Article, ...]
    names: Mapping[Key, Name]
    watched_since: Mapping[str, dt.datetime]


def key(article: Article) -> Key:
    """The identity of an article, in whatever store."""
    return article.feed, article.key


def from_store(store: Store, *, since: dt.datetime = NEVER, until: dt.datetime = EVER) -> Archive:
    """The articles that `store` saw in [since, until), each at the moment at which it was seen."""
    articles = tuple(store.articles.between(since, until))
    states = {state.feed: state.first_success_at for state in store.feeds.all(configured_only=False)}
    watched = {feed: max(at, since) for feed, at in states.items() if at is not None}
    return Archive(articles, {key(each): each.id for each in articles}, watched)


def from_file(path: Path, feeds: Sequence[Feed], *, since: dt.datetime = NEVER, until: dt.datetime = EVER) -> Archive:
    """The items of a file of JSON lines {"id", "title", "summary", "published", "source", "url"} in [since, until).

    An item is of the first configured feed that its `source` names by id, title or publisher. A date without a time of
    day counts as noon, UTC. `SetupError` names the first line that is no such item.
    """
    known = {name.casefold(): feed for feed in reversed(feeds) for name in (feed.publisher, feed.title, feed.id)}
    articles: dict[Key, Article] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SetupError("cannot read the articles", subject=str(path), cause=error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise SetupError("cannot read the articles", subject=str(path), cause=str(error)) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            article = _item(line, known, subject=f"{path}:{number}")
            if since <= article.first_seen < until:
                articles.setdefault(key(article), article)
    ordered = tuple(sorted(articles.values(), key=lambda each: (each.first_seen, each.feed, each.key)))
    start = ordered[0].first_seen if ordered else since
    watched = dict.fromkeys({article.feed for article in ordered}, start)
    return Archive(ordered, {key(each): each.key for each in ordered}, watched)


def _item(line: str, known: Mapping[str, Feed], *, subject: str) -> Article:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError("is no JSON object")
        published = moment(_text(row, "published", needed=True))
        title, summary = _text(row, "title", needed=True), _text(row, "summary")
        source = _text(row, "source")
        feed = known.get(source.casefold())
        return Article(
            feed=feed.id if feed else FEED,
            key=_text(row, "id", needed=True),
            link=_text(row, "url"),
            title=title,
            summary=summary,
            published=published,
            first_seen=published,
            digest=hashlib.sha256(f"{title}\0{summary}".encode()).hexdigest()[:16],
            publisher=source or (feed.publisher if feed else FEED),
            language=feed.language if feed else "en",
        )
    except json.JSONDecodeError as error:
        cause = f"is no JSON, from column {error.colno} on"
        raise SetupError("cannot read the articles", subject=subject, cause=cause) from error
    except (ValueError, OverflowError) as error:
        raise SetupError("cannot read the articles", subject=subject, cause=str(error)) from error


def _text(row: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    value = row.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value):
        raise ValueError(f"{name!r} is missing or no text")
    return value


def moment(text: str) -> dt.datetime:
    """A date or time as ISO 8601 has it, in UTC where it names no zone; a date alone is its noon. ValueError else."""
    try:
        parsed = isoparse(text)
    except (ParserError, ValueError) as error:
        raise ValueError(f"{text[:40]!r} is no ISO 8601 date") from error
    if len(text) == _A_DAY:
        parsed += _NOON
    return parsed.astimezone(dt.UTC) if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)


def on_the_beat(archive: Archive, every: dt.timedelta) -> Archive:
    """The articles of a file as a watch that sweeps at each multiple of `every` would first have seen them."""
    articles = tuple(replace(each, first_seen=beat(each.first_seen, every)) for each in archive.articles)
    return replace(archive, articles=articles)


def beat(at: dt.datetime, every: dt.timedelta) -> dt.datetime:
    """The first multiple of `every`, counted from a midnight, that is not before `at`."""
    midnight = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return at + (midnight - at) % every
