"""Runs the examples that a rule carries: each must do what it says it does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from tocsin.config.triggers import Fires, Rule
from tocsin.errors import Problem
from tocsin.model import Trigger


class Detected(Protocol):
    """What is read of a detection."""

    @property
    def triggers(self) -> tuple[Trigger, ...]: ...


@dataclass(frozen=True, slots=True)
class Example:
    """An example as an item to detect in."""

    title: str
    summary: str
    published: dt.datetime | None


def check(rule: Rule, detect: Callable[[Example], Detected]) -> Iterator[Problem]:
    """Problems of `rule`'s examples, in file order."""
    for index, fires in enumerate(rule.examples.fires):
        date = fires.published
        when = dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC) if date else None
        found = detect(Example(fires.title or fires.text, fires.summary, when)).triggers
        wrong = _wrong(rule, fires, [trigger for trigger in found if trigger.rule == rule.id])
        if wrong:
            yield _problem(rule, f"examples.fires.{index}", wrong)
    for index, text in enumerate(rule.examples.silent):
        loud = [t for t in detect(Example(text, "", None)).triggers if t.rule == rule.id]
        if loud:
            yield _problem(
                rule, f"examples.silent.{index}", f"fires as {loud[0].modality} on “{loud[0].evidence.text}”"
            )


def _wrong(rule: Rule, fires: Fires, found: list[Trigger]) -> str:
    if not found:
        return "does not fire"
    right = [trigger for trigger in found if trigger.modality is fires.modality]
    if not right:
        return f"fires as {found[0].modality}, not {fires.modality}"
    for key in ("source", "target"):
        wanted = getattr(fires, key)
        if wanted is not None and all(getattr(trigger, key) != wanted for trigger in right):
            return f"has {getattr(right[0], key)} for its {key}, not {wanted}"
    return ""


def _problem(rule: Rule, key: str, message: str) -> Problem:
    line = rule.lines.get(key, rule.lines.get(key.rpartition(".")[0], 1))
    head, _, index = key.rpartition(".")
    return Problem(rule.file, line, f"{head}[{index}]", message, "change the example or the rule")
