"""Feeds: when each is due, what is remembered of it, and what a poll of it brought."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy import Connection, bindparam, func, select, true, update

from tocsin import failpoint
from tocsin.model import Article, FeedState
from tocsin.store import schema
from tocsin.store.engine import Database, insert_many

_FIELDS = tuple(field.name for field in dataclasses.fields(FeedState))
_CHANGING = tuple(name for name in _FIELDS if name != "feed")
"""What a poll may change. SQLite looks through every article of a feed when its key is set, even to the same value."""
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
            upsert = self.db.insert(table)
            again = upsert.on_conflict_do_update(
                index_elements=["feed"], set_={"configured": upsert.excluded.configured}
            )
            connection.execute(again, rows)

    def due(self, *, now: dt.datetime, limit: int) -> list[FeedState]:
        """At most `limit` configured feeds that are not disabled and whose time has come, longest overdue first."""
        values = {"now": now, "limit": limit}
        return self.db.read(lambda c: [FeedState(*row) for row in c.execute(_DUE, values)])

    def all(self, *, configured_only: bool = True, among: Collection[str] | None = None) -> list[FeedState]:
        """Every feed's state, by id; with `among`, only of these."""
        query = _STATE.order_by(schema.feeds.c.feed)
        if configured_only:
            query = query.where(schema.feeds.c.configured == true())
        if among is not None:
            query = query.where(schema.feeds.c.feed.in_(among))
        return self.db.read(lambda c: [FeedState(*row) for row in c.execute(query)])

    def watched_since(self) -> dt.datetime | None:
        """When a configured feed was first read; None where none was yet."""
        since: dt.datetime | None = self.db.read(lambda c: c.execute(_WATCHED_SINCE).scalar())
        return since

    def ids(self) -> list[str]:
        """Every feed that was ever configured."""
        return self.db.read(
            lambda c: list(c.execute(select(schema.feeds.c.feed).order_by(schema.feeds.c.feed)).scalars())
        )

    def get(self, feed: str) -> FeedState | None:
        """The state of one feed, None where it was never configured."""
        query = _STATE.where(schema.feeds.c.feed == feed)
        return self.db.read(lambda c: next((FeedState(*row) for row in c.execute(query)), None))

    def known(self, feed: str, keys: Iterable[str]) -> dict[str, str]:
        """Key → digest of those articles of `feed` among `keys` that are stored."""
        wanted = list(keys)
        return self.db.read(lambda c: {key: digest for key, (_, digest) in _known(c, feed, wanted).items()})

    def save_poll(self, state: FeedState, articles: Sequence[Article] = ()) -> PollCounts:
        """Store what one poll of `state.feed` brought: see `save_polls`."""
        return self.save_polls([(state, articles)])[0]

    def save_polls(self, polls: Sequence[tuple[FeedState, Sequence[Article]]]) -> list[PollCounts]:
        """Store what polls of different feeds brought, in one transaction: articles, validators and next checks.

        A known key with another digest is an edit: its text is replaced and it goes to detection again. Of one key
        that stands twice in a poll, the first counts. All of it is stored or nothing.
        """
        if not polls:
            return []
        for state, articles in polls:
            for article in articles:
                if article.feed != state.feed:
                    raise ValueError(f"an article of {article.feed!r} came with the state of {state.feed!r}")
        counts = self.db.write(lambda c: self._save_polls(c, polls))
        failpoint.reach("after_store")
        return counts

    def _save_polls(
        self, connection: Connection, polls: Sequence[tuple[FeedState, Sequence[Article]]]
    ) -> list[PollCounts]:
        # The rows of the feeds are written first, in order: on Postgres too they then hold back whoever else saves.
        self._save_states(connection, [_values(state) for state, _ in sorted(polls, key=lambda poll: poll[0].feed)])
        fresh: list[Article] = []
        edits: list[dict[str, object]] = []
        counts: list[PollCounts] = []
        for state, articles in polls:
            new, edited, known = _sorted_out(connection, state.feed, articles)
            fresh += new
            edits += edited
            counts.append(PollCounts(len(new), len(edited), known))
        if fresh:
            insert_many(connection, schema.articles, _COLUMNS, [_ROW_OF(article) for article in fresh])
            failpoint.reach("mid_store")
        if edits:
            connection.execute(_EDIT, edits)
        return counts

    def _save_states(self, connection: Connection, rows: list[dict[str, object]]) -> None:
        if connection.execute(_SAVE, rows).rowcount == len(rows):
            return
        upsert = self.db.insert(schema.feeds)
        for row in rows:
            feed, changed = row[_ROW], {name: row[name] for name in _CHANGING}
            fresh = upsert.values(feed=feed, **changed, configured=True)
            connection.execute(fresh.on_conflict_do_update(index_elements=["feed"], set_=changed))


def _sorted_out(
    connection: Connection, feed: str, articles: Sequence[Article]
) -> tuple[list[Article], list[dict[str, object]], int]:
    """Of `articles`, those that are new, the rows that edit known ones, and how many are known as they are."""
    if not articles:
        return [], [], 0
    unique: dict[str, Article] = {}
    for article in articles:
        unique.setdefault(article.key, article)
    known = _known(connection, feed, list(unique))
    new = [article for key, article in unique.items() if key not in known]
    edited: list[dict[str, object]] = [
        {"row_id": known[key][0], **{name: getattr(article, name) for name in _TEXT}}
        for key, article in unique.items()
        if key in known and known[key][1] != article.digest
    ]
    return new, edited, len(unique) - len(new) - len(edited)


_DUE = (
    _STATE.where(
        schema.feeds.c.configured == true(),
        schema.feeds.c.next_check_at <= bindparam("now"),
        schema.feeds.c.disabled == "",
    )
    .order_by(schema.feeds.c.next_check_at, schema.feeds.c.feed)
    .limit(bindparam("limit"))
)
_WATCHED_SINCE = select(func.min(schema.feeds.c.first_success_at)).where(schema.feeds.c.configured == true())
_ROW = "row_feed"
_SAVE = (
    update(schema.feeds)
    .where(schema.feeds.c.feed == bindparam(_ROW))
    .values({name: bindparam(name) for name in _CHANGING})
)
_KNOWN = select(schema.articles.c.key, schema.articles.c.id, schema.articles.c.digest).where(
    schema.articles.c.feed == bindparam("feed"), schema.articles.c.key.in_(bindparam("keys", expanding=True))
)
_EDIT = (
    update(schema.articles)
    .where(schema.articles.c.id == bindparam("row_id"))
    .values(detected=None, aside=None, **{name: bindparam(name) for name in _TEXT})
)
_COLUMNS = (*_TEXT, "feed", "key", "first_seen", "backfill")
_STATE_OF = attrgetter(*_CHANGING)
_ROW_OF = attrgetter(*_COLUMNS)


def _values(state: FeedState) -> dict[str, object]:
    return {_ROW: state.feed, **dict(zip(_CHANGING, _STATE_OF(state), strict=True))}


def _known(connection: Connection, feed: str, keys: list[str]) -> dict[str, tuple[int, str]]:
    """Key → (id, digest) of the stored articles of `feed` among `keys`."""
    found: dict[str, tuple[int, str]] = {}
    for start in range(0, len(keys), 5_000):
        part = keys[start : start + 5_000]
        rows = connection.execute(_KNOWN, {"feed": feed, "keys": part})
        found.update((key, (row_id, digest)) for key, row_id, digest in rows)
    return found
