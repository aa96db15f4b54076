"""What polling costs: Tocsin against lemon24/reader on the same feeds, and its store against raw sqlite3.

    python benchmarks/poll.py [--feeds 1000] [--entries 30] [--reader-python PATH]

A farm in a process of its own serves the feeds on loopback. In each phase both sides poll all feeds, one after the
other, each in a process of its own whose CPU time (with that of its children) is taken; imports are not counted.
reader is no dependency: `pip install reader` (with sgmllib3k, where it asks for it) into any environment, and name its
Python with --reader-python.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import importlib.metadata
import importlib.util
import json
import operator
import os
import platform
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BATCH = 50
"""Feeds of one transaction where inserting is measured."""
ROUNDS = {"cold": 1, "304": 5, "unchanged": 2, "one_new": 1}
"""How often each phase is measured: those that change nothing several times, of which the quickest counts."""
INSERTS = 3
"""How often inserting is measured; the quickest of each side counts."""
WORDS = (
    "officials said the launch took place early in the morning and was tracked by the military of the neighbouring "
    "state while diplomats at the council prepared a statement on sanctions that two permanent members may block"
).split()


# The farm


def document(feed: int, phase: str, entries: int) -> bytes:
    """Feed number `feed` as it stands in `phase`."""
    first = -1 if phase == "one_new" else 0
    items = "".join(item(feed, number) for number in range(first, entries))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<channel><title>Feed {feed}</title><link>http://feeds.example/{feed}</link><description>World</description>"
        f"<language>en</language>{items}</channel></rss>"
    ).encode()


def item(feed: int, number: int) -> str:
    """One entry of a feed; the higher the number, the older."""
    start = (feed * 7 + number * 3) % len(WORDS)
    text = " ".join((WORDS * 3)[start : start + 55])
    when = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC) - dt.timedelta(minutes=37 * number)
    link = f"http://feeds.example/{feed}/story-{number}"
    return (
        f"<item><title>Story {number} of feed {feed}: {' '.join(text.split()[:8])}</title><link>{link}</link>"
        f'<guid isPermaLink="false">{feed}-{number}</guid><pubDate>{when:%a, %d %b %Y %H:%M:%S} GMT</pubDate>'
        f"<dc:creator>A. Writer</dc:creator><category>World</category>"
        f'<description>&lt;p&gt;{text}.&lt;/p&gt;&lt;p&gt;&lt;a href="{link}"&gt;Read on&lt;/a&gt;&lt;/p&gt;'
        "</description></item>"
    )


async def farm(entries: int) -> None:
    """Serve until killed; the phase is set by asking for /phase/NAME."""
    phase = "cold"
    made: dict[tuple[str, str], bytes] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal phase
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                if path.startswith("/phase/"):
                    phase = path.removeprefix("/phase/")
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                elif phase == "304" and b"if-none-match" in head.lower():
                    writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n')
                else:
                    writer.write(made.get((phase, path)) or made.setdefault((phase, path), answer(path)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer(path: str) -> bytes:
        body = document(int(path.rsplit("/", 1)[1]), phase, entries)
        validator = b'ETag: "v1"\r\n' if phase == "cold" else b""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n" + validator
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


# The sides: each polls all feeds once and prints its CPU seconds


def addresses(port: int, feeds: int) -> list[str]:
    return [f"http://127.0.0.1:{port}/feed/{number}" for number in range(feeds)]


def cpu_s() -> float:
    """User and system CPU of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def poll_with_tocsin(folder: Path, urls: Sequence[str]) -> dict[str, float]:
    from extractors.feeds import Parser
    from extractors.fetch import Fetcher
    from extractors.poll import poll
    from flows.sweep import ROWS
    from tocsin.config.feeds import Feed
    from tocsin.config.settings import FetchSettings
    from tocsin.model import Article, FeedState
    from tocsin.store import Store

    settings = FetchSettings(allow_networks=("127.0.0.0/8",), per_host=16, host_pause=dt.timedelta(0))
    now = dt.datetime.now(dt.UTC)
    Store.upgrade("", folder, now=now)

    async def sweep(store: Store, feeds: dict[str, Feed]) -> None:
        store.feeds.ensure(feeds, now=now)
        due = [(feeds[state.feed], state) for state in store.feeds.all()]
        batch: list[tuple[FeedState, list[Article]]] = []
        rows = 0
        with Parser(settings) as parser:
            async with Fetcher(settings) as fetcher:
                async for result in poll(due, fetcher, parser, store.feeds.known, settings=settings, now=now):
                    feed = feeds[result.feed]
                    if result.error:
                        raise result.error
                    articles = [
                        Article(
                            feed=feed.id, key=entry.key, link=entry.link, title=entry.title, summary=entry.summary,
                            published=entry.published, first_seen=now, digest=entry.digest,
                            publisher=entry.publisher or feed.publisher, backfill=result.backfill,
                        )
                        for entry in result.entries
                    ]  # fmt: skip
                    batch.append((result.state, articles))
                    rows += 1 + len(articles)
                    if rows >= ROWS:
                        store.feeds.save_polls(batch)
                        batch.clear()
                        rows = 0
        store.feeds.save_polls(batch)

    feeds = {
        f"f{number}": Feed.model_validate({"id": f"f{number}", "title": f"Feed {number}", "url": url})
        for number, url in enumerate(urls)
    }
    started = cpu_s(), time.monotonic()
    with Store.open("", folder) as store:
        asyncio.run(sweep(store, feeds))
    rss = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"cpu_s": cpu_s() - started[0], "wall_s": time.monotonic() - started[1], "rss_mb": rss / 1024}


