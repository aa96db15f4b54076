"""docs/tuning.md is run as it stands: its files are written, its line changed, its commands give what it shows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.cli import app

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found, kind
    return found[1]


def runs() -> list[tuple[str, list[str]]]:
    """Each command with the lines that the page shows of its answer."""
    text = "".join(re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    commands = [part.splitlines() for part in text.split("$ tocsin ")[1:]]
    return [(command, shown) for command, *shown in commands]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copytree(ROOT / "config", tmp_path / "tried")
    for folder in ("config", "tried"):
        # The page shows what the rules do; the learned weights change with each training.
        settings = tmp_path / folder / "settings.yaml"
        text = re.sub(r"^detect:.*\n", "detect:\n  second_opinion: false\n", settings.read_text(), flags=re.MULTILINE)
        settings.write_text(text)
        assert "second_opinion: false" in text
    (tmp_path / "march.jsonl").write_text(block("json"), encoding="utf-8")
    (tmp_path / "known.csv").write_text(block("csv"), encoding="utf-8")
    rule = tmp_path / "tried" / "triggers" / "missile_test.yaml"
    before = rule.read_text(encoding="utf-8")
    after = re.sub(r"^unless: .*\n", lambda _: block("yaml"), before, flags=re.MULTILINE)
    assert sum(a != b for a, b in zip(before.splitlines(), after.splitlines(), strict=True)) == 1
    rule.write_text(after, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("TOCSIN_CONFIG", str(tmp_path / "config"))
    return tmp_path


def words(command: str) -> list[str]:
    return [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', command)]


def test_the_worked_example_is_true(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(runs()) == 5
    for command, shown in runs():
        monkeypatch.setenv("TOCSIN_CONFIG", str(desk / "config"))
        done = CliRunner().invoke(app, words(command), catch_exceptions=False)

        assert done.exit_code == 0, command
        position = 0
        for line in shown:
            found = done.output.find(line, position)
            assert found >= 0, (command, line, done.output)
            position = found + len(line)
