"""The soak: two worlds side by side, one on SQLite with one worker, one on Postgres with three."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.faults.forks import Forks
from tests.soak.books import Figures, balance
from tests.soak.world import Plan, World, world

NEWS = 0.5
"""Events a second. Open events are looked at in memory, so what is to stay flat beside them must not drown in them."""


def plans(*, feeds: int, quick: bool) -> tuple[Plan, Plan]:
    """On SQLite the clock can run fast, and so the leases of who was killed; several workers need one near the real."""
    kills = ((1.0, 5.0), (2.0, 5.0)) if quick else ((4.0, 12.0), (5.0, 15.0))
    steps, outages = ((2.0, 6.0), (2.0, 6.0)) if quick else ((30.0, 90.0), (20.0, 60.0))
    sqlite = Plan("sqlite", 1, 30.0, kills[0], steps, outages, ("10m", "20m"), feeds, NEWS)
    return sqlite, Plan("postgres", 3, 3.0, kills[1], steps, outages, ("1m", "2m"), feeds, NEWS, shards=6)


def soak(
    folder: Path, postgres: str, *, seconds: float, seed: int, feeds: int, quick: bool = False
) -> list[tuple[World, Figures]]:
    """Run both worlds for so many seconds, let them come to rest, and balance their books."""
    with ExitStack() as stack:
        forks = [stack.enter_context(contextlib.closing(Forks("tests.soak.worker"))) for _ in range(2)]
        worlds = [
            stack.enter_context(
                world(folder / plan.name, plan, database=database, seed=seed + place, forks=forks[place])
            )
            for place, (plan, database) in enumerate(zip(plans(feeds=feeds, quick=quick), ("", postgres), strict=True))
        ]
        _together(worlds, lambda each: each.begin())
        end = time.monotonic() + seconds
        _together(worlds, lambda each: each.live(end))
        _together(worlds, lambda each: each.calm())
        return [(each, balance(each)) for each in worlds]


def _together(worlds: list[World], work: Callable[[World], None]) -> None:
    """Do it in all worlds at the same time; the first error is raised once all have ended."""
    errors: list[BaseException] = []

    def done(each: World) -> None:
        try:
            work(each)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=done, args=(each,), name=each.plan.name) for each in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
