"""The Korean watch on eleven years of news against what is known to have happened.

    python benchmarks/replay.py [--news ../shared/news/wcep_2015_2018.jsonl …] [--truth ../shared/truth] [--show]
                                [--since 2022-05-01 --until 2022-06-30] [--sample 100]

The news is replayed day by day through the functions of a live sweep (store, detect, link, evaluate) under a virtual
clock, and the alerts of the watch are compared with six tables of dated events. An event counts as reported where an
item of its day, or of the day before or after, tells of it by the loose words of its kind; as alerted where an alert of
the kind's thresholds rests on a report of those days. Alerts with no such event are printed by `--show`, to be read;
`--sample` prints so many events drawn at random, with their reports and what they were not linked with, to be read too.
Detection runs on all cores ahead of the rest.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import os
import platform
import random
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from flows.backtest.archive import Archive
from flows.backtest.reading import read
from flows.sweep import Sweep
from tocsin.config.feeds import Feed
from tocsin.config.folder import Config, load
from tocsin.model import Alert, AlertKind, Article, Event, FeedState
from tocsin.store import Store

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
DAY = dt.timedelta(days=1)
FEED = "replay"
NORTH = r"\bNorth Korea|\bDPRK\b|\bPyongyang\b|\bKim Jong[- ]un\b"
RUSSIA = r"\bRussia|\bMoscow\b|\bKremlin\b|\bPutin\b|\bLavrov\b|\bShoigu\b"
EXCHANGED = (
    r"\b(arms|weapon|ammunition|shells|missile|troop|soldier|forces|deploy|visit|meet|met\b|summit|talks|pact|treaty|oil\b|"
    r"agreement|veto)"
)
"""What the watch calls a dealing; the table also has stamps, trains and greetings."""

Row = dict[str, str]


@dataclass(frozen=True)
class Kind:
    """One kind of dated truth: its tables, the thresholds that are for it, and by which words an item tells of it."""

    name: str
    tables: tuple[tuple[str, Callable[[Row], bool]], ...]
    thresholds: frozenset[str]
    words: tuple[str, ...]
    """An item tells of the kind if each of these is found in its text."""
    shared: int = 0
    """And so many telling words of the event's own description."""
    pairs: frozenset[str] = frozenset()
    """Groups that count, where the thresholds also wait for other parties; none: all."""
    also: frozenset[str] = frozenset()
    """Thresholds that tell of it under another name."""


def _since(first: str, fits: Callable[[Row], bool] = lambda row: True) -> Callable[[Row], bool]:
    return lambda row: row["date"] >= first and fits(row)


def _missile(row: Row) -> bool:
    other = re.search("satellite|artillery|engine|nuclear deton|rocket system", row["what"], re.IGNORECASE)
    return row["type"] == "Missile Provocation" and not other


PROVOCATIONS = "dprk_provocations_csis.csv"
KINDS = (
    Kind(
        "missile tests",
        (
            ("dprk_missile_tests_cns.csv", lambda row: "SLV" not in row["what"]),
            (PROVOCATIONS, _missile),
        ),
        frozenset({"missile_test"}),
        (
            NORTH,
            r"missile|projectile|\bICBM|\bSLBM",
            r"\b(test-?)?(fires?|fired|launch(es|ed)?|shoots|tests?|tested)\b",
        ),
    ),
    Kind(
        "nuclear tests",
        ((PROVOCATIONS, lambda row: row["type"] == "Nuclear Provocation"),),
        frozenset({"nuclear_test"}),
        (NORTH, r"nuclear|hydrogen|H-bomb|quake", r"\btest|\bdetonat|explosion"),
    ),
    Kind(
        "satellite launches",
        (
            (PROVOCATIONS, lambda row: "Satellite" in row["what"]),
            ("dprk_missile_tests_cns.csv", lambda row: "SLV" in row["what"]),
        ),
        frozenset({"satellite_launch"}),
        (NORTH, r"satellite|rocket", r"\blaunch"),
        also=frozenset({"missile_test"}),
    ),
    Kind(
        "vetoes",
        (
            ("unsc_vetoes_1946_2022.csv", lambda row: True),
            ("unsc_vetoes_2022_2025_lowtrust.csv", lambda row: True),
            ("unsc_veto_mentions_wcep_2022_2026.csv", lambda row: True),
        ),
        frozenset({"sanctions_veto", "council_veto"}),
        (r"\bveto(es|ed|ing)?\b", r"Security Council|\bUN\b|\bU\.N\.|United Nations"),
    ),
    Kind(
        "dealings with Russia",
        (("nk_russia_cooperation_csis.csv", lambda row: True),),
        frozenset(
            "arms_to_russia troops_to_russia troops_from_russia paid_by_russia pact dealings_with_russia exchange "
            "exchange_offered exchange_denied dealings_planned".split()
        ),
        (NORTH, RUSSIA, EXCHANGED),
        shared=2,
        pairs=frozenset({"KP-RU", "KP", ""}),
        also=frozenset({"sanctions_veto"}),
    ),
    Kind(
        "other provocations",
        ((PROVOCATIONS, lambda row: row["type"] == "Other Provocation" and "Satellite" not in row["what"]),),
        frozenset({"border_incident", "front_reinforced", "information_warfare", "armed_attack", "nuclear_advance"}),
        (NORTH, r"border|\bDMZ\b|balloon|artillery|shell|drone|loudspeaker|leaflet|mine\b|mines\b|jam|engine|liaison"),
        shared=1,
        also=frozenset({"missile_test", "nuclear_test"}),
    ),
)