def poll_with_reader(folder: Path, urls: Sequence[str]) -> dict[str, float]:
    from reader import make_reader  # type: ignore[import-not-found]

    reader = make_reader(str(folder / "reader.sqlite"))
    for url in urls:
        reader.add_feed(url, exist_ok=True)
    started = cpu_s(), time.monotonic()
    reader.update_feeds(scheduled=False)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"cpu_s": cpu_s() - started[0], "wall_s": time.monotonic() - started[1], "rss_mb": rss / 1024}


def rows_of_tocsin(folder: Path, urls: Sequence[str]) -> set[tuple[str, ...]]:
    query = "SELECT feed, key, link, title, published FROM articles"
    with sqlite3.connect(folder / "tocsin.db") as connection:
        rows = connection.execute(query).fetchall()
    return {(urls[int(feed[1:])], key, link, title, published[:19]) for feed, key, link, title, published in rows}


def rows_of_reader(folder: Path) -> set[tuple[str, ...]]:
    query = "SELECT feed, id, link, title, published FROM entries"
    with sqlite3.connect(folder / "reader.sqlite") as connection:
        rows = connection.execute(query).fetchall()
    return {(feed, key, link, title, published.replace(" ", "T")[:19]) for feed, key, link, title, published in rows}


# The store against raw sqlite3


def insert_ratio(folder: Path, feeds: int, entries: int) -> tuple[float, float]:
    """CPU seconds of storing the same articles in transactions of `BATCH` feeds: by the store, by sqlite3 alone."""
    from tocsin.model import Article, FeedState
    from tocsin.store import Store

    now = dt.datetime.now(dt.UTC)
    Store.upgrade("", folder, now=now)
    batches = [
        [
            Article(
                feed=f"f{feed}", key=f"{feed}-{n}", link=f"http://feeds.example/{feed}/{n}",
                title=f"Story {n} of {feed}",
                summary=" ".join(WORDS), published=now - dt.timedelta(seconds=37 * n + feed), first_seen=now,
                digest=f"{feed:08x}{n:08x}", publisher="P",
            )
            for n in range(entries)
        ]
        for feed in range(feeds)
    ]  # fmt: skip
    with Store.open("", folder) as store:
        store.feeds.ensure([f"f{feed}" for feed in range(feeds)], now=now)
        raw = folder / "raw.db"
        with sqlite3.connect(folder / "tocsin.db") as source, sqlite3.connect(raw) as target:
            source.backup(target)
        polls = [(FeedState(feed=batch[0].feed, next_check_at=now), batch) for batch in batches]
        started = time.process_time()
        for at in range(0, feeds, BATCH):
            store.feeds.save_polls(polls[at : at + BATCH])
        ours = time.process_time() - started
    return ours, _raw_insert(raw, batches, now)


def _raw_insert(path: Path, batches: Sequence[Sequence[object]], now: dt.datetime) -> float:
    """The same by hand: the feeds' states with their articles, a known key with another digest replaced."""
    columns = (
        "feed", "key", "link", "title", "summary", "published", "first_seen", "digest", "publisher", "language",
        "backfill",
    )  # fmt: skip
    edit = ", ".join(f"{name} = excluded.{name}" for name in ("link", "title", "summary", "published", "digest"))
    insert = (
        f"INSERT INTO articles ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT (feed, key) DO UPDATE SET {edit} WHERE digest != excluded.digest"
    )
    values = operator.attrgetter(*columns)
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        started = time.process_time()
        for at in range(0, len(batches), BATCH):
            rows = [
                tuple(value.isoformat() if isinstance(value, dt.datetime) else value for value in values(article))
                for batch in batches[at : at + BATCH]
                for article in batch
            ]
            states = [(now.isoformat(), feed) for feed in {row[0] for row in rows}]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("UPDATE feeds SET next_check_at = ? WHERE feed = ?", states)
            connection.executemany(insert, rows)
            connection.execute("COMMIT")
        return time.process_time() - started


