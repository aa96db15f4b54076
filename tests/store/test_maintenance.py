from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.samples import DAY, NOW, RULES, article, polled, trigger
from tocsin.errors import SetupError, StoreError
from tocsin.model import FeedState
from tocsin.store import Store


def read(store: Store, *, triggers: int) -> None:
    """Detect in all articles; the first `triggers` of them have one."""
    articles = store.articles.undetected(rules=RULES, limit=10_000)
    found = [trigger(item.id) for item in articles[:triggers]]
    store.triggers.save_detection(articles, found, rules=RULES, now=NOW)


def test_old_articles_without_triggers_are_deleted_in_small_batches(store: Store) -> None:
    old = [article(number, first_seen=NOW - DAY) for number in range(1_200)]
    store.feeds.save_poll(FeedState("kcna", NOW), [*old, article(5_000)])
    read(store, triggers=2)
    store.feeds.save_poll(FeedState("kcna", NOW), [article(6_000, first_seen=NOW - DAY)])

    assert list(store.retention.delete_articles(before=NOW)) == [500, 500, 198]
    kept = [item.title for item in store.articles.between(NOW - 9 * DAY, NOW + DAY)]
    assert kept == [article(number).title for number in (0, 1, 6_000, 5_000)]
    assert list(store.retention.delete_articles(before=NOW)) == []


def test_deleting_and_optimising_gives_the_room_back(tmp_path: Path) -> None:
    with Store.open("", tmp_path) as store:
        polled(store, 5_000)
        read(store, triggers=0)
        store.maintenance.optimise()
        before = (tmp_path / "tocsin.db").stat().st_size

        assert sum(store.retention.delete_articles(before=NOW + DAY)) == 5_000
        store.maintenance.optimise()
        assert (tmp_path / "tocsin.db").stat().st_size < before / 3


def parts(path: Path) -> dict[int, int]:
    """The parts of the full-text index of articles, and the page that each ends with (counted by two)."""
    with closing(sqlite3.connect(path)) as other:
        return dict(other.execute("SELECT segid, max(pgno) FROM articles_words_idx GROUP BY segid"))


def test_what_one_poll_brings_is_one_part_of_the_full_text_index(tmp_path: Path) -> None:
    with Store.open("", tmp_path) as store:
        polled(store, 200)
        assert len(parts(tmp_path / "tocsin.db")) == 1


def test_the_whole_full_text_index_is_rewritten_only_when_much_is_new(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    with Store.open("", tmp_path) as store:
        state = polled(store, 4_000)
        store.maintenance.optimise()
        [(largest, size)] = parts(path).items()

        few = [article(number) for number in range(5_000, 5_040)]
        store.feeds.save_poll(state, few)
        store.maintenance.optimise()
        assert parts(path)[largest] == size
        assert len(parts(path)) > 1

        many = [article(number) for number in range(6_000, 7_500)]
        store.feeds.save_poll(state, many)
        store.maintenance.optimise()
        [whole] = parts(path).values()
        assert whole > size
        found = [store.search.articles(text=f'"missile number {number}"') for number in (3_999, 5_039, 7_499)]
        assert [len(each) for each in found] == [1, 1, 1]


def test_optimising_is_done_on_both(store: Store) -> None:
    polled(store)

    store.maintenance.optimise()
    assert store.maintenance.check() == []
    assert len(store.articles.undetected(rules=RULES, limit=9)) == 3


def test_a_backup_is_a_whole_store_while_writers_go_on(tmp_path: Path) -> None:
    with Store.open("", tmp_path) as store:
        polled(store, 3)
        store.maintenance.backup(tmp_path / "copy.db")
        polled(store, 5)

        with pytest.raises(StoreError, match="the file exists already"):
            store.maintenance.backup(tmp_path / "copy.db")
    with Store.open(f"sqlite:///{tmp_path}/copy.db") as copy:
        assert len(copy.articles.undetected(rules=RULES, limit=9)) == 3
        assert copy.maintenance.check() == []


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_server_is_backed_up_by_its_own_means(store: Store, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="use pg_dump"):
        store.maintenance.backup(tmp_path / "copy.db")


def test_damage_inside_the_file_is_found(tmp_path: Path) -> None:
    with Store.open("", tmp_path) as store:
        polled(store, 500)
        store.maintenance.optimise()
    path = tmp_path / "tocsin.db"
    content = bytearray(path.read_bytes())
    page = content.index(b"North Korea fires missile number 250") // 4096 * 4096
    content[page : page + 4096] = b"\xff" * 4096
    path.write_bytes(content)

    with Store.open("", tmp_path) as store:
        assert any("malformed" in line or "invalid page" in line for line in store.maintenance.check())


def test_a_row_that_lost_its_parent_is_found(tmp_path: Path) -> None:
    with Store.open("", tmp_path) as store:
        polled(store, 1)
        with closing(sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)) as other:
            other.execute("DELETE FROM feeds")
        assert store.maintenance.check() == ["articles row 1 lost its feeds"]
