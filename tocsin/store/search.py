"""Search and filters for people: pages of articles, events and alerts, the newest first, and counts by rule.

Full text is SQLite's FTS5 (porter stemming) or Postgres' tsvector (english); both read a query alike: words that must
all stand there, "phrases", and -words that must not. Values are only ever bound, and what can be filtered by is the
list of arguments: no text of a user becomes SQL. The cost of a page follows the page, not the table.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    Text,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
    tuple_,
)

from tocsin.model import Alert, AlertState, Article, Event, Modality
from tocsin.store import schema
from tocsin.store.alerts import COLUMNS as ALERT_COLUMNS
from tocsin.store.alerts import to_alert, with_events
from tocsin.store.articles import COLUMNS as ARTICLE_COLUMNS
from tocsin.store.engine import Database
from tocsin.store.events import WITHOUT_VOICES, to_event

MOST_MATCHES = 5_000
"""A search among events looks at so many of the latest matches."""
_READ_FIRST = 300
"""On Postgres a search reads so many of the newest articles before it asks the index …"""
_READ_ON, _READ_ON_FOR_A_PHRASE = 3_000, 40_000
"""… and so many where these tell that a page will be found among them."""
_TERM = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')
_SEARCHED: Mapping[str, tuple[str, ...]] = {
    "articles": ("title", "summary", "publisher", "feed"),
    "events": ("title", "object", "place", "type", "source", "target"),
}
"""As in the migration that made the indexes."""
WORDS = tuple(f"{name}_words" for name in _SEARCHED)
"""The FTS5 tables."""


@dataclass(frozen=True, slots=True)
class Search:
    """Pages of what is stored. `before` is the id of the last row of the page before; empty or 0 for the first page."""

    db: Database

    def articles(
        self,
        *,
        text: str = "",
        feed: str = "",
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        before: int = 0,
        limit: int = 50,
    ) -> list[Article]:
        """Articles first seen in [since, until), the last to arrive first."""
        rows = schema.articles
        wanted = _within(rows.c.first_seen, since, until)
        if feed:
            wanted.append(rows.c.feed == feed)
        if text and self.db.path:
            query = _matched(text, feed, since, until, before).where(*wanted)
            return self.db.read(lambda c: [Article(*row) for row in c.execute(query.limit(limit))])
        if before:
            wanted.append(_after(rows.c.first_seen, rows.c.id, before))
        if text:
            return self.db.read(lambda c: _newest_with(c, text, wanted, limit))
        query = select(*ARTICLE_COLUMNS).where(*wanted).order_by(rows.c.first_seen.desc(), rows.c.id.desc())
        return self.db.read(lambda c: [Article(*row) for row in c.execute(query.limit(limit))])

    def events(
        self,
        *,
        text: str = "",
        type: str = "",
        modality: Modality | None = None,
        actor: str = "",
        severity: float | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        before: int = 0,
        limit: int = 50,
    ) -> list[Event]:
        """Events that started in [since, until), the latest first, without voices and without those merged away.

        `actor` is the source or the target; `severity` the least absolute one.
        """
        rows = schema.events
        wanted: list[ColumnElement[bool]] = [rows.c.articles != []]
        if type:
            wanted.append(rows.c.type == type)
        if modality is not None:
            wanted.append(rows.c.modality == modality.value)
        if actor:
            wanted.append(or_(rows.c.source == actor, rows.c.target == actor))
        if severity is not None:
            wanted.append(func.abs(rows.c.severity) >= severity)
        wanted += _within(rows.c.started_at, since, until)
        if before:
            wanted.append(_after(rows.c.started_at, rows.c.id, before))
        if text:
            wanted.append(rows.c.id.in_(self._matches(rows, text)))
        query = WITHOUT_VOICES.where(*wanted).order_by(rows.c.started_at.desc(), rows.c.id.desc()).limit(limit)
        return self.db.read(lambda c: [to_event(row) for row in c.execute(query)])

    def outline(self, *, since: dt.datetime, types: Collection[str]) -> list[Event]:
        """Events of `types` that started since then, oldest first, with no more than a `where` and a chart look at.

        Without voices, denials, gains and facts, and of the articles only whether there are any: such an event must
        not be saved.
        """
        rows = schema.events
        query = select(*(rows.c[name] for name in _OUTLINE), rows.c.articles != [])
        query = query.where(rows.c.started_at >= since, rows.c.type.in_(types)).order_by(rows.c.started_at, rows.c.id)
        return self.db.read(lambda c: [_outlined(row) for row in c.execute(query)])

    def alerts(
        self,
        *,
        text: str = "",
        watch: str = "",
        threshold: str = "",
        state: AlertState | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        before: str = "",
        limit: int = 50,
    ) -> list[Alert]:
        """Alerts fired in [since, until), the latest first; `text` stands in the title, the group or the reason."""
        rows = schema.alerts
        wanted = _within(rows.c.fired_at, since, until)
        wanted += [rows.c[name] == value for name, value in (("watch", watch), ("threshold", threshold)) if value]
        if state is not None:
            wanted.append(rows.c.state == state.value)
        if text:
            shown = (rows.c.title, rows.c.group_key, rows.c.reason)
            words = text.replace("\x00", "")
            wanted.append(or_(*(each.icontains(words, autoescape=True) for each in shown)))
        if before:
            wanted.append(_after(rows.c.fired_at, rows.c.id, before))
        query = select(*ALERT_COLUMNS).where(*wanted).order_by(rows.c.fired_at.desc(), rows.c.id.desc()).limit(limit)
        return self.db.read(lambda c: with_events(c, [to_alert(row) for row in c.execute(query)]))

    def fired(self) -> dict[str, int]:
        """Rule id → number of its triggers."""
        rows = schema.triggers
        query = select(rows.c.rule, func.count()).group_by(rows.c.rule)
        return self.db.read(lambda c: dict(c.execute(query).tuples().all()))

    def _matches(self, rows: Table, text: str) -> Select[Any]:
        """Ids of the latest rows that match."""
        if self.db.path is None:
            query = select(rows.c.id).where(_vector(rows).op("@@")(_tsquery(text)))
            return query.order_by(rows.c.id.desc()).limit(MOST_MATCHES)
        words = _words(rows.name)
        return select(words.c.rowid).where(_match(words, text)).order_by(words.c.rowid.desc()).limit(MOST_MATCHES)


_OUTLINE = (
    *("id", "type", "modality", "source", "target", "started_at", "title", "severity", "object", "place"),
    *("families", "state_media", "backfill", "tags", "confidence"),
)


def _outlined(row: Row[Any]) -> Event:
    values = dict(zip(_OUTLINE, row[:-1], strict=True))
    values["modality"] = Modality(values["modality"])
    values["families"], values["tags"] = frozenset(values["families"]), frozenset(values["tags"])
    return Event(**values, changed_at=values["started_at"], articles=(0,) if row[-1] else ())


def _within(
    time: ColumnElement[Any], since: dt.datetime | None, until: dt.datetime | None
) -> list[ColumnElement[bool]]:
    found = []
    if since is not None:
        found.append(time >= since)
    if until is not None:
        found.append(time < until)
    return found


def _after(time: ColumnElement[Any], id: Column[Any], before: int | str) -> ColumnElement[bool]:
    """What comes after the row `before` in a list, the latest first."""
    return tuple_(time, id) < select(time, id).where(id == before).correlate(None).scalar_subquery()


def _matched(text: str, feed: str, since: dt.datetime | None, until: dt.datetime | None, before: int) -> Select[Any]:
    """Articles that FTS5 finds, by falling id, in which it is fast: ids follow arrival but in merged stores."""
    rows, words = schema.articles, _words("articles")
    id = words.c.rowid
    query = select(*ARTICLE_COLUMNS).join(words, id == rows.c.id).where(_match(words, text, feed=feed))
    if before:
        query = query.where(id < before)
    # These bounds only spare it what cannot fit; the times themselves decide.
    if since is not None:
        query = query.where(id >= select(func.min(rows.c.id)).where(rows.c.first_seen >= since).scalar_subquery())
    if until is not None:
        query = query.where(id <= select(func.max(rows.c.id)).where(rows.c.first_seen < until).scalar_subquery())
    return query.order_by(id.desc())


def _newest_with(connection: Connection, text: str, wanted: Sequence[ColumnElement[bool]], limit: int) -> list[Article]:
    """The newest articles that hold `text`, on Postgres.

    It cannot know how common a word is, and would read all articles by time in search of one that stands nowhere, or
    fetch every match of one that stands everywhere. So the newest are read first, where common words are soon found;
    what is still missing is rarer, and the index gives all of it. Of a phrase the index knows the words only, and each
    article with both must be read, so that for one that is not rare more of the newest are read before.
    """
    read, found = 0, list[Article]()
    for count in (_READ_FIRST, _READ_ON_FOR_A_PHRASE if '"' in text else _READ_ON):
        if read and len(found) * count < limit * read:
            break
        query = _among_newest(text, wanted, count)
        read, found = count, [Article(*row) for row in connection.execute(query.limit(limit))]
        if len(found) == limit:
            return found
    rows = schema.articles
    matches = select(rows.c.id, rows.c.first_seen).where(_vector(rows).op("@@")(_tsquery(text)), *wanted)
    every = matches.cte("matches").prefix_with("MATERIALIZED")
    top = select(every.c.id).order_by(every.c.first_seen.desc(), every.c.id.desc()).limit(limit).subquery()
    query = select(*ARTICLE_COLUMNS).join(top, rows.c.id == top.c.id)
    query = query.order_by(rows.c.first_seen.desc(), rows.c.id.desc())
    return [Article(*row) for row in connection.execute(query)]


def _among_newest(text: str, wanted: Sequence[ColumnElement[bool]], count: int) -> Select[Any]:
    """Those of the newest `count` wanted articles that hold `text`."""
    rows = schema.articles
    newest = select(*ARTICLE_COLUMNS).where(*wanted).order_by(rows.c.first_seen.desc(), rows.c.id.desc()).limit(count)
    # An alias of the table's own name: the words of the expression stay those of the index.
    read = newest.subquery(rows.name)
    query = select(*(read.c[column.name] for column in ARTICLE_COLUMNS)).where(_vector(rows).op("@@")(_tsquery(text)))
    return query.order_by(read.c.first_seen.desc(), read.c.id.desc())


def _words(name: str) -> Any:
    return table(f"{name}_words", column("rowid"), column(f"{name}_words", Text))


def _match(words: Any, text: str, *, feed: str = "") -> ColumnElement[bool]:
    expression = fts5(text)
    if feed and expression:
        expression = f"({expression}) AND feed : {_quoted(feed)}"
    # A query without a word matches nothing, as it does on Postgres.
    match: ColumnElement[bool] = words.c[words.name].op("MATCH")(expression or '""')
    return match


def fts5(text: str) -> str:
    """`text` in the query language of FTS5, every term quoted; "" where it holds nothing to look for."""
    terms: dict[str, list[str]] = {"": [], "-": []}
    for sign, phrase, word in _TERM.findall(text):
        term = phrase or word
        if any(char.isalnum() for char in term):
            terms[sign].append(_quoted(term))
    if not terms[""]:
        return ""
    wanted = " AND ".join(terms[""])
    return f"({wanted}) NOT ({' OR '.join(terms['-'])})" if terms["-"] else wanted


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""').replace("\x00", "") + '"'


def _vector(rows: Table) -> ColumnElement[Any]:
    # Word for word the expression of the index, which a bound value in it would hide from the planner.
    parts = " || ' ' || ".join(f"coalesce({rows.name}.{name}, '')" for name in _SEARCHED[rows.name])
    return literal_column(f"to_tsvector('english', {parts})")


def _tsquery(text: str) -> ColumnElement[Any]:
    return func.websearch_to_tsquery(literal_column("'english'"), text.replace("\x00", ""))
