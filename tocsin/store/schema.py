"""The tables. Their unique keys are the identities of docs/design.md; whatever is written twice is written once.

Full-text search has its own (`tocsin/store/search.py`), which only the migration makes: FTS5 tables on SQLite, GIN
indexes on Postgres. Every other index but the unique ones serves one question of a sweep or a page, and holds only the
rows that can answer it, so that the cost follows the window, not the table. Migrations (`tocsin/store/migrations`)
make the same tables; a test compares.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any

from pydantic_core import from_json
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

REVISIONS = ("0001",)
"""Every schema version that was ever released, oldest first; the last one is this code's."""

Id = BigInteger().with_variant(Integer(), "sqlite")


class Time(TypeDecorator[dt.datetime]):
    """An aware UTC time. SQLite keeps it as ISO text of fixed width, which sorts as time does."""

    impl = DateTime(timezone=True).with_variant(Text(), "sqlite")
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[dt.datetime | None], dt.datetime | str | None]:
        # Not `process_bind_param`: it costs another call for each value, and rows of one sweep share their times.
        return _written if dialect.name == "sqlite" else _utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], dt.datetime | None]:
        if dialect.name == "sqlite":
            return lambda value: None if value is None else dt.datetime.fromisoformat(value)
        return lambda value: None if value is None else value.astimezone(dt.UTC)


def _utc(value: dt.datetime | None) -> dt.datetime | None:
    if value is None or value.tzinfo is dt.UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return value.astimezone(dt.UTC)


@functools.lru_cache(maxsize=256)
def _written(value: dt.datetime | None) -> str | None:
    utc = _utc(value)
    return utc.isoformat(timespec="microseconds") if utc is not None else None


class Facts(TypeDecorator[Any]):
    """Lists and mappings of plain values, as JSON."""

    impl = JSON().with_variant(JSONB(), "postgresql")
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        # SQLAlchemy's own goes through two more functions for each value, which is most of the cost of an event.
        if dialect.name == "sqlite":
            return lambda value: None if value is None else from_json(value)
        return super().result_processor(dialect, coltype)


class Note(TypeDecorator[str]):
    """Text from outside the cleaning edge, such as the words of an error: made storable and kept short."""

    impl = Text
    cache_ok = True
    LIMIT = 1_000

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        # Postgres refuses NUL, both refuse lone surrogates; an error must never fail for the way it is worded.
        return value[: self.LIMIT].replace("\x00", "").encode("utf-8", "replace").decode()


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _number(name: str) -> Column[float]:
    return Column(name, Float, nullable=False, server_default="0")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


feeds = Table(
    "feeds",
    metadata,
    Column("feed", Text, primary_key=True),
    Column("next_check_at", Time, nullable=False),
    _text("etag"),
    _text("last_modified"),
    _text("body_digest"),
    _count("failures"),
    Column("last_error", Note, nullable=False, server_default=""),
    Column("last_error_at", Time),
    Column("last_success_at", Time),
    Column("last_new_at", Time),
    Column("first_success_at", Time),
    _text("moved_to"),
    _count("moved_count"),
    Column("gap_at", Time),
    Column("disabled", Note, nullable=False, server_default=""),
    _text("url_digest"),
    _number("rhythm_s"),
    _number("lag_s"),
    _number("asked_s"),
    Column("warning", Note, nullable=False, server_default=""),
    _text("entry_digests"),
    # False once the feed has left the config; its state and articles stay.
    Column("configured", Boolean, nullable=False),
    Index("ix_feeds_due", "configured", "next_check_at"),
)

