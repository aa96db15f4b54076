"""Articles: what waits for detection, what could not be read, and what came when."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select, tuple_, update

from tocsin.model import Article
from tocsin.store import schema
from tocsin.store.engine import Database

COLUMNS = tuple(schema.articles.c[field.name] for field in dataclasses.fields(Article))
"""In the order of the dataclass, so that `Article(*row)` reads a row."""
PAGE = 5_000
"""Most ids in one statement."""
_SELECT = select(*COLUMNS)
_ASIDE = schema.articles.c.aside.is_not(None)
_IN_TURN = _SELECT.order_by(schema.articles.c.id).limit(bindparam("limit"))
_UNDETECTED = _IN_TURN.where(schema.articles.c.detected.is_(None))
_RETRIED = _IN_TURN.where(_ASIDE, schema.articles.c.detected != bindparam("rules"))
_OF_FEEDS = schema.articles.c.feed.in_(bindparam("feeds", expanding=True))


@dataclass(frozen=True, slots=True)
class SetAside:
    """An article that detection could not read, with the error and the rules that met it."""

    article: Article
    error: str
    rules: str


@dataclass(frozen=True, slots=True)
class Articles:
    """The table of articles."""

    db: Database

    def undetected(self, *, rules: str, limit: int, feeds: Collection[str] | None = None) -> list[Article]:
        """At most `limit` articles to detect in, by id: new and edited ones, then those set aside under other rules.

        With `feeds`, only articles of these.
        """
        return self.db.read(lambda c: _undetected(c, rules, limit, feeds))

    def set_aside(self, article: Article, error: str, *, rules: str) -> None:
        """Keep `article` out of detection until the rules are no longer `rules` or its text is edited."""
        table = schema.articles
        query = update(table).where(table.c.id == article.id, table.c.digest == article.digest)
        self.db.write(lambda c: c.execute(query.values(detected=rules, aside=error)))

    def aside(self, *, limit: int = 100) -> list[SetAside]:
        """What was set aside, newest first."""
        query = select(*COLUMNS, schema.articles.c.aside, schema.articles.c.detected).where(_ASIDE)
        query = query.order_by(schema.articles.c.id.desc()).limit(limit)
        return self.db.read(lambda c: [SetAside(Article(*row[:-2]), row[-2], row[-1]) for row in c.execute(query)])

    def get(self, id: int) -> Article | None:
        """One article."""
        return next(iter(self.by_id([id]).values()), None)

    def by_id(self, ids: Collection[int]) -> dict[int, Article]:
        """Those of `ids` that exist."""
        query = _SELECT.where(schema.articles.c.id.in_(ids)).order_by(schema.articles.c.id)
        return self.db.read(lambda c: {article.id: article for article in (Article(*row) for row in c.execute(query))})

    def between(
        self, since: dt.datetime, until: dt.datetime, *, feeds: Collection[str] = (), page: int = 1_000
    ) -> Iterator[Article]:
        """Articles first seen in [since, until), in the order in which they came; read in pages, for a replay."""
        table = schema.articles
        wanted: list[ColumnElement[bool]] = [table.c.first_seen >= since, table.c.first_seen < until]
        if feeds:
            wanted.append(table.c.feed.in_(feeds))
        query = _SELECT.where(*wanted).order_by(table.c.first_seen, table.c.id).limit(page)
        rows = self._page(query)
        while rows:
            yield from rows
            last = rows[-1]
            rows = self._page(query.where(tuple_(table.c.first_seen, table.c.id) > (last.first_seen, last.id)))

    def read_under(self, rules: str, ids: Sequence[int]) -> set[int]:
        """Those of `ids` whose present text was read under `rules`, and not set aside."""
        table = schema.articles
        query = select(table.c.id).where(table.c.detected == rules, table.c.aside.is_(None))
        parts = [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]
        return self.db.read(
            lambda c: {id for part in parts for id in c.execute(query.where(table.c.id.in_(part))).scalars()}
        )

    def read_otherwise(self, rules: Collection[str], ids: Sequence[int]) -> set[int]:
        """Those of `ids` whose present text was read, but under none of `rules`, and not set aside."""
        table = schema.articles
        query = select(table.c.id).where(table.c.detected.not_in(rules), table.c.aside.is_(None))
        return self.db.read(lambda c: set(c.execute(query.where(table.c.id.in_(ids))).scalars()))

    def times(self, feed: str, *, since: dt.datetime) -> list[dt.datetime]:
        """When the entries of `feed` that came since then were first seen, oldest first."""
        table = schema.articles
        query = select(table.c.first_seen).where(table.c.feed == feed, table.c.first_seen >= since)
        return self.db.read(lambda c: list(c.execute(query.order_by(table.c.first_seen)).scalars()))

    def _page(self, query: Select[Any]) -> list[Article]:
        return self.db.read(lambda c: [Article(*row) for row in c.execute(query)])


def _undetected(connection: Connection, rules: str, limit: int, feeds: Collection[str] | None) -> list[Article]:
    values: dict[str, object] = {"rules": rules} if feeds is None else {"rules": rules, "feeds": list(feeds)}
    found: list[Article] = []
    for query in (_UNDETECTED, _RETRIED):
        left = limit - len(found)
        if left:
            asked = query if feeds is None else query.where(_OF_FEEDS)
            found += [Article(*row) for row in connection.execute(asked, {**values, "limit": left})]
    return found
