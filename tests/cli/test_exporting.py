"""`tocsin events export` and `tocsin alerts export`."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys

import pytest
import stix2

from tests.cli.conftest import Run
from tests.newsroom import HOUR, MISSILE, NOISE, VETO, Room


@pytest.fixture
def told(room: Room) -> Room:
    """A room with two events, and an alert on each."""
    now = dt.datetime.now(dt.UTC)
    paper = room.paper("herald").publish(NOISE, at=now - 2 * HOUR)
    room.write().sweep(now=now - HOUR)
    paper.publish(MISSILE, at=now).publish(VETO, at=now)
    room.sweep(now=now)
    return room


def test_events_go_out_in_each_format(told: Room, run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("events", "export", "--format", "csv").out)))
    assert {row["type"] for row in rows} == {"missile_test", "sanctions_veto"}
    assert {row["source_name"] for row in rows} == {"North Korea", "Russia"}
    lines = run("events", "export", "--format", "plover", "--type", "sanctions_veto").out.splitlines()
    assert [json.loads(line)["event_type"] for line in lines] == ["REJECT"]
    found = stix2.parse(run("events", "export", "--format", "stix").out, version="2.1")
    assert [each["type"] for each in found.objects].count("incident") == 2


def test_alerts_go_out_with_what_they_rest_on(told: Room, run: Run) -> None:
    found = stix2.parse(run("alerts", "export", "--format", "stix").out, version="2.1")
    kinds = [each["type"] for each in found.objects]
    assert (kinds.count("report"), kinds.count("incident")) == (2, 2)
    assert len(run("alerts", "export", "--format", "csv", "--watch", "test").out.splitlines()) == 3
    assert len(run("alerts", "export", "--format", "csv", "--watch", "none").out.splitlines()) == 1


def test_parquet_goes_into_a_file(told: Room, run: Run) -> None:
    arrow = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is not installed")
    for what, rows in (("events", 2), ("alerts", 2)):
        file = told.folder / f"{what}.parquet"
        assert run(what, "export", "--format", "parquet", str(file)).code == 0
        assert arrow.read_table(file).num_rows == rows
        assert run(what, "export", "--format", "parquet", str(file)).err.endswith("File exists\n")
    done = run("events", "export", "--format", "parquet")
    assert (done.code, done.err) == (2, "tocsin: cannot export: stdout: Parquet is no text; name a file\n")


def test_without_pyarrow_parquet_says_what_to_install(told: Room) -> None:
    file = told.folder / "events.parquet"
    arguments = ["events", "export", "--format", "parquet", str(file)]
    code = f"import sys; sys.modules['pyarrow'] = None; from tocsin.cli import main; main({arguments!r})"
    environ = {**os.environ, **told.environ}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "it needs pyarrow; run `make install-parquet`" in done.stderr
    assert not file.exists()


def test_only_the_days_that_are_asked_for(told: Room, run: Run) -> None:
    arguments = ("events", "export", "--format", "plover")
    assert run(*arguments, "--since", "2001-01-01", "--until", "2001-01-31").out == ""
    assert len(run(*arguments, "--since", f"{dt.datetime.now(dt.UTC) - 24 * HOUR:%Y-%m-%d}").out.splitlines()) == 2
    assert run(*arguments, "--since", "yesterday").code == 2


def test_s07_a_file_that_is_there_or_a_link_is_never_written_over(told: Room, run: Run) -> None:
    arguments = ("events", "export", "--format", "csv")
    fresh, precious = told.folder / "out.csv", told.folder / "precious"
    precious.write_text("kept")
    (told.folder / "link.csv").symlink_to(precious)
    dangling = told.folder / "dangling.csv"
    dangling.symlink_to(told.folder / "elsewhere")

    assert run(*arguments, str(fresh)).code == 0
    assert fresh.read_text(encoding="utf-8").startswith("id,started_at,")
    for taken in (fresh, precious, told.folder / "link.csv", dangling):
        done = run(*arguments, str(taken))
        assert (done.code, done.err) == (2, f"tocsin: cannot export: {taken}: File exists\n")
    assert precious.read_text() == "kept"
    assert not (told.folder / "elsewhere").exists()
    assert run(*arguments, str(told.folder / "no" / "such.csv")).code == 2
