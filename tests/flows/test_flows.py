"""The flows `digest`, `report` and `maintain`, called as plain functions: Prefect only schedules them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flows.digest import digest
from flows.maintain import maintain
from flows.report import report
from flows.reporting import week_before
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, VETO, Room

DAY = dt.timedelta(days=1)


@pytest.fixture
def held(room: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    """Two alerts that wait for the digest of the next morning."""
    room.watch["notify"] = [{"channel": "mail", "digest": True}]
    room.watch["digest"] = {"cron": "0 7 * * *", "zone": "UTC"}
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR).publish(VETO, at=NOW + HOUR)
    room.sweep(now=NOW + HOUR)
    for name, value in room.environ.items():
        monkeypatch.setenv(name, value)
    return room


def test_the_digest_sends_what_was_held_as_one_message_and_writes_the_report(held: Room) -> None:
    assert held.mailbox.mails == []

    said = digest.fn(now=NOW.replace(hour=7) + DAY)

    assert said.startswith("2 sent, 0 not sent; report at ")
    ((_, mail),) = held.mailbox.mails
    assert "New missile_test" in mail.as_string()
    report = Path(said.rpartition(" at ")[2])
    assert report.parent == held.state / "reports"
    assert MISSILE in report.read_text()
    assert digest.fn(now=NOW.replace(hour=8) + DAY).startswith("0 sent")
    assert len(held.mailbox.mails) == 1


@pytest.fixture
def weekly(held: Room) -> Room:
    """The same watch, two of whose readers take reports."""
    held.channels[1] |= {"to": ["desk@example.org", "duty@example.org"], "reports": True}
    return held.write()


MONDAY = NOW.replace(hour=7, minute=30) + DAY


def test_the_report_of_a_week_goes_to_each_reader_once_whatever_is_started_again(weekly: Room) -> None:
    assert [report.fn(now=MONDAY + hours * HOUR).partition("; ")[2] for hours in (0, 1, 24)] == [
        "2 sent, 0 not sent",
        "0 sent, 0 not sent",
        "0 sent, 0 not sent",
    ]
    assert {str(mail["To"]) for _, mail in weekly.mailbox.mails} == {"desk@example.org", "duty@example.org"}
    assert len(weekly.mailbox.mails) == 2
    assert MISSILE in (weekly.state / "reports" / "2026-W09.html").read_text()

    assert report.fn(now=MONDAY + 7 * DAY).endswith("2 sent, 0 not sent")
    assert (weekly.state / "reports" / "2026-W10.html").exists()


def test_who_could_not_be_reached_is_told_of_and_tried_again(weekly: Room) -> None:
    works = weekly.channels[1]["url"]
    weekly.channels[1]["url"] = "mailto://127.0.0.1:9/?from=a@example.org"
    weekly.write()
    assert report.fn(now=MONDAY).endswith("0 sent, 2 not sent")
    with weekly.store() as store:
        assert {notice.subject for notice in store.notices.all()} >= {"report:mail/0", "report:mail/1"}

    weekly.channels[1]["url"] = works
    weekly.write()
    assert report.fn(now=MONDAY + DAY).endswith("2 sent, 0 not sent")
    with weekly.store() as store:
        assert not [notice for notice in store.notices.all() if notice.subject.startswith("report:")]


def test_one_process_at_a_time_sends_the_report(weekly: Room) -> None:
    with weekly.store() as store:
        assert store.leases.acquire("report", holder="other", now=MONDAY, ttl=HOUR)

    assert report.fn(now=MONDAY).endswith("another process sends it")
    assert weekly.mailbox.mails == []


def test_without_a_reader_the_report_is_a_file(held: Room) -> None:
    assert report.fn(now=MONDAY).endswith("2026-W09.html; 0 sent, 0 not sent")
    assert held.mailbox.mails == []


def test_a_week_of_another_zone_is_told_in_utc(weekly: Room) -> None:
    weekly.settings["timezone"] = "Asia/Seoul"
    weekly.write()

    assert report.fn(now=MONDAY).endswith("2026-W09.html; 2 sent, 0 not sent")
    assert {str(mail["Subject"]) for _, mail in weekly.mailbox.mails} == {
        "Tocsin: report of 2026-02-22 15:00 to 2026-03-01 15:00 UTC"
    }


def test_a_week_begins_on_monday_by_the_clocks_of_its_zone() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    since, until = week_before(dt.datetime(2026, 3, 1, 15, 30, tzinfo=dt.UTC), seoul)

    assert (since.isoformat(), until.isoformat()) == ("2026-02-23T00:00:00+09:00", "2026-03-02T00:00:00+09:00")
    assert week_before(since, seoul)[1] == since
    spring = week_before(dt.datetime(2026, 3, 30, 12, tzinfo=dt.UTC), ZoneInfo("Europe/Berlin"))
    assert (spring[1].astimezone(dt.UTC) - spring[0].astimezone(dt.UTC)) == 7 * DAY - HOUR


def test_maintenance_deletes_what_is_no_longer_kept_and_keeps_what_alerts_rest_on(held: Room) -> None:
    said = maintain.fn(now=NOW + 401 * DAY)

    assert said == "0 events, 1 articles, 0 audit lines deleted; 0 bodies emptied; database sound"
    with held.store() as store:
        assert [notice.subject for notice in store.notices.all() if notice.subject == "database"] == []
        assert len(store.alerts.recent()) == 2
        assert all(
            detail and detail.reports for detail in map(store.alerts.detail, (a.id for a in store.alerts.recent()))
        )
    assert held.sweep(now=NOW + 401 * DAY + HOUR).alerts == 0