@dataclass
class Truth:
    """One day on which something of a kind happened: what the tables say of it, and the items that report it."""

    day: dt.date
    says: list[str]
    reports: list[Article] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    otherwise: bool = False
    """Whether an alert of another kind tells of it."""


# The news and the truth


def articles(paths: Sequence[Path]) -> dict[dt.date, list[Article]]:
    """The items by day. A day is all that they tell of their time, so each is taken to have come at noon."""
    days: dict[dt.date, list[Article]] = defaultdict(list)
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            at = dt.datetime.fromisoformat(row["published"][:10]).replace(hour=12, tzinfo=dt.UTC)
            title, summary = row["title"], row["summary"] or ""
            item = Article(FEED, row["id"], row["url"] or "", title, summary, at, at, row["id"], row["source"] or "")
            days[at.date()].append(item)
    return dict(sorted(days.items()))


def truths(kind: Kind, folder: Path, since: dt.date, until: dt.date) -> list[Truth]:
    """The days of a kind within the replay."""
    tables: list[dict[dt.date, list[str]]] = []
    for name, fits in kind.tables:
        tables.append(defaultdict(list))
        with (folder / name).open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if len(row["date"]) == 10 and fits(row) and since <= dt.date.fromisoformat(row["date"]) <= until:
                    tables[-1][dt.date.fromisoformat(row["date"])].append(row["what"])
    first, *others = reversed(tables)
    for table in others:
        for day, texts in table.items():
            # A launch at night has two dates: one table gives Korean, the other mostly universal time.
            near = [other for other in (day - DAY, day + DAY) if other in first and other not in table]
            first.setdefault(near[0] if near and day not in first else day, []).extend(texts)
    return [Truth(day, texts) for day, texts in sorted(first.items())]


def reporting(kind: Kind, truth: Truth, days: dict[dt.date, list[Article]]) -> list[Article]:
    """The items that tell of it."""
    near = [item for step in (-1, 0, 1) for item in days.get(truth.day + step * DAY, ())]
    found = [item for item in near if all(re.search(word, text_of(item), re.IGNORECASE) for word in kind.words)]
    names = stems("north korea korean russia russian dprk pyongyang moscow")
    known = [stems(text) - names for text in truth.says]
    return [item for item in found if any(len(stems(text_of(item)) & each) >= kind.shared for each in known)]


def text_of(item: Article) -> str:
    return f"{item.title} {item.summary}"


def stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[a-z]{4,}", text.lower())} - {"with", "that", "from", "their", "into"}


# The replay


