import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.forms import fold
from extractors.gate import Gate
from extractors.rules import compile_rule
from extractors.triggers import Detector, Text
from tests.extractors.detecting import SHARED, actors, language, shipped, shipped_rules

UNGATED = Detector(shipped_rules(), actors(), language(), gated=False)
WORDS = (
    "Israel North Korea Russia Ukraine the missile missiles launches launched test-fired sanctions vetoes veto UN"
    " imposes talks meets Putin Kim troops deploys to on in and said may not will strike attack killed - ’s , . :"
    " threat cease-fire 10km USS union"
).split()


def same(title: str, summary: str = "") -> bool:
    item = Text(title, summary)
    return shipped().detect(item).triggers == UNGATED.detect(item).triggers


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14))
def test_the_gate_changes_nothing_on_any_row_of_words(words: list[str]) -> None:
    assert same(" ".join(words))


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared")
def test_the_gate_changes_nothing_on_real_news() -> None:
    items = []
    for path in sorted((SHARED / "news").glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for number, line in enumerate(lines) if number % 400 == 0]
        items += [Text(row["title"], row.get("summary") or "") for row in rows]
    assert len(items) > 200
    gated, plain = shipped().detect_many(items), UNGATED.detect_many(items)
    assert all(one.triggers == other.triggers for one, other in zip(gated, plain, strict=True))


def test_a_text_without_any_literal_is_never_parsed() -> None:
    gate = Gate([compile_rule(rule, language().tokenize) for rule in shipped_rules()])
    assert gate.frames(fold("The cat sat on the mat")) == []
    assert gate.literals > 1_000
    assert len(gate.all_frames()) == sum(len(rule.frames) for rule in shipped_rules())


def test_no_rules_means_nothing_fires() -> None:
    assert Gate([]).frames("war") == []
    assert Detector((), actors(), language()).detect(Text("Israel bombs Iran")).triggers == ()


def test_a_subject_that_ends_with_a_point_is_let_through() -> None:
    gate = Gate([compile_rule(rule, language().tokenize) for rule in shipped_rules()])
    names = {frame.frame.name for frame in gate.frames("the u.s. should veto the security council resolution")}
    assert "vetoes a ceasefire" in names
