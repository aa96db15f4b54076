"""Memory stays bounded whatever servers send (N09, N10, P02, P05): measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "feeds"

SWEEP = """
import asyncio, datetime as dt, gzip, json, os, sys
from pathlib import Path
from extractors.feeds import Parser
from extractors.fetch import Fetcher
from extractors.poll import poll
from tests.extractors.servers import Names, http, serving
from tocsin.config.feeds import Feed
from tocsin.config.settings import FetchSettings
from tocsin.model import FeedState

NOW = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
LARGEST = 5_000_000
SETTINGS = FetchSettings(
    allow_networks=("127.0.0.0/8",), host_pause=dt.timedelta(0), per_host=100, parse_timeout=dt.timedelta(seconds=2)
)
item = b"<item><guid>%d</guid><title>A title</title></item>"
many = b"<rss version='2.0'><channel>" + b"".join(item % n for n in range(90_000)) + b"</channel></rss>"
wide = "<rss version='2.0'><channel><item><title>" + "\\U0001f6a8 " * 900_000 + "</title></item></channel></rss>"
laughs = b"<!DOCTYPE rss [<!ENTITY a 'ha'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(8)
) + b"]><rss version='2.0'><channel><item><title>&i;</title></item></channel></rss>"
ANSWERS = {
    "/bomb": http(gzip.compress(bytes(100_000_000), 1), "Content-Encoding: gzip"),
    "/large": http(b"x" * (LARGEST - 1)),
    "/many": http(many[:LARGEST]),
    "/wide": http(wide.encode()[:LARGEST]),
    "/deep": http(b"<rss version='2.0'><channel><item>" + b"<a>" * 200_000),
    "/laughs": http(laughs),
    "/good": http(b"<rss version='2.0'><channel><item><title>x</title></item></channel></rss>"),
}

ROUNDS = 24
if sys.argv[1:]:
    ROUNDS = 1
    paths = [path for kind in ("real", "snapshots", "odd", "hostile") for path in Path(sys.argv[1], kind).iterdir()]
    ANSWERS = {"/good": ANSWERS["/good"]} | {f"/d{n}": http(path.read_bytes()) for n, path in enumerate(sorted(paths))}

def peak_kb(pid):
    try:
        if pid != "self" and Path(f"/proc/{pid}/cmdline").read_bytes() == Path("/proc/self/cmdline").read_bytes():
            return 0  # forked, but still this program
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)

def children():
    return [int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()]

async def main():
    async with serving(ANSWERS) as server, Fetcher(SETTINGS, resolver=Names({})) as fetcher:
        pairs = []
        for number in range(ROUNDS):
            for path in ANSWERS:
                if number and path not in ("/bomb", "/large", "/good"):
                    continue
                id = f"{path[1:]}{number}"
                feed = Feed.model_validate({"id": id, "title": id, "url": server.url(path)})
                pairs.append((feed, FeedState(feed=id, next_check_at=NOW)))
        parsers, good, polled = 0, 0, 0
        with Parser(SETTINGS) as parser:
            async for result in poll(pairs, fetcher, parser, lambda feed, keys: {}, settings=SETTINGS, now=NOW):
                parsers = max(parsers, sum(map(peak_kb, children())))
                good += result.feed.startswith("good") and result.new == 1
                polled += 1
        figures = {"own_mb": peak_kb("self") / 1024, "parsers_mb": parsers / 1024, "good": good, "polled": polled}
        print(json.dumps(figures))

asyncio.run(main())
"""


def figures_of_a_sweep(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-c", SWEEP, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def test_a_sweep_of_bombs_and_giants_stays_under_400_mb_and_reads_the_good_ones() -> None:
    figures = figures_of_a_sweep()
    assert figures["good"] == 24
    assert figures["own_mb"] + figures["parsers_mb"] < 400, figures
    assert figures["own_mb"] < 300, figures


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared feeds are not here")
def test_a_sweep_of_all_captured_and_odd_documents_stays_under_400_mb() -> None:
    """The documents themselves, held by the server in the same process, count too."""
    figures = figures_of_a_sweep(str(SHARED))
    assert figures["polled"] > 1_400
    assert figures["good"] == 1
    assert figures["own_mb"] + figures["parsers_mb"] < 400, figures
