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


def test_the_key_that_signs_links_stands_elsewhere_and_is_long(tmp_path: Path) -> None:
    written = config_folder(tmp_path / "a", settings="web: {secret: in the clear}")
    folder = config_folder(tmp_path / "b", settings="web: {address: 'https://desk.example.org', secret: '${KEY}'}")
    problems: list[Problem] = []
    read_settings(written, problems, {})
    for environ in ({}, {"KEY": "short"}):
        read_settings(folder, problems, environ)
    assert [str(problem).partition(" web.secret: ")[2] for problem in problems] == [
        "holds a secret; write ${NAME} or file:path and keep it outside of config/",
        "names ${KEY}, which is not set; set it in the environment of tocsin",
        "names a key that is too short; 32 characters or more, as of `openssl rand -hex 32`",
    ]
    settings = read_settings(folder, [], {"KEY": 32 * "k"})
    assert settings.web.secret == 32 * "k"
    assert "kkk" not in repr(settings)


def test_the_dashboards_address_is_a_web_address(tmp_path: Path) -> None:
    problems: list[Problem] = []
    read_settings(config_folder(tmp_path, settings="web: {address: desk.example.org}"), problems, {})
    assert [str(problem).partition(" web.address")[0] for problem in problems] == ["config/settings.yaml:1:"]
