"""The replay of `tocsin run`: when it sweeps, and that rendered seeds come back out of the parser as they went in."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from pathlib import Path

import pytest

from extractors.feeds import Parser
from flows.replay import STEP, moments, write_config
from flows.seeds import SeedFeed, SeedHead, SeedItem, SeedServer, read_seeds, render
from tests.newsroom import Room, dump
from tocsin.config.folder import load
from tocsin.config.settings import FetchSettings
from tocsin.errors import ConfigError

ROOT = Path(__file__).parents[2]
T0 = dt.datetime(2024, 1, 5, 9, 30, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def seed(*hours: float, format: str = "rss") -> SeedFeed:
    items = [SeedItem(published=T0 + at * HOUR, title=f"Title & <{at}> “x”", summary=f"Summary é {at}") for at in hours]
    return SeedFeed(feed=SeedHead(id="a", title="A", publisher="P", format=format), items=tuple(items))  # type: ignore[arg-type]


def test_it_sweeps_once_before_the_first_item_and_at_the_end_of_each_step_that_brought_some() -> None:
    times = moments((seed(0, 1, 30), seed(2)))

    assert times[0] == T0 - HOUR
    assert times[1:] == [T0.replace(hour=12, minute=0), (T0 + 30 * HOUR).replace(day=7, hour=0, minute=0)]
    assert all(later - earlier >= HOUR for earlier, later in itertools.pairwise(times))


def test_every_item_is_shown_at_the_sweep_after_it() -> None:
    seeds = read_seeds(ROOT / "seeds")
    times = moments(seeds)

    for each in seeds:
        for item in each.items:
            after = next(moment for moment in times if moment > item.published or moment == times[-1])
            assert after - item.published <= STEP
            assert item in each.until(after)


@pytest.mark.parametrize("format", ["rss", "atom", "rdf"])
def test_what_is_rendered_comes_back_out_of_the_parser(format: str) -> None:
    feed = seed(0, 1, 2, format=format)
    body = render(feed, T0 + 90 * dt.timedelta(minutes=1), "http://127.0.0.1:1")

    with Parser(FetchSettings()) as parser:
        parsed = asyncio.run(parser.parse(body, subject="a"))

    assert [(entry.title, entry.summary, entry.published) for entry in parsed.entries] == [
        (item.title, item.summary, item.published) for item in (feed.items[1], feed.items[0])
    ]
    assert len({entry.key for entry in parsed.entries}) == 2
    assert all(entry.link.startswith("http://127.0.0.1:1/a/2024/01/05/") for entry in parsed.entries)


def test_the_configuration_of_a_replay_has_the_seeds_for_feeds_and_the_inbox_for_channels(room: Room) -> None:
    feed = seed(0)
    server = SeedServer((feed,), T0)
    with server.running():
        room.write()
        target = room.folder / "replay" / "config"
        write_config(room.config, target, (feed,), server, room.folder / "replay")
        config = load(target, {})

    assert [each.id for each in config.feeds] == ["a"]
    assert [each.id for each in config.channels] == ["hook", "mail"]
    assert {each.family for each in config.channels} == {"webhook"}
    assert config.settings.fetch.allow_networks == ("127.0.0.0/8",)
    assert config.rules == load(room.config, {}).rules


def test_a_seed_file_that_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no seed files"):
        read_seeds(tmp_path)
    dump(tmp_path / "a.yaml", {"feed": {"id": "a", "title": "A"}, "items": []})

    with pytest.raises(ConfigError) as refused:
        read_seeds(tmp_path)

    assert "a.yaml:" in str(refused.value)
    assert "feed.publisher: is missing" in str(refused.value)
