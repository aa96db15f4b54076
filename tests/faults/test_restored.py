"""D08: yesterday's backup is put back; what was told since is told nobody a second time, and is not lost either."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.conftest import Run
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, VETO, Room
from tocsin.model import AlertKind, DeliveryState


def restored(room: Room, backup: Path) -> None:
    """A day of sweeps of which the database knows nothing any more."""
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    with room.store() as store:
        store.maintenance.backup(backup)
    paper.publish(MISSILE, at=NOW + HOUR)
    room.sweep(now=NOW + HOUR)
    assert len(room.hooked()) == len(room.mailed()) == 1
    for left in room.state.glob("tocsin.db*"):
        left.unlink()
    shutil.copy(backup, room.state / "tocsin.db")


def test_what_may_have_been_told_is_held_for_a_person_and_news_goes_out(room: Room, tmp_path: Path, run: Run) -> None:
    restored(room, tmp_path / "backup.db")
    room.press.papers["herald"].publish(VETO, at=NOW + 2 * HOUR)

    room.sweep(now=NOW + 2 * HOUR)
    room.sweep(now=NOW + 3 * HOUR)

    with room.store() as store:
        alerts = {alert.threshold: alert for alert in store.alerts.recent()}
        states = {name: {each.state for each in store.outbox.of_alert(alert.id)} for name, alert in alerts.items()}
    assert states["new_missile_test"] == {DeliveryState.DEAD}
    assert states["new_sanctions_veto"] == {DeliveryState.SENT}
    assert [alert.group for alert in alerts.values() if alert.kind is AlertKind.ALARM] == ["database=restored"]
    assert len(room.mailed()) == 2

    done = run("alerts", "send", alerts["new_missile_test"].id, "--who", "ann")
    assert done.code == 0, done.err
    assert run("alerts", "send", alerts["new_missile_test"].id).code == 1
    with room.store() as store:
        detail = store.alerts.detail(alerts["new_missile_test"].id)
        assert detail is not None
        assert [(act.who, act.act) for act in detail.history] == [("ann", "send")]
        assert {each.state for each in detail.deliveries} == {DeliveryState.QUEUED}


def test_a_pause_is_no_restored_backup(room: Room) -> None:
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    room.sweep(now=NOW + 30 * HOUR)
    assert len(room.mailed()) == 1


def test_a_clock_that_was_set_back_is_no_restored_backup(room: Room) -> None:
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW - 3 * HOUR)
    room.sweep(now=NOW - 2 * HOUR)
    room.sweep(now=NOW + HOUR)
    assert len(room.mailed()) == 1
    with room.store() as store:
        assert {alert.kind for alert in store.alerts.recent()} == {AlertKind.ALERT}
