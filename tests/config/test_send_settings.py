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
