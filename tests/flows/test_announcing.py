"""Whoever listens for new alerts hears of each once, after it is committed, and can break nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.newsroom import HOUR, MISSILE, NOISE, NOW, VETO, Room
from tocsin.model import Alert


def published(room: Room) -> Room:
    """Two events after a first poll."""
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR).publish(VETO, at=NOW + HOUR)
    return room


def test_each_new_alert_is_told_once_and_stands_in_the_store_by_then(room: Room) -> None:
    heard: list[str] = []
    with published(room).opened(now=NOW + HOUR) as sweep:

        def tell(alerts: Sequence[Alert]) -> None:
            assert {alert.id for alert in alerts} == {alert.id for alert in sweep.store.alerts.recent()}
            heard.extend(alert.threshold for alert in alerts)

        sweep.tell = tell
        sweep.run(now=NOW + HOUR)
        sweep.run(now=NOW + 2 * HOUR)

    assert sorted(heard) == ["new_missile_test", "new_sanctions_veto"]


def test_a_listener_that_fails_is_logged_and_the_alerts_go_out(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    def tell(alerts: Sequence[Alert]) -> None:
        raise RuntimeError("nobody is there")

    with published(room).opened(now=NOW + HOUR) as sweep:
        sweep.tell = tell
        tally = sweep.run(now=NOW + HOUR)

    assert (tally.alerts, tally.sent) == (2, 4)
    assert "2 new alerts could not be announced" in caplog.text