def replay(config: Config, store: Store, days: dict[dt.date, list[Article]]) -> Iterator[dt.date]:
    """Each day through the steps of a sweep, up to the queue."""
    items = tuple(item for day in days.values() for item in day)
    with tempfile.TemporaryDirectory() as folder:
        found = read(config, Archive(items, {}, {}), state=Path(folder))
    sweep = Sweep(config, store, reader=found)
    first = min(days)
    start = dt.datetime.combine(first, dt.time(), dt.UTC)
    store.feeds.ensure(sweep.feeds, now=start)
    for number in range((max(days) - first).days + 1):
        now = start + (number + 1) * DAY
        state = FeedState(FEED, now, first_success_at=start, last_success_at=now)
        store.feeds.save_poll(state, [replace(item, first_seen=now) for item in days.get(first + number * DAY, ())])
        sweep.read(now=now)
        sweep.evaluate(now=now)
        yield first + number * DAY


def sent(alert: Alert) -> bool:
    """Whether somebody was told: no word about an earlier alert, and not hidden by a bigger one."""
    return alert.kind is AlertKind.ALERT and "; not sent: " not in alert.reason


def in_kind(kind: Kind, alert: Alert) -> bool:
    if alert.threshold not in kind.thresholds:
        return False
    group = alert.group.removeprefix("pair=").removeprefix("source=")
    return not kind.pairs or group in kind.pairs


def assign(found: Sequence[Truth], alerts: Sequence[Alert], events: dict[int, Event]) -> list[Alert]:
    """Give each alert to the nearest day of the truth; what is left has none."""
    left = []
    for alert in alerts:
        days = [events[id].started_at.date() for id in alert.events]
        near = [(abs(truth.day - day), truth.day, truth) for truth in found for day in days]
        near = [each for each in near if each[0] <= DAY]
        if near:
            min(near, key=lambda each: each[:2])[2].alerts.append(alert)
        else:
            left.append(alert)
    return left


def figures(found: Sequence[Truth], alerts: Sequence[Alert], left: Sequence[Alert], weeks: float) -> dict:
    reported = [truth for truth in found if truth.reports]
    hit = [truth for truth in reported if told(truth, found)]
    alerted = [truth for truth in found if truth.alerts]
    return {
        "days": len(found),
        "reported": len(reported),
        "alerted": len(hit),
        "share": round(len(hit) / len(reported), 3) if reported else None,
        "alerts": len(alerts),
        "without_event": len(left),
        "alerts_a_week": round(len(alerts) / weeks, 3),
        "alerts_per_event": round((len(alerts) - len(left)) / len(alerted), 2) if alerted else None,
    }


