from pathlib import Path

import pytest

from tocsin.config.actors import read_actors
from tocsin.config.triggers import Rule, read_rules
from tocsin.errors import Problem

HEAD = "id: strike\ntitle: A strike\ndescription: One party strikes another.\nseverity: 5\n"


def read(folder: Path, *texts: str, vocabulary: str = "") -> tuple[tuple[Rule, ...], list[str]]:
    (folder / "triggers").mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / "triggers" / f"{number}.yaml").write_text(text, encoding="utf-8")
    if vocabulary:
        (folder / "vocabulary.yaml").write_text(vocabulary, encoding="utf-8")
    problems: list[Problem] = []
    rules = read_rules(folder, problems)
    return rules, [str(problem).removeprefix(folder.name + "/") for problem in problems]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "frames: []\n", "triggers/0.yaml:5: frames: tuple should have at least 1 item after validation, not 0"),
        (HEAD + "frames:\n  - act: [$arms]\n", "triggers/0.yaml:6: frames[0].act: $arms is no class of words; "
         "allowed: $actor, $group, $leader, $state"),
        (HEAD + "colour: red\nframes:\n  - act: [bomb]\n", "triggers/0.yaml:5: colour: is not a known key; allowed: "),
        (HEAD + "words:\n  a: [$b]\n  b: [$a]\nframes:\n  - act: [$a]\n",
         "triggers/0.yaml:6: words.a: contains itself"),
        (HEAD.replace("5", "50") + "frames:\n  - act: [bomb]\n",
         "triggers/0.yaml:4: severity: input should be less than or equal to 10"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    rules, problems = read(tmp_path, text)
    assert rules == ()
    assert problems[0].startswith(message)


def test_an_example_needs_one_text(tmp_path: Path) -> None:
    _, problems = read(tmp_path, HEAD + "frames:\n  - act: [bomb]\nexamples:\n  fires:\n    - {source: KP}\n")
    assert problems[0].endswith("needs a text; give either text or title (with or without summary)")


def test_two_rules_cannot_share_an_id(tmp_path: Path) -> None:
    text = HEAD + "frames:\n  - act: [bomb]\n"
    rules, problems = read(tmp_path, text, text)
    assert len(rules) == 1
    assert problems == ["triggers/1.yaml:1: id: strike is the id of two rules; see " + rules[0].file]


def test_classes_are_written_out_and_own_ones_hide_shared_ones(tmp_path: Path) -> None:
    text = HEAD + "words:\n  near: [a]\nframes:\n  - act: [$arms, $near, $actor]\n"
    (rule,), problems = read(tmp_path, text, vocabulary="words:\n  arms: [gun, $big]\n  big: [tank]\n  near: [b]\n")
    assert problems == []
    assert rule.expand(rule.frames[0].act) == ("gun", "tank", "a", "$actor")


def test_a_shared_class_that_contains_itself_is_a_problem(tmp_path: Path) -> None:
    rules, problems = read(tmp_path, HEAD + "frames:\n  - act: [bomb]\n", vocabulary="words:\n  a: [$a]\n  b: [$c]\n")
    assert len(rules) == 1
    assert [problem.partition(": ")[2] for problem in problems] == [
        "words.a: contains itself",
        "words.b: $c is no class of words; allowed: $a, $actor, $b, $group, $leader, $state",
    ]


def test_the_version_changes_with_what_the_rule_detects_and_with_nothing_else(tmp_path: Path) -> None:
    text = HEAD + "frames:\n  - act: [bomb]\n"
    (rule,), _ = read(tmp_path, text)
    (other,), _ = read(tmp_path, text.replace("A strike", "An attack"))
    (changed,), _ = read(tmp_path, text.replace("bomb", "bombard"))
    assert rule.version == other.version != changed.version


def test_the_version_changes_with_a_shared_class_that_is_used(tmp_path: Path) -> None:
    text = HEAD + "frames:\n  - act: [$arms]\n"
    (rule,), _ = read(tmp_path, text, vocabulary="words:\n  arms: [gun]\n  other: [x]\n")
    (same,), _ = read(tmp_path, text, vocabulary="words:\n  arms: [gun]\n  other: [y]\n")
    (changed,), _ = read(tmp_path, text, vocabulary="words:\n  arms: [tank]\n")
    assert rule.version == same.version != changed.version


def test_a_code_stands_for_one_actor(tmp_path: Path) -> None:
    (tmp_path / "actors.yaml").write_text(
        "states:\n  AU: {names: [Australia]}\nbodies:\n  AU: {names: [African Union]}\n"
        "nicknames:\n  - {code: XX, names: [the North], with: [Korea]}\n",
        encoding="utf-8",
    )
    problems: list[Problem] = []
    read_actors(tmp_path, problems)
    assert [problem.message for problem in problems] == ["is the code of two actors", "XX is no code of an actor"]
