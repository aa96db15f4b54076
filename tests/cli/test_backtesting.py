"""`tocsin backtest` on what it cannot work with: one clear line each, exit code 2, and nothing is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.newsroom import Room

GOOD = '{"id": "a", "title": "Bakers prepare a feast", "published": "2026-03-01"}\n'


def refused(run: Run, *arguments: object) -> str:
    """The only line that it says."""
    done = run("backtest", *map(str, arguments))
    assert (done.code, done.out) == (2, ""), done.err
    (line,) = done.err.splitlines()
    return line


@pytest.fixture
def items(tmp_path: Path) -> Path:
    path = tmp_path / "items.jsonl"
    path.write_text(GOOD)
    return path


def test_a_file_without_items(run: Run, items: Path) -> None:
    for content in ("", "\n\n"):
        items.write_text(content)
        assert refused(run, "--articles", items) == (f"tocsin: nothing to replay: {items}: no articles of these days")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ('{"id": "b", "title": "x", "publ', "is no JSON, from column 27 on"),
        ('{"id": "b", "title": 7, "published": "2026-03-01"}', "'title' is missing or no text"),
        ('{"id": "b", "title": "x", "published": "2026-13-01"}', "'2026-13-01' is no ISO 8601 date"),
    ],
)
def test_a_broken_line_is_named_with_its_number(line: str, cause: str, run: Run, items: Path) -> None:
    items.write_text(f"{GOOD}{line}\n{GOOD}")

    assert refused(run, "--articles", items) == f"tocsin: cannot read the articles: {items}:2: {cause}"


def test_a_file_that_is_not_there_or_no_text(run: Run, items: Path) -> None:
    assert "No such file or directory" in refused(run, "--articles", items.with_name("none.jsonl"))
    items.write_bytes(b"\xff\xfe\x00")
    assert refused(run, "--articles", items).startswith(f"tocsin: cannot read the articles: {items}: 'utf-8' codec")


def test_a_truth_without_its_columns_and_with_a_bad_date(run: Run, items: Path, tmp_path: Path) -> None:
    truth = tmp_path / "known.csv"
    truth.write_text("day,event\n2026-03-01,x\n")
    assert refused(run, "--articles", items, "--truth", truth) == (
        f"tocsin: cannot read what is known: {truth}:1: the first line must name the columns `date` and `what`"
    )
    truth.write_text("date,what\n2026-03-01,x\n1 March,x\n")
    assert refused(run, "--articles", items, "--truth", truth) == (
        f"tocsin: cannot read what is known: {truth}:3: Invalid isoformat string: '1 March'"
    )


def test_days_in_the_wrong_order_and_days_without_articles(run: Run, items: Path) -> None:
    assert refused(run, "--articles", items, "--since", "2026-03-02", "--until", "2026-03-01") == (
        "tocsin: no such days: 2026-03-02 to 2026-03-01: --since is after --until"
    )
    assert refused(run, "--articles", items, "--since", "2026-03-02") == (
        f"tocsin: nothing to replay: {items}: no articles of these days"
    )


@pytest.mark.parametrize("option", ["--config", "--against"])
def test_a_configuration_that_does_not_load(option: str, room: Room, run: Run, items: Path) -> None:
    bad = Path(shutil.copytree(room.config, room.folder / "bad"))
    (bad / "settings.yaml").write_text("sweep_evry: 1m\n")

    assert refused(run, "--articles", items, option, bad).startswith(
        "bad/settings.yaml:1: sweep_evry: is not a known key"
    )


def test_a_folder_that_is_no_configuration(run: Run, items: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for option in ("--config", "--against"):
        assert (
            refused(run, "--articles", items, option, nowhere) == f"tocsin: no configuration: {nowhere}: no such folder"
        )
