"""A Prefect server, its workers and a Dask cluster, all real and all on loopback, do what one process does.

The flow with the cluster runs always; three workers of the server, of which one is killed, in the long form.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from flows.environment import KEY, prefect_environment
from flows.serving import free_port
from tests.flows.test_deploying import answers, process, until
from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, VETO, Room, newsroom
from tests.scale.test_workers import LONG
from tests.scale.workers import PATIENCE_S, balanced, clock, end_leases, told
from tocsin.keys import kept_key

pytestmark = pytest.mark.timeout(4 * PATIENCE_S)

OUTLETS = 4
FILLING = 120
"""Items of each outlet beside the news, so that there is enough to hand on."""


@dataclass
class Site:
    """A room whose news wait, with a Prefect server and a Dask cluster of two."""

    room: Room
    log: Path
    at: dt.datetime
    environ: dict[str, str]
    stack: ExitStack

    def run(self, module: str, *arguments: str) -> psutil.Process:
        """A process of Python that ends with the site."""
        command = (sys.executable, "-m", module, *arguments)
        return psutil.Process(self.stack.enter_context(process(*command, environ=self.environ, log=self.log)))

    def detected(self) -> int:
        """Pieces of work that the cluster has done, as the Prefect server has it."""
        path = self.room.state / "prefect" / "prefect.db"
        query = "SELECT count(*) FROM task_run WHERE name LIKE 'detect%' AND state_type = 'COMPLETED'"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
            return int(connection.execute(query).fetchone()[0])


@pytest.fixture
def site(any_room: Room, tmp_path: Path) -> Iterator[Site]:
    room, at, port, scheduler = any_room, clock() - MINUTE, free_port(), free_port()
    room.settings |= {"sweep_every": "10s", "prefect_port": port, "shards": 2}
    room.settings["detect"] = {"dask": f"tcp://127.0.0.1:{scheduler}"}
    outlets(room)
    room.write().sweep(now=at - HOUR)
    news(room, at)
    prefect = prefect_environment(room.state, port=port, environ={}, key=kept_key(room.state / KEY))
    environ = {**os.environ, **prefect, **room.environ, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with ExitStack() as stack:
        site = Site(room, tmp_path / "log", at, environ, stack)
        site.run("prefect", "server", "start")
        bind = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
        site.run("distributed.cli.dask_scheduler", *bind, "--port", str(scheduler))
        alone = ("--nthreads", "1", "--no-nanny", "--memory-limit", "0")
        for _ in range(2):
            site.run("distributed.cli.dask_worker", f"tcp://127.0.0.1:{scheduler}", *bind, *alone)
        until(lambda: answers(port), site.log, PATIENCE_S)
        yield site


def outlets(room: Room) -> None:
    for number in range(OUTLETS):
        room.paper(f"outlet{number}").publish(NOISE, at=clock() - 3 * HOUR)


def news(room: Room, at: dt.datetime) -> None:
    for number, paper in enumerate(list(room.press.papers.values())):
        for item in range(FILLING):
            paper.publish(f"{NOISE}, part {item}", "It was said that a missile had been fired.", at=at)
        paper.publish(MISSILE if number % 2 else VETO, at=at)


def of_one_process(folder: Path, at: dt.datetime) -> list[tuple[object, ...]]:
    with newsroom(folder) as room:
        outlets(room)
        room.write().sweep(now=at - HOUR)
        news(room, at)
        room.sweep(now=at + MINUTE)
        return told(room)


@pytest.mark.skipif(not LONG, reason="half a minute of both cores; `make scale` runs it")
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_dask_cluster_detects_what_one_process_detects(site: Site, tmp_path: Path) -> None:
    script = "import asyncio; from flows.watch import watch; print(asyncio.run(watch()))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=site.environ, capture_output=True, text=True, timeout=PATIENCE_S)

    assert done.returncode == 0, done.stderr
    assert "2 events, 2 alerts, 4 sent" in done.stdout, done.stderr
    assert told(site.room) == of_one_process(tmp_path / "one", site.at)
    assert balanced(site.room) == 0
    until(lambda: site.detected() >= OUTLETS, site.log, PATIENCE_S)


@pytest.mark.skipif(not LONG, reason="half a minute of both cores; `make scale` runs it")
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_three_workers_of_prefect_of_which_one_is_killed_alert_as_one_process_does(site: Site, tmp_path: Path) -> None:
    room = site.room
    assert room.tocsin("deploy", "--workers", "3").code == 0
    workers = [site.run("prefect", "worker", "start", "--pool", "tocsin") for _ in range(3)]
    until(lambda: len(room.hooked()) > 0, site.log, PATIENCE_S)
    with room.store() as store:
        for each in (workers[0], *workers[0].children(recursive=True)):
            each.kill()
            end_leases(store, each.pid)
    until(lambda: len(room.hooked()) >= 2 <= len(room.mailed()), site.log, PATIENCE_S)

    assert told(room) == of_one_process(tmp_path / "one", site.at)
    assert balanced(room) <= 2
    assert site.detected() >= OUTLETS
