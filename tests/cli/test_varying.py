"""`tocsin vary` and `tocsin backtest` as a person calls them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from flows.backtest.saved import load
from flows.backtest.variation import number_key, values_around, with_value
from tests.cli.conftest import Run
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, VETO, Room
from tocsin.config.thresholds import KINDS
from tocsin.errors import SetupError

BURST = {
    "id": "burst",
    "type": "event_count",
    "title": "Burst",
    "where": {"type": "missile_test"},
    "timespan": "30d",
    "condition": {"gte": 2},
}


def archive(path: Path) -> Path:
    """Three launches of three states in three weeks, and a veto."""
    titles = (MISSILE, MISSILE.replace("North", "South"), MISSILE.replace("North Korea", "Russia"), VETO)
    rows = [
        {
            "id": f"n{number}",
            "title": title,
            "published": (NOW + number * 7 * 24 * HOUR).isoformat(),
            "source": "Herald",
        }
        for number, title in enumerate(titles)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture
def items(room: Room, run: Run, tmp_path: Path) -> Path:
    room.watch["thresholds"].append(BURST)
    room.write()
    return archive(tmp_path / "items.jsonl")


def test_a_curve_over_the_values_with_the_one_in_force_marked(room: Room, run: Run, items: Path) -> None:
    done = run("vary", "burst", "--articles", str(items), "--value", "1", "--value", "3", "--value", "9")

    assert done.code == 0, done.err
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[0][:4] == ["condition.gte", "alerts", "a", "week"]
    assert [row[:2] for row in rows[1:]] == [["1", "1"], ["2", "1"], ["3", "1"], ["9", "0"]]
    assert [row[-3:] == ["←", "in", "force"] for row in rows[1:]] == [False, True, False, False]
    assert room.hooked() == []


def test_the_plot_is_one_file_that_asks_nobody(run: Run, items: Path, tmp_path: Path) -> None:
    page = tmp_path / "curve.html"
    done = run("vary", "test/burst", "--articles", str(items), "--plot", str(page), "--json")

    answer = json.loads(done.out)
    assert (answer["threshold"], answer["key"]) == ("burst", "condition.gte")
    assert [point["value"] for point in answer["points"] if point["in_force"]] == [2]
    text = page.read_text()
    assert "in force: 2" in text
    assert not re.search(r"<(script|link)[^>]+(src|href)=", text)


def test_what_cannot_be_varied_is_said(run: Run, items: Path) -> None:
    for arguments, cause in (
        (("nothing",), "there is no such threshold"),
        (("burst", "--key", "title"), "title is no number of it"),
        (("burst", "--key", "severity", "--value", "99"), "severity is no number of it"),
    ):
        done = run("vary", *arguments, "--articles", str(items))
        assert done.code == 2
        assert cause in done.err


@pytest.mark.parametrize(
    ("kind", "content", "key"),
    [
        ("event", {}, "where.min_corroboration"),
        ("score", {"timespan": "9d", "half_life": "2d", "condition": {"lte": -20}}, "condition.lte"),
        ("spike", {"timespan": "2d", "spike_height": 4}, "spike_height"),
        ("silence", {"factor": 6}, "factor"),
    ],
)
def test_the_usual_number_of_a_threshold_and_values_around_it(kind: str, content: dict[str, object], key: str) -> None:
    where = {"type": "missile_test"}
    threshold = KINDS[kind].model_validate({"id": "a", "title": "A", "type": kind, "where": where, **content})

    assert number_key(threshold) == key
    values = values_around(threshold, key)
    assert len(values) >= 3
    assert len({with_value(threshold, key, value).version for value in values}) == len(values)


def test_a_value_that_a_threshold_may_not_have_is_refused() -> None:
    threshold = KINDS["silence"].model_validate({"id": "a", "title": "A", "type": "silence", "where": {"source": "KP"}})
    with pytest.raises(SetupError, match=r"factor cannot be 0\.5"):
        with_value(threshold, "factor", 0.5)


def test_a_backtest_of_the_store_leaves_it_as_it_is_and_tells_nobody(room: Room, run: Run) -> None:
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    room.sweep(now=NOW + HOUR)
    sent, before = room.hooked(), hashlib.sha256((room.state / "tocsin.db").read_bytes()).digest()
    with room.store() as store:
        ids = [alert.id for alert in store.alerts.recent()]

    answer = json.loads(run("backtest", "--json").out)

    assert (answer["articles"], answer["triggers"], answer["messages"]) == (2, 1, 2)
    assert [alert["id"] for alert in answer["alerts"]] == ids
    assert answer["events"][0]["articles"] == [2]
    assert room.hooked() == sent
    assert hashlib.sha256((room.state / "tocsin.db").read_bytes()).digest() == before
    assert run("backtest", "--since", "2027-01-01").code == 2


def test_a_backtest_ends_with_1_where_a_known_event_is_lost(run: Run, items: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.csv"
    known.write_text("date,what\n2026-03-01,missile_test\n2026-03-01,new_sanctions_veto\n")

    done = run("backtest", "--articles", str(items), "--truth", str(known))

    assert done.code == 1
    assert "missed 2026-03-01 new_sanctions_veto" in done.out
    assert "1 of 2 known events hit, lead -12.0 h at the median; 3 false alerts" in done.out
    lines = done.out.splitlines()
    assert any(line.startswith("hook ") for line in lines)
    answer = json.loads(run("backtest", "--articles", str(items), "--truth", str(known), "--json").out)
    assert answer["truth"]["lost"] == [{"date": "2026-03-01", "what": "new_sanctions_veto"}]


def test_a_backtest_is_kept_under_its_name_with_what_it_printed(run: Run, room: Room, items: Path) -> None:
    done = run("backtest", "--articles", str(items), "--against", str(room.config), "--save", "march", "--json")
    assert done.code == 0, done.err
    kept = load(room.state, "march")

    assert kept.answer == json.loads(done.out)
    assert kept.answer["against"] == {"gained": [], "lost": [], "moved": []}
    assert (kept.run.config, kept.run.source) == (str(room.config), str(items))
    assert kept.record.told


def test_a_bad_name_is_refused_before_the_work(run: Run, room: Room, items: Path) -> None:
    done = run("backtest", "--articles", str(items), "--save", "../march")

    assert done.code == 2
    assert "cannot name a backtest so: ../march" in done.err
    assert not (room.state / "backtest").exists()
