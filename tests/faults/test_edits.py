"""C02: what was decided under a configuration that is gone is told all the same, and its history stays."""

from __future__ import annotations

from tests.cli.conftest import Run
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room
from tocsin.model import AlertKind, DeliveryState


def waiting(room: Room) -> None:
    """An alert whose deliveries wait for both channels."""
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.paper("post").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    room.hooks.status, room.mailbox.answer_data = 503, "451 later"
    room.sweep(now=NOW + HOUR)
    with room.store() as store:
        assert len(store.outbox.in_state(DeliveryState.QUEUED)) == 2
    room.hooks.status, room.mailbox.answer_data = 200, ""


def test_c02_after_rule_threshold_and_feed_are_gone_what_waits_is_sent_and_explains_itself(
    room: Room, run: Run
) -> None:
    waiting(room)
    (room.config / "triggers" / "missile_test.yaml").unlink()
    del room.rules["missile_test"], room.feeds["herald"]
    room.watch["thresholds"] = room.watch["thresholds"][1:]
    room.write()

    before = len(room.hooks.requests)
    tally = room.sweep(now=NOW + 2 * HOUR)

    assert (tally.sent, tally.failed) == (2, 0)
    assert (len(room.hooks.requests) - before, len(room.mailbox.mails)) == (1, 1)
    text = room.mailbox.mails[0][1].get_body(("plain",)).get_content()
    assert MISSILE in text or MISSILE.upper() in text.upper()
    with room.store() as store:
        (alert,) = store.alerts.recent()
        detail = store.alerts.detail(alert.id)
        assert detail is not None
        assert [len(each) for each in detail.reports.values()] == [1]
        assert store.feeds.get("herald") is not None, "its state is kept, for when it comes back"
    asked = len(room.press.papers["herald"].requests)
    room.sweep(now=NOW + 3 * HOUR)
    assert len(room.press.papers["herald"].requests) == asked
    assert run("why", alert.id).code in (0, 1)


def test_c02_after_a_channel_is_gone_its_deliveries_end_with_an_alarm(room: Room) -> None:
    waiting(room)
    room.channels = [each for each in room.channels if each["id"] == "hook"]
    room.watch["notify"] = ["hook"]
    room.write()

    room.sweep(now=NOW + 2 * HOUR)
    room.sweep(now=NOW + 2 * HOUR)

    with room.store() as store:
        (dead,) = store.outbox.in_state(DeliveryState.DEAD)
        assert dead.channel == "mail"
        alarms = [each for each in store.alerts.recent() if each.kind is AlertKind.ALARM]
    assert any("channel 'mail' is no longer configured" in each.reason for each in alarms)
    assert any(each.id in room.hooked() for each in alarms)


def test_c02_a_renamed_rule_alerts_nobody_again(room: Room) -> None:
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    room.sweep(now=NOW + HOUR)
    (room.config / "triggers" / "missile_test.yaml").unlink()
    room.rules["rocket_test"] = {**room.rules.pop("missile_test"), "type": "missile_test"}
    room.write()

    tally = room.sweep(now=NOW + 2 * HOUR)

    assert (tally.alerts, len(room.mailbox.mails)) == (0, 1)
