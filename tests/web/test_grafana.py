"""The dashboard for Grafana asks for nothing that `/metrics` does not have."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.web.conftest import Dashboard

FILE = Path(__file__).parents[2] / "deploy" / "grafana.json"
SOMETIMES = {"tocsin_oldest_waiting_timestamp_seconds", "tocsin_last_sweep_timestamp_seconds"}
"""Those that stand there only where a message waits, or a sweep has ended."""


def test_every_metric_of_a_panel_is_exported(dashboard: Dashboard) -> None:
    exported = set(re.findall(r"^# TYPE (\S+) gauge$", dashboard.open().get("/metrics").text, re.MULTILINE))
    board = json.loads(FILE.read_text(encoding="utf-8"))
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\btocsin_\w+", target["expr"])
    }

    assert len(asked) > 15
    assert asked - exported <= SOMETIMES