# The run


@contextmanager
def running_farm(entries: int) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, __file__, "--farm", "--entries", str(entries)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def side(python: str, name: str, folder: Path, port: int, feeds: int) -> dict[str, float]:
    """Have one side poll all feeds in a process of its own."""
    command = [python, __file__, "--side", name, "--folder", str(folder), "--port", str(port), "--feeds", str(feeds)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent) if name == "tocsin" else ""}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def sweep(port: int, feeds: int) -> None:
    """Print what sweeps over unchanged feeds cost, by a 304 and by the same body again."""
    for phase in ("304", "unchanged"):
        command = [sys.executable, str(Path(__file__).with_name("sweeping.py")), "--phase", phase]
        command += ["--port", str(port), "--feeds", str(feeds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        print(f"a sweep, {phase}: {done.stdout.strip()}", flush=True)


def quicker(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    return min(first, second, key=lambda figures: figures["cpu_s"]) if first else second


def measure(feeds: int, entries: int, reader_python: str) -> dict[str, object]:
    figures: dict[str, object] = {}
    ours: dict[str, float]
    theirs: dict[str, float]
    print(f"{'phase':<12}{'tocsin':>10}{'reader':>10}{'ratio':>8}{'wall':>8}{'wall':>8}{'RSS':>7}{'RSS':>7}")
    with tempfile.TemporaryDirectory() as name, running_farm(entries) as port:
        folder = Path(name)
        for phase, rounds in ROUNDS.items():
            urllib.request.urlopen(f"http://127.0.0.1:{port}/phase/{phase}").close()
            ours, theirs = {}, {}
            for _ in range(rounds):
                ours = quicker(ours, side(sys.executable, "tocsin", folder, port, feeds))
                if reader_python:
                    theirs = quicker(theirs, side(reader_python, "reader", folder, port, feeds))
            ratio = ours["cpu_s"] / theirs["cpu_s"] if theirs else None
            figures[f"vs_reader_{phase}"] = round(ratio, 4) if ratio else None
            cells = [f"{ours['cpu_s']:>9.2f}s", f"{theirs.get('cpu_s', 0):>9.2f}s", f"{ratio or 0:>8.3f}"]
            cells += [f"{ours['wall_s']:>7.1f}s", f"{theirs.get('wall_s', 0):>7.1f}s"]
            cells += [f"{ours['rss_mb']:>6.0f}M", f"{theirs.get('rss_mb', 0):>6.0f}M"]
            print(f"{phase:<12}{''.join(cells)}", flush=True)
        sweep(port, feeds)
        urls = addresses(port, feeds)
        same = rows_of_tocsin(folder, urls) == rows_of_reader(folder) if reader_python else None
    order = ("304", "unchanged", "one_new", "cold")
    figures = {f"vs_reader_{phase}": figures[f"vs_reader_{phase}"] for phase in order}
    figures["same_rows"] = same
    inserts = []
    for _ in range(INSERTS):
        with tempfile.TemporaryDirectory() as name:
            inserts.append(insert_ratio(Path(name), feeds, entries))
    ours_s, raw_s = map(min, zip(*inserts, strict=True))
    figures["insert_vs_sqlite3"] = round(ours_s / raw_s, 3)
    print(f"insert {feeds * entries} rows: store {ours_s:.2f} s, sqlite3 {raw_s:.2f} s CPU; same rows: {same}")
    return figures


def main() -> None:
    """Run as one of the farm, a side, or the whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=30)
    parser.add_argument("--reader-python", default=sys.executable if importlib.util.find_spec("reader") else "")
    parser.add_argument("--farm", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--side", choices=("tocsin", "reader"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.farm:
        asyncio.run(farm(options.entries))
    elif options.side:
        play = poll_with_tocsin if options.side == "tocsin" else poll_with_reader
        print(json.dumps(play(options.folder, addresses(options.port, options.feeds))))
    else:
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("aiohttp", "feedparser", "nh3"))
        cores = os.cpu_count()
        print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, {versions}")
        load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
        print(f"{options.feeds} feeds of {options.entries} entries; CPU seconds, one poll of all; load average {load}")
        print(json.dumps(measure(options.feeds, options.entries, options.reader_python)))


if __name__ == "__main__":
    main()
