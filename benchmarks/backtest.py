"""What a backtest of a year costs, by the command as a person runs it: read anew, and with its triggers stored.

    python benchmarks/backtest.py [--articles FILE.jsonl] [--config FOLDER] [--spread]

Default: the 365 days with the most items of ../shared/news/wcep_*.jsonl. They are dated by day and so all come at noon;
`--spread` gives each a time of its day, as feeds do, which makes the clock stop more often. CPU seconds are of all
processes together: on two cores, a cold run takes half of them. The last line of the output is JSON.
"""

from __future__ import annotations

import argparse
import bisect
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NEWS = ROOT.parent / "shared" / "news"
YEAR = dt.timedelta(days=365)
DAY_S = 86_400


def busiest_year(news: Path) -> list[dict[str, Any]]:
    """The items of the 365 days with the most of them, oldest first."""
    rows = [json.loads(line) for path in sorted(news.glob("wcep_*.jsonl")) for line in path.open(encoding="utf-8")]
    rows.sort(key=lambda row: str(row["published"]))
    days = [dt.date.fromisoformat(row["published"][:10]) for row in rows]
    ends = [bisect.bisect_left(days, day + YEAR) for day in days]
    start = max(range(len(days)), key=lambda at: ends[at] - at)
    return rows[start : ends[start]]


def spread(row: dict[str, Any]) -> dict[str, Any]:
    """The item with a time of its day, always the same."""
    second = zlib.crc32(str(row["id"]).encode()) % DAY_S
    at = dt.datetime.fromisoformat(row["published"][:10]).replace(tzinfo=dt.UTC) + dt.timedelta(seconds=second)
    return {**row, "published": at.isoformat()}


def timed(command: list[str], environ: dict[str, str]) -> tuple[float, float, dict[str, Any]]:
    """Wall seconds, CPU seconds of it and its children, and its answer."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, json.loads(done.stdout)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=Path)
    parser.add_argument("--config", type=Path, default=ROOT / "config")
    parser.add_argument("--spread", action="store_true")
    options = parser.parse_args()
    if options.articles is None and not list(NEWS.glob("wcep_*.jsonl")):
        print(f"skipped: no articles given, and {NEWS} is not there")
        return
    if options.articles is None:
        rows = busiest_year(NEWS)
    else:
        rows = [json.loads(line) for line in options.articles.open(encoding="utf-8") if line.strip()]
    rows = [spread(row) for row in rows] if options.spread else rows
    with tempfile.TemporaryDirectory(prefix="tocsin-backtests-") as folder:
        file = Path(folder) / "articles.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        # The state folder lies beside the configuration, and is empty at first.
        shutil.copytree(options.config, Path(folder) / "config")
        environ = {**os.environ, "TOCSIN_CONFIG": str(Path(folder) / "config")}
        command = [str(Path(sys.executable).with_name("tocsin")), "backtest", "--articles", str(file), "--json"]
        result: dict[str, float] = {}
        for name in ("cold", "stored"):
            wall, cpu, answer = timed(command, environ)
            result |= {f"{name}_s": round(wall, 2), f"{name}_cpu_s": round(cpu, 2)}
            told = f"{len(answer['alerts'])} alerts, {answer['triggers']} triggers of {answer['articles']} articles"
            print(f"{name:6} {wall:6.2f} s, {cpu:6.2f} CPU-s, load {os.getloadavg()[0]:.1f}: {told}")
    print(json.dumps({**result, "articles": len(rows)}))


if __name__ == "__main__":
    main()
