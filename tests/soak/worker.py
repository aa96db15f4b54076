"""A worker of the soak: it sweeps again and again by the clock of its database until it is killed or asked to end.

All of a sweep is real but the reader of texts. `python -m tests.soak.worker` is the process that forks them.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from flows.opening import opened
from tests.faults.forks import Question, serve
from tests.faults.reading import Reader
from tests.soak.clock import Clock

PAUSE_S = 0.3


def work(question: Question) -> None:
    """Sweep until SIGTERM, or until the process that forked it is gone: a soak that was broken off leaves nobody."""
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    clock, parent = Clock(Path(question["clock"])), os.getppid()
    while not asked.is_set() and os.getppid() == parent:
        now = clock.now()
        with opened(os.environ, now=now, stop=asked.is_set) as sweep:
            sweep.reader = Reader()
            sweep.run(now=now, clock=clock.now)
        asked.wait(PAUSE_S)


if __name__ == "__main__":
    # A fork that is asked to end before it listens does so once it does.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    serve(work)
