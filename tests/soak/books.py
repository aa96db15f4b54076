"""The invariants at the end of a soak (one line for each that does not hold), and its figures."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy import func, select

from tests.soak.press import EXACT
from tests.soak.world import Sample, World
from tocsin.model import AlertKind, Delivery, DeliveryState
from tocsin.store import Store, schema

_ID = re.compile(r"\b[0-9a-f]{20}\b")
RSS_GROWTH = 1.15
"""A worker may grow by so much between the first third of its samples and the last."""
MORE_FILES = 10
"""So many more open files may it have."""
WARM_S = 300.0
"""By then a worker has loaded what it keeps; memory is judged from then on, where the soak takes twice as long.

SQLAlchemy keeps the dialects of the last 128 engines, of which each sweep opens two on Postgres.
"""
FEWEST = 9
"""Samples to judge by."""
ENDING_S = 10.0
"""A parser process sees its worker's end within so many seconds."""


@dataclass(frozen=True)
class Figures:
    """What one world came to. `twice` counts messages that a receiver took again, each marked as uncertain."""

    name: str
    kills: int
    steps: int
    outages: int
    polls: int
    articles: int
    events: int
    alerts: int
    lost: int
    twice: int
    rss_mb: tuple[float, float] | None
    fds: tuple[int, int] | None
    kilobytes_an_article: float
    violations: tuple[str, ...]


def balance(world: World) -> Figures:
    """The books of a world that has come to rest."""
    wrong = list(world.ended)
    with world.room.store() as store:
        articles = _articles(world, store, wrong)
        alerts, lost = _alerts(world, store, wrong)
        twice, unsent = _deliveries(world, store, wrong)
        _rest(world, store, wrong)
        wrong += _strays(world.forks.session)
        events = store.db.read(lambda c: c.execute(select(func.count()).select_from(schema.events)).scalar_one())
    rss, fds = _flat(world, wrong)
    first, last = world.samples[0], world.samples[-1]
    growth = (last.megabytes - first.megabytes) * 1e3 / max(1, last.articles - first.articles)
    return Figures(
        name=world.plan.name,
        kills=world.kills,
        steps=world.steps,
        outages=world.outages,
        polls=world.press.asked,
        articles=articles,
        events=events,
        alerts=alerts,
        lost=lost + unsent,
        twice=twice,
        rss_mb=rss,
        fds=fds,
        kilobytes_an_article=round(growth, 1),
        violations=tuple(f"{world.plan.name}: {each}" if world.plan.name not in each else each for each in wrong),
    )


def _articles(world: World, store: Store, wrong: list[str]) -> int:
    """Whatever was shown is stored once."""
    query = select(schema.articles.c.feed, schema.articles.c.key)
    stored = Counter(store.db.read(lambda c: [tuple(row) for row in c.execute(query)]))
    shown = {(each.id, guid) for each in world.sources if each.character in EXACT for guid, *_ in each.items}
    missing, double = shown - set(stored), [key for key, count in stored.items() if count > 1]
    if missing:
        wrong.append(f"{len(missing)} items were never stored: {sorted(missing)[:3]}")
    if double:
        wrong.append(f"{len(double)} articles are stored twice: {double[:3]}")
    return sum(stored.values())


def _alerts(world: World, store: Store, wrong: list[str]) -> tuple[int, int]:
    """Each event that was published is told by one alert."""
    alerts = [each for each in store.alerts.recent(limit=1_000_000) if each.kind is AlertKind.ALERT]
    events = store.events.by_id({event for alert in alerts for event in alert.events})
    told = Counter(events[alert.events[0]].source for alert in alerts)
    lost = [name for name in world.names if not told[name]]
    double = [name for name, count in told.items() if count > 1]
    strange = set(told) - set(world.names)
    for found, words in ((lost, "events without an alert"), (double, "events told by two alerts")):
        if found:
            wrong.append(f"{len(found)} {words}: {found[:3]}")
    if strange:
        wrong.append(f"alerts on what nobody published: {sorted(map(str, strange))[:3]}")
    return len(alerts), len(lost)


