"""`tocsin run`: the main job on the seeds. Their feeds are served on loopback as they were at each moment of the
timeline, and the flow of production takes them from there, under a clock that is handed to it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.environment import prepare
from flows.seeds import SeedFeed, SeedServer
from flows.serving import free_port, server_child, wait_until_healthy

STEP = dt.timedelta(hours=12)
_COPIED = ("actors.yaml", "places.yaml", "vocabulary.yaml", "triggers", "watches", "templates")


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of a replay: the virtual time, what the flow said, and the messages that arrived."""

    number: int
    of: int
    now: dt.datetime
    said: str
    received: tuple[dict[str, Any], ...]


def moments(seeds: tuple[SeedFeed, ...], step: dt.timedelta = STEP) -> list[dt.datetime]:
    """The times to sweep at: first an hour before the first item, then at each end of a `step` that brought items."""
    times = sorted(item.published for seed in seeds for item in seed.items)
    origin = times[0].astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ends = {origin + (1 + (time - origin) // step) * step for time in times}
    return [times[0] - dt.timedelta(hours=1), *sorted(ends)]


def write_config(source: Path, target: Path, seeds: tuple[SeedFeed, ...], server: SeedServer, state: Path) -> None:
    """A configuration like `source`, but with the seeds for feeds and the server's inbox for every channel."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in _COPIED:
        path = source / name
        if path.is_dir():
            shutil.copytree(path, target / name)
        elif path.exists():
            shutil.copyfile(path, target / name)
    channels = YAML(typ="safe").load((source / "channels.yaml").read_text(encoding="utf-8"))["channels"]
    hook = server.url.replace("http://", "webhook://") + "/inbox"
    _write(
        target / "channels.yaml",
        {"channels": [{"id": each["id"], "url": f"{hook}/{each['id']}", "per_minute": 6000} for each in channels]},
    )
    _write(target / "feeds.yaml", {"feeds": [_feed(seed, server.url) for seed in seeds]})
    fetch = {"allow_networks": ["127.0.0.0/8"], "per_host": 10, "host_pause": "0s"}
    _write(target / "settings.yaml", {"state": str(state), "fetch": fetch})


def _feed(seed: SeedFeed, url: str) -> dict[str, Any]:
    head = seed.feed
    keys = ("id", "title", "publisher", "family", "language", "state_media")
    return {
        **{key: getattr(head, key) for key in keys if getattr(head, key)},
        "url": f"{url}/{head.id}",
        "tags": list(head.tags),
        "interval": {"min": "1m", "max": "5m"},
    }


def _write(path: Path, value: Any) -> None:
    text = StringIO()
    YAML(typ="safe").dump(value, text)
    path.write_text(text.getvalue(), encoding="utf-8")


@contextmanager
def replaying(source: Path, seeds: tuple[SeedFeed, ...], state: Path) -> Iterator[Callable[[], Iterator[Moment]]]:
    """A replay of `seeds` under the rules of the configuration `source`, with everything of its own in `state`.

    Inside the block the Prefect server runs, and the yielded function plays the timeline once.
    """
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    times = moments(seeds)
    with SeedServer(seeds, times[0]).running() as server, _prefect(state):
        folder = state / "config"
        write_config(source, folder, seeds, server, state)
        os.environ["TOCSIN_CONFIG"] = str(folder)
        yield lambda: _play(server, times)


def _play(server: SeedServer, times: Sequence[dt.datetime]) -> Iterator[Moment]:
    from flows.watch import watch  # only now is Prefect's environment in place

    for number, now in enumerate(times, 1):
        server.now = now
        said = asyncio.run(watch(now=now))
        received, server.inbox = server.inbox, []
        yield Moment(number, len(times), now, said, tuple(json.loads(body) for body in received))


@contextmanager
def _prefect(state: Path) -> Iterator[None]:
    """A Prefect server of the replay's own, unless PREFECT_API_URL names one."""
    if os.environ.get("PREFECT_API_URL"):
        prepare(state, port=0)
        yield
        return
    prepare(state, port=free_port())
    server = server_child(quiet=True)
    server.start()
    try:
        wait_until_healthy(server, stop=threading.Event())
        yield
    finally:
        server.stop(30.0)
