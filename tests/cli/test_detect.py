"""`tocsin detect`: JSON lines in, JSON lines out; a contract for programs."""

from __future__ import annotations

import json

import pytest

from tests.newsroom import MISSILE, NOISE, Done, Room

INPUT = [
    json.dumps(
        {
            "id": "full",
            "title": MISSILE,
            "summary": "",
            "published": "2026-03-01T12:00:00+09:00",
            "source": "x",
            "url": "y",
        }
    ),
    json.dumps({"id": "nulls", "title": NOISE, "summary": None, "published": None, "source": None, "url": None}),
    "{broken",
    json.dumps({"id": "bare", "title": NOISE}),
    "",
    json.dumps(["no", "object"]),
    json.dumps({"title": "no id"}),
    json.dumps({"id": "no title"}),
    json.dumps({"id": 5, "title": "x"}),
    json.dumps({"id": "bad date", "title": "x", "published": "yesterday"}),
    json.dumps({"id": "bad summary", "title": "x", "summary": 7}),
    json.dumps({"id": "empty", "title": ""}),
    json.dumps({"id": "summary", "title": NOISE, "summary": f"{MISSILE}. It was late."}),
    json.dumps({"id": "naive", "title": MISSILE, "published": "2026-03-01"}),
]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    from tests.newsroom import newsroom

    with newsroom(tmp_path_factory.mktemp("detect")) as room:
        room.write()
        return room.tocsin("detect", stdin="\n".join(INPUT).encode() + b'\n{"id": "caf\xff", "title": "x"}\n')


def test_malformed_lines_are_named_by_number_and_the_rest_is_done(done: Done) -> None:
    assert done.code == 1
    numbers = [int(line.split()[1].rstrip(":")) for line in done.err.splitlines() if line.startswith("line ")]
    assert numbers == [3, 6, 7, 8, 9, 10, 11, 15]
    assert "line 3: is not JSON (" in done.err
    assert "line 6: is not a JSON object\n" in done.err
    assert "line 7: 'id' is missing or no text\n" in done.err
    assert "line 8: 'title' is missing or no text\n" in done.err
    assert "line 10: 'published' is no ISO 8601 date ('yesterday')\n" in done.err
    assert "line 11: 'summary' is no text\n" in done.err


def test_every_well_formed_line_has_its_answer_in_order(done: Done) -> None:
    answers = [json.loads(line) for line in done.out.splitlines()]

    assert [answer["id"] for answer in answers] == ["full", "nulls", "bare", "empty", "summary", "naive"]
    assert [len(answer["triggers"]) for answer in answers] == [1, 0, 0, 0, 1, 1]


def test_a_trigger_has_the_fields_of_the_contract(done: Done) -> None:
    answers = {answer["id"]: answer for answer in map(json.loads, done.out.splitlines())}
    (trigger,) = answers["full"]["triggers"]

    assert {name: trigger[name] for name in ("type", "modality", "source", "target", "object")} == {
        "type": "missile_test",
        "modality": "happened",
        "source": "KP",
        "target": None,
        "object": "missile",
    }
    assert trigger["rule"]
    assert trigger["version"]
    evidence = trigger["evidence"]
    assert evidence["field"] == "title"
    assert MISSILE[evidence["start"] : evidence["end"]] == evidence["text"]
    (trigger,) = answers["summary"]["triggers"]
    assert trigger["evidence"]["field"] == "summary"


def test_nothing_wrong_is_exit_0(room: Room) -> None:
    room.write()

    done = room.tocsin("detect", stdin=json.dumps({"id": "a", "title": NOISE}).encode())

    assert (done.code, done.out, done.err) == (0, '{"id": "a", "triggers": []}\n', "")