def _deliveries(world: World, store: Store, wrong: list[str]) -> tuple[int, int]:
    """Each delivery was taken once, or again where the claim on it was lost in the send window, which is on record."""
    alerts = store.alerts.recent(limit=1_000_000)
    deliveries = {(each.alert, each.channel): each for alert in alerts for each in store.outbox.of_alert(alert.id)}
    messages = _messages(world)
    taken = Counter(key for message in messages for key in message)
    lost = [key for key in deliveries if not taken[key]]
    if lost:
        wrong.append(f"{len(lost)} deliveries that nobody took: {lost[:3]}")
    unmarked = [key for key, each in deliveries.items() if taken[key] and each.state is not DeliveryState.SENT]
    if unmarked:
        wrong.append(f"{len(unmarked)} deliveries were taken and are not marked so: {unmarked[:3]}")
    outside = [key for key, count in taken.items() if count > 1 and not _in_window(deliveries.get(key))]
    if outside:
        wrong.append(f"{len(outside)} deliveries were taken twice outside the send window: {outside[:3]}")
    seen: set[tuple[str, str]] = set()
    twice = 0
    for message in messages:
        twice += bool(message & seen)
        seen |= message
    # One message of a channel is under way when its sender is killed, or its claim ended by a step of the clock.
    most = len(world.room.channels) * (world.kills + world.steps)
    if twice > most:
        wrong.append(f"{twice} messages were taken twice, more than {most}")
    return twice, len(lost)


def _in_window(delivery: Delivery | None) -> bool:
    return delivery is not None and delivery.uncertain


def _messages(world: World) -> list[frozenset[tuple[str, str]]]:
    """What each message was about (alert and channel), in the order in which they were taken, by channel."""
    found = []
    for body in world.room.hooks.taken:
        said = json.loads(body)
        found.append(frozenset((each["id"], "hook") for each in (said if isinstance(said, list) else [said])))
    for _, mail in world.room.mailbox.mails:
        ids = {str(mail["X-Tocsin-Alert"]), *_ID.findall(_text(mail))}
        found.append(frozenset((id, "mail") for id in ids))
    return found


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    return str(body.get_content()) if body else ""


def _rest(world: World, store: Store, wrong: list[str]) -> None:
    """No feed is stuck, no lease is held, nothing damaged, no process left."""
    now = world.clock.now()
    for state in store.feeds.all():
        if state.failures or state.disabled or state.last_success_at is None:
            wrong.append(f"feed {state.feed} does not go on: {state.last_error or state.disabled}")
    table = schema.leases
    held = select(table.c.name, table.c.holder).where(table.c.holder != "", table.c.until > now)
    leases = store.db.read(lambda c: [tuple(row) for row in c.execute(held)])
    if leases:
        wrong.append(f"leases are still held: {leases}")
    wrong += [f"the database: {each}" for each in store.maintenance.check()]


def _strays(session: int) -> list[str]:
    """Processes that workers left behind, parsers say."""
    until = time.monotonic() + ENDING_S
    while (found := _others(session)) and time.monotonic() < until:
        time.sleep(0.2)
    return [f"process {pid} outlived its worker" for pid in found]


def _others(session: int) -> list[int]:
    """All processes of a session but its leader."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        if int(fields[3]) == session and pid != session and fields[0] != "Z":
            found.append(pid)
    return found


def _flat(world: World, wrong: list[str]) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    """Memory and open files of the worker that was spared, in the first and the last third of its samples.

    The median of memory, the most of files.
    """
    if world.plan.workers == 1:
        return None, None
    seen = [each for each in world.samples if each.rss_mb is not None and each.fds is not None and each.at_s >= WARM_S]
    if len(seen) < FEWEST:
        if world.samples[-1].at_s >= 2 * WARM_S:
            wrong.append(f"a worker was looked at {len(seen)} times, too few to tell whether it grows")
        return None, None
    third = len(seen) // 3
    first, last = (sorted(part, key=_rss)[len(part) // 2] for part in (seen[:third], seen[-third:]))
    most = [max(each.fds or 0 for each in part) for part in (seen[:third], seen[-third:])]
    if _rss(last) > _rss(first) * RSS_GROWTH:
        wrong.append(f"memory of a worker grew from {_rss(first):.0f} to {_rss(last):.0f} MB")
    if most[1] > most[0] + MORE_FILES:
        wrong.append(f"open files of a worker grew from {most[0]} to {most[1]}")
    return (round(_rss(first), 1), round(_rss(last), 1)), (most[0], most[1])


def _rss(sample: Sample) -> float:
    return sample.rss_mb or 0.0


def slope(samples: list[Sample]) -> float:
    """Megabytes an hour of the worker that was spared, by least squares over the later two thirds."""
    seen = [(each.at_s / 3600, _rss(each)) for each in samples if each.rss_mb is not None]
    seen = seen[len(seen) // 3 :]
    if len(seen) < 3:
        return 0.0
    middle_x, middle_y = (sum(values) / len(seen) for values in zip(*seen, strict=True))
    spread = sum((x - middle_x) ** 2 for x, _ in seen)
    return sum((x - middle_x) * (y - middle_y) for x, y in seen) / spread if spread else 0.0


def totals(figures: list[Figures]) -> dict[str, int]:
    """Totals of several worlds."""
    found: dict[str, int] = defaultdict(int)
    for each, name in itertools.product(figures, ("kills", "articles", "alerts", "lost", "twice")):
        found[name] += getattr(each, name)
    return dict(found)
