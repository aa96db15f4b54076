"""Whether anything is lost or sent twice while sweeps are killed all the time (FAULTS.md K15).

    python benchmarks/kill_soak.py --minutes 10 [--seed N] [--per-second 2]

A feed publishes events, each of which must alert by a webhook and by mail; the sweeping process gets SIGKILL every 1 to
5 seconds. All servers are on loopback. Exit code 1 where an alert was lost, or sent twice outside the named window: the
moment between a service taking a message and the mark that it did.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faults.soak import soak
from tests.newsroom import newsroom


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-second", type=float, default=2.0, help="events that are published")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-soak-") as folder, newsroom(Path(folder)) as room:
        found = soak(room, seconds=60 * options.minutes, seed=options.seed, per_second=options.per_second)
    print(json.dumps(dataclasses.asdict(found)))
    sys.exit(1 if found.lost or found.duplicates_outside_window else 0)


if __name__ == "__main__":
    main()
