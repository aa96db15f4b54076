"""Workers in processes of their own, over the same Postgres, and the news that they read.

All is real but the reader, so that a worker starts at once. `Workers` is the side of the test, `python -m
tests.scale.workers` the process that forks them.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select, update

from flows.looping import loop
from tests.faults.forks import Forks, Question, serve
from tests.faults.reading import Reader
from tests.newsroom import NOISE, Room
from tocsin.model import AlertKind, DeliveryState
from tocsin.store import Store, schema

logger = logging.getLogger("tocsin.worker")

PATIENCE_S = 600.0
OUTLETS = 12
TOLD_BY = 3
"""Outlets that tell of each act: of different shards, so that no worker has all reports of one."""
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def names(first: int, count: int) -> Iterator[str]:
    """Names that are found in no other name."""
    parts = ("ba", "do", "ki", "lu", "ma", "ne", "po", "ru", "si", "ta")
    return ("".join(parts[int(digit)] for digit in f"{number:05}").title() for number in range(first, first + count))


@dataclass
class News:
    """Acts, each told by several outlets of `room`, in waves."""

    room: Room
    acts: int = 0
    waves: list[list[tuple[str, str, dt.datetime]]] = field(default_factory=list)

    def opened(self) -> None:
        """Every outlet was read once, so that what comes is news."""
        for number in range(OUTLETS):
            self.room.paper(f"outlet{number}").publish(NOISE, at=clock() - dt.timedelta(hours=2))
        self.room.write()
        with self.room.opened(now=clock()) as sweep:
            sweep.reader = Reader()
            assert sweep.run(now=clock()).feeds == OUTLETS

    def publish(self, acts: int, *, at: dt.datetime) -> None:
        """A wave: so many new acts, and second and third reports of earlier ones."""
        wave = []
        for number, name in enumerate(names(self.acts, acts), start=self.acts):
            for teller in range(TOLD_BY):
                wave.append((f"outlet{(number + 5 * teller) % OUTLETS}", f"{name} fires a missile, say {teller}", at))
        self.acts += acts
        self.show(wave)

    def show(self, wave: list[tuple[str, str, dt.datetime]]) -> None:
        """Show the reports of a wave."""
        self.waves.append(wave)
        for outlet, title, at in wave:
            self.room.paper(outlet).publish(title, at=at)


class Workers:
    """Some workers of a room, and their ends."""

    def __init__(self, room: Room, count: int) -> None:
        self._room, self._forks = room, Forks("tests.scale.workers")
        self.log = room.folder / "workers.log"
        self.pids: list[int] = []
        for _ in range(count):
            self.start()

    def start(self) -> None:
        """One more."""
        self.pids.append(self._forks.start(self._room.environ, self.log))

    def replace_one(self, rng: random.Random) -> None:
        """Kill a worker and start another. Its leases end, as if their time were over."""
        pid = self.pids.pop(rng.randrange(len(self.pids)))
        os.kill(pid, signal.SIGKILL)
        assert self._forks.wait(pid) == -signal.SIGKILL, self.said()
        with self._room.store() as store:
            end_leases(store, pid)
        self.start()

    def until_idle(self, articles: int) -> None:
        """Wait until so many articles are stored and nothing is left to do."""
        deadline = time.monotonic() + PATIENCE_S
        with self._room.store() as store:
            while (left := _left(store, articles)) != (0,) * 5:
                assert time.monotonic() < deadline, f"{left}\n{self.said()}"
                make_due(store)
                time.sleep(0.3)

    def close(self) -> None:
        """End all of them in peace."""
        for pid in self.pids:
            os.kill(pid, signal.SIGTERM)
        codes = [self._forks.wait(pid) for pid in self.pids]
        self._forks.close()
        assert codes == [0] * len(self.pids), self.said()

    def said(self) -> str:
        """The last that they said."""
        return self.log.read_text()[-6_000:] if self.log.exists() else ""


def make_due(store: Store) -> None:
    """Let every feed be asked again."""
    store.db.write(lambda c: c.execute(update(schema.feeds).values(next_check_at=PAST)))


def end_leases(store: Store, pid: int) -> None:
    """What the process had taken is free again, as it is when the time of its leases is over."""
    mine = f"%:{pid}"
    leases, deliveries = schema.leases, schema.deliveries
    store.db.write(lambda c: c.execute(update(leases).where(leases.c.holder.like(mine)).values(until=PAST)))
    over = update(deliveries).where(deliveries.c.holder.like(mine), deliveries.c.state == DeliveryState.CLAIMED.value)
    store.db.write(lambda c: c.execute(over.values(lease_until=PAST, due_at=PAST)))


def _left(store: Store, articles: int) -> tuple[int, ...]:
    """How many articles are not stored yet, triggers not linked, events not judged, deliveries queued and claimed."""
    stored = store.db.read(lambda c: c.exec_driver_sql("select count(*) from articles").scalar_one())
    undetected = len(store.articles.undetected(rules="", limit=9_999))
    unlinked, unjudged = store.triggers.unlinked(limit=9_999), store.events.changed(limit=9_999)
    queued, claimed = (store.outbox.in_state(s, limit=9_999) for s in (DeliveryState.QUEUED, DeliveryState.CLAIMED))
    return articles - stored + undetected, len(unlinked), len(unjudged), len(queued), len(claimed)


def told(room: Room) -> list[tuple[object, ...]]:
    """Every alert, by what it is about: watch, threshold, group, and the articles it rests on."""
    with room.store() as store:
        articles = schema.articles
        query = select(articles.c.id, articles.c.feed, articles.c.key)
        key = {id: (feed, guid) for id, feed, guid in store.db.read(lambda c: c.execute(query).tuples().all())}
        alerts = [alert for alert in store.alerts.recent(limit=99_999) if alert.kind is AlertKind.ALERT]
        events = store.events.by_id([event for alert in alerts for event in alert.events])
        return sorted(
            (a.watch, a.threshold, a.group, tuple(sorted(key[id] for e in a.events for id in events[e].articles)))
            for a in alerts
        )


def balanced(room: Room) -> int:
    """Every delivery was taken, and twice only where its sender may have been killed in between; how many were."""
    taken = Counter((id, "hook") for id in room.hooked())
    taken.update((str(mail["X-Tocsin-Alert"]), "mail") for _, mail in room.mailbox.mails)
    with room.store() as store:
        deliveries = [each for alert in store.alerts.recent(limit=99_999) for each in store.outbox.of_alert(alert.id)]
    assert {each.state for each in deliveries} == {DeliveryState.SENT}
    assert set(taken) == {(each.alert, each.channel) for each in deliveries}
    twice = {(each.alert, each.channel) for each in deliveries if each.uncertain}
    assert {key for key, count in taken.items() if count > 1} <= twice
    return sum(taken.values()) - len(taken)


def work(question: Question) -> None:
    """A worker, as `tocsin sweep --loop` is one."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    loop(os.environ, clock=clock, tell=lambda tally: logger.info("%s", tally), reader=Reader())


if __name__ == "__main__":
    serve(work)
