"""A soak: a sweeping process is killed at random moments under load, again and again, and the books must balance.

Everything is real but the reader: feeds over HTTP, the store, an SMTP server and a webhook. `python -m
tests.faults.soak` is the process that forks the sweepers, so that none has to load anything. Each sweeper begins after
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
import subprocess
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from flows.opening import opened
from tests.faults.reading import Reader
from tests.newsroom import HOUR, NOISE, NOW, Room, impatient
from tocsin.model import AlertKind, Delivery, DeliveryState

ROOT = Path(__file__).parents[2]
DOWN = dt.timedelta(minutes=2, seconds=5)
"""Between a kill and the next start: longer than the leases of sweeps and of deliveries."""
SHOWN = 200
"""Items that the feed shows at a time."""
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
    paper = room.paper("herald", interval={"min": "30s", "max": "30s"}).publish(NOISE, at=NOW - HOUR)
    room.write()
    room.hooks.requests, room.mailbox.mails = Stamped(), Stamped()
    forks = _Forks(room)
    names, kills = iter(_names()), []
    clock = forks.until_idle(NOW, items=1)
    end = time.monotonic() + seconds
    published = 0
    with _Publisher(per_second) as due:
        while time.monotonic() < end:
            # The feed shows so many: what leaves it unread would be a gap of the feed's, not a loss of ours.
            most = SHOWN - forks.left(1 + published)[0]
            started, pid = time.monotonic(), forks.start(clock)
            lives_s = min(rng.uniform(1.0, 5.0), max(1.0, end - started))
            while time.monotonic() - started < lives_s:
                for _ in range(min(due(), most)):
                    at = clock + _since(started)
                    paper.publish(f"{next(names)} fires a missile into the sea", at=at)
                    published += 1
                    most -= 1
                del paper.items[SHOWN:]
                time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
            kills.append(time.monotonic())
            assert forks.wait(pid) == -signal.SIGKILL, forks.log.read_text()[-4_000:]
            clock += _since(started) + DOWN
    forks.until_idle(clock, items=1 + published)
    forks.close()
    return _figures(room, kills, published)


def _since(started: float) -> dt.timedelta:
    """What has passed on the sweepers' clock."""
    return dt.timedelta(seconds=FAST * (time.monotonic() - started))


class _Publisher:
    """Says how many items are due by now."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._started = time.monotonic()
        self._given = 0

    def __enter__(self) -> _Publisher:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self) -> int:
        due = int((time.monotonic() - self._started) * self._per_second) - self._given
        self._given += due
        return due


def _names() -> Iterator[str]:
    parts = ("ba", "do", "ki", "lu", "ma", "ne", "po", "ru", "si", "ta")
    return ("".join(parts[int(digit)] for digit in f"{number:05}").title() for number in range(100_000))


class _Forks:
    """The process that forks sweepers."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.log = room.folder / "soak.log"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.soak"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def start(self, now: dt.datetime) -> int:
        """Start a sweeper whose clock begins at `now`; its pid."""
        return int(self._ask({"environ": self._room.environ, "now": now.isoformat(), "log": str(self.log)}))

    def wait(self, pid: int) -> int:
        """The exit code of a sweeper."""
        return int(self._ask({"wait": pid}))

    def until_idle(self, clock: dt.datetime, *, items: int) -> dt.datetime:
        """Run one sweeper until nothing is left to do, and end it in peace; when the next may begin."""
        started, pid = time.monotonic(), self.start(clock)
        quiet = 0
        while quiet < 3:
            time.sleep(1.0)
            quiet = quiet + 1 if self.left(items) == (0,) * 5 else 0
            assert time.monotonic() - started < 120, (self.left(items), self.log.read_text()[-2_000:])
        os.kill(pid, signal.SIGTERM)
        assert self.wait(pid) == 0, self.log.read_text()[-4_000:]
        return clock + _since(started) + DOWN

    def left(self, items: int) -> tuple[int, ...]:
        """How many items are not stored yet, triggers not linked, events not judged, deliveries queued and claimed."""
        with self._room.store() as store:
            stored = store.db.read(lambda c: c.exec_driver_sql("select count(*) from articles").scalar_one())
            unlinked, unjudged = store.triggers.unlinked(limit=9_999), store.events.changed(limit=9_999)
            states = (DeliveryState.QUEUED, DeliveryState.CLAIMED)
            queued, claimed = (store.outbox.in_state(state, limit=9_999) for state in states)
        return items - stored, len(unlinked), len(unjudged), len(queued), len(claimed)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _ask(self, question: Mapping[str, Any]) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


# The books


def _figures(room: Room, kills: list[float], published: int) -> Figures:
    with room.store() as store:
        alerts = [alert for alert in store.alerts.recent(limit=1_000_000) if alert.kind is AlertKind.ALERT]
        deliveries = [each for alert in alerts for each in store.outbox.of_alert(alert.id)]
    taken = _taken(room)
    lost = (published - len(alerts)) + sum(not taken[each.alert, each.channel] for each in deliveries)
    assert len(deliveries) == 2 * len(alerts)
    doubles = {(each.alert, each.channel): each for each in deliveries if len(taken[each.alert, each.channel]) > 1}
    outside = 0
    for key, delivery in doubles.items():
        outside += _outside(delivery, taken[key], kills)
    return Figures(len(kills), len(alerts), lost, sum(len(taken[key]) - 1 for key in doubles), outside)


def _outside(delivery: Delivery, times: list[float], kills: list[float]) -> int:
    """How many times it was taken again without its sender being killed between the taking and the mark.

    The mark follows the answer at once; two seconds are what a loaded machine may need for it.
    """
    count = 0
    for first, again in itertools.pairwise(times):
        killed = any(first <= kill <= min(again, first + 2.0) for kill in kills)
        count += not (killed and delivery.uncertain)
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


def main() -> None:
    """Answer each line with the pid of a forked sweeper, or with the exit code of one that was waited for."""
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            answer = os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _sweeper(question)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _sweeper(question: Mapping[str, Any]) -> None:
    """Sweep again and again until killed, or until SIGTERM asks for an end."""
    handle = os.open(question["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(handle, number)
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    os.environ.update(question["environ"])
    began, started = dt.datetime.fromisoformat(question["now"]), time.monotonic()
    code = 1
    try:
        while not asked.is_set():
            now = began + _since(started)
            with opened(os.environ, now=now) as sweep:
                sweep.reader, sweep.sender = Reader(), impatient()
                sweep.run(now=now)
                if sweep.stop():
                    break
            time.sleep(0.2)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
