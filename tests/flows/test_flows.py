"""The flows `digest` and `maintain`, called as plain functions: Prefect only schedules them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from flows.digest import digest
from flows.maintain import maintain
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
