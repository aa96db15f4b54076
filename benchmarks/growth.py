"""A store as years of watching leave it, written in bulk: every article read, linked, judged and told.

One trigger in ten articles, an event for each, an alert on one event in fifty, `A_DAY` articles a day out of 200 feeds.
Texts are random sentences over a vocabulary with the frequencies of a language, so that the full-text index is as
large and as deep as a real one.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from tocsin.model import Article, Event, Evidence, FeedState, Modality, Trigger
from tocsin.store import Store
from tocsin.store.engine import insert_many
from tocsin.store.schema import metadata
from tocsin.store.search import WORDS

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
A_DAY = 11_000
FEEDS = 200
TYPES = ("missile_test", "troop_movement", "sanctions_veto", "border_clash", "arms_deal")
STATES = ("KP", "RU", "CN", "IR", "IL", "US", "UA", "IN", "PK", "SY")
PER_TRIGGER = 10
PER_ALERT = 50
_CHUNK = 50_000
_ROWS = {
    "articles": (
        *("id", "feed", "key", "link", "title", "summary", "published", "first_seen", "digest", "publisher"),
        *("language", "backfill", "detected"),
    ),
    "triggers": (
        *("id", "article", "rule", "field", "span_start", "span_end", "type", "modality", "source", "version", "text"),
        *("confidence", "severity", "facts", "detected_at", "event"),
    ),
    "events": (
        *("id", "type", "modality", "source", "started_at", "changed_at", "title", "severity", "families", "voices"),
        *("articles", "denials", "gained", "state_media", "backfill", "tags", "confidence", "facts", "version"),
        "evaluated",
    ),
    "alerts": (
        *("id", "watch", "threshold", "threshold_version", "group_key", "window_key", "fired_at", "reason"),
        *("severity", "state", "title", "kind", "about"),
    ),
    "alert_events": ("alert", "event", "place"),
    "deliveries": ("id", "alert", "channel", "recipient", "state", "next_try_at", "attempts", "uncertain", "sent_at"),
}
_ORDER = ("articles", "events", "triggers", "alerts", "alert_events", "deliveries")
"""Events before triggers, which name them."""


class Prose:
    """Random sentences. Twenty thousand are made once, and texts put together of them."""

    def __init__(self, seed: int = 1) -> None:
        rng = random.Random(seed)
        letters = ["".join(pair) for pair in itertools.product("bdfgklmnprstvz", "aeiou")]
        words = ["".join(rng.choices(letters, k=rng.randint(1, 4))) for _ in range(30_000)]
        falling = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(words))))
        self.sentences = [
            " ".join(rng.choices(words, cum_weights=falling, k=rng.randint(8, 18))).capitalize() + "."
            for _ in range(20_000)
        ]
        self.titles = [" ".join(each.split()[:9]).rstrip(".") for each in self.sentences]

    def title(self, number: int) -> str:
        """About nine words."""
        return f"{STATES[number % 10]} {self.titles[number * 7 % 20_000]} {number}"

    def summary(self, number: int) -> str:
        """About twenty-six words."""
        return f"{self.sentences[number * 13 % 20_000]} {self.sentences[number * 17 % 20_000]}"


PROSE = Prose()


@dataclass(frozen=True)
class Age:
    """`count` articles that end at `NOW`."""

    count: int

    def at(self, number: int) -> dt.datetime:
        """When that article was first seen."""
        return NOW - dt.timedelta(days=(self.count - number) / A_DAY)


def article(number: int, at: dt.datetime) -> Article:
    """An article of about three hundred characters."""
    feed = f"feed{number % FEEDS:03}"
    key = f"https://www.{feed}.example.org/{at:%Y/%m/%d}/{number * 2_654_435_761 % 2**32:08x}"
    digest = f"{number * 11_400_714_819_323_198_485 % 2**64:016x}"
    return Article(feed, key, key, PROSE.title(number), PROSE.summary(number), at, at, digest, feed)


def trigger(found: Article, number: int) -> Trigger:
    """A trigger in the title."""
    type, source = TYPES[number // PER_TRIGGER % 5], STATES[number // PER_TRIGGER % 10]
    evidence = Evidence("title", 0, 12, found.title[:12])
    return Trigger(type, Modality.HAPPENED, source, None, None, f"{type}/a", "v1", evidence, article=found.id)


def event(of: Trigger, found: Article) -> Event:
    """An event of one report."""
    at, families = found.first_seen, frozenset({found.publisher})
    happened = Modality.HAPPENED
    return Event(of.type, happened, of.source, None, at, at, found.title, families=families, articles=(found.id,))


def grow(store: Store, count: int) -> None:
    """Fill an empty store with `count` articles. A SQLite file is not safe against a crash meanwhile."""
    feeds = [f"feed{number:03}" for number in range(FEEDS)]
    store.feeds.ensure(feeds, now=NOW)
    store.feeds.save_polls([(FeedState(feed, NOW, last_success_at=NOW), []) for feed in feeds])
    if store.db.path is None:
        store.db.write(lambda c: _copied(c, Age(count)))
    else:
        store.db.bare(lambda c: _unguarded(c, Age(count)))


def _copied(connection: Connection, age: Age) -> None:
    """By COPY into tables without indexes, which are made at the end as they were."""
    for setting in ("session_replication_role = replica", "maintenance_work_mem = '1GB'"):
        connection.exec_driver_sql(f"SET LOCAL {setting}")
    ours = "schemaname = current_schema() AND indexname NOT IN (SELECT conname FROM pg_constraint)"
    indexes = list(connection.exec_driver_sql(f"SELECT indexname, indexdef FROM pg_indexes WHERE {ours}"))
    for name, _ in indexes:
        connection.exec_driver_sql(f"DROP INDEX {name}")
    for rows in _chunks(age):
        for name in _ORDER:
            _copy(connection, name, rows[name])
    for _, sql in indexes:
        connection.exec_driver_sql(sql)
    _counted(connection)


def _copy(connection: Connection, name: str, rows: list[tuple[Any, ...]]) -> None:
    columns = [metadata.tables[name].c[column] for column in _ROWS[name]]
    bind = [each.type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for each in columns]
    driver: psycopg.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    statement = f"COPY {name} ({', '.join(_ROWS[name])}) FROM STDIN".encode()
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([process(value) if process else value for process, value in zip(bind, row, strict=True)])


def _unguarded(connection: Connection, age: Age) -> None:
    """Without a journal, and the full-text index at the end: forty times as fast."""
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000"):
        connection.exec_driver_sql(f"PRAGMA {pragma}")
    follow = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    triggers = list(connection.exec_driver_sql(follow))
    for name, _ in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    for rows in _chunks(age):
        connection.exec_driver_sql("BEGIN")
        _insert(connection, rows)
        connection.exec_driver_sql("COMMIT")
    for words in WORDS:
        connection.exec_driver_sql(f"INSERT INTO {words}({words}, rank) VALUES ('hashsize', 268435456)")
        connection.exec_driver_sql(f"INSERT INTO {words}({words}) VALUES ('rebuild')")
        connection.exec_driver_sql(f"INSERT INTO {words}({words}, rank) VALUES ('hashsize', 1048576)")
    for _, sql in triggers:
        connection.exec_driver_sql(sql)
    for pragma in ("locking_mode=NORMAL", "journal_mode=WAL"):
        connection.exec_driver_sql(f"PRAGMA {pragma}")


def _chunks(age: Age) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    numbers = iter(range(age.count))
    while part := list(islice(numbers, _CHUNK)):
        rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _ROWS}
        for number in part:
            _add(rows, number, age.at(number))
        yield rows


def _add(rows: dict[str, list[tuple[Any, ...]]], number: int, at: dt.datetime) -> None:
    """The rows of one article; ids begin with 1."""
    id, of = number + 1, article(number, at)
    values = (id, of.feed, of.key, of.link, of.title, of.summary, at, at, of.digest, of.publisher, "en", False, "r")
    rows["articles"].append(values)
    if number % PER_TRIGGER:
        return
    one = trigger(of, number)
    serial = number // PER_TRIGGER + 1
    span = (one.evidence.field, one.evidence.start, one.evidence.end)
    said = (one.type, "happened", one.source)
    tail: tuple[Any, ...] = ("v1", one.evidence.text, 1.0, 0.0, {}, at, serial)
    rows["triggers"].append((serial, id, one.rule, *span, *said, *tail))
    lists: tuple[Any, ...] = ([of.publisher], [], [id], [], {}, False, False, [], 1.0, {})
    rows["events"].append((serial, *said, at, at, of.title, 0.0, *lists, 1, 1))
    if serial % PER_ALERT:
        return
    alert = f"a{serial}"
    rows["alerts"].append((alert, "w", "t", "v1", f"g{serial}", "w", at, "1 >= 1", 0.0, "open", of.title, "alert", []))
    rows["alert_events"].append((alert, serial, 0))
    rows["deliveries"].append((serial // PER_ALERT, alert, "mail", 0, "sent", at, 1, False, at))


def _insert(connection: Connection, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    for name in _ORDER:
        if rows[name]:
            insert_many(connection, metadata.tables[name], _ROWS[name], rows[name])


def _counted(connection: Connection) -> None:
    """Have Postgres' own numbering go on after the ids given here."""
    for name in ("articles", "events", "triggers", "deliveries"):
        last = f"SELECT max(id) FROM {name}"
        connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), ({last}))"))
