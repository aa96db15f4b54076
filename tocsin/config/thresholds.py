"""Thresholds as YAML has them: what must happen for an alert.

What the keys mean is decided in `alerts.thresholds`; here they are only read. Every key stands in docs/watches.md.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tocsin.config.bounds import Condition, Id, Names, Span, listed
from tocsin.config.loader import Duration, Loc, Strict
from tocsin.config.routing import Escalation, Routes
from tocsin.model import Growth, Modality

DAY = dt.timedelta(days=1)

Key = Literal["pair", "source", "target", "type", "place", "publisher"]
"""What events are grouped by or counted over: `pair` is source and target in either order."""


class Where(Strict):
    """Which events fit: every key that is given must agree; within a list, one is enough."""

    type: Names = ()
    modality: Annotated[tuple[Modality, ...], BeforeValidator(listed)] = (Modality.HAPPENED,)
    source: Names = ()
    target: Names = ()
    either: Names = ()
    """The source or the target is one of these."""
    pair: Names = ()
    """Source and target are two different ones of these."""
    place: Names = ()
    object: Names = ()
    """Words of which one stands in the event's object."""
    tags: Names = ()
    severity: Condition | None = None
    min_corroboration: Annotated[int, Field(ge=1)] = 1
    state_media: Literal["count", "ignore", "only"] = "count"
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0

    @field_validator("pair")
    @classmethod
    def _two(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) == 1:
            raise ValueError("needs at least two actors; to watch one actor in either role use `either`")
        return value


