"""YAML is plain data here (C03): nothing of it runs or bursts, and what looks like something else stays text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room
from tocsin.config.loader import read_yaml
from tocsin.errors import Problem

BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
HOSTILE = {
    "an object": ("a: !!python/object/apply:os.system [id]", "a.yaml:1: a: has the tag"),
    "a name": ("a: !!python/name:os.system", "a.yaml:1: a: has the tag"),
    "a tag": ("a: !include /etc/passwd", "a.yaml:1: a: has the tag !include"),
    "an alias bomb": (BOMB, "is an alias"),
    "an alias of itself": ("a: &a [*a]", "is an alias"),
    "a merge": ("a: &a {x: 1}\nb:\n  <<: *a", "is an alias"),
    "a deep nest": ("a: " + "[" * 50_000, "is nested too deep"),
    "a deep mapping": ("{a: " * 50_000, "is nested too deep"),
    "an endless number": ("a: " + "9" * 10_000, "a.yaml:1: a: is a number that cannot be read"),
    "a key that is a list": ("? [a]\n: 1", "has a key that is no plain word"),
    "the same key twice": ("a: 1\na: 2", "a.yaml:2: a: stands twice"),
    "no text": ("a: \x00", "is not valid YAML"),
}
TYPED = {
    "no": "no",
    "NO": "NO",
    "off": "off",
    "yes": "yes",
    "y": "y",
    "true": True,
    "2026-03-01": "2026-03-01",
    "2026-03-01 12:00:00": "2026-03-01 12:00:00",
    "12:30:45": "12:30:45",
    "010": 10,
    "0o10": 8,
    "0x1f": 31,
    "1_000": 1_000,
    "1e3": 1_000.0,
    "~": None,
    "'010'": "010",
}


def read(folder: Path, text: str) -> tuple[Any, list[Problem]]:
    path = folder / "a.yaml"
    path.write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    document = read_yaml(path, problems, root=folder)
    return document and document.value, problems


@pytest.mark.parametrize("what", HOSTILE)
def test_c03_nothing_runs_or_bursts(what: str, tmp_path: Path) -> None:
    text, said = HOSTILE[what]
    value, problems = read(tmp_path, text)
    assert value is None
    assert any(said in str(problem) for problem in problems), problems
    assert all(len(str(problem)) < 300 for problem in problems)


@pytest.mark.parametrize("text", TYPED)
def test_c03_what_other_readers_take_for_a_date_or_a_truth_is_text(text: str, tmp_path: Path) -> None:
    value, problems = read(tmp_path, f"a: {text}")
    assert problems == []
    assert value == {"a": TYPED[text]}
    assert type(value["a"]) is type(TYPED[text])


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_c03_what_is_no_number_is_no_threshold(number: str, room: Room) -> None:
    """And a file that cannot be read at all leaves the last good one in force, like any other bad edit."""
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    room.config.joinpath("settings.yaml").write_text(f"fetch:\n  max_bytes: {number}\n  timeout: {'[' * 20_000}")

    assert room.sweep(now=NOW + HOUR).alerts == 1
