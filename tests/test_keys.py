"""Keys of the state folder: one for all, whole, and for no other user of the machine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tocsin.keys import kept_key


def test_a_key_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "web.key"

    key = kept_key(path)

    assert len(key) >= 43
    assert kept_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_many_that_make_it_at_once_share_one(tmp_path: Path) -> None:
    path = tmp_path / "web.key"
    with ThreadPoolExecutor(16) as threads:
        keys = set(threads.map(lambda _: kept_key(path), range(200)))

    assert len(keys) == 1
    assert keys != {""}
    assert [left.name for left in tmp_path.iterdir()] == ["web.key"]
