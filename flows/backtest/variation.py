"""One threshold with many values of one of its numbers, all in one replay: how often would each alert?"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from flows.backtest.outcome import Outcome
from tocsin.config.folder import Config
from tocsin.config.thresholds import KINDS, All, AnyOf, Threshold
from tocsin.config.watches import Watch
from tocsin.errors import SetupError
from tocsin.model import AlertKind

WEEK = dt.timedelta(days=7)
FACTORS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Of the value in force: what is tried where no values are named."""
_USUAL = {"spike": "spike_height", "silence": "factor", "event": "where.min_corroboration"}
_UNKNOWN = "cannot vary the threshold"


@dataclass(frozen=True, slots=True)
class Point:
    """How many alerts one value gives in the whole replay, and in a week."""

    value: float
    alerts: int
    a_week: float
    in_force: bool


def find(config: Config, name: str) -> tuple[Watch, Threshold]:
    """The threshold `name` (`id`, or `watch/id`); `SetupError` where there is none, or several."""
    found = [
        (watch, threshold)
        for watch in config.watches
        for threshold in watch.thresholds
        if name in (threshold.id, f"{watch.id}/{threshold.id}")
    ]
    if len(found) != 1:
        cause = "there is no such threshold" if not found else "several watches have it; write WATCH/THRESHOLD"
        raise SetupError(_UNKNOWN, subject=name, cause=cause)
    return found[0]


def number_key(threshold: Threshold) -> str:
    """The key of the number that says how much it takes; `SetupError` where it has none of its own."""
    condition = getattr(threshold, "condition", None)
    bounds = [name for name in ("gte", "gt", "lte", "lt") if getattr(condition, name, None) is not None]
    key = f"condition.{bounds[0]}" if len(bounds) == 1 else _USUAL.get(threshold.type)
    if key is None:
        raise SetupError(_UNKNOWN, subject=threshold.id, cause=f"say by --key which number of a {threshold.type}")
    return key


def value_of(threshold: Threshold, key: str) -> float:
    """The number at `key` (`condition.gte`) that is in force."""
    value: Any = threshold
    for part in key.split("."):
        value = getattr(value, part, None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SetupError(_UNKNOWN, subject=threshold.id, cause=f"{key} is no number of it")
    return value


def values_around(threshold: Threshold, key: str) -> list[float]:
    """Values worth trying: parts and multiples of the one in force, as whole numbers where it is one."""
    value = value_of(threshold, key)
    whole = float(value).is_integer() and abs(value) < 20
    tried = {float(round(value * factor)) if whole else value * factor for factor in FACTORS} | {float(value)}
    return [each for each in sorted(tried) if _allowed(threshold, key, each)]


def _allowed(threshold: Threshold, key: str, value: float) -> bool:
    try:
        with_value(threshold, key, value)
    except SetupError:
        return False
    return True


def with_value(threshold: Threshold, key: str, value: float, *, id: str = "") -> Threshold:
    """The threshold with another number at `key`; `SetupError` where it may not have it."""
    content = threshold.model_dump(exclude_unset=True, exclude={"notify", "escalation"})
    *path, last = key.split(".")
    place = content
    for part in path:
        place = place.setdefault(part, {})
    place[last] = int(value) if float(value).is_integer() else value
    try:
        return KINDS[threshold.type].model_validate({**content, "id": id or threshold.id})
    except ValidationError as error:
        cause = f"{key} cannot be {value:g}: {error.errors()[0]['msg']}"
        raise SetupError(_UNKNOWN, subject=threshold.id, cause=cause) from error


def varied(config: Config, watch: Watch, threshold: Threshold, key: str, values: Sequence[float]) -> Config:
    """A configuration with nothing but the threshold, once for each value; nothing hides it and nobody is told."""
    variants = [with_value(threshold, key, value, id=_id(number)) for number, value in enumerate(values)]
    parts = [part for part in map(watch.threshold, _parts(threshold)) if part is not None]
    silent = [part.model_copy(update={"generate": False}) for part in parts]
    nobody = {"inhibit": (), "notify": (), "escalation": (), "max_per_hour": None}
    alone = watch.model_copy(update={"thresholds": (*variants, *silent), **nobody})
    return dataclasses.replace(config, watches=(alone,))


def _parts(threshold: Threshold) -> tuple[str, ...]:
    return threshold.of if isinstance(threshold, All | AnyOf) else ()


def _id(number: int) -> str:
    return f"value_{number}"


def points(outcome: Outcome, values: Sequence[float], *, in_force: float) -> list[Point]:
    """What each value gave in a replay of `varied`."""
    counts = Counter(alert.threshold for alert in outcome.alerts if alert.kind is AlertKind.ALERT)
    articles = outcome.archive.articles
    weeks = max((articles[-1].first_seen - articles[0].first_seen) / WEEK, 1.0)
    found = []
    for number, value in enumerate(values):
        count = counts[_id(number)]
        found.append(Point(value, count, round(count / weeks, 3), value == in_force))
    return found