def told(truth: Truth, found: Sequence[Truth]) -> bool:
    """Whether an alert of its days went out; two days in a row may share one."""
    return truth.otherwise or any(other.alerts and abs(other.day - truth.day) <= DAY for other in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ("wcep_2015_2018", "wcep_2019_2022", "wcep_2023_2026")
    parser.add_argument("--news", type=Path, nargs="+", default=[SHARED / f"news/{name}.jsonl" for name in names])
    parser.add_argument("--truth", type=Path, default=SHARED / "truth")
    parser.add_argument("--watch", default="korean_peninsula")
    parser.add_argument("--show", action="store_true", help="print what was missed, and alerts with no event")
    parser.add_argument("--since", type=dt.date.fromisoformat, default=dt.date.min, help="first day")
    parser.add_argument("--until", type=dt.date.fromisoformat, default=dt.date.max, help="last day")
    parser.add_argument("--sample", type=int, default=0, help="print so many events, to be read")
    options = parser.parse_args()
    missing = [path for path in (*options.news, options.truth) if not path.exists()]
    if missing:
        sys.exit(f"{missing[0]} is not there; name the files with --news and --truth")
    loaded = load(ROOT / "config", os.environ)
    feed = Feed(id=FEED, title="Replay", url="https://replay.example/", publisher="Replay")
    watches = tuple(watch for watch in loaded.watches if watch.id == options.watch)
    config = replace(loaded, feeds=(feed,), watches=watches)
    days = {day: items for day, items in articles(options.news).items() if options.since <= day <= options.until}
    items = sum(map(len, days.values()))
    print(f"{platform.platform()}, Python {platform.python_version()}; {items:,} items of {min(days)} … {max(days)}")
    with tempfile.TemporaryDirectory(prefix="tocsin-replay-") as folder:
        started = time.monotonic()
        with Store.open("", Path(folder)) as store:
            for day in replay(config, store, days):
                if day.day == 1 and day.month in (1, 7):
                    print(f"  {day}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            compare(options.truth, store, days, show=options.show)
            sample(store, options.sample)


def compare(truth: Path, store: Store, days: dict[dt.date, list[Article]], *, show: bool) -> None:
    """Print the table, and the figures as JSON."""
    raised = [alert for alert in store.alerts.recent(limit=1_000_000) if sent(alert)]
    raised.sort(key=lambda alert: alert.fired_at)
    events = store.events.by_id({id for alert in raised for id in alert.events})
    weeks = ((max(days) - min(days)).days + 1) / 7
    table: dict[str, dict] = {}
    print(
        f"{'kind':22}{'days':>6}{'reported':>9}{'alerted':>9}{'share':>7}{'alerts':>8}{'no event':>9}{'per event':>10}"
    )
    for kind in KINDS:
        found = truths(kind, truth, min(days), max(days))
        for each in found:
            each.reports = reporting(kind, each, days)
        assign(found, [alert for alert in raised if alert.threshold in kind.also], events)
        for each in found:
            each.otherwise, each.alerts = bool(each.alerts), []
        alerts = [alert for alert in raised if in_kind(kind, alert)]
        left = assign(found, alerts, events)
        row = table[kind.name] = figures(found, alerts, left, weeks)
        print(
            f"{kind.name:22}{row['days']:>10}{row['reported']:>10}{row['alerted']:>10}{row['share'] or 0:>10.3f}"
            f"{row['alerts']:>10}{row['without_event']:>10}{row['alerts_per_event'] or 0:>10.2f}"
        )
        if show:
            details(found, left, events)
    without = sum(row["without_event"] for row in table.values())
    sums = {"alerts_a_week": round(len(raised) / weeks, 2), "without_event_a_week": round(without / weeks, 2)}
    print(json.dumps({"weeks": round(weeks, 1), **sums, "kinds": table}))


NEAR = 3 * DAY


def sample(store: Store, count: int) -> None:
    """Print events drawn at random, each with all of its reports and the others of its type within three days."""
    events = store.events.recent(limit=1_000_000)
    for number, event in enumerate(random.Random(5).sample(events, min(count, len(events))), 1):
        parties = f"{event.source or '-'}>{event.target or '-'}"
        print(f"\n{number}. {event.type} {event.modality} {parties} {event.place or ''} {event.facts or ''}")
        for trigger, item in store.triggers.of_events([event.id])[event.id]:
            print(f"   {item.published:%Y-%m-%d} {text_of(item)[:260]} [{trigger.evidence.text}]")
        around = store.events.window(
            since=event.started_at - NEAR,
            until=event.started_at + NEAR,
            types=[event.type],
            modalities=[event.modality],
        )
        mine = stems(event.title)
        shared = {other.id: len(mine & stems(other.title)) + len(actors(event) & actors(other)) for other in around}
        near = [other for other in around if other.id != event.id and shared[other.id] >= 2]
        for other in sorted(near, key=lambda other: -shared[other.id]):
            others = f"{other.source or '-'}>{other.target or '-'}"
            print(f"   not: {other.started_at:%Y-%m-%d} {others} {other.title[:200]}")


def actors(event: Event) -> set[str]:
    return {actor for actor in (event.source, event.target) if actor}


def details(found: Sequence[Truth], left: Sequence[Alert], events: dict[int, Event]) -> None:
    for truth in found:
        if truth.reports and not told(truth, found):
            print(f"    missed {truth.day} {truth.says[0][:70]}")
            for item in truth.reports[:3]:
                print(f"           {item.published:%Y-%m-%d} {item.title[:200]}")
        elif len(truth.alerts) > 1:
            print(f"    several {truth.day} {truth.says[0][:70]} ({len(truth.says)} acts)")
            for alert in truth.alerts:
                titles(alert, events)
    for alert in left:
        print(f"    no event {alert.fired_at:%Y-%m-%d}")
        titles(alert, events)


def titles(alert: Alert, events: dict[int, Event]) -> None:
    for id in alert.events:
        event = events[id]
        parties = f"{event.source or '-'}>{event.target or '-'}"
        print(f"           {alert.threshold} {event.started_at:%m-%d} {event.modality} {parties}: {event.title[:200]}")


if __name__ == "__main__":
    main()
