"""Backtests that are kept under a name, and what two of them say side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from extractors.triggers import Detection
from flows.backtest.comparison import compare
from flows.backtest.record import Record, record
from flows.backtest.saved import FOLDER, Run, load, path_of, runs, save
from tests.faults.reading import Reader
from tests.flows.backtests import DAY, TWO, compared, config, tried, written
from tests.newsroom import MINUTE, NOW
from tocsin.errors import SetupError
from tocsin.model import Article

RUN = Run("before", NOW, "/etc/tocsin/config", "")


class Blind(Reader):
    """Does not see what Bakora does."""

    def detect_many(self, items: Sequence[Article]) -> Iterator[Detection]:
        found = Reader.detect_many(self, items)
        return (Detection() if "Bakora" in item.title else each for item, each in zip(items, found, strict=True))


def kept(state: Path, path: Path, name: str, **changed: object) -> Record:
    outcome = tried(config(**changed), path)  # type: ignore[arg-type]
    save(state, replace(RUN, name=name), record(outcome), outcome.as_json())
    return record(outcome)


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *TWO)
    outcome = tried(config(escalation=[{"after": "30m", "notify": "mail"}]), path)
    before = record(outcome)
    save(tmp_path, RUN, before, outcome.as_json())
    back = load(tmp_path, "before")

    assert back.run == RUN
    assert back.record == before
    assert back.answer == outcome.as_json()
    assert back.record.messages == outcome.as_json()["messages"] == len(outcome.posts)
    assert [back.record.text[name].title for name in back.record.resting_on(back.record.alerts[0])] == [TWO[0][0]]
    assert sorted(each.name for each in (tmp_path / FOLDER).iterdir()) == ["before.json"]


def test_the_file_is_the_stable_answer_with_more(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *TWO)
    outcome = tried(config(), path)
    file = save(tmp_path, RUN, record(outcome), outcome.as_json())
    content = json.loads(file.read_text())

    assert file == tmp_path / "backtests" / "before.json"
    assert list(content) == ["articles", "triggers", "events", "alerts", "messages", "run", "record"]
    assert {key: content[key] for key in outcome.as_json()} == outcome.as_json()


def test_two_kept_runs_differ_as_their_outcomes_do_and_for_the_same_reasons(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *TWO)
    kept(tmp_path, path, "old")
    kept(tmp_path, path, "new", each="10m", two=3)
    found = compare(load(tmp_path, "new").record, load(tmp_path, "old").record)

    assert found == compared(config(each="10m", two=3), config(), path)
    assert [(c.alert.threshold, c.reason) for c in found.lost] == [("two", "threshold two differs in condition")]
    assert [(c.alert.fired_at, c.before) for c in found.moved] == [
        (NOW + 10 * MINUTE, NOW + 5 * MINUTE),
        (NOW + DAY + 10 * MINUTE, NOW + DAY + 5 * MINUTE),
    ]


def test_an_alert_that_a_rule_gains_names_the_article_from_the_file_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", TWO[0])
    kept(tmp_path, path, "seeing")
    blind = tried(config(), path, Blind())
    save(tmp_path, replace(RUN, name="blind"), record(blind), blind.as_json())
    path.unlink()
    (change,) = compare(load(tmp_path, "seeing").record, load(tmp_path, "blind").record).gained

    assert change.reason == (
        "in article n0 “Bakora fires a missile” "
        "missile_test@1 finds missile_test happened BAKORA → –, the other nothing"
    )


def test_the_latest_comes_first_and_the_same_name_is_replaced(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *TWO)
    outcome = tried(config(), path)
    for name, at in (("b", NOW), ("a", NOW + DAY), ("b", NOW + 2 * DAY)):
        save(tmp_path, replace(RUN, name=name, saved_at=at), record(outcome), outcome.as_json())

    found, errors = runs(tmp_path)
    assert [(each.run.name, each.run.saved_at) for each in found] == [("b", NOW + 2 * DAY), ("a", NOW + DAY)]
    assert errors == []
    assert runs(tmp_path / "nowhere") == ([], [])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"run": {}, "record": {}, "events": []}', "\x00"])
def test_a_file_that_is_no_backtest_is_named_and_hides_no_other(content: str, tmp_path: Path) -> None:
    kept(tmp_path, written(tmp_path / "a.jsonl", *TWO), "good")
    (tmp_path / FOLDER / "bad.json").write_text(content)

    found, errors = runs(tmp_path)
    assert [each.run.name for each in found] == ["good"]
    assert [error.subject for error in errors] == [str(tmp_path / FOLDER / "bad.json")]
    with pytest.raises(SetupError, match="cannot read the backtest: "):
        load(tmp_path, "bad")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a.b", "-a", "a b", "a" * 65, "é", "a\n"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot name a backtest so: "):
        path_of(tmp_path, name)


def test_a_name_that_nothing_is_kept_under_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as missing:
        load(tmp_path, "nothing")
    assert str(missing.value) == "cannot read the backtest: nothing: there is none of this name"
