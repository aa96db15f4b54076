"""The log file: one line each, with ids, without secrets, turned over while others write."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from flows.maintain import maintain
from tests.faults.oracle import CANARY, plant
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room
from tocsin import logs

logger = logging.getLogger("tocsin.test")


def read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_of_json_has_the_ids_that_it_is_about_and_its_trace(tmp_path: Path) -> None:
    path = tmp_path / "log" / "tocsin.log"
    with logs.kept(path, format="json", secrets=["hush"]):
        logger.info("feed %s: hush", "herald", extra={"feed": "herald"})
        try:
            raise ValueError("of hush\nand more")
        except ValueError:
            logger.exception("alert %s", "a1", extra={"alert": "a1", "channel": "mail"})
    logger.error("nobody keeps this")

    told, failed = read(path)
    expected = {"level": "info", "logger": "tocsin.test", "message": "feed herald: …", "feed": "herald"}
    assert told.items() >= expected.items()
    assert told["time"].endswith("+00:00")
    assert (failed["alert"], failed["channel"]) == ("a1", "mail")
    assert "ValueError: of …\nand more" in failed["trace"]


def test_a_line_of_text_is_one_line_whatever_a_feed_says(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.log"
    with logs.kept(path, format="text", secrets=[]):
        logger.warning("title: %s", "a\nINFO all is well\x1b[2J\u2028b\r\udc80")
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert "\\nINFO all is well\\x1b[2J\\u2028b\\r" in line


def test_logins_and_queries_of_addresses_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.log"
    with logs.kept(path, format="text", secrets=["ab", "abc"]):
        logger.warning("https://ann:pw@example.org/x?key=1 postgresql://ann:pw@db/tocsin abc")
    assert "https://…@example.org/x?… postgresql://…@db/tocsin …\n" in path.read_text(encoding="utf-8")


def test_it_is_turned_over_while_another_writes_and_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.log"
    with logs.kept(path, format="text", secrets=[]):
        for number in range(5):
            logger.warning("night %s", number)
            logs.turn_over(path, keep=2)
        logs.turn_over(path, keep=2)
        logger.warning("day")
    found = {each.name: each.read_text(encoding="utf-8").rpartition(": ")[2] for each in tmp_path.iterdir()}
    assert found == {"tocsin.log": "day\n", "tocsin.log.1": "night 4\n", "tocsin.log.2": "night 3\n"}
    logs.turn_over(path, keep=0)
    assert not path.exists()


def test_sweeps_write_into_it_and_no_canary_gets_there(room: Room) -> None:
    plant(room)
    room.settings["log"] = {"file": "log/tocsin.log", "format": "json"}
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    room.hooks.status, room.hooks.body = 500, room.secrets["HOOK_PATH"].encode()
    room.sweep(now=NOW + HOUR)
    paper.answers(b"", 500)
    room.sweep(now=NOW + 3 * HOUR)

    path = room.state / "log" / "tocsin.log"
    lines = read(path)
    assert {line.get("channel") for line in lines} >= {"hook"}
    assert {line.get("feed") for line in lines} >= {"herald"}
    assert all(line["alert"] for line in lines if "channel" in line)
    assert CANARY not in path.read_text(encoding="utf-8")


def test_the_nightly_flow_begins_a_new_one(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.settings["log"] = {"file": "tocsin.log", "keep": 3}
    room.write()
    room.state.mkdir()
    (room.state / "tocsin.log").write_text("yesterday\n")
    for name, value in room.environ.items():
        monkeypatch.setenv(name, value)

    maintain.fn(now=NOW)

    assert (room.state / "tocsin.log.1").read_text() == "yesterday\n"