articles = Table(
    "articles",
    metadata,
    Column("id", Id, primary_key=True),
    Column("feed", Text, ForeignKey("feeds.feed"), nullable=False),
    Column("key", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("published", Time),
    Column("first_seen", Time, nullable=False),
    Column("digest", Text, nullable=False),
    Column("publisher", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("backfill", Boolean, nullable=False),
    # Version of the rules that read this text; null: not read yet.
    Column("detected", Text),
    # Why it could not be read; null: it could.
    Column("aside", Note),
    UniqueConstraint("feed", "key"),
    Index("ix_articles_first_seen", "first_seen", "id"),
    # People look at one feed's articles, newest first.
    Index("ix_articles_feed", "feed", "first_seen", "id"),
)
Index(
    "ix_articles_undetected",
    articles.c.id,
    sqlite_where=articles.c.detected.is_(None),
    postgresql_where=articles.c.detected.is_(None),
)
Index(
    "ix_articles_aside",
    articles.c.id,
    sqlite_where=articles.c.aside.is_not(None),
    postgresql_where=articles.c.aside.is_not(None),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("type", Text, nullable=False),
    Column("modality", Text, nullable=False),
    Column("source", Text),
    Column("target", Text),
    Column("started_at", Time, nullable=False),
    Column("changed_at", Time, nullable=False),
    Column("title", Text, nullable=False),
    Column("severity", Float, nullable=False),
    Column("object", Text),
    Column("place", Text),
    Column("occurred_on", Date),
    Column("families", Facts, nullable=False),
    Column("voices", Facts, nullable=False),
    Column("articles", Facts, nullable=False),
    Column("denials", Facts, nullable=False),
    Column("gained", Facts, nullable=False),
    Column("state_media", Boolean, nullable=False),
    Column("backfill", Boolean, nullable=False),
    Column("tags", Facts, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("facts", Facts, nullable=False),
    Column("version", Integer, nullable=False),
    # The version that thresholds have judged; behind `version` while there is something to judge.
    Column("evaluated", Integer, nullable=False, server_default="0"),
    # It lost a trigger and waits to be gathered again from what is left.
    Column("shrunk_at", Time),
    Index("ix_events_type_source", "type", "source", "started_at"),
    Index("ix_events_type", "type", "started_at"),
    Index("ix_events_source", "source", "started_at"),
    Index("ix_events_target", "target", "started_at"),
    Index("ix_events_started", "started_at"),
)
Index(
    "ix_events_changed",
    events.c.id,
    sqlite_where=events.c.evaluated < events.c.version,
    postgresql_where=events.c.evaluated < events.c.version,
)

Index(
    "ix_events_shrunk",
    events.c.id,
    sqlite_where=events.c.shrunk_at.is_not(None),
    postgresql_where=events.c.shrunk_at.is_not(None),
)

triggers = Table(
    "triggers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("article", Id, ForeignKey("articles.id"), nullable=False),
    Column("rule", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("span_start", Integer, nullable=False),
    Column("span_end", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("modality", Text, nullable=False),
    Column("source", Text),
    Column("target", Text),
    Column("object", Text),
    Column("version", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("severity", Float, nullable=False),
    Column("occurred_on", Date),
    Column("place", Text),
    Column("facts", Facts, nullable=False),
    Column("detected_at", Time, nullable=False),
    # The text was edited and says so no more; a trigger that was in an event stays there as evidence.
    Column("withdrawn_at", Time),
    # One column, so that a trigger is in one event at most.
    Column("event", Id, ForeignKey("events.id")),
    UniqueConstraint("article", "rule", "field", "span_start", "span_end"),
    Index("ix_triggers_event", "event"),
    Index("ix_triggers_rule", "rule", "id"),
)
_unlinked = triggers.c.event.is_(None) & triggers.c.withdrawn_at.is_(None)
Index("ix_triggers_unlinked", triggers.c.id, sqlite_where=_unlinked, postgresql_where=_unlinked)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("watch", Text, nullable=False),
    Column("threshold", Text, nullable=False),
    Column("threshold_version", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("window_key", Text, nullable=False),
    Column("fired_at", Time, nullable=False),
    Column("reason", Text, nullable=False),
    Column("severity", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Facts, nullable=False),
    UniqueConstraint("watch", "threshold", "group_key", "window_key"),
    Index("ix_alerts_fired", "fired_at"),
    Index("ix_alerts_prior", "watch", "threshold", "fired_at"),
)

alert_events = Table(
    "alert_events",
    metadata,
    Column("alert", Text, ForeignKey("alerts.id"), primary_key=True),
    Column("event", Id, ForeignKey("events.id"), primary_key=True),
    # Order within the alert, as the threshold gave it.
    Column("place", Integer, nullable=False),
    Index("ix_alert_events_event", "event"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("alert", Text, ForeignKey("alerts.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("next_try_at", Time, nullable=False),
    _count("attempts"),
    Column("lease_until", Time),
    _text("token"),
    Column("last_error", Note, nullable=False, server_default=""),
    Column("uncertain", Boolean, nullable=False),
    Column("sent_at", Time),
    # When it can be claimed: `next_try_at` while queued, `lease_until` while claimed, null once it is over.
    Column("due_at", Time),
    _text("holder"),
    UniqueConstraint("alert", "channel", "recipient"),
)
Index(
    "ix_deliveries_due",
    deliveries.c.due_at,
    sqlite_where=deliveries.c.due_at.is_not(None),
    postgresql_where=deliveries.c.due_at.is_not(None),
)

waits = Table(
    "waits",
    metadata,
    # A threshold that decided to wait (group_wait, realert) is judged again then, whether or not an event changes.
    Column("watch", Text, primary_key=True),
    Column("threshold", Text, primary_key=True),
    Column("due_at", Time, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Time, nullable=False),
    Column("token", Id, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("message", Note, nullable=False),
    Column("since", Time, nullable=False),
    Column("last_at", Time, nullable=False),
    Column("count", Integer, nullable=False),
)

mutes = Table(
    "mutes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("matchers", Facts, nullable=False),
    Column("starts_at", Time, nullable=False),
    Column("until", Time, nullable=False),
    Column("by", Note, nullable=False),
    Column("comment", Note, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("value", Text, nullable=False),
    Column("who", Note, nullable=False),
    Column("at", Time, nullable=False),
    Column("alert", Text, ForeignKey("alerts.id")),
    Column("trigger", Id, ForeignKey("triggers.id")),
    Column("note", Note, nullable=False, server_default=""),
    CheckConstraint('(alert IS NULL) <> ("trigger" IS NULL)', name="ck_verdicts_subject"),
    Index("ix_verdicts_alert", "alert", "id"),
    Index("ix_verdicts_trigger", "trigger", "id"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Time, nullable=False),
    Column("who", Note, nullable=False),
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("note", Note, nullable=False, server_default=""),
    Index("ix_audit_subject", "subject", "id"),
)

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Note, nullable=False))
