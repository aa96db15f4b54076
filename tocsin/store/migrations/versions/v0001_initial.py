"""The first schema.

Revision: 0001, after none
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
Facts = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("watch", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Text(), nullable=False),
        sa.Column("threshold_version", sa.Text(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("window_key", sa.Text(), nullable=False),
        sa.Column("fired_at", Time, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("severity", sa.Float(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", Facts, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint(
            "watch", "threshold", "group_key", "window_key", name="uq_alerts_watch_threshold_group_key_window_key"
        ),
    )
    op.create_index("ix_alerts_fired", "alerts", ["fired_at"])
    op.create_index("ix_alerts_prior", "alerts", ["watch", "threshold", "fired_at"])
    op.create_table(
        "audit",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject", "id"])
    op.create_table(
        "events",
        sa.Column("id", Id, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("target", sa.Text()),
        sa.Column("started_at", Time, nullable=False),
        sa.Column("changed_at", Time, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.Float(), nullable=False),
        sa.Column("object", sa.Text()),
        sa.Column("place", sa.Text()),
        sa.Column("occurred_on", sa.Date()),
        sa.Column("families", Facts, nullable=False),
        sa.Column("voices", Facts, nullable=False),
        sa.Column("articles", Facts, nullable=False),
        sa.Column("denials", Facts, nullable=False),
        sa.Column("gained", Facts, nullable=False),
        sa.Column("state_media", sa.Boolean(), nullable=False),
        sa.Column("backfill", sa.Boolean(), nullable=False),
        sa.Column("tags", Facts, nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("facts", Facts, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("evaluated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("shrunk_at", Time),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index(
        "ix_events_changed",
        "events",
        ["id"],
        sqlite_where=sa.text("evaluated < version"),
        postgresql_where=sa.text("evaluated < version"),
    )
    op.create_index(
        "ix_events_shrunk",
        "events",
        ["id"],
        sqlite_where=sa.text("shrunk_at IS NOT NULL"),
        postgresql_where=sa.text("shrunk_at IS NOT NULL"),
    )
    op.create_index("ix_events_source", "events", ["source", "started_at"])
    op.create_index("ix_events_started", "events", ["started_at"])
    op.create_index("ix_events_type", "events", ["type", "started_at"])
    op.create_index("ix_events_target", "events", ["target", "started_at"])
    op.create_index("ix_events_type_source", "events", ["type", "source", "started_at"])
    op.create_table(
        "feeds",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("next_check_at", Time, nullable=False),
        sa.Column("etag", sa.Text(), server_default="", nullable=False),
        sa.Column("last_modified", sa.Text(), server_default="", nullable=False),
        sa.Column("body_digest", sa.Text(), server_default="", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("last_error_at", Time),
        sa.Column("last_success_at", Time),
        sa.Column("last_new_at", Time),
        sa.Column("first_success_at", Time),
        sa.Column("moved_to", sa.Text(), server_default="", nullable=False),
        sa.Column("moved_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("gap_at", Time),
        sa.Column("disabled", sa.Text(), server_default="", nullable=False),
        sa.Column("url_digest", sa.Text(), server_default="", nullable=False),
        sa.Column("rhythm_s", sa.Float(), server_default="0", nullable=False),
        sa.Column("lag_s", sa.Float(), server_default="0", nullable=False),
        sa.Column("asked_s", sa.Float(), server_default="0", nullable=False),
        sa.Column("warning", sa.Text(), server_default="", nullable=False),
        sa.Column("entry_digests", sa.Text(), server_default="", nullable=False),
        sa.Column("configured", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name="pk_feeds"),
    )
    op.create_index("ix_feeds_due", "feeds", ["configured", "next_check_at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", Time, nullable=False),
        sa.Column("token", Id, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "mutes",
        sa.Column("id", Id, nullable=False),
        sa.Column("matchers", Facts, nullable=False),
        sa.Column("starts_at", Time, nullable=False),
        sa.Column("until", Time, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mutes"),
    )
    op.create_table(
        "notices",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("since", Time, nullable=False),
        sa.Column("last_at", Time, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_notices"),
    )
    op.create_table(
        "waits",
        sa.Column("watch", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Text(), nullable=False),
        sa.Column("due_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("watch", "threshold", name="pk_waits"),
    )
    op.create_table(
        "alert_events",
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("event", Id, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name="fk_alert_events_alert"),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name="fk_alert_events_event"),
        sa.PrimaryKeyConstraint("alert", "event", name="pk_alert_events"),
    )
    op.create_index("ix_alert_events_event", "alert_events", ["event"])
    op.create_table(
        "articles",
        sa.Column("id", Id, nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("published", Time),
        sa.Column("first_seen", Time, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("backfill", sa.Boolean(), nullable=False),
        sa.Column("detected", sa.Text()),
        sa.Column("aside", sa.Text()),
        sa.ForeignKeyConstraint(["feed"], ["feeds.feed"], name="fk_articles_feed"),
        sa.PrimaryKeyConstraint("id", name="pk_articles"),
        sa.UniqueConstraint("feed", "key", name="uq_articles_feed_key"),
    )
    op.create_index(
        "ix_articles_aside",
        "articles",
        ["id"],
        sqlite_where=sa.text("aside IS NOT NULL"),
        postgresql_where=sa.text("aside IS NOT NULL"),
    )
    op.create_index("ix_articles_feed", "articles", ["feed", "first_seen", "id"])
    op.create_index("ix_articles_first_seen", "articles", ["first_seen", "id"])
    op.create_index(
        "ix_articles_undetected",
        "articles",
        ["id"],
        sqlite_where=sa.text("detected IS NULL"),
        postgresql_where=sa.text("detected IS NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_try_at", Time, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", Time),
        sa.Column("token", sa.Text(), server_default="", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("sent_at", Time),
        sa.Column("due_at", Time),
        sa.Column("holder", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name="fk_deliveries_alert"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("alert", "channel", "recipient", name="uq_deliveries_alert_channel_recipient"),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "triggers",
        sa.Column("id", Id, nullable=False),
        sa.Column("article", Id, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("span_start", sa.Integer(), nullable=False),
        sa.Column("span_end", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("target", sa.Text()),
        sa.Column("object", sa.Text()),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("severity", sa.Float(), nullable=False),
        sa.Column("occurred_on", sa.Date()),
        sa.Column("place", sa.Text()),
        sa.Column("facts", Facts, nullable=False),
        sa.Column("detected_at", Time, nullable=False),
        sa.Column("withdrawn_at", Time),
        sa.Column("event", Id),
        sa.ForeignKeyConstraint(["article"], ["articles.id"], name="fk_triggers_article"),
        sa.ForeignKeyConstraint(["event"], ["events.id"], name="fk_triggers_event"),
        sa.PrimaryKeyConstraint("id", name="pk_triggers"),
        sa.UniqueConstraint(
            "article",
            "rule",
            "field",
            "span_start",
            "span_end",
            name="uq_triggers_article_rule_field_span_start_span_end",
        ),
    )
    op.create_index("ix_triggers_event", "triggers", ["event"])
    op.create_index(
        "ix_triggers_unlinked",
        "triggers",
        ["id"],
        sqlite_where=sa.text("event IS NULL AND withdrawn_at IS NULL"),
        postgresql_where=sa.text("event IS NULL AND withdrawn_at IS NULL"),
    )
    op.create_table(
        "verdicts",
        sa.Column("id", Id, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("alert", sa.Text()),
        sa.Column("trigger", Id),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint('(alert IS NULL) <> ("trigger" IS NULL)', name="ck_verdicts_subject"),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], name="fk_verdicts_alert"),
        sa.ForeignKeyConstraint(["trigger"], ["triggers.id"], name="fk_verdicts_trigger"),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
    )
    op.create_index("ix_verdicts_alert", "verdicts", ["alert", "id"])
    op.create_index("ix_verdicts_trigger", "verdicts", ["trigger", "id"])
    op.create_index("ix_triggers_rule", "triggers", ["rule", "id"])
    for table, columns in _WORDS.items():
        _index_words(table, columns)


_WORDS = {
    "articles": ("title", "summary", "publisher", "feed"),
    "events": ("title", "object", "place", "type", "source", "target"),
}
"""What full-text search looks at: an FTS5 table that follows the rows by triggers, on Postgres a GIN index."""


def _index_words(table: str, columns: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name == "postgresql":
        text = " || ' ' || ".join(f"coalesce({column}, '')" for column in columns)
        op.execute(f"CREATE INDEX ix_{table}_words ON {table} USING gin (to_tsvector('english', {text}))")
        return
    names, old, new = (", ".join(prefix + column for column in columns) for prefix in ("", "old.", "new."))
    changed = " OR ".join(f"old.{column} IS NOT new.{column}" for column in columns)
    add = f"INSERT INTO {table}_words (rowid, {names}) VALUES (new.id, {new});"
    drop = f"INSERT INTO {table}_words ({table}_words, rowid, {names}) VALUES ('delete', old.id, {old});"
    op.execute(
        f"CREATE VIRTUAL TABLE {table}_words USING fts5({names}, content='{table}', content_rowid='id', columnsize=0,"
        " tokenize='porter unicode61 remove_diacritics 2')"
    )
    op.execute(f"CREATE TRIGGER {table}_words_insert AFTER INSERT ON {table} BEGIN {add} END")
    op.execute(f"CREATE TRIGGER {table}_words_delete AFTER DELETE ON {table} BEGIN {drop} END")
    op.execute(
        f"CREATE TRIGGER {table}_words_update AFTER UPDATE OF {names} ON {table} WHEN {changed} BEGIN {drop} {add} END"
    )
