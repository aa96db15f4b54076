"""D05: the database server is restarted under a sweep; the transaction is run again on a new connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.oracle import check
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, newsroom
from tests.postgres import down, embedded
from tests.store.samples import polled
from tocsin.store import Store


@pytest.fixture
def server() -> Iterator[Any]:
    """A Postgres of this test's own, which it may stop and start."""
    with embedded() as server:
        yield server


def address(server: Any) -> str:
    url = str(server.get_uri(driver="psycopg"))
    Store.upgrade(url, now=NOW)
    return url


def test_d05_what_is_written_while_the_server_restarts_is_written_once_it_is_back(server: Any) -> None:
    with Store.open(address(server)) as store:
        polled(store)
        with down(server):
            writer = threading.Thread(target=store.notices.remember, args=("key", "value"))
            writer.start()
            writer.join(0.7)
            assert writer.is_alive(), "it waits for the server"
        writer.join(60)
        assert store.notices.recall("key") == "value"
        assert store.feeds.get("kcna") is not None


def test_d05_a_sweep_goes_through_a_restart_in_its_midst(server: Any, tmp_path: Path) -> None:
    with newsroom(tmp_path, database=address(server)) as room:
        paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
        room.write().sweep(now=NOW)
        paper.publish(MISSILE, at=NOW + HOUR)
        restarts: list[int] = []

        def restart() -> None:
            with down(server):
                restarts.append(1)

        paper.delay = restart
        tally = room.sweep(now=NOW + HOUR)
        paper.delay = None

        assert restarts == [1]
        assert (tally.articles, tally.alerts, tally.sent, tally.skipped) == (1, 1, 2, "")
        check(room, baseline=NOW, now=NOW + HOUR)
