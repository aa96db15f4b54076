"""`tocsin check`: exit 0, 1 or 2, and every problem as `file:line: key: what is wrong; what is allowed`."""

from __future__ import annotations

import json
import re

from tests.cli.conftest import Run
from tests.newsroom import Room

LINE = re.compile(r"config/[\w/]+\.yaml:\d+: [^:]+: .+")


def test_a_sound_configuration(room: Room, run: Run) -> None:
    room.paper("herald")
    room.write()

    done = run("check")

    assert (done.code, done.err) == (0, "")
    assert done.out == "all fine: 2 rules, 4 examples, 1 feeds, 2 thresholds, 2 channels\n"
    assert json.loads(run("check", "--json").out) == {
        "problems": [],
        "rules": 2,
        "examples": 4,
        "feeds": 1,
        "thresholds": 2,
        "channels": 2,
    }


def test_every_problem_of_every_file_comes_in_one_run(room: Room, run: Run) -> None:
    room.settings["sweep_evry"] = "1m"
    room.channels[0]["per_minute"] = 0
    room.watch["notfy"] = ["nobody"]
    room.rules["missile_test"]["severity"] = 99
    room.write()

    done = run("check")

    assert done.code == 1
    *problems, count = done.out.splitlines()
    assert all(LINE.fullmatch(line) for line in problems)
    assert count == f"{len(problems)} problems"
    assert [line.split(":")[0] for line in problems] == sorted(line.split(":")[0] for line in problems)
    text = "\n".join(problems)
    for key in ("sweep_evry: is not a known key; allowed: ", "channels[0].per_minute: ", "severity: ", "notfy: "):
        assert key in text


def test_an_example_that_does_not_hold_is_a_problem_with_its_line(room: Room, run: Run) -> None:
    room.rules["missile_test"]["examples"] = {"fires": [{"text": "Bakers prepare a feast."}], "silent": []}
    room.write()

    done = run("check", "--json")

    assert done.code == 1
    (problem,) = json.loads(done.out)["problems"]
    assert problem["file"] == "config/triggers/missile_test.yaml"
    lines = (room.config / "triggers" / "missile_test.yaml").read_text().splitlines()
    assert "Bakers" in lines[problem["line"] - 1]
    assert problem["key"].startswith("examples.fires[0]")


def test_what_cannot_be_checked_is_exit_2(room: Room, run: Run) -> None:
    room.settings["detect"] = {"model": "no_such_model"}
    room.write()

    done = run("check")

    assert done.code == 2
    assert "no_such_model" in done.err
    assert "python -m spacy download no_such_model" in done.err
    done = run("--config", str(room.folder / "nowhere"), "check")
    assert done.code == 2
    assert "no such folder; run in the folder that holds config/ or set TOCSIN_CONFIG=/path/to/config" in done.err


def test_a_name_that_nothing_has_is_a_problem_once_the_rest_is_sound(room: Room, run: Run) -> None:
    room.watch["notify"] = ["nobody"]
    room.write()

    done = run("check")

    assert "notify: 'nobody' is not known; allowed: hook, mail" in done.out
    room.channels[0]["per_minute"] = 0
    room.write()
    (problem, _) = run("check").out.splitlines()
    assert "per_minute" in problem
