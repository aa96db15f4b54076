"""Any order of publishing, editing, sweeping, crashing, clock steps, outages, restarts, acknowledging and muting.

A small reference model says what must have been stored, alerted and taken in the end (I1–I3 of FAULTS.md). The feed,
the store and the webhook are real; a crash is an exception that unwinds at a drawn point (tests/faults/test_kill.py
kills).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from alerts.channels import Sender
from alerts.messages import Message
from extractors.triggers import Detection
from flows.sweep import Step, Sweep
from tests.faults.reading import Reader
from tests.newsroom import HOUR, MINUTE, NOISE, NOW, Paper, Room, newsroom
from tocsin.config.channels import Channel
from tocsin.model import AlertKind, AlertState, Article, DeliveryState, Mute
from tocsin.store import Store

NAMES = ["Bakora", "Dolumi", "Kiluma", "Lunepo", "Mapori", "Nerusi", "Ponika", "Rumade"]
FIRES, MORE, NOT = "{} fires a missile", "{} fires a missile, and a second one", "{} plants a tree"
STEPS = ["poll", "detect", "evaluate", "send"]
CRASHES = [*(f"before {step}" for step in STEPS), "in detect", "before taken", "after taken", "nowhere"]


# The reference model


@dataclass
class Item:
    """One entry of the feed: what it shows, and what each step has made of it so far."""

    name: str
    shown: str
    deleted: bool = False
    seen: str = ""
    detected: str = ""

    @property
    def fires(self) -> bool:
        """Whether the text that was read tells of a missile."""
        return "fires" in self.detected


@dataclass
class Model:
    """What must be the case. `again` counts by alert how often it may have been taken without a mark."""

    items: dict[str, Item] = field(default_factory=dict)
    alerted: set[str] = field(default_factory=set)
    muted: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    again: Counter[str] = field(default_factory=Counter)

    def swept(self, *, asked: bool, crash: str) -> None:
        """A sweep came as far as `crash` let it; `asked` tells whether the feed was due."""
        if crash == "before poll":
            return
        for item in self.items.values():
            if asked and not item.deleted:
                item.seen = item.shown
        if crash in ("before detect", "in detect"):
            return
        for item in self.items.values():
            item.detected = item.seen
        if crash != "before evaluate":
            self.alerted |= {item.name for item in self.items.values() if item.fires}


# What is made to crash


class Crash(BaseException):
    """The end of a process, as far as it can be told in one."""


@dataclass
class Fragile:
    """A sender or reader that crashes where `at` says."""

    at: str
    taken: list[str] = field(default_factory=list)
    real: Sender = field(default_factory=Sender)

    def detect_many(self, items: Sequence[Article]) -> Iterator[Detection]:
        """As the reader of tests does it, but for the crash in the middle."""
        if self.at == "in detect":
            raise Crash
        return Reader().detect_many(items)

    def send(self, channel: Channel, recipient: int, message: Message) -> None:
        """Crash before the webhook has it, or after."""
        if self.at == "before taken":
            raise Crash
        self.real.send(channel, recipient, message)
        if self.at == "after taken":
            self.taken += ids(message.body.encode())
            raise Crash

    def wrap(self, name: str, step: Step) -> Step:
        """Crash ahead of a step."""
        if self.at == f"before {name}":
            raise Crash
        return step


def ids(body: bytes) -> list[str]:
    """The alerts of one request: a digest has several."""
    said = json.loads(body)
    return [each["id"] for each in (said if isinstance(said, list) else [said])]


class Watch(RuleBasedStateMachine):
    """The real thing and the model, side by side."""

    servers: Room

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-machine-")))
        self.room = Room(folder, self.servers.press, self.servers.mailbox, self.servers.hooks)
        self.room.settings = {"fetch": dict(self.servers.settings["fetch"])}
        self.room.channels = [dict(self.servers.channels[0])]
        self.room.watch = {**self.servers.watch, "notify": ["hook"]}
        self.room.hooks.requests.clear()
        self.room.hooks.status = 200
        self.room.press.papers["herald"] = Paper("herald")
        self.paper = self.room.paper("herald").publish(NOISE, at=NOW - HOUR)
        self.now = NOW
        self.model = Model()
        self.opened: ExitStack | None = None
        self.current: Sweep | None = None

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.restart()
            self.stack.close()

    # --- rules -------------------------------------------------------------------------------------------------------

    @initialize()
    def first_poll(self) -> None:
        self.room.write()
        self.sweep("nowhere")

    @rule(name=st.sampled_from(NAMES))
    def publish(self, name: str) -> None:
        if name not in self.names():
            key = f"herald-{len(self.paper.items)}-{name}"
            self.model.items[key] = Item(name, FIRES.format(name))
            self.paper.publish(FIRES.format(name), at=self.now, guid=key)

    @precondition(lambda self: self.model.items)
    @rule(data=st.data(), text=st.sampled_from([FIRES, MORE, NOT]))
    def edit(self, data: st.DataObject, text: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.items)))
        item = self.model.items[key]
        item.shown = text.format(item.name)
        self.paper.items = [(k, item.shown if k == key else title, s, at) for k, title, s, at in self.paper.items]

    @precondition(lambda self: self.model.items)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.items)))
        self.model.items[key].deleted = True
        self.paper.items = [each for each in self.paper.items if each[0] != key]

    @rule(crash=st.sampled_from(CRASHES))
    def sweep(self, crash: str) -> None:
        self.now += MINUTE
        before, taken = len(self.paper.requests), len(self.room.hooks.requests)
        fragile = Fragile(crash)
        sweep = self.open()
        sweep.reader, sweep.sender = fragile, fragile  # type: ignore[assignment]
        crashed = False
        try:
            tally = sweep.run(now=self.now, wrap=fragile.wrap)
            assert not tally.skipped
        except Crash:
            crashed = True
        if self.room.hooks.status != 200:
            del self.room.hooks.requests[taken:]
        self.model.again.update(fragile.taken)
        self.model.swept(asked=len(self.paper.requests) > before, crash=crash if crashed else "nowhere")
        if crashed:
            self.restart()

    @rule(minutes=st.sampled_from([-120, -5, 7, 45, 400]))
    def step_the_clock(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(status=st.sampled_from([200, 503]))
    def channel(self, status: int) -> None:
        self.room.hooks.status = status

    @rule()
    def restart(self) -> None:
        if self.opened:
            self.opened.close()
        self.opened, self.current = None, None

    @rule(broken=st.booleans())
    def reload(self, broken: bool) -> None:
        self.restart()
        self.room.watch["description"] = f"Written at {self.now}"
        self.room.write()
        if broken:
            (self.room.config / "feeds.yaml").write_text("feeds: [", encoding="utf-8")
        self.open()
        self.room.write()

    @rule()
    def ack(self) -> None:
        store = self.open().store
        for alert in store.alerts.recent(state=AlertState.OPEN, limit=1):
            assert store.alerts.acknowledge(alert.id, who="ann", now=self.now)
            self.model.acknowledged.add(alert.id)

    @rule(name=st.sampled_from(NAMES[:3]))
    def mute(self, name: str) -> None:
        if name not in self.names():
            mute = Mute({"source": name.upper()}, self.now - 10 * HOUR, self.now + 10_000 * HOUR, "ann")
            self.open().store.mutes.add(mute, now=self.now)
            self.model.muted.add(name)

    # --- what holds --------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_twice(self) -> None:
        if self.current is None:
            return
        alerts = self.raised()
        assert max(Counter(alerts.values()).values(), default=0) <= 1
        assert set(alerts.values()) <= {name.upper() for name in self.model.alerted}
        for alert, count in self.taken().items():
            assert count <= 1 + self.model.again[alert]

    def settle(self) -> None:
        """Bring everything up, let all waits pass, and compare with the model."""
        self.room.hooks.status = 200
        self.now += 3 * HOUR
        for _ in range(4):
            self.now += 70 * MINUTE
            self.sweep("nowhere")
        self.nothing_twice()
        store = self.open().store
        seen = {key for key, item in self.model.items.items() if item.seen}
        assert keys(store) - {"herald-0"} == seen
        alerts = self.raised()
        assert set(alerts.values()) == {name.upper() for name in self.model.alerted}
        wanted = {id for id, name in alerts.items() if name.title() not in self.model.muted}
        raised = [alert for alert in store.alerts.recent() if alert.kind is AlertKind.ALERT]
        assert {alert.id for alert in raised if self.taken()[alert.id]} == wanted
        assert not store.outbox.in_state(DeliveryState.DEAD)
        assert {a.id for a in raised if a.state is AlertState.ACKNOWLEDGED} == self.model.acknowledged & set(alerts)

    # --- the real thing ----------------------------------------------------------------------------------------------

    def names(self) -> set[str]:
        return {item.name for item in self.model.items.values()}

    def open(self) -> Sweep:
        if self.current is None:
            self.opened = ExitStack()
            self.current = self.opened.enter_context(self.room.opened(now=self.now))
        return self.current

    def raised(self) -> dict[str, str]:
        """Alert → the party that it is about."""
        store = self.open().store
        alerts = [alert for alert in store.alerts.recent() if alert.kind is AlertKind.ALERT]
        events = store.events.by_id({id for alert in alerts for id in alert.events})
        return {alert.id: str(events[alert.events[0]].source) for alert in alerts}

    def taken(self) -> Counter[str]:
        """Alert → how often the webhook took it."""
        return Counter(id for _, _, body in self.room.hooks.requests for id in ids(body))


def keys(store: Store) -> set[str]:
    """Of all that was stored."""
    return set(store.db.read(lambda c: c.exec_driver_sql("select key from articles").scalars().all()))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Servers that all runs share."""
    with newsroom(tmp_path_factory.mktemp("servers")) as room:
        yield room


EXAMPLES, LENGTH = 24, 30
"""What every run of the tests takes the time for; `make machine` asks for more."""


@pytest.mark.timeout(7_200)
def test_any_order_of_things_ends_as_the_model_says(servers: Room) -> None:
    machine = type("Machine", (Watch,), {"servers": servers})
    asked = os.environ.get("TOCSIN_MACHINE")  # <examples>x<steps>
    examples, steps = map(int, asked.split("x")) if asked else (EXAMPLES, LENGTH)
    calm = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate, Phase.shrink] if asked else [Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=not asked,
    )
    run_state_machine_as_test(machine, settings=calm)
