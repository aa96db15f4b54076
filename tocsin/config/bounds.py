"""Small types that thresholds and routing share: names, spans of time, bounds for a number."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tocsin.config.loader import Duration, Strict


def listed(value: object) -> object:
    """A lone name as a list of one; anything else as it is."""
    return [value] if isinstance(value, str) else value


def _positive(value: dt.timedelta) -> dt.timedelta:
    if value <= dt.timedelta(0):
        raise ValueError("must be longer than nothing; for example 24h")
    return value


Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Names = Annotated[tuple[str, ...], BeforeValidator(listed)]
"""One name or a list of names."""
Span = Annotated[Duration, AfterValidator(_positive)]

_SIGNS: Mapping[str, tuple[str, Any]] = {
    "gt": (">", operator.gt),
    "gte": ("≥", operator.ge),
    "lt": ("<", operator.lt),
    "lte": ("≤", operator.le),
    "eq": ("=", operator.eq),
}


class Condition(Strict):
    """Bounds for a number, all of which must hold."""

    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None
    eq: float | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if all(bound is None for bound in self._bounds().values()):
            raise ValueError("says nothing; give one or more of gt, gte, lt, lte, eq")
        return self

    def _bounds(self) -> dict[str, float | None]:
        return {name: getattr(self, name) for name in _SIGNS}

    @property
    def has_upper(self) -> bool:
        """Whether a fall alone can make it hold."""
        return self.lt is not None or self.lte is not None or self.eq is not None

    def holds(self, value: float) -> bool:
        """Whether `value` is within all bounds."""
        return all(_SIGNS[name][1](value, bound) for name, bound in self._bounds().items() if bound is not None)

    def __str__(self) -> str:
        return " and ".join(
            f"{_SIGNS[name][0]} {bound:g}" for name, bound in self._bounds().items() if bound is not None
        )
