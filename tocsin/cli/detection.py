"""`tocsin check` and `tocsin detect`: the rules, tried out."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer
from dateutil.parser import ParserError, isoparse

from extractors.language import load_language
from extractors.second_opinion.models import load_second_opinion
from extractors.triggers import Detection, Detector
from tocsin.cli.context import Json, configuration, err, out, print_json
from tocsin.config.folder import find_folder, load
from tocsin.errors import ConfigError, Problem
from tocsin.model import Trigger


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(check)
    app.command()(detect)


def check(*, as_json: Json = False) -> None:
    """Validate the whole configuration and run every rule's examples. Exit 0: fine, 1: problems, 2: could not check."""
    problems: list[Problem] = []
    counts = {"rules": 0, "examples": 0, "feeds": 0, "thresholds": 0, "channels": 0}
    try:
        config = load(find_folder(os.environ), os.environ)
    except ConfigError as error:
        problems = list(error.problems)
    else:
        detector = Detector(config.rules, config.actors, load_language(config.settings.detect.model))
        problems = detector.check_examples()
        counts = {
            "rules": len(config.rules),
            "examples": sum(len(rule.examples.fires) + len(rule.examples.silent) for rule in config.rules),
            "feeds": len(config.feeds),
            "thresholds": sum(len(watch.thresholds) for watch in config.watches),
            "channels": len(config.channels),
        }
    if as_json:
        print_json({"problems": [vars_of(problem) for problem in problems], **counts})
    else:
        for problem in problems:
            typer.echo(str(problem))
        summary = ", ".join(f"{number} {name}" for name, number in counts.items())
        out.print(f"{len(problems)} problems" if problems else f"all fine: {summary}")
    raise typer.Exit(1 if problems else 0)


def vars_of(problem: Problem) -> dict[str, Any]:
    """A problem as JSON has it."""
    names = ("file", "line", "key", "message", "allowed")
    return {name: getattr(problem, name) for name in names}


@dataclass(frozen=True, slots=True)
class _Line:
    """One input line: an item to detect in."""

    id: str
    title: str
    summary: str
    published: dt.datetime | None


def detect() -> None:
    """Read items as JSON lines from stdin and write their triggers as JSON lines to stdout.

    In, one a line: {"id", "title", "summary", "published", "source", "url"} (all but id and title may be null or
    absent). Out, for every item: {"id", "triggers": [{"type", "modality", "source", "target", "object", "rule",
    "version", "evidence": {"field", "start", "end", "text"}, …}]}. A malformed line is named on stderr; exit 1 then.
    """
    config = configuration()
    settings = config.settings.detect
    second = load_second_opinion() if settings.second_opinion else None
    language = load_language(settings.model)
    detector = Detector(config.rules, config.actors, language, max_chars=settings.max_chars, second_opinion=second)
    wrong: list[int] = []
    waiting: deque[_Line] = deque()

    def items() -> Iterator[_Line]:
        for item in _read(wrong):
            waiting.append(item)
            yield item

    for detection in detector.detect_many(items()):
        item = waiting.popleft()
        sys.stdout.write(json.dumps(_answer(item.id, detection), ensure_ascii=False) + "\n")
        for message in detection.errors:
            err.print(f"item {item.id}: {message}", markup=False)
    raise typer.Exit(1 if wrong else 0)


def _read(wrong: list[int]) -> Iterator[_Line]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            yield _parse(line)
        except ValueError as error:
            wrong.append(number)
            err.print(f"line {number}: {error}", markup=False)


def _parse(line: bytes) -> _Line:
    """The item of one line; ValueError says what is wrong with it."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from error
    if not isinstance(row, dict):
        raise ValueError("is not a JSON object")
    for name in ("id", "title"):
        if not isinstance(row.get(name), str):
            raise ValueError(f"{name!r} is missing or no text")
    summary = row.get("summary")
    if summary is not None and not isinstance(summary, str):
        raise ValueError("'summary' is no text")
    return _Line(row["id"], row["title"], summary or "", _moment(row.get("published")))


def _moment(value: object) -> dt.datetime | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("'published' is no text")
    try:
        moment = isoparse(value)
    except (ParserError, ValueError, OverflowError) as error:
        raise ValueError(f"'published' is no ISO 8601 date ({value[:40]!r})") from error
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _answer(id: str, detection: Detection) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": id, "triggers": [trigger_json(trigger) for trigger in detection.triggers]}
    if detection.skipped:
        answer["skipped"] = detection.skipped
    return answer


def trigger_json(trigger: Trigger) -> dict[str, Any]:
    """A trigger as JSON has it; the keys are a stable contract."""
    evidence = trigger.evidence
    return {
        "type": trigger.type,
        "modality": trigger.modality.value,
        "source": trigger.source,
        "target": trigger.target,
        "object": trigger.object,
        "rule": trigger.rule,
        "version": trigger.version,
        "confidence": trigger.confidence,
        "occurred_on": trigger.occurred_on.isoformat() if trigger.occurred_on else None,
        "place": trigger.place,
        "facts": dict(trigger.facts),
        "evidence": {"field": evidence.field, "start": evidence.start, "end": evidence.end, "text": evidence.text},
    }
