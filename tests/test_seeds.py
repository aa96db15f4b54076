"""The seeds: a timeline that is fit to replay, in words of our own, with something for every trigger of the watch."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.seeds import Expected, SeedFeed, SeedItem, read_seeds
from tocsin.config.actors import read_actors
from tocsin.config.thresholds import EventThreshold, Where, wheres
from tocsin.config.watches import Watch, read_watches
from tocsin.errors import Problem
from tocsin.model import Modality

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
TYPES = {
    "missile_test",
    "nuclear_test",
    "nuclear_advance",
    "satellite_launch",
    "sanctions_imposed",
    "sanctions_relief",
    "sanctions_veto",
    "un_veto",
    "arms_transfer",
    "troop_deployment",
    "troop_withdrawal",
    "security_pact",
    "hostile_rhetoric",
    "border_incident",
    "armed_attack",
    "military_exercise",
    "diplomatic_talks",
    "diplomatic_breakdown",
    "peace_agreement",
    "information_warfare",
}
NEVER_SINCE_2022 = {"nuclear_test"}
"""Types that the watch knows and that have not happened in the years of the seeds, only been feared or remembered."""


@pytest.fixture(scope="module")
def seeds() -> tuple[SeedFeed, ...]:
    return read_seeds(ROOT / "seeds")


@pytest.fixture(scope="module")
def items(seeds: tuple[SeedFeed, ...]) -> list[SeedItem]:
    return [item for seed in seeds for item in seed.items]


@pytest.fixture(scope="module")
def watch() -> Watch:
    problems: list[Problem] = []
    return next(watch for watch in read_watches(ROOT / "config", problems) if watch.id == "korean_peninsula")


def test_six_publishers_in_three_formats_one_of_them_state_media(seeds: tuple[SeedFeed, ...]) -> None:
    assert len({seed.feed.id for seed in seeds}) == len({seed.feed.publisher for seed in seeds}) == 6
    assert {seed.feed.format for seed in seeds} == {"rss", "atom", "rdf"}
    assert [seed.feed.state_media for seed in seeds if seed.feed.state_media] == ["KP"]
    assert all(seed.feed.tags and seed.feed.family for seed in seeds)


def test_there_are_enough_items_in_every_feed(seeds: tuple[SeedFeed, ...], items: list[SeedItem]) -> None:
    assert len(items) >= 150
    assert all(len(seed.items) >= 20 for seed in seeds)


def test_items_are_in_order_of_time_and_in_the_years_of_the_timeline(seeds: tuple[SeedFeed, ...]) -> None:
    for seed in seeds:
        times = [item.published for item in seed.items]
        assert times == sorted(times), seed.feed.id
        assert dt.datetime(2022, 5, 1, tzinfo=dt.UTC) <= times[0], seed.feed.id
        assert times[-1] < dt.datetime(2025, 7, 1, tzinfo=dt.UTC), seed.feed.id
        assert all(time.utcoffset() == dt.timedelta(0) for time in times)


def test_items_can_be_told_apart(seeds: tuple[SeedFeed, ...]) -> None:
    guids = [item.guid for seed in seeds for item in seed.items if item.guid]
    assert [guid for guid, n in Counter(guids).items() if n > 1] == []
    for seed in seeds:
        assert len({item.title for item in seed.items}) == len(seed.items), seed.feed.id


def test_items_look_like_news(items: list[SeedItem]) -> None:
    for item in items:
        assert 10 <= len(item.title) <= 120, item.title
        assert 20 <= len(item.summary) <= 300, item.title
        assert item.title == " ".join(item.title.split())
        assert not item.title.endswith(".")


def test_about_two_fifths_are_noise_or_look_alikes(items: list[SeedItem]) -> None:
    quiet = [item for item in items if not any(label.modality is Modality.HAPPENED for label in item.expect)]
    assert 0.35 <= len(quiet) / len(items) <= 0.5
    assert sum(not item.expect for item in items) >= 40


def test_every_modality_is_expected_often(items: list[SeedItem]) -> None:
    counts = Counter(label.modality for item in items for label in item.expect)
    assert all(counts[modality] >= 8 for modality in Modality)


def test_expectations_use_known_types_and_actors(items: list[SeedItem]) -> None:
    problems: list[Problem] = []
    actors = read_actors(ROOT / "config", problems)
    codes = {*actors.states, *actors.bodies, *actors.groups}
    for item in items:
        labels = [(label.type, label.modality, label.source) for label in item.expect]
        assert len(set(labels)) == len(labels), item.title
        assert {label.type for label in item.expect} <= TYPES, item.title
        for label in item.expect:
            assert {label.source, label.target} - {None} <= codes, item.title


def test_every_trigger_type_of_the_korean_watch_is_expected(items: list[SeedItem], watch: Watch) -> None:
    watched = {name for threshold in watch.thresholds for _, where in wheres(threshold) for name in where.type}
    labels = [label for item in items for label in item.expect]
    assert watched <= TYPES
    assert watched - {label.type for label in labels} == set()
    assert watched - {label.type for label in labels if label.modality is Modality.HAPPENED} == NEVER_SINCE_2022


def test_each_single_act_of_the_watch_occurs_in_the_seeds(items: list[SeedItem], watch: Watch) -> None:
    """All but what the years of the seeds did not bring."""
    labels = {label for item in items for label in item.expect}
    single = [threshold for threshold in watch.thresholds if isinstance(threshold, EventThreshold)]
    absent = {threshold.id for threshold in single if not any(fits(threshold.where, label) for label in labels)}
    assert absent == {"nuclear_test", "armed_attack", "threat_to_north", "drills_halted", "return_to_talks"}


def fits(where: Where, label: Expected) -> bool:
    both = {label.source, label.target} - {None}
    return (
        label.type in where.type
        and label.modality in where.modality
        and (not where.source or label.source in where.source)
        and (not where.target or label.target in where.target)
        and (not where.either or bool(both & set(where.either)))
        and (not where.pair or (len(both) == 2 and both <= set(where.pair)))
    )


def test_one_event_is_told_by_several_publishers_hours_apart(seeds: tuple[SeedFeed, ...]) -> None:
    """The Security Council's veto of 26 May 2022, as an example of what linking has to join."""
    told = [
        (seed.feed.publisher, item.published)
        for seed in seeds
        for item in seed.items
        for label in item.expect
        if label.type == "sanctions_veto" and label.source == "CN" and item.published.month == 5
    ]
    assert len({publisher for publisher, _ in told}) >= 4
    times = [time for _, time in told]
    assert max(times) - min(times) >= dt.timedelta(hours=8)


