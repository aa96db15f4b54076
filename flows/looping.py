"""A worker: one process that sweeps again and again, with its language model and parsers kept from sweep to sweep."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping

from flows.detecting import Reader
from flows.opening import opened, terminated
from flows.tally import Tally
from tocsin.errors import TocsinError

logger = logging.getLogger("tocsin.worker")

PAUSE = dt.timedelta(seconds=10)
"""Until the next try where something that may pass by itself stood in the way, such as a database that is away."""
_LOOK_S = 0.2


def loop(
    environ: Mapping[str, str],
    *,
    clock: Callable[[], dt.datetime],
    tell: Callable[[Tally], None],
    reader: Reader | None = None,
) -> None:
    """Sweep every `sweep_every` of the settings until SIGTERM; one that takes longer is followed by the next at once.

    `tell` hears what each did; with a `reader`, it reads instead of the rules' detector. An error that another try may
    mend is logged, any other raised.
    """
    with terminated() as stop:
        due = time.monotonic()
        while not stop():
            try:
                due += _sweep(environ, clock, tell, stop, reader).total_seconds()
            except TocsinError as error:
                if not error.retry:
                    raise
                logger.error("%s", error)
                due = time.monotonic() + PAUSE.total_seconds()
            due = max(due, time.monotonic())
            while not stop() and time.monotonic() < due:
                time.sleep(_LOOK_S)


def _sweep(
    environ: Mapping[str, str],
    clock: Callable[[], dt.datetime],
    tell: Callable[[Tally], None],
    stop: Callable[[], bool],
    reader: Reader | None,
) -> dt.timedelta:
    """One sweep; after how long the next is due."""
    now = clock()
    with opened(environ, now=now, stop=stop) as sweep:
        sweep.reader = reader
        tell(sweep.run(now=now, clock=clock))
        return sweep.config.settings.sweep_every
