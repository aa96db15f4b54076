from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.samples import config_folder
from tocsin.config.settings import read_settings
from tocsin.errors import Problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("send: {timeout: 4s}", "`timeout` is too short, which makes duplicates; at least 60s"),
        ("send: {lease: 90s}", "`lease` is too short for a send to end in; at least twice `timeout`"),
    ],
)
def test_waits_that_would_send_twice_are_refused(tmp_path: Path, text: str, message: str) -> None:
    problems: list[Problem] = []
    read_settings(config_folder(tmp_path, settings=text), problems)
    assert [str(problem) for problem in problems] == [f"config/settings.yaml:1: send: {message}"]


def test_a_heartbeat_is_a_web_address_whose_secret_stands_elsewhere(tmp_path: Path) -> None:
    folder = config_folder(tmp_path, settings="heartbeat: ${BEAT}")
    problems: list[Problem] = []
    read_settings(folder, problems, {})
    read_settings(folder, problems, {"BEAT": "ping.example.org"})
    assert [problem.message for problem in problems] == ["names ${BEAT}, which is not set", "is no web address"]

    settings = read_settings(folder, problems, {"BEAT": "https://ping.example.org/hush"})
    assert settings.heartbeat == "https://ping.example.org/hush"
    assert "hush" not in repr(settings)
