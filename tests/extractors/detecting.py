"""Detectors for tests: the shipped rules, or a small rule written in the test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from extractors.language import Language, load_language
from extractors.triggers import Detection, Detector, Text
from tocsin.config.actors import Actors, read_actors
from tocsin.config.triggers import Rule, read_rules
from tocsin.errors import Problem
from tocsin.model import Trigger

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
SHARED = ROOT.parent / "shared"
PUBLISHED = dt.datetime(2026, 6, 17, 12, tzinfo=dt.UTC)  # a Wednesday


@cache
def language() -> Language:
    return load_language()


@cache
def actors() -> Actors:
    return read_actors(CONFIG, [])


@cache
def shipped_rules() -> tuple[Rule, ...]:
    problems: list[Problem] = []
    rules = read_rules(CONFIG, problems)
    assert problems == []
    return rules


@cache
def shipped() -> Detector:
    return Detector(shipped_rules(), actors(), language())


def rule(frame: str = "", *, head: str = "", folder: Path) -> Detector:
    """A detector with one rule about strikes; `frame` are more lines of its frame, `head` of the rule."""
    text = f"""id: strike
title: A strike
description: One party strikes another.
severity: 5
{head}
frames:
  - act: [strike, bomb]
{frame}
"""
    return detector([text], folder=folder)


def detector(texts: Sequence[str], *, folder: Path) -> Detector:
    return Detector(rules(texts, folder=folder), actors(), language())


def rules(texts: Sequence[str], *, folder: Path) -> tuple[Rule, ...]:
    (folder / "triggers").mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (folder / "triggers" / f"rule_{number}.yaml").write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    found = read_rules(folder, problems)
    assert problems == []
    return found


def detect(text: str, *, by: Detector | None = None, summary: str = "") -> Detection:
    return (by or shipped()).detect(Text(text, summary, PUBLISHED))


def only(text: str, kind: str = "", *, by: Detector | None = None) -> Trigger:
    """The one trigger of type `kind` in `text`."""
    found = [trigger for trigger in detect(text, by=by).triggers if trigger.type == (kind or trigger.type)]
    assert len(found) == 1, (text, found)
    return found[0]
