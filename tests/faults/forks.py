"""A process that forks others, so that each can be killed and none has to load anything.

A module that is started as `python -m tests.faults.<name>` loads what all need and calls `serve`; `Forks` is the side
of the test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
Question = Mapping[str, Any]


class Forks:
    """Starts forks of the process of `module` and waits for them."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        self.session = self._process.pid
        """Of every process that the forks start, so that those which they leave behind are found."""

    def start(self, environ: Mapping[str, str], log: Path, **values: str) -> int:
        """Start a fork with these variables, its output in `log` and `values` for its work; its pid."""
        return self._ask({"environ": dict(environ), "log": str(log), **values})

    def wait(self, pid: int) -> int:
        """The exit code of a fork; minus the signal that killed it."""
        return self._ask({"wait": pid})

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _ask(self, question: Question) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def serve(work: Callable[[Question], None]) -> None:
    """Answer each line with the pid of a fork that does `work`, or with the exit code of one that was waited for."""
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            answer = os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _work(work, question)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _work(work: Callable[[Question], None], question: Question) -> None:
    """Do it with everything that is said in the log file, and end."""
    handle = os.open(question["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(handle, number)
    code = 1
    try:
        os.environ.update(question["environ"])
        work(question)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
