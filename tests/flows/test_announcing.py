"""Whoever listens for new alerts hears of each once, after it is committed, and can break nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from flows.serving import free_port
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


def test_without_a_server_alerts_are_announced_to_nobody_and_nothing_waits(tmp_path: Path) -> None:
    """Prefect's own client, and no server at its address: it queues, and what it cannot place it drops."""
    code = """
import time
from flows.announcing import announce
from tests.alerts.samples import alert
began = time.monotonic()
announce([alert() for _ in range(100)])
print(time.monotonic() - began)
"""
    url = f"http://127.0.0.1:{free_port()}/api"
    environ = {**os.environ, "PREFECT_API_URL": url, "PREFECT_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=240)

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 20
