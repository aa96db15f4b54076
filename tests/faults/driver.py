"""Sweeps in processes of their own that can be killed, without loading the language model for each.

`python -m tests.faults.driver` loads everything once and forks a sweep for every line it reads: all of it is real but
the start of the interpreter. `Driver` is the side of the test.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.opening import opened
from tests.newsroom import impatient, language
from tocsin.failpoint import VARIABLE

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a sweep ended: `code` is minus the signal that killed it, `tally` what it did, `log` all that it said."""

    code: int
    tally: Mapping[str, Any]
    log: str


class Driver:
    """Starts sweeps and waits for them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def start(self, environ: Mapping[str, str], now: dt.datetime, log: Path, *, failpoint: str = "") -> int:
        """Start a sweep at `now`; its pid. With `failpoint` it kills itself there."""
        variables = {**environ, **({VARIABLE: f"{failpoint}:kill"} if failpoint else {})}
        return int(self._ask({"environ": variables, "now": now.isoformat(), "log": str(log)}))

    def wait(self, pid: int, log: Path) -> Ended:
        """Wait for a sweep."""
        code = int(self._ask({"wait": pid}))
        text = log.read_text() if log.exists() else ""
        last = text.rstrip().rpartition("\n")[2]
        return Ended(code, json.loads(last) if code == 0 else {}, text)

    def sweep(self, environ: Mapping[str, str], now: dt.datetime, log: Path, *, failpoint: str = "") -> Ended:
        """Start a sweep and wait for it."""
        return self.wait(self.start(environ, now, log, failpoint=failpoint), log)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _ask(self, question: Mapping[str, Any]) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def main() -> None:
    """Answer with the pid of a forked sweep, or with the exit code of one that was waited for."""
    language()
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            answer = os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _child(question)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _child(question: Mapping[str, Any]) -> None:
    """Sweep, with everything that is said in the log file, and end."""
    handle = os.open(question["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(handle, number)
    code = 1
    try:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
        os.environ.update(question["environ"])
        now = dt.datetime.fromisoformat(question["now"])
        with opened(os.environ, now=now) as sweep:
            sweep.language, sweep.sender = language, impatient()
            tally = sweep.run(now=now)
        os.write(1, (json.dumps(dataclasses.asdict(tally)) + "\n").encode())
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
