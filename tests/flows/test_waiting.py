"""What waits is judged again when its time has come, over whole sweeps: group_wait, counts, quiet hours, escalation."""

from __future__ import annotations

import datetime as dt

from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, NOW, VETO, Room

DAY = dt.timedelta(days=1)


def seen(room: Room) -> None:
    """The feed was polled before, so that what comes now is news."""
    room.paper("herald").publish(NOISE, at=NOW - DAY)
    room.write().sweep(now=NOW - HOUR)


def test_a_group_wait_is_over_by_time_alone(any_room: Room) -> None:
    room = any_room
    room.watch["thresholds"][0]["group_wait"] = "10m"
    seen(room)
    room.paper("herald").publish(MISSILE, at=NOW)

    early = room.sweep(now=NOW)
    with room.store() as store:
        waits = store.alerts.waits()
    between = room.sweep(now=NOW + 5 * MINUTE)
    late = room.sweep(now=NOW + 11 * MINUTE)

    assert (early.events, early.alerts, between.alerts, late.alerts) == (1, 0, 0, 1)
    assert list(waits) == [("test", "new_missile_test")]
    assert NOW < waits["test", "new_missile_test"] <= NOW + 10 * MINUTE
    with room.store() as store:
        assert store.alerts.waits() == {}
    assert len(room.hooks.requests) == 1


def test_a_wait_survives_that_nothing_else_happens(room: Room) -> None:
    room.watch["thresholds"][0]["group_wait"] = "10m"
    seen(room)
    room.paper("herald").publish(MISSILE, at=NOW)
    room.sweep(now=NOW)

    assert room.sweep(now=NOW + 12 * HOUR).alerts == 1


def test_a_count_is_reached_by_the_event_that_completes_it(any_room: Room) -> None:
    room = any_room
    count = {"id": "burst", "type": "event_count", "title": "Burst", "timespan": "7d", "condition": {"gte": 2}}
    room.watch["thresholds"] = [{**count, "where": {"type": ["missile_test", "sanctions_veto"]}}]
    seen(room)
    room.paper("herald").publish(MISSILE, at=NOW)
    first = room.sweep(now=NOW)
    room.paper("herald").publish(VETO, at=NOW + HOUR)
    second = room.sweep(now=NOW + HOUR)

    assert (first.alerts, second.alerts) == (0, 1)
    with room.store() as store:
        (alert,) = store.alerts.recent()
    assert len(alert.events) == 2
    assert "2" in alert.reason


def test_a_threshold_that_generates_nothing_alerts_nobody(room: Room) -> None:
    room.watch["thresholds"][0]["generate"] = False
    seen(room)
    room.paper("herald").publish(MISSILE, at=NOW)

    assert room.sweep(now=NOW).alerts == 0


def test_quiet_hours_hold_a_delivery_until_they_end(room: Room) -> None:
    room.watch["quiet_hours"] = {"start": "11:00", "end": "14:00", "zone": "UTC"}
    seen(room)
    room.paper("herald").publish(MISSILE, at=NOW)

    assert (room.sweep(now=NOW).alerts, len(room.hooks.requests)) == (1, 0)
    assert room.sweep(now=NOW + 2 * HOUR + MINUTE).sent == 2


def test_an_alert_nobody_acknowledges_is_escalated_once(room: Room) -> None:
    room.watch["escalation"] = [{"after": "30m", "notify": ["hook"]}]
    room.watch["notify"] = ["mail"]
    seen(room)
    room.paper("herald").publish(MISSILE, at=NOW)

    room.sweep(now=NOW)
    assert len(room.hooks.requests) == 0
    room.sweep(now=NOW + 31 * MINUTE)
    room.sweep(now=NOW + 62 * MINUTE)

    assert len(room.hooks.requests) == 1
    assert room.hooks.json()["type"] == "tocsin.escalation"
