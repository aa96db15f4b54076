"""A soak: a sweeping process is killed at random moments under load, again and again, and the books must balance.

Everything is real but the reader: feeds over HTTP, the store, an SMTP server and a webhook. Each sweeper begins after
the leases of the one before, as if the machine had been down for that long. The clock of all runs thirty times as fast
as the real one, so that the feed is due each second.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import random
import re
import signal
import threading
import time
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from flows.opening import opened
from tests.faults.forks import Forks, Question, serve
from tests.faults.reading import Reader
from tests.newsroom import HOUR, NOISE, NOW, Paper, Room
from tocsin.model import AlertKind, Delivery, DeliveryState

DOWN = dt.timedelta(minutes=2, seconds=5)
"""Between a kill and the next start: longer than the leases of sweeps and of deliveries."""
SHOWN = 200
"""Items that the feed shows at a time."""
PATIENCE_S = 300.0
"""What a sweeper that nobody kills may need for all that is left."""
FAST = 30
"""Seconds of the sweepers' clock in one second."""
_ID = re.compile(r"\b[0-9a-f]{20}\b")


@dataclass(frozen=True)
class Figures:
    """The books: `lost` counts items without an alert, and deliveries that no receiver took."""

    kills: int
    alerts: int
    lost: int
    duplicates: int
    duplicates_outside_window: int


class Stamped(list[Any]):
    """Remembers when each item came."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, item: Any) -> None:
        """Add, with the time."""
        self.times.append(time.monotonic())
        super().append(item)


def soak(room: Room, *, seconds: float, seed: int, per_second: float = 2.0) -> Figures:
    """Kill sweepers every 1 to 5 seconds for so many `seconds` while news comes in; then let one finish the work."""
    rng = random.Random(seed)
    room.channels = [{**channel, "per_minute": 6_000} for channel in room.channels]
    room.settings["send"] = {"lease": "2m", "timeout": "60s"}
    room.settings["fetch"]["timeout"] = "30s"
    paper = room.paper("herald", interval={"min": "30s", "max": "30s"}).publish(NOISE, at=NOW - HOUR)
    room.write()
    room.hooks.requests, room.mailbox.mails = Stamped(), Stamped()
    starts: list[float] = []
    with closing(_Sweepers(room)) as sweepers:
        clock = sweepers.until_idle(NOW, items=1)
        news = _News(paper, per_second)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # The feed shows so many: what leaves it unread would be a gap of the feed's, not a loss of ours.
            room_for = SHOWN - sweepers.left(1 + news.published)[0]
            started, pid = time.monotonic(), sweepers.start(clock)
            starts.append(started)
            lives_s = min(rng.uniform(1.0, 5.0), max(1.0, end - started))
            while time.monotonic() - started < lives_s:
                room_for -= news.publish(at=clock + _since(started), most=room_for)
                time.sleep(0.05)
            sweepers.killed(pid)
            clock += _since(started) + DOWN
        kills = len(starts)
        starts.append(time.monotonic())
        sweepers.until_idle(clock, items=1 + news.published)
    return _figures(room, kills, starts, news.published)


def _since(started: float) -> dt.timedelta:
    """What has passed on the sweepers' clock."""
    return dt.timedelta(seconds=FAST * (time.monotonic() - started))


class _News:
    """Publishes so many items a second, each with a name and guid of its own. What is held back is not made up for."""

    def __init__(self, paper: Paper, per_second: float) -> None:
        self.published = 0
        self._paper = paper
        self._per_second = per_second
        self._names = _names()
        self._started = time.monotonic()
        self._due = 0

    def publish(self, *, at: dt.datetime, most: int) -> int:
        """Show what is due by now, at most `most`; how many."""
        due = int((time.monotonic() - self._started) * self._per_second)
        count = max(0, min(due - self._due, most))
        self._due = due
        for name in itertools.islice(self._names, count):
            self._paper.publish(f"{name} fires a missile into the sea", at=at, guid=name)
        del self._paper.items[SHOWN:]
        self.published += count
        return count


def _names() -> Iterator[str]:
    parts = ("ba", "do", "ki", "lu", "ma", "ne", "po", "ru", "si", "ta")
    return ("".join(parts[int(digit)] for digit in f"{number:05}").title() for number in range(100_000))


