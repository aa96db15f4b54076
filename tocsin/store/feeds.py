"""Feeds: when each is due, what is remembered of it, and what a poll of it brought."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, true, update

from tocsin import failpoint
from tocsin.model import Article, FeedState
from tocsin.store import schema
from tocsin.store.engine import Database

_FIELDS = tuple(field.name for field in dataclasses.fields(FeedState))
_TEXT = ("link", "title", "summary", "published", "digest", "publisher", "language")
"""What an edit of an article changes; when it was first seen and how it came stay as they were."""
_STATE = select(*(schema.feeds.c[name] for name in _FIELDS))


@dataclass(frozen=True, slots=True)
class PollCounts:
    """How many entries of a poll were new, edited, or known as they are."""

    new: int = 0
    edited: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Feeds:
    """The table of feeds."""

    db: Database

    def ensure(self, feeds: Iterable[str], *, now: dt.datetime) -> None:
        """Make the configured feeds exactly `feeds`: new ones are due now, others stop being due and keep their state.

        Writes only where something changed, so it may be called before every sweep.
        """
        wanted = set(feeds)
        query = select(schema.feeds.c.feed).where(schema.feeds.c.configured == true())
        if wanted != set(self.db.read(lambda c: c.execute(query).scalars().all())):
            self.db.write(lambda c: self._ensure(c, wanted, now))

    def _ensure(self, connection: Connection, wanted: set[str], now: dt.datetime) -> None:
        table = schema.feeds
        connection.execute(update(table).where(table.c.configured == true()).values(configured=False))
        rows = [{"feed": feed, "next_check_at": now, "configured": True} for feed in sorted(wanted)]
        if rows:
            insert = self.db.insert(table)
            again = insert.on_conflict_do_update(
                index_elements=["feed"], set_={"configured": insert.excluded.configured}
            )
            connection.execute(again, rows)

    def due(self, *, now: dt.datetime, limit: int) -> list[FeedState]:
        """At most `limit` configured feeds that are not disabled and whose time has come, longest overdue first."""
        values = {"now": now, "limit": limit}
        return self.db.read(lambda c: [FeedState(*row) for row in c.execute(_DUE, values)])

    def all(self, *, configured_only: bool = True) -> list[FeedState]:
        """Every feed's state, by id."""
        query = _STATE.order_by(schema.feeds.c.feed)
        if configured_only:
            query = query.where(schema.feeds.c.configured == true())
        return self.db.read(lambda c: [FeedState(*row) for row in c.execute(query)])

    def get(self, feed: str) -> FeedState | None:
        """The state of one feed, None where it was never configured."""
        query = _STATE.where(schema.feeds.c.feed == feed)
        return self.db.read(lambda c: next((FeedState(*row) for row in c.execute(query)), None))

    def known(self, feed: str, keys: Iterable[str]) -> dict[str, str]:
        """Key → digest of those articles of `feed` among `keys` that are stored."""
        wanted = list(keys)
        return self.db.read(lambda c: {key: digest for key, (_, digest) in _known(c, feed, wanted).items()})

    def save_poll(self, state: FeedState, articles: Sequence[Article] = ()) -> PollCounts:
        """Store what one poll of `state.feed` brought, in one transaction: articles, validators and next check.

        A known key with another digest is an edit: its text is replaced and it goes to detection again. Of one key
        that stands twice in `articles`, the first counts. All of it is stored or nothing.
        """
        unique: dict[str, Article] = {}
        for article in articles:
            if article.feed != state.feed:
                raise ValueError(f"an article of {article.feed!r} came with the state of {state.feed!r}")
            unique.setdefault(article.key, article)
        counts = self.db.write(lambda c: self._save_poll(c, state, unique))
        failpoint.reach("after_store")
        return counts

    def _save_poll(self, connection: Connection, state: FeedState, articles: dict[str, Article]) -> PollCounts:
        values = {name: getattr(state, name) for name in _FIELDS}
        insert = self.db.insert(schema.feeds).values(**values, configured=True)
        connection.execute(insert.on_conflict_do_update(index_elements=["feed"], set_=values))
        known = _known(connection, state.feed, list(articles))
        new = [article for key, article in articles.items() if key not in known]
        edited = [
            {"row_id": known[key][0], **{name: getattr(article, name) for name in _TEXT}}
            for key, article in articles.items()
            if key in known and known[key][1] != article.digest
        ]
        if new:
            connection.execute(self.db.insert(schema.articles).on_conflict_do_nothing(), _rows(new))
            failpoint.reach("mid_store")
        if edited:
            connection.execute(_EDIT, edited)
        return PollCounts(len(new), len(edited), len(articles) - len(new) - len(edited))


_DUE = (
    _STATE.where(
        schema.feeds.c.configured == true(),
        schema.feeds.c.next_check_at <= bindparam("now"),
        schema.feeds.c.disabled == "",
    )
    .order_by(schema.feeds.c.next_check_at, schema.feeds.c.feed)
    .limit(bindparam("limit"))
)
_EDIT = (
    update(schema.articles)
    .where(schema.articles.c.id == bindparam("row_id"))
    .values(detected=None, aside=None, **{name: bindparam(name) for name in _TEXT})
)
_COLUMNS = (*_TEXT, "feed", "key", "first_seen", "backfill")


def _rows(articles: Iterable[Article]) -> list[dict[str, object]]:
    return [{name: getattr(article, name) for name in _COLUMNS} for article in articles]


def _known(connection: Connection, feed: str, keys: list[str]) -> dict[str, tuple[int, str]]:
    """Key → (id, digest) of the stored articles of `feed` among `keys`."""
    table = schema.articles
    found: dict[str, tuple[int, str]] = {}
    for start in range(0, len(keys), 5_000):
        part = keys[start : start + 5_000]
        query = select(table.c.key, table.c.id, table.c.digest).where(table.c.feed == feed, table.c.key.in_(part))
        found.update((key, (row_id, digest)) for key, row_id, digest in connection.execute(query))
    return found
