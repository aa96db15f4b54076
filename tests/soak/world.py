"""One database of the soak with its feeds, channels, workers and clock, and all that happens to them."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import math
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.forks import Forks
from tests.newsroom import HOUR, NOISE, NOW, Room, newsroom
from tests.soak.clock import Clock
from tests.soak.press import EXACT, LyingPress, Mood, Source, characters, sour
from tocsin.model import DeliveryState

DOWN = dt.timedelta(minutes=2, seconds=5)
"""Longer than the leases of sweeps and deliveries."""
STEPS = (5, 10, 30, 60, -2, -5, -10)
"""Minutes by which the clock is put forward and back."""
PATIENCE_S = 120.0
"""What is left when all is calm must become less within so many seconds."""
STALLED_S = 10.0
"""After so many seconds without progress, what is left may be waiting for its time: the clock is put on."""
SOUR = 0.2
"""Share of the feeds that are in a mood at a time."""


@dataclass(frozen=True)
class Plan:
    """`pace` seconds of the world's clock pass in a second.

    A worker is killed, the clock is set, and the channels fail every so many (real) seconds, at random between the two.
    """

    name: str
    workers: int
    pace: float
    kill_every_s: tuple[float, float]
    step_every_s: tuple[float, float]
    outage_every_s: tuple[float, float]
    interval: tuple[str, str]
    feeds: int
    news_a_second: float
    shards: int = 1


@dataclass
class Sample:
    """A look at the one worker that is never killed, if there is one, and at the database."""

    at_s: float
    rss_mb: float | None
    fds: int | None
    articles: int
    megabytes: float


@dataclass
class World:
    """Everything of one database. `kills`, `steps` and `outages` count what happened to it."""

    plan: Plan
    room: Room
    press: LyingPress
    clock: Clock
    rng: random.Random
    forks: Forks
    kills: int = 0
    steps: int = 0
    outages: int = 0
    ended: list[str] = field(default_factory=list)
    """How workers ended that nobody killed."""
    names: list[str] = field(default_factory=list)
    """Sources of the events that were published."""
    samples: list[Sample] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    started: float = 0.0
    _alarms: dict[str, float] = field(default_factory=dict)
    _fine_at: dict[str, float] = field(default_factory=dict)

    @property
    def sources(self) -> list[Source]:
        """Its feeds."""
        return [each for each in list(self.press.papers.values()) if isinstance(each, Source)]

    @property
    def log(self) -> Path:
        """What its workers say."""
        return self.room.folder / "workers.log"

    # --- workers

    def start(self) -> None:
        """Start one more worker."""
        self.pids.append(self.forks.start(self.room.environ, self.log, clock=str(self.clock.path)))

    def kill(self, pid: int) -> None:
        """Kill a worker, which must have lived until then, and have the next begin."""
        os.kill(pid, signal.SIGKILL)
        self._gone(pid, -signal.SIGKILL)
        self.kills += 1

    def stop(self) -> None:
        """Ask all workers to end, and wait for them."""
        for pid in self.pids:
            os.kill(pid, signal.SIGTERM)
        for pid in list(self.pids):
            self._gone(pid, 0)

    def _gone(self, pid: int, expected: int) -> None:
        code = self.forks.wait(pid)
        self.pids.remove(pid)
        if code != expected:
            said = self.log.read_text(encoding="utf-8", errors="replace")[-1_500:] if self.log.exists() else ""
            self.ended.append(f"{self.plan.name}: a worker ended with {code} instead of {expected}: {said}")

    # --- the course of things

    def begin(self) -> None:
        """Have every feed read once, so that whatever comes is news."""
        for source in self.sources:
            source.show(NOISE, at=NOW - HOUR, guid=f"{source.id}-0")
        self.clock.begin(NOW, pace=self.plan.pace)
        self.start()
        self.settle()
        self.started = time.monotonic()
        for _ in range(1, self.plan.workers):
            self.start()

    def live(self, until: float) -> None:
        """Let things happen until that (monotonic) time: one turn about every tenth of a second."""
        numbers, news_due = itertools.count(1), 0.0
        while (now := time.monotonic()) < until:
            news_due += self.plan.news_a_second * 0.1
            while news_due >= 1:
                news_due -= 1
                self._publish(next(numbers))
            self._weather(now)
            self._happen(now)
            time.sleep(max(0.0, 0.1 - (time.monotonic() - now)))

    def _happen(self, now: float) -> None:
        """Kills, steps of the clock, outages of channels, and samples, each in its time."""
        if self._due("kill", now, *self.plan.kill_every_s):
            # The first of several is spared, so that its memory can be watched.
            self.kill(self.rng.choice(self.pids[1:] or self.pids))
            if self.plan.workers == 1:
                self.clock.step(DOWN)
            self.start()
        if self._due("step", now, *self.plan.step_every_s):
            self.clock.step(dt.timedelta(minutes=self.rng.choice(STEPS)))
            self.steps += 1
        if self._due("outage", now, *self.plan.outage_every_s):
            self._outage()
            self._alarms["mended"] = now + self.plan.outage_every_s[0] * self.rng.uniform(0.1, 0.6)
            self.outages += 1
        if self._alarms.get("mended", now + 1) <= now:
            self._mended()
        if self._due("sample", now, 4.0, 6.0):
            self.sample(now)

    def _due(self, what: str, now: float, least_s: float, most_s: float) -> bool:
        """Whether the time of `what` has come; the next is at random between these from then on."""
        if now < self._alarms.setdefault(what, now + self.rng.uniform(least_s, most_s)):
            return False
        self._alarms[what] = now + self.rng.uniform(least_s, most_s)
        return True

    def _outage(self) -> None:
        hooks, mailbox = self.room.hooks, self.room.mailbox
        hooks.status, hooks.hold = self.rng.choice([(503, None), (200, lambda: False), (429, None)])
        mailbox.answer_data = self.rng.choice(["", "451 try again later", "421 closing"])

    def _mended(self) -> None:
        self._alarms.pop("mended", None)
        self.room.hooks.status, self.room.hooks.hold, self.room.mailbox.answer_data = 200, None, ""

    def _weather(self, now: float) -> None:
        for id in [id for id, at in self._fine_at.items() if at <= now]:
            self.press.papers[id].mood = Mood.FINE  # type: ignore[attr-defined]
            del self._fine_at[id]
        if len(self._fine_at) < SOUR * len(self.press.papers):
            source = self.rng.choice(self.sources)
            source.mood = sour(self.rng)
            self._fine_at[source.id] = now + self.rng.uniform(3.0, 40.0)

    def _publish(self, number: int) -> None:
        """An event in one feed, or in three, and an item without one in another."""
        at = self.clock.now()
        exact = [each for each in self.sources if each.character in EXACT]
        name = f"{self.plan.name}{number:05}".translate(str.maketrans("0123456789", "abdefghijk")).title()
        for source in self.rng.sample(exact, self.rng.choice([1, 1, 1, 3])):
            source.show(f"{name} fires a missile into the sea", at=at, guid=f"{source.id}-{number}")
        self.names.append(name.upper())
        self.rng.choice(self.sources).show(f"{NOISE}, day {number}", at=at, guid=f"noise-{number}")

    # --- the end

    def calm(self) -> None:
        """Mend everything, and let the workers finish, the clock put on wherever only time is missing."""
        for source in self.sources:
            source.mood = Mood.FINE
        self._mended()
        self.sample(time.monotonic())
        self.stop()
        # Past the leases of those that were killed before the clock was put back.
        self.clock.step(HOUR)
        self.start()
        self.settle()
        self.stop()

    def settle(self) -> None:
        """Wait until one worker has nothing left to do."""
        least, quiet = math.inf, 0
        gained = stepped = time.monotonic()
        while quiet < 3:
            time.sleep(0.5)
            left, now = self.left(), time.monotonic()
            count = sum(left.values())
            quiet = quiet + 1 if not count else 0
            if count < least:
                least, gained, stepped = count, now, now
            if count and now - gained > PATIENCE_S:
                self.ended.append(f"{self.plan.name}: nothing done for {PATIENCE_S:.0f} s: {left}")
                return
            if count and now - stepped > STALLED_S:
                # What waits for its time (back-off of feeds and channels) waits no longer.
                self.clock.step(HOUR)
                stepped = now

    def left(self) -> dict[str, int]:
        """What is still to do. What a feed shows under ever new ids is never done, and does not count."""
        exact = {source.id for source in self.sources if source.character in EXACT}
        shown = {(source.id, guid) for source in self.sources for guid in _guids(source)}
        with self.room.store() as store:
            stored = store.db.read(lambda c: set(c.exec_driver_sql("select feed, key from articles").tuples()))
            states = (DeliveryState.QUEUED, DeliveryState.CLAIMED)
            polled = store.feeds.all()
            return {
                "unread": len(shown - stored),
                "never read": sum(state.first_success_at is None for state in polled),
                "failing": sum(state.failures > 0 for state in polled),
                "undetected": sum(each.feed in exact for each in store.articles.undetected(rules="", limit=9_999)),
                "unlinked": len(store.triggers.unlinked(limit=9_999)),
                "unjudged": len(store.events.changed(limit=9_999)),
                "unsent": sum(len(store.outbox.in_state(state, limit=9_999)) for state in states),
            }

    def sample(self, now: float) -> None:
        """Note how large things are at that (monotonic) time."""
        rss, fds = _size(self.pids[0]) if self.plan.workers > 1 and self.pids else (None, None)
        with self.room.store() as store:
            count = "select count(*) from articles"
            articles = store.db.read(lambda c: int(c.exec_driver_sql(count).scalar_one()))
            size = "select pg_database_size(current_database())"
            path = store.db.path
            taken = path.stat().st_size if path else store.db.read(lambda c: c.exec_driver_sql(size).scalar_one())
        self.samples.append(Sample(now - self.started, rss, fds, articles, taken / 1e6))


def _guids(source: Source) -> list[str]:
    """Ids of the items that must be stored: those of the latest document, of a feed that keeps its ids."""
    return [guid for guid, *_ in source.items] if source.character in EXACT else []


def _size(pid: int) -> tuple[float | None, int | None]:
    """Resident megabytes and open files of a process; nothing where it is no more."""
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return (pages * os.sysconf("SC_PAGE_SIZE") / 1e6, files) if pages else (None, None)
    return None, None


@contextmanager
def world(folder: Path, plan: Plan, *, database: str, seed: int, forks: Forks) -> Iterator[World]:
    """A world at rest, its servers running."""
    with ExitStack() as stack:
        press = LyingPress()
        stack.callback(press.closing.set)
        room = stack.enter_context(newsroom(folder, database=database, press=press))
        room.channels = [{**channel, "per_minute": 6_000} for channel in room.channels]
        room.settings["send"] = {"lease": "2m", "timeout": "60s"}
        # Shorter than the life of a worker: a sweep is over once the slowest of its feeds has been given up.
        room.settings["fetch"] |= {"timeout": "2s", "max_bytes": 200_000, "concurrency": 48, "per_host": 48}
        room.settings["shards"] = plan.shards
        for number, character in enumerate(characters(plan.feeds)):
            id = f"feed{number:03}"
            press.papers[id] = Source(id, character)
            interval: dict[str, Any] = dict(zip(("min", "max"), plan.interval, strict=True))
            room.paper(id, interval=interval)
        room.write()
        yield World(plan, room, press, Clock(folder / "clock.json"), random.Random(seed), forks)
