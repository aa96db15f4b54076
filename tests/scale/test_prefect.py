"""Three workers of a Prefect server and a Dask cluster, all real and all on loopback, do what one process does."""

from __future__ import annotations

import datetime as dt
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from flows.environment import KEY, prefect_environment
from flows.serving import free_port
from tests.flows.test_deploying import answers, process, until
from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, VETO, Room, newsroom
from tests.scale.workers import balanced, clock, end_leases, told
from tocsin.keys import kept_key

OUTLETS = 4
FILLING = 120
"""Items of each outlet beside the news, so that there is enough to hand on."""


def outlets(room: Room) -> None:
    for number in range(OUTLETS):
        room.paper(f"outlet{number}").publish(NOISE, at=clock() - 2 * HOUR)


def news(room: Room, at: dt.datetime) -> None:
    for number, paper in enumerate(list(room.press.papers.values())):
        for item in range(FILLING):
            paper.publish(f"{NOISE}, part {item}", "North Korea had fired a missile, it was said.", at=at)
        paper.publish(MISSILE if number % 2 else VETO, at=at)


def of_one_process(folder: Path, first: dt.datetime, at: dt.datetime) -> list[tuple[object, ...]]:
    with newsroom(folder) as room:
        outlets(room)
        room.write().sweep(now=first)
        news(room, at)
        room.sweep(now=at)
        return told(room)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_workers_of_prefect_and_dask_alert_as_one_process_does(any_room: Room, tmp_path: Path) -> None:
    room, log = any_room, tmp_path / "log"
    first, at = clock() - HOUR, clock() - MINUTE
    port, scheduler = free_port(), free_port()
    room.settings |= {"sweep_every": "10s", "prefect_port": port, "shards": 4}
    room.settings["detect"] = {"dask": f"tcp://127.0.0.1:{scheduler}"}
    outlets(room)
    room.write().sweep(now=first)
    news(room, at)
    home = prefect_environment(room.state, port=port, environ={}, key=kept_key(room.state / KEY))
    environ = {**os.environ, **home, **room.environ, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    prefect, dask = [sys.executable, "-m", "prefect"], [sys.executable, "-m"]
    with ExitStack() as stack:

        def run(*command: str) -> int:
            return stack.enter_context(process(*command, environ=environ, log=log))

        run(*prefect, "server", "start")
        bind = ("--host", "127.0.0.1", "--no-dashboard")
        run(*dask, "distributed.cli.dask_scheduler", *bind, "--port", str(scheduler))
        for _ in range(2):
            worker = (f"tcp://127.0.0.1:{scheduler}", *bind, "--nthreads", "1", "--no-nanny", "--memory-limit", "0")
            run(*dask, "distributed.cli.dask_worker", *worker)
        until(lambda: answers(port), log)
        assert room.tocsin("deploy", "--workers", "3").code == 0
        workers = [run(*prefect, "worker", "start", "--pool", "tocsin") for _ in range(3)]
        until(lambda: len(room.hooked()) > 0, log)
        killed(room, psutil.Process(workers[0]))
        until(lambda: len(room.hooked()) >= 2 <= len(room.mailed()), log)

    assert told(room) == of_one_process(tmp_path / "one", first, at)
    assert balanced(room) <= 2
    assert "detection cannot be handed on" not in log.read_text()
    assert "detection was not done elsewhere" not in log.read_text()


def killed(room: Room, worker: psutil.Process) -> None:
    """Kill a worker with the sweep that it has started, if any. Its leases end, as if their time were over."""
    with room.store() as store:
        for each in (worker, *worker.children(recursive=True)):
            each.kill()
            end_leases(store, each.pid)
