"""Kept backtests: the list, and two of them side by side."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from flows.backtest.record import record
from flows.backtest.saved import FOLDER, Run, load, save
from tests.flows.backtests import TWO, config, tried, written
from tests.newsroom import HOUR, NOW, Room
from tests.web.conftest import Dashboard, stock
from tocsin.web.backtests import side_by_side
from tocsin.web.desk import breakable, signed


def keep(state: Path, name: str, *, two: int, at: dt.datetime = NOW) -> None:
    """The backtest `name` of two missiles a day apart, with an alert for each and one for `two`."""
    outcome = tried(config(two=two), written(state / "items.jsonl", *TWO))
    save(state, Run(name, at, f"/etc/{name}", "items.jsonl"), record(outcome), outcome.as_json())


@pytest.fixture
def browser(room: Room) -> Iterator[TestClient]:
    """A browser at a dashboard with two kept backtests, the later of which is stricter."""
    stock(room)
    keep(room.state, "loose", two=2)
    keep(room.state, "strict", two=3, at=NOW + HOUR)
    with ExitStack() as stack:
        yield Dashboard(room, stack).open()


def test_kept_backtests_are_listed_the_latest_first(browser: TestClient) -> None:
    page, rows = browser.get("/backtests").text, browser.get("/backtests.json").json()

    assert [(row["name"], row["alerts"]) for row in rows] == [("strict", 2), ("loose", 3)]
    assert rows[0]["articles"] == rows[0]["triggers"] == rows[0]["events"] == 2
    assert "loose" in page
    assert len(list(csv.DictReader(io.StringIO(browser.get("/backtests.csv").text)))) == 2


def test_what_differs_stands_with_its_reason(browser: TestClient) -> None:
    page = browser.get("/backtests/compare?a=loose&b=strict")
    both = browser.get("/backtests/compare.json?a=loose&b=strict").json()

    (change,) = both["changes"]
    assert change["change"] == "lost"
    assert "differs in condition" in change["reason"]
    assert both["thresholds"] == [{"threshold": "w/each", "a": 2, "b": 2}, {"threshold": "w/two", "a": 1, "b": 0}]
    assert len(both["weeks"]) == len(both["a_week"]) == len(both["b_week"])
    assert (sum(both["a_week"]), sum(both["b_week"])) == (3, 2)
    assert "differs in condition" in page.text
    assert "unsafe-eval" not in page.headers["content-security-policy"]
    (line,) = csv.DictReader(io.StringIO(browser.get("/backtests/compare.csv?a=loose&b=strict").text))
    assert line["change"] == "lost"


def test_turned_round_what_was_lost_is_gained(browser: TestClient) -> None:
    both = browser.get("/backtests/compare.json?a=strict&b=loose").json()

    assert [row["change"] for row in both["changes"]] == ["gained"]


def test_with_itself_nothing_differs(browser: TestClient) -> None:
    assert "Nothing: both raise the same alerts" in browser.get("/backtests/compare?a=loose&b=loose").text


@pytest.mark.parametrize("name", ["none", "../loose", "", "a" * 65])
def test_one_that_is_not_kept_is_said_to_be_so(browser: TestClient, name: str) -> None:
    answer = browser.get("/backtests/compare", params={"a": "loose", "b": name})

    assert answer.status_code == 404
    assert "There is no such backtest" in answer.text


def test_one_that_cannot_be_read_hides_no_other(browser: TestClient, room: Room) -> None:
    (room.state / FOLDER / "broken.json").write_text("{")

    page = browser.get("/backtests").text

    assert "Not readable" in page
    assert "strict" in page


def test_two_archives_are_told_of(tmp_path: Path) -> None:
    keep(tmp_path, "one", two=2)
    one = load(tmp_path, "one")

    other = replace(one, record=replace(one.record, articles=3))

    assert side_by_side(one, one).alike
    assert not side_by_side(one, other).alike


def test_without_any_the_page_says_how_to_keep_one(room: Room) -> None:
    stock(room)
    with ExitStack() as stack:
        page = Dashboard(room, stack).open().get("/backtests").text

    assert "None is kept yet" in page
    assert "tocsin backtest --save" in page


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [(-24, 2, "-24"), (100, 1, "+100"), (-0.04, 2, "-0.04"), (-0.04, 1, "0"), (2.5, 2, "+2.5"), (0, 2, "0")],
)
def test_a_change_has_its_sign_and_no_needless_zero(number: float, places: int, text: str) -> None:
    assert signed(number, places) == text


def test_an_id_breaks_where_its_words_end_and_runs_nothing() -> None:
    assert breakable("kp/missile_test") == "kp/<wbr>missile_<wbr>test"
    assert breakable("<i>_") == "&lt;i&gt;_<wbr>"
