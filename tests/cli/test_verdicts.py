"""`tocsin verdict`, `precision` and `examples` over a watch that raised a right and a wrong alert."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.conftest import Run
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, VETO, Room, dump
from tocsin.config.triggers import Examples

DRILL = 'North Korea launches a missile: "the film", in cinemas #today'


@pytest.fixture
def told(room: Room, run: Run) -> dict[str, dict[str, Any]]:
    """Three alerts by the title of their event: the watch told of a launch, of a film and of a veto."""
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR).publish(VETO, at=NOW + HOUR)
    room.sweep(now=NOW + HOUR)
    paper.publish(DRILL, at=NOW + 60 * HOUR)
    room.sweep(now=NOW + 60 * HOUR)
    details = [json.loads(run("alerts", "show", alert["id"], "--json").out) for alert in listed(run)]
    return {detail["events"][0]["title"]: detail for detail in details}


def listed(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("alerts", "list", "--json").out)
    return found


def test_a_verdict_is_taken_shown_and_counted(told: dict[str, dict[str, Any]], run: Run) -> None:
    alert = told[MISSILE]["alert"]["id"]
    assert run("precision").out == "no verdicts\n"

    done = run("verdict", alert, "true", "--who", "ann", "--note", "seen by two")
    assert (done.code, done.out) == (0, f"alert {alert}: true, says ann\n")
    assert "ann: verdict true seen by two" in run("alerts", "show", alert).out
    run("verdict", told[DRILL]["alert"]["id"], "false")

    found = {each["name"]: each for each in json.loads(run("precision", "--json").out)}
    assert found["test/new_missile_test"]["precision"] == found["Herald"]["precision"] == 0.5
    assert found["missile_test"]["interval"] == pytest.approx([0.0945, 0.9055], abs=1e-3)
    assert "missile_test" in run("precision", "--days", "1").out
    assert "9% to 91%" in run("precision").out


def test_a_trigger_is_judged_by_its_number(told: dict[str, dict[str, Any]], run: Run) -> None:
    alert, report = told[DRILL]["alert"]["id"], told[DRILL]["events"][0]["reports"][0]
    assert f", trigger {report['trigger']})" in run("alerts", "show", alert).out

    assert run("verdict", str(report["trigger"]), "false").code == 0
    (found,) = [each for each in json.loads(run("precision", "--json").out) if each["by"] == "rule"]
    assert (found["name"], found["false"]) == ("missile_test", 1)


@pytest.mark.parametrize("subject", ["deadbeef", "99999", "9" * 40])
def test_a_verdict_on_nothing_is_refused_in_words(told: dict[str, dict[str, Any]], run: Run, subject: str) -> None:
    done = run("verdict", subject, "true")
    assert done.code == 2
    assert subject in done.err.replace("\n", "")
    assert run("verdict", subject, "maybe").code == 2


def test_verdicts_become_examples_that_the_rule_takes(room: Room, told: dict[str, dict[str, Any]], run: Run) -> None:
    run("verdict", told[MISSILE]["alert"]["id"], "true", "--who", "ann", "--note", "two\nlines: #1")
    run("verdict", told[DRILL]["alert"]["id"], "false")
    run("verdict", told[VETO]["alert"]["id"], "stale")

    said = run("examples").out
    head, comment, *_ = [line for line in said.splitlines() if "#" in line]
    assert head == "--- # config/triggers/missile_test.yaml"
    assert comment.strip().startswith("# ann on alert ")
    assert comment.endswith(": two lines: #1")
    (document,) = YAML(typ="safe").load_all(said)
    assert document == {"examples": {"fires": [{"text": MISSILE, "source": "KP"}], "silent": [DRILL]}}
    Examples.model_validate(document["examples"])

    rule = room.rules["missile_test"]
    rule["examples"] = {key: rule["examples"][key] + document["examples"][key] for key in ("fires", "silent")}
    dump(room.config / "triggers" / "missile_test.yaml", {"id": "missile_test", **rule})
    assert run("examples").out == ""
    problem, count = run("check").out.splitlines()
    assert "examples.silent[1]: fires as happened" in problem
    assert count == "1 problems"


def test_examples_are_of_one_rule_where_it_is_named(told: dict[str, dict[str, Any]], run: Run) -> None:
    for title in (MISSILE, VETO):
        run("verdict", told[title]["alert"]["id"], "true")

    (document,) = YAML(typ="safe").load_all(run("examples", "--rule", "sanctions_veto").out)
    assert document == {"examples": {"fires": [{"text": VETO, "source": "RU", "target": "UN"}]}}
    assert run("examples", "--rule", "unknown").code == 2
