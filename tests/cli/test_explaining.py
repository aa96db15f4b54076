"""`tocsin explain`: what a text gave, what was tried, and why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tocsin.cli import app

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("TOCSIN_CONFIG", str(CONFIG))

    def call(*args: str) -> Result:
        return CliRunner().invoke(app, ["explain", *args])

    return call


def test_names_actors_rules_and_the_trigger(run: Callable[..., Result]) -> None:
    result = run("North Korea fires ballistic missile into the sea, Seoul says")
    assert result.exit_code == 0
    assert "actor KP: “North Korea”" in result.output
    assert "gate lets in: " in result.output
    assert "TRIGGER missile_test happened KP" in result.output


def test_json_holds_the_parse_and_every_attempt(run: Callable[..., Result]) -> None:
    answer = json.loads(run("Russia vetoes UN sanctions on Mali", "--json").output)
    segment = answer["segments"][0]
    assert [token["text"] for token in segment["tokens"]][:2] == ["Russia", "vetoes"]
    assert any(attempt["rule"] == "sanctions_veto" for attempt in segment["attempts"])
    assert all(attempt["matched"] or attempt["reason"] for attempt in segment["attempts"])


def test_says_why_not(run: Callable[..., Result]) -> None:
    result = run("Governor vetoes budget bill", "--why-not", "sanctions_veto")
    assert result.exit_code == 0
    assert result.output.startswith("- ")


def test_an_unknown_type_is_refused_with_the_known_ones(run: Callable[..., Result]) -> None:
    result = run("Governor vetoes budget bill", "--why-not", "veto")
    assert result.exit_code == 2


def test_draws_the_parse(run: Callable[..., Result], tmp_path: Path) -> None:
    page = tmp_path / "parse.html"
    assert run("North Korea fires missile", "--html", str(page)).exit_code == 0
    assert "<svg" in page.read_text(encoding="utf-8")
