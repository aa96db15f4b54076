"""R01: no word of a rule is ever read as a pattern, and the gate is a set of literals that takes linear time."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.extractors.detecting import detect, rule


@pytest.mark.parametrize("word", ["(a+)+$", "(.*)*x", "a{1000}{1000}", "(?P<a>", "a|b"])
def test_r01_a_word_that_looks_like_a_pattern_is_a_word(word: str, tmp_path: Path) -> None:
    detector = rule(f"    object: [{json.dumps(word)}]", folder=tmp_path)
    begun = time.process_time()

    found = detect(f"Israel strikes {'a' * 1_000_000}! in Iran", by=detector)

    assert found.triggers == ()
    assert found.errors == ()
    assert time.process_time() - begun < 5
