"""Sweeps in processes of their own that can be killed, without loading the language model for each.

All of a sweep is real but the start of the interpreter. `Driver` is the side of the test, `python -m
tests.faults.driver` the process that forks them.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from flows.opening import opened
from flows.redetection import Redetected, redetect
from flows.tally import Tally
from tests.faults.forks import Forks, Question, serve
from tests.newsroom import language
from tocsin.failpoint import VARIABLE

WEEK = dt.timedelta(days=7)
TOLD = "told to end\n"


@dataclass(frozen=True)
class Ended:
    """How a sweep ended: `code` is minus the signal that killed it, `tally` what it did, `log` all that it said."""

    code: int
    tally: Mapping[str, Any]
    log: str


class Driver:
    """Starts sweeps and waits for them."""

    def __init__(self) -> None:
        self._forks = Forks("tests.faults.driver")
        self.close = self._forks.close

    def start(self, environ: Mapping[str, str], now: dt.datetime, log: Path, *, failpoint: str = "") -> int:
        """Start a sweep at `now`; its pid. With `failpoint` it kills itself there."""
        variables = {**environ, **({VARIABLE: f"{failpoint}:kill"} if failpoint else {})}
        return self._forks.start(variables, log, now=now.isoformat())

    def redetect(self, environ: Mapping[str, str], now: dt.datetime, log: Path, *, failpoint: str) -> int:
        """Read the articles of the last week again, to be killed at `failpoint`; how that ended."""
        variables = {**environ, VARIABLE: f"{failpoint}:kill"}
        return self._forks.wait(self._forks.start(variables, log, now=now.isoformat(), again="yes"))

    def wait(self, pid: int, log: Path) -> Ended:
        """Wait for a sweep."""
        code = self._forks.wait(pid)
        text = log.read_text() if log.exists() else ""
        last = text.rstrip().rpartition("\n")[2]
        return Ended(code, json.loads(last) if code == 0 else {}, text)

    def terminate(self, pid: int, log: Path) -> None:
        """Ask a sweep to end, and wait until it knows."""
        os.kill(pid, signal.SIGTERM)
        while TOLD not in log.read_text():
            time.sleep(0.01)

    def sweep(self, environ: Mapping[str, str], now: dt.datetime, log: Path, *, failpoint: str = "") -> Ended:
        """Start a sweep and wait for it."""
        return self.wait(self.start(environ, now, log, failpoint=failpoint), log)


def tell_of_sigterm() -> None:
    """Say it once the handler that is in place has run."""
    heed = signal.getsignal(signal.SIGTERM)
    assert callable(heed)

    def tell(number: int, frame: FrameType | None) -> None:
        heed(number, frame)
        os.write(2, TOLD.encode())

    signal.signal(signal.SIGTERM, tell)


def sweep(question: Question) -> None:
    """Sweep, or read again, and say as the last line what it did."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    now = dt.datetime.fromisoformat(question["now"])
    with opened(os.environ, now=now) as sweep:
        sweep.language = language
        tell_of_sigterm()
        if "again" in question:
            tally: Tally | Redetected = redetect(sweep, since=now - WEEK, until=now, now=now)
        else:
            tally = sweep.run(now=now)
    os.write(1, (json.dumps(dataclasses.asdict(tally)) + "\n").encode())


if __name__ == "__main__":
    language()
    serve(sweep)
