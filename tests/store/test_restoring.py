"""A backup is put in place whole, and nothing that was there is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store.samples import NOW, RULES, polled
from tocsin.errors import SetupError
from tocsin.store import Store


def articles(folder: Path) -> int:
    with Store.open("", folder) as store:
        return len(store.articles.undetected(rules=RULES, limit=99))


def saved(folder: Path) -> Path:
    """A store of 5 articles, and a backup from when it had 3."""
    with Store.open("", folder) as store:
        polled(store, 3)
        store.maintenance.backup(folder / "copy.db")
        polled(store, 5)
    return folder / "copy.db"


def test_the_backup_is_in_place_and_what_was_there_is_kept(tmp_path: Path) -> None:
    backup = saved(tmp_path)
    content = backup.read_bytes()

    done = Store.restore("", tmp_path, backup, now=NOW)

    assert articles(tmp_path) == 3
    assert backup.read_bytes() == content
    assert done.kept == tmp_path / "backups" / "tocsin-replaced-20260301T120000.db"
    again = Store.restore("", tmp_path, done.kept, now=NOW.replace(hour=13))
    assert articles(tmp_path) == 5
    assert again.kept != done.kept
    assert {path.name for path in tmp_path.iterdir()} == {"tocsin.db", "copy.db", "backups"}


def test_a_log_of_the_old_database_goes_with_it(tmp_path: Path) -> None:
    backup = saved(tmp_path)
    with Store.open("", tmp_path) as store:
        polled(store, 7)  # lies in the log while the store is open
        assert (tmp_path / "tocsin.db-wal").stat().st_size
        for suffix in ("", "-wal"):
            shutil.copy(tmp_path / f"tocsin.db{suffix}", tmp_path / f"killed.db{suffix}")
    (tmp_path / "tocsin.db").unlink()
    for suffix in ("", "-wal"):
        (tmp_path / f"killed.db{suffix}").rename(tmp_path / f"tocsin.db{suffix}")

    done = Store.restore("", tmp_path, backup, now=NOW)

    assert articles(tmp_path) == 3
    assert done.kept is not None
    Store.restore("", tmp_path, done.kept, now=NOW.replace(hour=13))
    assert articles(tmp_path) == 7


def test_it_replaces_a_damaged_file_and_a_lost_one(tmp_path: Path) -> None:
    backup = saved(tmp_path)
    (tmp_path / "tocsin.db").write_bytes(b"not a database at all" * 500)
    done = Store.restore("", tmp_path, backup, now=NOW)
    assert articles(tmp_path) == 3
    assert done.kept is not None and done.kept.read_bytes().startswith(b"not a database")

    (tmp_path / "tocsin.db").unlink()
    assert Store.restore("", tmp_path, backup, now=NOW).kept is None
    assert articles(tmp_path) == 3


def spoil(backup: Path, how: str) -> None:
    if how == "gone":
        backup.unlink()
    elif how == "cut":
        backup.write_bytes(backup.read_bytes()[:6_000])
    elif how == "text":
        backup.write_text("no backup" * 1000)
    elif how == "empty":
        backup.write_bytes(b"")
    else:
        with Store.open(f"sqlite:///{backup}") as store:
            store.db.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("gone", "No such file"),
        ("cut", "damaged|malformed"),
        ("text", "not a database"),
        ("empty", "it has no tables of Tocsin's"),
        ("newer", "its schema 9999 is newer than this Tocsin"),
    ],
)
def test_what_is_no_sound_backup_changes_nothing(tmp_path: Path, how: str, message: str) -> None:
    backup = saved(tmp_path)
    spoil(backup, how)

    with pytest.raises(SetupError, match=message) as caught:
        Store.restore("", tmp_path, backup, now=NOW)

    assert str(backup) in str(caught.value)
    assert articles(tmp_path) == 5
    assert not (tmp_path / "backups").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_server_is_restored_by_its_own_means(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="use pg_restore"):
        Store.restore("postgresql://ann:hush@host/db", tmp_path, tmp_path / "copy.db", now=NOW)
