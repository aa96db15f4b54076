"""Three workers on one Postgres do what one process does, whoever of them is killed; `make scale` is the long form."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.reading import Reader
from tests.newsroom import HOUR, NOISE, Room, newsroom
from tests.scale.workers import PATIENCE_S, News, Workers, balanced, clock, make_due, told

LONG = os.environ.get("TOCSIN_SCALE") == "long"
WAVES, ACTS = (40, 8) if LONG else (4, 6)


def settings(room: Room) -> None:
    room.channels = [{**channel, "per_minute": 6_000} for channel in room.channels]
    room.settings |= {"sweep_every": "1s", "shards": 6}


def of_one_process(folder: Path, news: News) -> list[tuple[object, ...]]:
    """The alerts that one process raises on the same news, over SQLite."""
    with newsroom(folder) as room:
        settings(room)
        News(room).opened()
        for wave in news.waves:
            News(room).show(wave)
            with room.opened(now=clock()) as sweep:
                sweep.reader = Reader()
                sweep.store.feeds.ensure(sweep.feeds, now=clock())
                make_due(sweep.store)
                sweep.run(now=clock())
        return told(room)


@pytest.mark.timeout(4 * PATIENCE_S)
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_three_workers_of_which_some_are_killed_alert_as_one_process_does(any_room: Room, tmp_path: Path) -> None:
    settings(any_room)
    news, rng = News(any_room), random.Random(7)
    news.opened()
    with closing(Workers(any_room, 3)) as workers:
        for _ in range(WAVES):
            news.publish(ACTS, at=clock())
            with any_room.store() as store:
                make_due(store)
            time.sleep(rng.uniform(0.2, 4.0 if LONG else 1.5))
            workers.replace_one(rng)
        articles = sum(len(paper.items) for paper in any_room.press.papers.values())
        workers.until_idle(articles)

    raised = told(any_room)
    assert len(raised) == news.acts
    assert raised == of_one_process(tmp_path / "one", news)
    assert balanced(any_room) <= 2 * WAVES


def test_the_command_sweeps_on_until_it_is_told_to_end(room: Room) -> None:
    paper = room.paper("herald").publish(NOISE, at=clock() - HOUR)
    room.settings["sweep_every"] = "1s"
    room.write()
    command = [str(Path(sys.executable).parent / "tocsin"), "sweep", "--loop", "--json"]
    with subprocess.Popen(command, env={**os.environ, **room.environ}, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        tallies = [json.loads(worker.stdout.readline()) for _ in range(2)]
        worker.terminate()
        assert worker.wait(60) == 0

    assert [tally["feeds"] for tally in tallies] == [1, 0]
    assert len(paper.requests) == 1
