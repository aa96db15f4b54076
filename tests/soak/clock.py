"""The clock of all workers of one database: faster than the real one, and put forward and back as clocks are.

Each process of the soak computes the same time from the system's monotonic clock, which nobody sets, and a small file.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Clock:
    """Reads and sets the time that `path` says."""

    path: Path

    def begin(self, now: dt.datetime, *, pace: float) -> None:
        """Start at `now`; `pace` seconds of it pass in a real one."""
        self._write(now, time.monotonic(), pace)

    def now(self) -> dt.datetime:
        """The time."""
        said = json.loads(self.path.read_text(encoding="utf-8"))
        passed = (time.monotonic() - said["since"]) * said["pace"]
        return dt.datetime.fromisoformat(said["at"]) + dt.timedelta(seconds=passed)

    def step(self, by: dt.timedelta) -> None:
        """Put it forward or back, at once and for all processes."""
        said = json.loads(self.path.read_text(encoding="utf-8"))
        self._write(dt.datetime.fromisoformat(said["at"]) + by, said["since"], said["pace"])

    def _write(self, at: dt.datetime, since: float, pace: float) -> None:
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps({"at": at.isoformat(), "since": since, "pace": pace}), encoding="utf-8")
        draft.replace(self.path)
