"""A small watch to backtest, read without a language model."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flows.backtest import archive, clock, reading
from flows.backtest.comparison import Comparison, compare
from flows.backtest.outcome import Outcome
from flows.backtest.record import record
from flows.detecting import Reader as Detecting
from tests.faults.reading import Reader
from tests.newsroom import HOUR, MINUTE, NOW
from tocsin.config.folder import Config, load
from tocsin.config.thresholds import KINDS
from tocsin.config.watches import Watch

ROOT = Path(__file__).parents[2]
CONFIG = load(ROOT / "config", {})
DAY = 24 * HOUR

THRESHOLDS = (
    {"id": "each", "type": "event", "where": {"type": "missile_test"}, "group_wait": "5m"},
    {"id": "two", "type": "event_count", "where": {"type": "missile_test"}, "timespan": "3d", "condition": {"gte": 2}},
)


def config(*, each: str = "5m", two: int = 2, only: Sequence[str] = ("each", "two"), **watch: object) -> Config:
    """A watch with one alert for each missile, and one for two of them in three days."""
    given = {"each": {"group_wait": each}, "two": {"condition": {"gte": two}}}
    chosen = [{"title": str(t["id"]), **t, **given[str(t["id"])]} for t in THRESHOLDS if t["id"] in only]
    thresholds = tuple(KINDS[str(t["type"])].model_validate(t) for t in chosen)
    made = Watch.model_validate({"id": "w", "title": "W", "notify": ["console"], "thresholds": thresholds, **watch})
    return replace(CONFIG, feeds=(), watches=(made,))


def written(path: Path, *items: tuple[str, dt.datetime]) -> Path:
    """Titles with their times as JSON lines, each of a paper of its own."""
    rows = [
        {"id": f"n{number}", "title": title, "published": at.isoformat(), "source": f"Paper {number}"}
        for number, (title, at) in enumerate(items)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


TWO = (("Bakora fires a missile", NOW), ("Dolumi fires a missile off its coast", NOW + DAY))


def tried(config: Config, path: Path, reader: Detecting | None = None) -> Outcome:
    """What comes of the items of `path` for a watch that sweeps each minute."""
    found = archive.on_the_beat(archive.from_file(path, ()), MINUTE)
    read = reading.read(config, found, state=path.parent, reader=reader or Reader())
    return clock.play(config, found, read, every=MINUTE)


def compared(new: Config, old: Config, path: Path) -> Comparison:
    """What becomes of the alerts on the items of `path`."""
    return compare(record(tried(new, path)), record(tried(old, path)))