class _Sweepers:
    """Starts sweepers, and looks what they have left to do."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._forks = Forks("tests.faults.soak")
        self.log = room.folder / "soak.log"
        self.wait, self.close = self._forks.wait, self._forks.close

    def start(self, now: dt.datetime) -> int:
        """Start a sweeper whose clock begins at `now`; its pid."""
        return self._forks.start(self._room.environ, self.log, now=now.isoformat())

    def until_idle(self, clock: dt.datetime, *, items: int) -> dt.datetime:
        """Run one sweeper until nothing is left to do, and end it in peace; when the next may begin."""
        started, pid = time.monotonic(), self.start(clock)
        quiet = 0
        while quiet < 3:
            time.sleep(1.0)
            left = self.left(items)
            quiet = quiet + 1 if left == (0,) * 5 else 0
            assert time.monotonic() - started < PATIENCE_S, f"{left}\n{self._feeds()}\n{self._said()}"
        os.kill(pid, signal.SIGTERM)
        assert self.wait(pid) == 0, self._said()
        return clock + _since(started) + DOWN

    def killed(self, pid: int) -> None:
        """Kill a sweeper; it must have lived until then."""
        os.kill(pid, signal.SIGKILL)
        assert self.wait(pid) == -signal.SIGKILL, self._said()

    def left(self, items: int) -> tuple[int, ...]:
        """How many items are not stored yet, triggers not linked, events not judged, deliveries queued and claimed."""
        with self._room.store() as store:
            stored = store.db.read(lambda c: c.exec_driver_sql("select count(*) from articles").scalar_one())
            unlinked, unjudged = store.triggers.unlinked(limit=9_999), store.events.changed(limit=9_999)
            states = (DeliveryState.QUEUED, DeliveryState.CLAIMED)
            queued, claimed = (store.outbox.in_state(state, limit=9_999) for state in states)
        return items - stored, len(unlinked), len(unjudged), len(queued), len(claimed)

    def _feeds(self) -> str:
        with self._room.store() as store:
            return "\n".join(map(str, store.feeds.all()))

    def _said(self) -> str:
        return self.log.read_text()[-4_000:] if self.log.exists() else ""


# The books


def _figures(room: Room, kills: int, starts: list[float], published: int) -> Figures:
    with room.store() as store:
        alerts = [alert for alert in store.alerts.recent(limit=1_000_000) if alert.kind is AlertKind.ALERT]
        deliveries = [each for alert in alerts for each in store.outbox.of_alert(alert.id)]
    taken = _taken(room)
    lost = (published - len(alerts)) + sum(not taken[each.alert, each.channel] for each in deliveries)
    assert len(deliveries) == 2 * len(alerts)
    doubles = {(each.alert, each.channel): each for each in deliveries if len(taken[each.alert, each.channel]) > 1}
    last = _last(taken, starts)
    outside = sum(_outside(delivery, taken[key], starts, last) for key, delivery in doubles.items())
    return Figures(kills, len(alerts), lost, sum(len(taken[key]) - 1 for key in doubles), outside)


def _last(taken: Mapping[tuple[str, str], list[float]], starts: list[float]) -> dict[tuple[str, int], float]:
    """Channel and number of a sweeper → when the channel took the last message of that sweeper."""
    found: dict[tuple[str, int], float] = {}
    for (_, channel), times in taken.items():
        for at in times:
            key = (channel, bisect(starts, at))
            found[key] = max(at, found.get(key, at))
    return found


def _outside(delivery: Delivery, times: list[float], starts: list[float], last: Mapping[tuple[str, int], float]) -> int:
    """How many times it was taken again without its sender having been killed between the taking and the mark.

    A sender marks a message before it begins the next, so only the last that a channel took of a sweeper can be in that
    moment; and the claim that nobody marked is on record. No clock is asked, so a loaded machine counts alike.
    """
    count = 0
    for first, _ in itertools.pairwise(times):
        inside = last[delivery.channel, bisect(starts, first)] == first
        count += not (inside and delivery.uncertain)
    return count


def _taken(room: Room) -> dict[tuple[str, str], list[float]]:
    """Alert and channel → when a receiver took it. A digest holds several alerts."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    requests, mails = room.hooks.requests, room.mailbox.mails
    assert isinstance(requests, Stamped) and isinstance(mails, Stamped)
    for (_, _, body), at in zip(requests, requests.times, strict=True):
        said = json.loads(body)
        for each in said if isinstance(said, list) else [said]:
            found[each["id"], "hook"].append(at)
    for (_, mail), at in zip(mails, mails.times, strict=True):
        for id in {str(mail["X-Tocsin-Alert"]), *_ID.findall(_text(mail))}:
            found[id, "mail"].append(at)
    return found


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    return str(body.get_content()) if body else ""


# The side of the sweepers


def sweep(question: Question) -> None:
    """Sweep again and again until killed, or until SIGTERM asks for an end."""
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    began, started = dt.datetime.fromisoformat(question["now"]), time.monotonic()
    while not asked.is_set():
        now = began + _since(started)
        with opened(os.environ, now=now) as sweep:
            sweep.reader = Reader()
            sweep.run(now=now)
            if sweep.stop():
                return
        time.sleep(0.2)


if __name__ == "__main__":
    serve(sweep)