class Threshold(Strict):
    """What all thresholds have in common. Identity: `id` within its watch."""

    kind: ClassVar[str]

    id: Id
    type: str
    title: str
    description: str = ""
    where: Where = Where()
    """Of `temporal` and `temporal_ordered` the steps stand in its place, of `all` and `any` the parts."""
    group_by: Annotated[tuple[Key, ...], BeforeValidator(listed)] = ()
    timespan: Span = 2 * DAY
    severity: Annotated[float, Field(ge=-10, le=10)] | None = None
    """Severity of its alerts; without it that of the gravest event."""
    realert: Duration | None = None
    """No second alert for the same group within this; without it `timespan`, for `event` and `silence` nothing."""
    exponential_realert: Span | None = None
    """`realert` doubles with each alert of the group up to this."""
    realert_on: Annotated[tuple[Growth, ...], BeforeValidator(listed)] = ()
    """Kinds of growth of an event already alerted on that are worth an update."""
    group_wait: Duration = dt.timedelta(0)
    """Wait this long after the event, so that what belongs together goes out as one."""
    resolve_after: Span | None = None
    """An open alert resolves when its condition has not been met for this long."""
    generate: bool = True
    """False: no alert of its own, only a part of `all` or `any`."""
    notify: Routes | None = None
    """Instead of the watch's `notify`."""
    escalation: tuple[Escalation, ...] | None = None
    """Instead of the watch's `escalation`."""

    @field_validator("realert_on")
    @classmethod
    def _no_denial(cls, value: tuple[Growth, ...]) -> tuple[Growth, ...]:
        if Growth.DENIAL in value:
            raise ValueError("a denial is told by the watch's `correct`; allowed: report, source, severity, fact")
        return value

    @model_validator(mode="after")
    def _where_is_used(self) -> Self:
        if "where" in self.model_fields_set and self.type in ("temporal", "temporal_ordered", "all", "any"):
            raise ValueError(f"`where` says nothing here; a threshold of type {self.type} takes `steps` or `of`")
        return self

    @property
    def version(self) -> str:
        """Digest of the whole content: another version, another rule."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    @property
    def cooldown(self) -> dt.timedelta:
        """Least time between two alerts of one group."""
        return self.timespan if self.realert is None else self.realert


class EventThreshold(Threshold):
    """Each new event that fits."""

    kind = "event"
    type: Literal["event"]

    @property
    def cooldown(self) -> dt.timedelta:
        return self.realert or dt.timedelta(0)


class EventCount(Threshold):
    """Number of events within `timespan`."""

    kind = "event_count"
    type: Literal["event_count"]
    timespan: Span
    condition: Condition


class ValueCount(Threshold):
    """Number of distinct values of `field` within `timespan`."""

    kind = "value_count"
    type: Literal["value_count"]
    timespan: Span
    field: Key
    condition: Condition


class Score(Threshold):
    """Sum of severities, each halving every `half_life`: how tense it is between the parties of a group.

    With `over` the condition is on the change of that sum within this span, so that a fall alerts like a rise.
    """

    kind = "score"
    type: Literal["score"]
    half_life: Span
    over: Span | None = None
    condition: Condition


class Spike(Threshold):
    """Number of events within `timespan` against what weekday and season lead to expect."""

    kind = "spike"
    type: Literal["spike"]
    timespan: Span
    baseline: Span = 56 * DAY
    spike_height: Annotated[float, Field(gt=1)] = 3.0
    spike_type: Literal["up", "down", "both"] = "up"
    min_count: Annotated[int, Field(ge=1)] = 3
    """For `up` the least number in the window, for `down` the least number expected."""
    min_history: Span = 28 * DAY


class Temporal(Threshold):
    """An event of each step within `timespan`, in any order."""

    kind = "temporal"
    type: Literal["temporal"]
    timespan: Span
    steps: Annotated[tuple[Where, ...], Field(min_length=2)]


class TemporalOrdered(Threshold):
    """An event of each step within `timespan`, in this order; none that fits `without` between first and last."""

    kind = "temporal_ordered"
    type: Literal["temporal_ordered"]
    timespan: Span
    steps: Annotated[tuple[Where, ...], Field(min_length=2)]
    without: Where | None = None


class NewValue(Threshold):
    """A value of `field` that no event had within the `timespan` before."""

    kind = "new_value"
    type: Literal["new_value"]
    timespan: Span
    field: Key
    min_history: Span | None = None
    """Quiet until this much has been watched; without it `timespan`."""


class Silence(Threshold):
    """What came in a rhythm has stopped: longer without than `factor` times the usual pause."""

    kind = "silence"
    type: Literal["silence"]
    timespan: Span = 90 * DAY
    """Span from which the rhythm is learnt."""
    factor: Annotated[float, Field(gt=1)] = 4.0
    min_events: Annotated[int, Field(ge=3)] = 5
    min_pause: Span = DAY
    """No pause shorter than this is silence."""
    feeds: Names = ()
    """Watch the entries of these feeds instead of events."""

    @property
    def cooldown(self) -> dt.timedelta:
        """Nothing: each silence is told once anyway."""
        return self.realert or dt.timedelta(0)


class All(Threshold):
    """Every threshold of `of` holds; those of type `event` by an event within `timespan`."""

    kind = "all"
    type: Literal["all"]
    of: Annotated[tuple[str, ...], Field(min_length=2)]


class AnyOf(Threshold):
    """At least one threshold of `of` holds; those of type `event` by an event within `timespan`."""

    kind = "any"
    type: Literal["any"]
    of: Annotated[tuple[str, ...], Field(min_length=2)]


KINDS: Mapping[str, type[Threshold]] = {
    cls.kind: cls
    for cls in (
        EventThreshold,
        EventCount,
        ValueCount,
        Score,
        Spike,
        Temporal,
        TemporalOrdered,
        NewValue,
        Silence,
        All,
        AnyOf,
    )
}


def wheres(threshold: Threshold) -> list[tuple[Loc, Where]]:
    """Every `Where` of a threshold with its place in it."""
    found: list[tuple[Loc, Where]] = [(("where",), threshold.where)]
    if isinstance(threshold, Temporal | TemporalOrdered):
        found += [(("steps", index), step) for index, step in enumerate(threshold.steps)]
    if isinstance(threshold, TemporalOrdered) and threshold.without:
        found.append((("without",), threshold.without))
    return found
