from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.samples import config_folder
from tocsin.config.channels import Channel, read_channels
from tocsin.errors import Problem

ENV = {"PASS": "p@ss/wörd canary", "TOKEN": "canarytoken0123456789"}


def read(path: Path, text: str, **env: str) -> tuple[tuple[Channel, ...], list[str]]:
    problems: list[Problem] = []
    folder = config_folder(path, channels=text)
    return read_channels(folder, problems, ENV | env), [str(problem) for problem in problems]


def one(path: Path, url: str, more: str = "") -> tuple[Channel | None, list[str]]:
    channels, problems = read(path, f"channels:\n  - id: desk\n    url: {url}\n{more}")
    return (channels[0] if channels else None), problems


def test_no_file_means_no_channels(tmp_path: Path) -> None:
    assert read_channels(tmp_path, [], {}) == ()


def test_each_address_is_a_recipient(tmp_path: Path) -> None:
    desk, problems = one(
        tmp_path, "mailtos://tocsin:${PASS}@mail.example.org/?from=t@example.org", "    to: [a@example.org, b@c.org]\n"
    )
    assert problems == [] and desk is not None
    base = "mailtos://tocsin:p%40ss%2Fw%C3%B6rd%20canary@mail.example.org/?from=t@example.org"
    assert [url.get_secret_value() for url in desk.recipients] == [f"{base}&to=a@example.org", f"{base}&to=b@c.org"]
    assert desk.family == "mail"
    assert desk.title == "desk"


def test_no_secret_shows_in_repr_or_str(tmp_path: Path) -> None:
    desk, _ = one(tmp_path, "json://user:${PASS}@127.0.0.1/${TOKEN}", "    signing_key: ${TOKEN}\n")
    assert desk is not None
    assert "canary" not in repr(desk) + str(desk) + desk.model_dump_json()
    hidden = {secret.get_secret_value() for secret in desk.secrets}
    assert {"p@ss/wörd canary", "p%40ss%2Fw%C3%B6rd%20canary", "canarytoken0123456789"} <= hidden


def test_a_file_may_hold_the_whole_url_or_a_part(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("discord://1/canary\n")
    desk, problems = one(tmp_path, "['file:../url', 'json://h/${file:../url}']")
    assert problems == [] and desk is not None
    assert [url.get_secret_value() for url in desk.recipients] == [
        "discord://1/canary",
        "json://h/discord:%2F%2F1%2Fcanary",
    ]
    assert desk.family == "discord"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "mailto://u:hunter2@h/",
            "holds a password; write ${NAME} there and set NAME in the environment, or file:path",
        ),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "holds what looks like a token; "),
        ("tgram://123456789:AAabcdefghijklmnopqrstuvwxyz012345678/1", "holds what looks like a token; "),
        ("ntfy://h/t?auth=x", "holds a secret in auth; "),
        ("json://h/?token=abc", "holds a secret in token; "),
        (
            "json://h/?optional=yes",
            "has the option optional; a delivery is retried by Tocsin until it is taken or given up",
        ),
        ("json://h/?retry=3", "has the option retry; a delivery is retried by Tocsin until it is taken or given up"),
        ("mailto://h/?CC=a@b.c", "has the option CC; each recipient is a delivery of its own; list them under `to`"),
        ("not a url", "is no Apprise URL; write service://…, see docs/channels.md"),
        ("json://h/${NOSUCH}", "names ${NOSUCH}, which is not set; set it in the environment of tocsin"),
        ("file:nosuch", "names the file nosuch, which cannot be read; a file with one line of text"),
    ],
)
def test_a_wrong_url_is_a_problem_with_its_line(tmp_path: Path, url: str, message: str) -> None:
    desk, problems = one(tmp_path, f"'{url}'")
    assert desk is None
    assert len(problems) == 1
    assert problems[0].startswith(f"config/channels.yaml:3: channels[0].url: {message}")
    assert "hunter2" not in problems[0] and "TIiaj" not in problems[0]


def test_a_key_that_stands_there_is_a_problem(tmp_path: Path) -> None:
    _, problems = one(tmp_path, "webhooks://h/", "    signing_key: topsecret\n")
    assert problems[0].startswith("config/channels.yaml:4: channels[0].signing_key: holds a secret; write ${NAME}")
    assert "topsecret" not in problems[0]


def test_to_is_for_one_mail_url(tmp_path: Path) -> None:
    _, problems = one(tmp_path, "json://h/", "    to: a@b.c\n")
    assert "`to` lists addresses for one mailto URL" in problems[0]


def test_all_problems_come_in_one_run(tmp_path: Path) -> None:
    entries = ("id: a, retries: 2", "id: B", "id: c", "id: c")
    text = "channels:\n" + "".join(f"  - {{{entry}, url: 'json://h'}}\n" for entry in entries)
    channels, problems = read(tmp_path, text)
    assert [channel.id for channel in channels] == ["c", "c"]
    keys = [problem.split(": ")[1] for problem in problems]
    assert keys == ["channels[0].retries", "channels[1].id", "channels[3].id"]
    assert "allowed: id, title, url, to, signing_key, on_uncertain, per_minute, alarms" in problems[0]


def test_only_a_channel_of_mails_takes_reports(tmp_path: Path) -> None:
    desk, problems = one(tmp_path / "a", "mailto://localhost/?from=t@example.org", "    reports: true\n")
    assert problems == [] and desk is not None and desk.reports
    _, problems = one(tmp_path / "b", "json://127.0.0.1/", "    reports: true\n")
    assert problems == ["config/channels.yaml:4: channels[0].reports: is for a channel of mails; a mailto URL"]
