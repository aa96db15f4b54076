from pathlib import Path

from tests.extractors.detecting import detector, shipped, shipped_rules


def test_every_shipped_example_does_what_it_says() -> None:
    assert [str(problem) for problem in shipped().check_examples()] == []


def test_every_shipped_rule_has_a_dozen_of_each() -> None:
    assert len(shipped_rules()) == 20
    for rule in shipped_rules():
        assert len(rule.examples.fires) >= 12, rule.id
        assert len(rule.examples.silent) >= 12, rule.id


def test_a_wrong_example_is_a_problem_at_its_line(tmp_path: Path) -> None:
    text = """id: strike
title: A strike
description: One party strikes another.
severity: 5
frames:
  - act: [bomb]
examples:
  fires:
    - {text: Israel bombed Iran, source: US}
    - {text: Nothing happens in Rome}
    - {text: Israel may bomb Iran}
  silent:
    - Israel bombed Iran
"""
    by = detector([text], folder=tmp_path)
    assert [(p.line, p.key, p.message) for p in by.check_examples()] == [
        (9, "examples.fires[0]", "has IL for its source, not US"),
        (10, "examples.fires[1]", "does not fire"),
        (11, "examples.fires[2]", "fires as prospective, not happened"),
        (13, "examples.silent[0]", "fires as happened on “bombed”"),
    ]