def test_wire_copy_is_among_them(seeds: tuple[SeedFeed, ...]) -> None:
    wire = next(seed for seed in seeds if seed.feed.id == "seed-harbour-wire")
    summaries = {re.sub(r"\W", "", item.summary).lower() for item in wire.items}
    copies = [
        item
        for seed in seeds
        if seed is not wire
        for item in seed.items
        if re.sub(r"\W", "", item.summary.replace("(Harbour Wire) ", "")).lower() in summaries
    ]
    assert len(copies) >= 3
    assert all("Harbour Wire" in (item.title + item.source) for item in copies)


def test_no_sentence_is_taken_from_elsewhere(items: list[SeedItem]) -> None:
    if not SHARED.is_dir():
        pytest.skip("the collections to compare with are not here")
    ours = {key: text for item in items for text in (item.title, item.summary) for key in sentences(text)}
    taken = {ours[key] for text in others() for key in sentences(text) if key in ours}
    assert taken == set()


def sentences(text: str) -> Iterator[str]:
    """Each sentence of four words or more, without case and punctuation."""
    for sentence in re.split(r"(?<=[.!?])\s+|\s[-–—|]\s", text):
        words = re.findall(r"\w+", sentence.lower())
        if len(words) >= 4:
            yield " ".join(words)


def others() -> Iterator[str]:
    for path in sorted((SHARED / "news").glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                yield entry["title"] or ""
                yield entry["summary"] or ""
    for path in sorted((SHARED / "truth").glob("*.csv")):
        with path.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                yield row.get("what") or ""
                yield row.get("description") or ""
    for path in sorted((SHARED / "seed").glob("*.txt")):
        yield path.read_text(encoding="utf-8")
