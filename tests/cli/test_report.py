"""`tocsin report` over a watch that told of something, to a real mail server on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room

WEEK = "2026-W09"
"""That of `NOW`."""


@pytest.fixture
def told(room: Room, run: Run) -> Room:
    """A watch that told of a launch."""
    room.channels[1] |= {"to": ["desk@example.org", "duty@example.org"], "reports": True}
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(f"{MISSILE} <b>today</b>", at=NOW + HOUR)
    room.sweep(now=NOW + HOUR)
    room.mailbox.mails.clear()
    return room


def test_the_week_is_written_as_a_file(told: Room, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out" / "week.html"

    done = run("report", "--week", WEEK, "--out", str(target))

    assert (done.code, done.out) == (0, f"report at {target}\n")
    html = target.read_text(encoding="utf-8")
    assert "Alerts from 2026-02-23 00:00 to 2026-03-02 00:00 UTC" in html
    assert "1 alert of test;\n1 event." in html
    assert MISSILE in html
    assert [path.name for path in target.parent.iterdir()] == ["week.html"]
    assert told.mailbox.mails == []


def test_the_file_is_named_by_its_span(told: Room, run: Run) -> None:
    for options in (("--week", WEEK), ("--since", "2026-03-01", "--until", "2026-03-01T14:00+01:00"), ()):
        assert run("report", *options).code == 0
    names = {path.name for path in (told.state / "reports").iterdir()}
    assert {"2026-W09.html", "2026-03-01T0000_2026-03-01T1300.html"} < names
    assert len(names) == 3


def test_it_is_mailed_in_brief_to_each_recipient_that_takes_reports(told: Room, run: Run) -> None:
    done = run("report", "--week", WEEK, "--send")

    assert done.code == 0, done.err
    assert done.out.splitlines()[1:] == ["mail/0: taken", "mail/1: taken"]
    assert len(told.hooks.requests) == 1  # the alert itself
    assert {str(mail["To"]) for _, mail in told.mailbox.mails} == {"desk@example.org", "duty@example.org"}
    (_, mail), _ = told.mailbox.mails
    assert str(mail["Subject"]) == "Tocsin: report of 2026-02-23 00:00 to 2026-03-02 00:00 UTC"
    html = next(part for part in mail.walk() if part.get_content_type() == "text/html").get_payload(decode=True)
    assert isinstance(html, bytes)
    assert MISSILE in html.decode()
    assert "<article" not in html.decode()


def test_a_recipient_that_takes_no_mail_makes_exit_1(told: Room, run: Run) -> None:
    told.channels[1]["url"] = "mailto://127.0.0.1:9/?from=a@example.org"
    told.write()

    done = run("report", "--week", WEEK, "--send")

    assert done.code == 1
    assert [line.partition(":")[0] for line in done.out.splitlines()[1:] if line.startswith("mail")] == [
        "mail/0",
        "mail/1",
    ]
    assert "taken" not in done.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--week", "47"), "'47' is no ISO week"),
        (("--week", "2026-W60"), "is no ISO week"),
        (("--week", WEEK, "--since", "2026-03-01"), "give --week, or --since"),
        (("--until", "2026-03-01"), "give --week, or --since"),
        (("--since", "yesterday"), "is no date or time"),
        (("--since", "2026-03-02", "--until", "2026-03-01"), "--since must be before --until"),
        (("--send",), "no channel takes reports"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, options: tuple[str, ...], message: str) -> None:
    done = run("report", *options)
    assert done.code == 2
    assert message in done.err
