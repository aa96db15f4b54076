"""What a sweep over unchanged feeds costs beyond fetching them: run by poll.py, with its farm in the phase to measure.

The flow `watch` runs as in production, with the shipped rules and watch and a Prefect server beside it. The same
requests, sent by `extractors.fetch` alone, are taken off. Milliseconds of CPU, of the quickest round:

    fetch_ms             the requests alone
    sweep_cpu_ms         the flow, in a process that has run it before, above the requests
    without_prefect_ms   the same sweep without Prefect (`tocsin sweep`)
    server_cpu_ms        Prefect's server meanwhile, a process of its own
    process_cpu_ms       a process that runs the flow once, as the runner starts one: imports, config, sweep
    task_runs            Prefect task runs of one sweep
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import datetime as dt
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
ROUNDS = 5
SETTLE_S = 1.0
DAY = dt.timedelta(days=1)
SETTINGS = """\
fetch:
  allow_networks: [127.0.0.0/8]
  per_host: 16
  host_pause: 0s
"""


def write_config(folder: Path, urls: Sequence[str]) -> None:
    """The shipped configuration with feeds of the farm."""
    shutil.copytree(ROOT / "config", folder)
    (folder / "settings.yaml").write_text(SETTINGS, encoding="utf-8")
    feeds = [{"id": f"f{number}", "title": f"Feed {number}", "url": url} for number, url in enumerate(urls)]
    (folder / "feeds.yaml").write_text(json.dumps({"feeds": feeds}), encoding="utf-8")


def fill(now: dt.datetime) -> None:
    """Poll all feeds once, and hold what came for read: detection is not what is measured here."""
    from flows.opening import opened

    with opened(os.environ, now=now) as sweep:
        sweep.store.feeds.ensure(sweep.feeds, now=now)
        sweep.poll(now=now)
        database, rules = sweep.config.state / "tocsin.db", sweep.rules
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE articles SET detected = ?", (rules,))


def make_due(now: dt.datetime) -> None:
    """Let every feed be due."""
    from flows.opening import opened

    with opened(os.environ, now=now) as sweep, sqlite3.connect(sweep.config.state / "tocsin.db") as connection:
        connection.execute("UPDATE feeds SET next_check_at = ?", ((now - DAY).isoformat(timespec="microseconds"),))


def fetch_alone(now: dt.datetime) -> float:
    """CPU seconds of asking every feed as a sweep asks it, and nothing else."""
    from extractors.fetch import Fetcher
    from flows.opening import opened

    async def fetch() -> float:
        started = time.process_time()
        async with Fetcher(sweep.config.settings.fetch) as fetcher:
            results = await asyncio.gather(*(fetcher.fetch(sweep.feeds[each.feed], each) for each in states))
        assert not any(result.changed for result in results)
        return time.process_time() - started

    with opened(os.environ, now=now) as sweep:
        states = sweep.store.feeds.all()
        return asyncio.run(fetch())


def sweep_alone(now: dt.datetime, feeds: int) -> float:
    """CPU seconds of the sweep without Prefect."""
    from flows.opening import opened

    started = time.process_time()
    with opened(os.environ, now=now) as sweep:
        tally = sweep.run(now=now)
    assert (tally.feeds, tally.failed_feeds, tally.articles) == (feeds, 0, 0), tally
    return time.process_time() - started


def flow(now: dt.datetime, feeds: int) -> float:
    """CPU seconds of the flow `watch`, with what Prefect's client does just after it."""
    from flows.watch import watch

    started = time.process_time()
    said = asyncio.run(watch(now=now))
    time.sleep(SETTLE_S)
    assert said.startswith(f"{feeds} feeds polled (0 failed), 0 new articles"), said
    return time.process_time() - started


def runs(kind: str) -> int:
    """How many "flow_runs" or "task_runs" the server knows of."""
    password = base64.b64encode(os.environ["PREFECT_API_AUTH_STRING"].encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {password}"}
    request = urllib.request.Request(f"{os.environ['PREFECT_API_URL']}/{kind}/count", b"{}", headers)
    with urllib.request.urlopen(request) as answer:
        return int(answer.read())


def tree_cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children until now."""
    parent = psutil.Process(pid)
    times = [each.cpu_times() for each in (parent, *parent.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


@contextmanager
def prefect_server(folder: Path) -> Iterator[int]:
    """Prefect's server as `tocsin serve` starts it; its pid."""
    from flows.environment import prepare
    from flows.serving import free_port, server_child, wait_until_healthy

    prepare(folder / "state", port=free_port())
    server = server_child(quiet=True)
    server.start()
    try:
        assert server.process is not None
        wait_until_healthy(server, stop=threading.Event())
        yield server.process.pid
    finally:
        server.stop(10.0)


def process(now: dt.datetime) -> float:
    """CPU seconds of a process that runs the flow once and ends, imports and configuration included."""
    script = "import asyncio; from flows.watch import watch; asyncio.run(watch())"
    compiled = {"PYTHONPYCACHEPREFIX": str(Path.cwd() / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    spent = []
    for _ in range(2):  # the first compiles
        make_due(now)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, **compiled})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return spent[-1]


def measure(port: int, feeds: int, phase: str) -> dict[str, float]:
    """The figures of one phase of the farm on `port`."""
    now = dt.datetime.now(dt.UTC)
    ask_for(port, "cold")
    fill(now)
    ask_for(port, phase)
    alone, plain, whole, server_s = [], [], [], []
    with prefect_server(Path.cwd()) as pid:
        for _ in range(ROUNDS):
            alone.append(fetch_alone(now))
            make_due(now)
            plain.append(sweep_alone(now, feeds))
            make_due(now)
            before = tree_cpu_s(pid)
            whole.append(flow(now, feeds))
            server_s.append(tree_cpu_s(pid) - before)
        tasks = runs("task_runs") / runs("flow_runs")
        process_s = process(now)
    figures = {
        "fetch_ms": min(alone),
        "sweep_cpu_ms": min(whole) - min(alone),
        "without_prefect_ms": min(plain) - min(alone),
        "server_cpu_ms": min(server_s),
        "process_cpu_ms": process_s - min(alone),
    }
    return {**{name: round(1000 * value) for name, value in figures.items()}, "task_runs": tasks}


def ask_for(port: int, phase: str) -> None:
    """Have the farm serve `phase`."""
    urllib.request.urlopen(f"http://127.0.0.1:{port}/phase/{phase}").close()


def main() -> None:
    """Measure in a folder of its own and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--feeds", type=int, required=True)
    parser.add_argument("--phase", choices=("304", "unchanged"), default="304")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        write_config(Path("config"), [f"http://127.0.0.1:{options.port}/feed/{n}" for n in range(options.feeds)])
        print(json.dumps(measure(options.port, options.feeds, options.phase)))
        os.chdir("/")


if __name__ == "__main__":
    main()
