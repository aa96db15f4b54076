"""The threat model names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
NAMES = {
    node.name
    for path in TESTS.rglob("test_*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.FunctionDef)
}


def test_every_file_and_test_that_it_names_is_there() -> None:
    files = set(re.findall(r"`(?:tests/)?((?:\w+/)?test_\w+\.py)`", TEXT))
    assert len(files) > 10
    assert [name for name in sorted(files) if not (TESTS / name).exists()] == []
    named = set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){3,})`", TEXT))
    assert len(named) > 30
    assert {name for name in named if f"test_{name}" not in NAMES} == set()
