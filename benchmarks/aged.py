"""What years of growth do to a sweep: the statements of one, on a small store and on a large one.

    python benchmarks/aged.py [--articles 20000 1000000]

Each store is made anew in a folder for temporary files: a tenth of the articles have a trigger, each trigger an event
of its own, one event in fifty an alert, spread evenly over five years. Ten sweeps that bring twenty articles and two
triggers each are then timed, statement by statement (medians), and the nightly deletion: how long its longest
transaction, for which a sweep would have to wait, is. A million articles need about 1.5 GB and some minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from flows.maintain import thin
from tocsin.config.settings import Settings
from tocsin.model import Alert, Article, Delivery, DeliveryState, Event, Evidence, FeedState, Modality, Trigger
from tocsin.store import Decision, Link, Store

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
SPAN = dt.timedelta(days=5 * 365)
CHUNK = 2_000
FEEDS = 200
TYPES = ("missile_test", "troop_movement", "sanctions_veto", "border_clash", "arms_deal")
STATES = ("KP", "RU", "CN", "IR", "IL", "US", "UA", "IN", "PK", "SY")
LEAD = "Officials said that it took place early in the morning and was seen by the military of the neighbouring state. "


def article(number: int, at: dt.datetime) -> Article:
    """An article of about three hundred characters."""
    feed, key = f"feed{number % FEEDS}", f"https://example.org/{number}"
    title = f"{STATES[number % 10]} and item number {number} of what was told that day"
    return Article(feed, key, key, title, LEAD + LEAD, at, at, f"d{number}", feed)


def trigger(found: Article, number: int) -> Trigger:
    """A trigger in the title."""
    type, source = TYPES[number % 5], STATES[number % 10]
    evidence = Evidence("title", 0, 12, found.title[:12])
    return Trigger(type, Modality.HAPPENED, source, None, None, f"{type}/a", "v1", evidence, article=found.id)


def event(of: Trigger, found: Article) -> Event:
    """An event of one report."""
    at, families = found.first_seen, frozenset({found.publisher})
    happened = Modality.HAPPENED
    return Event(of.type, happened, of.source, None, at, at, found.title, families=families, articles=(found.id,))


def step(store: Store, articles: list[Article], *, per_trigger: int, per_alert: int, now: dt.datetime) -> Iterator[str]:
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
    found = [trigger(each, each.id) for each in read if each.id % per_trigger == 0]
    store.triggers.save_detection(read, found, rules="r", now=now)
    yield "store triggers"
    pairs = store.triggers.unlinked(limit=len(articles))
    store.events.window(since=now - dt.timedelta(days=3), types=list(TYPES), sources=list(STATES))
    yield "window of events"
    links = [Link(event(one, of), (one.id,)) for one, of in pairs]
    store.events.save_links(links)
    yield "store events"
    changed = store.events.changed(limit=len(articles))
    store.alerts.prior(since=now - dt.timedelta(days=7), watch="w", threshold="t")
    yield "changed events, prior alerts"
    decisions = [decision(each, now) for each in changed if each.id % per_alert == 0]
    store.alerts.save_decisions(decisions, evaluated=changed)
    yield "store alerts"
    for delivery in store.outbox.claim(now=now, lease=dt.timedelta(minutes=5), limit=1_000, holder="b"):
        store.outbox.sent(delivery, now=now)
    yield "claim and mark"


def decision(of: Event, now: dt.datetime) -> Decision:
    """An alert on one event."""
    alert = Alert(f"a{of.id}", "w", "t", "v1", f"g{of.id}", "w", now, "1 >= 1", (of.id,), title=of.title)
    return Decision(alert, (Delivery(alert.id, "mail", 0, DeliveryState.QUEUED, now),))


def grow(store: Store, count: int) -> None:
    """Fill the store with five years of articles, all of them read, linked, judged and told."""
    numbers = iter(range(count))
    while chunk := list(islice(numbers, CHUNK)):
        articles = [article(each, NOW - SPAN * (1 - each / count)) for each in chunk]
        for _ in step(store, articles, per_trigger=10, per_alert=50, now=articles[-1].first_seen):
            pass


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of wall time."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def sweeps(store: Store, count: int, *, rounds: int = 10) -> dict[str, float]:
    """Median milliseconds of each statement."""
    spent: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        now = NOW + number * dt.timedelta(minutes=1)
        first = count + 20 * number
        steps = step(store, [article(first + each, now) for each in range(20)], per_trigger=10, per_alert=50, now=now)
        start = time.perf_counter()
        for name in steps:
            end = time.perf_counter()
            spent[name].append((end - start) * 1000)
            start = end
    return {name: statistics.median(each) for name, each in spent.items()}


def deletion(store: Store) -> tuple[str, float, float]:
    """What the nightly flow deletes of two years, in seconds, and its longest transaction in milliseconds."""
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

    settings = Settings(keep_events=SPAN * 0.6, keep_articles=SPAN * 0.6, keep_bodies=SPAN * 0.5)
    said: list[str] = []
    took = timed(lambda: said.append(thin(replace(store.retention, db=Watched()), settings, now=NOW)))
    return said[0], took / 1000, longest


def measure(count: int) -> dict[str, float]:
    """All of it on one store."""
    with tempfile.TemporaryDirectory() as folder, Store.open("", Path(folder)) as store:
        print(f"\n{count:,} articles: made in {timed(lambda: grow(store, count)) / 1000:.0f} s", end="")
        store.maintenance.optimise()
        print(f", {(Path(folder) / 'tocsin.db').stat().st_size / 1e6:,.0f} MB")
        found = sweeps(store, count)
        status = timed(lambda: store.status(now=NOW))
        said, seconds, longest = deletion(store)
        print(f"  maintain: {said}; {seconds:.1f} s, longest transaction {longest:.0f} ms")
        vacuum = timed(store.maintenance.optimise) / 1000
        print(f"  then optimise: {vacuum:.1f} s, {(Path(folder) / 'tocsin.db').stat().st_size / 1e6:,.0f} MB")
        print(f"  status, not part of a sweep: {status:.0f} ms")
    return found


def main() -> None:
    """Print the statements of a sweep, a column a size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, nargs="+", default=[20_000, 1_000_000])
    sizes = parser.parse_args().articles
    found = [measure(size) for size in sizes]
    print("\n" + "ms a sweep".ljust(30) + "".join(f"{size:>14,}" for size in sizes))
    for name in found[0]:
        print(name.ljust(30) + "".join(f"{each[name]:14.2f}" for each in found))
    print("all".ljust(30) + "".join(f"{sum(each.values()):14.2f}" for each in found))


if __name__ == "__main__":
    main()
