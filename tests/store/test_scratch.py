"""A store for one process alone does what every store does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.alerts.samples import T0, event
from tocsin.errors import StoreError
from tocsin.store import Link, Store


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Store]:
    with Store.scratch(tmp_path) as store:
        yield store


def test_what_fails_halfway_leaves_nothing_and_the_next_goes_on(scratch: Store) -> None:
    (saved,) = scratch.events.save_links([Link(replace(event(), id=0), ())])
    stale = Link(replace(saved, version=9), ())
    with pytest.raises(StoreError):
        scratch.events.save_links([Link(replace(event(), id=0), ()), stale])

    assert [each.id for each in scratch.events.recent(limit=9)] == [saved.id]
    scratch.notices.remember("a", "b")
    assert scratch.notices.recall("a") == "b"


def test_an_event_that_grew_is_read_as_it_is_now(scratch: Store) -> None:
    (saved,) = scratch.events.save_links([Link(replace(event(), id=0), ())])
    assert scratch.events.window(since=saved.started_at) == [saved]
    grown = replace(saved, version=saved.version + 1, severity=saved.severity + 1)
    scratch.events.save_links([Link(grown, ())])

    assert scratch.events.window(since=saved.started_at, voices=False) == [grown]
    assert scratch.events.window(since=T0.replace(year=2099)) == []


def test_threads_take_turns(scratch: Store) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: scratch.notices.remember(f"key{n % 3}", str(n)), range(60)))

    assert {int(scratch.notices.recall(f"key{n}")) % 3 for n in range(3)} == {0, 1, 2}
