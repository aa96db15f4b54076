"""A store moves from SQLite to Postgres whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store.released import counts, sample
from tests.store.samples import DAY, NOW, RULES, article, polled
from tocsin.errors import SetupError, StoreError
from tocsin.model import FeedState
from tocsin.store import Store
from tocsin.store.schema import metadata

on_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)
TABLES = [table.name for table in metadata.sorted_tables if table.name != "leases"]


@on_postgres
def test_everything_arrives_and_new_rows_get_new_ids(database: str, tmp_path: Path) -> None:
    sample(tmp_path)
    with Store.open("", tmp_path) as old:
        moved = old.move(database, now=NOW)
        expected = old.db.read(lambda c: counts(c, TABLES))
        detail, feeds = old.alerts.detail("a1"), old.feeds.all()
        assert moved == expected
        with Store.open(database) as new:
            assert new.db.read(lambda c: counts(c, TABLES)) == expected
            assert new.alerts.detail("a1") == detail
            assert new.feeds.all() == feeds
            assert new.mutes.active(now=NOW) == old.mutes.active(now=NOW)
            highest = max(new.articles.by_id(range(100)))
            new.feeds.save_poll(FeedState("kcna", NOW + DAY), [article(900)])
            assert [each.id for each in new.articles.undetected(rules=RULES, limit=9)] == [highest + 1]


@on_postgres
def test_a_target_that_has_rows_is_refused(database: str, tmp_path: Path) -> None:
    with Store.open("", tmp_path) as old, Store.open(database) as new:
        polled(old, 2)
        polled(new, 1)
        with pytest.raises(SetupError, match="it has rows in feeds, articles already"):
            old.move(database, now=NOW)
        assert len(new.articles.undetected(rules=RULES, limit=9)) == 1


@on_postgres
def test_what_cannot_be_moved_whole_is_not_moved(database: str, tmp_path: Path) -> None:
    with Store.open("", tmp_path) as old:
        polled(old, 2)
        # SQLite keeps any text; Postgres takes none with a NUL.
        old.db.write(lambda c: c.execute(text("UPDATE articles SET title = 'a' || char(0) || 'b' WHERE id = 2")))
        with pytest.raises(StoreError):
            old.move(database, now=NOW)
    with Store.open(database) as new:
        assert new.feeds.all() == []


def test_only_from_sqlite_to_postgres(tmp_path: Path) -> None:
    with Store.open("", tmp_path) as old, pytest.raises(SetupError, match="it is no Postgres"):
        old.move(f"sqlite:///{tmp_path}/other.db", now=NOW)
