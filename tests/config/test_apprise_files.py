"""Apprise's own configuration files as the addresses of a channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apprise
import pytest

from tests.newsroom import MISSILE, NOISE, NOW, Room, dump
from tocsin.config.apprise_files import addresses
from tocsin.config.channels import read_channels
from tocsin.errors import Problem

TEXT = """# comment
; another
ops, night = slack://T00000000/B00000000/abcdefghijklmnopqrstuvwx
day=slack://T00000000/B11111111/abcdefghijklmnopqrstuvwx
slack://T00000000/B22222222/abcdefghijklmnopqrstuvwx?a=b
"""
YAML_TEXT = """version: 1
urls:
  - slack://T00000000/B00000000/abcdefghijklmnopqrstuvwx:
      tag: ops, night
  - slack://T00000000/B11111111/abcdefghijklmnopqrstuvwx:
      - tag: [day]
  - slack://T00000000/B22222222/abcdefghijklmnopqrstuvwx?a=b
"""


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))


@pytest.mark.parametrize("text", [f"{BOMB}urls: []\ntag: *a9\n", "urls: " + "[" * 50_000])
def test_a_file_that_would_burst_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(text)
    with pytest.raises(ValueError, match=r"has aliases|nested too deep"):
        addresses(tmp_path / "a.yml", frozenset())


@pytest.mark.parametrize(("name", "text"), [("a.conf", TEXT), ("a.yml", YAML_TEXT)])
def test_it_is_read_as_apprise_reads_it(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    theirs = apprise.AppriseConfig(str(path))

    assert len(addresses(path, frozenset())) == len(theirs.servers()) == 3
    for tag in ("ops", "night", "day"):
        ours = addresses(path, frozenset({tag}))
        assert len(ours) == 1
        (same,) = [each for each in theirs.servers() if tag in each.tags]
        plugin = apprise.Apprise.instantiate(ours[0])
        assert plugin is not None and plugin.url() == same.url()
    assert len(addresses(path, frozenset({"ops", "day"}))) == 2


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.conf", "include http://127.0.0.1/more", "has a line 1 that is no address"),
        ("a.conf", "ok=json://127.0.0.1\nhushhush", "has a line 2 that is no address"),
        ("a.conf", "# nothing", "names a file with no address"),
        ("a.conf", "json://127.0.0.1", "names a file with no address of these tags"),
        ("a.yml", "urls: [json://127.0.0.1]\ninclude: [x]", "has include, which is not taken from it"),
        ("a.yml", "urls:\n - json://127.0.0.1: {to: hushhush}", "has options beside an address"),
        ("a.yml", "urls: [hushhush]", "that is no address"),
        ("a.yml", "urls: {a: [}", "no YAML"),
        ("a.yml", "- json://127.0.0.1", "without a list `urls`"),
        ("a.yml", "urls: [!!python/object/apply:os.getcwd []]", "no YAML"),
        ("none.conf", None, "cannot be read"),
    ],
)
def test_what_cannot_be_taken_is_told_and_not_shown(name: str, text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        addresses(tmp_path / name, frozenset({"x"}) if "these tags" in message else frozenset())
    assert "hushhush" not in str(caught.value)
    assert "; " in str(caught.value)


def problems(folder: Path, **channel: Any) -> list[Problem]:
    found: list[Problem] = []
    dump(folder / "channels.yaml", {"channels": [{"id": "desk", **channel}]})
    read_channels(folder, found, {})
    return found


@pytest.mark.parametrize(
    ("channel", "text", "message"),
    [
        ({}, "", "`url` or `apprise` says where it goes"),
        ({"apprise": "a.conf", "url": "json://127.0.0.1"}, "", "`url` or `apprise` says where it goes"),
        ({"url": "json://127.0.0.1", "tags": ["a"]}, "", "`tags` chooses from an `apprise` file"),
        ({"apprise": "a.conf"}, "json://127.0.0.1?retry=3", "has the option retry"),
        ({"apprise": "a.conf"}, "json://127.0.0.1\nslack://A/B/C", "several kinds of service (plain, slack)"),
    ],
)
def test_problems_name_file_and_key(channel: dict[str, Any], text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text(text)
    (found,) = problems(tmp_path, **channel)
    assert message in str(found)
    assert found.file.endswith("channels.yaml")


def test_an_alert_goes_to_each_address_of_a_tag_and_none_is_logged(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    token = "s3cretpath99"
    base = f"webhook://127.0.0.1:{room.hooks.port}"
    room.channels = [{"id": "hook", "apprise": "apprise.conf", "tags": ["desk"]}]
    room.watch["notify"] = ["hook"]
    paper = room.paper("herald").publish(NOISE, at=NOW)
    room.write()
    lines = [f"desk={base}/{token}/a", f"desk={base}/{token}/b", f"other={base}/{token}/c"]
    (room.config / "apprise.conf").write_text("\n".join(lines))
    room.sweep(now=NOW)
    paper.publish(MISSILE, at=NOW)
    room.hooks.status, room.hooks.body = 500, f"no such {token}".encode()

    room.sweep(now=NOW.replace(hour=13))
    assert "channel hook: HTTP 500: no such …" in caplog.text
    assert token not in caplog.text

    room.hooks.status = 200
    room.sweep(now=NOW.replace(hour=15))
    paths = {path for path, _, _ in room.hooks.requests}
    assert paths == {f"/{token}/a", f"/{token}/b"}
