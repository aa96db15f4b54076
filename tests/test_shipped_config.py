"""The shipped configuration: it loads, it names only what exists, and it watches every signal of the mission."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tocsin.config.actors import read_actors
from tocsin.config.channels import Channel, read_channels
from tocsin.config.feeds import Feed, read_feeds
from tocsin.config.settings import Settings, read_settings
from tocsin.config.thresholds import EventCount, EventThreshold, Temporal, TemporalOrdered, Where, wheres
from tocsin.config.watches import Watch, read_watches
from tocsin.errors import Problem
from tocsin.model import Modality

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config"

SIGNALS = [
    ("hostile rhetoric", "rhetoric_burst", "hostile_rhetoric happened KP KR"),
    ("hostile rhetoric", "threat", "hostile_rhetoric happened KP US"),
    ("summit breakdown", "breakdown", "diplomatic_breakdown happened US KP"),
    ("return to talks", "return_to_talks", "diplomatic_talks happened US KP"),
    ("summit offered", "summit_offered", "diplomatic_talks prospective JP KP"),
    ("summit refused", "talks_refused", "diplomatic_talks denied KP US"),
    ("sanctions imposed", "sanctions_imposed", "sanctions_imposed happened US KP"),
    ("sanctions relieved", "sanctions_relieved", "sanctions_relief happened RU KP"),
    ("sanctions vetoed", "sanctions_veto", "sanctions_veto happened RU KP"),
    ("another veto", "council_veto", "un_veto happened US -"),
    ("arms for Russia", "arms_to_russia", "arms_transfer happened KP RU"),
    ("arms for Russia denied", "exchange_denied", "arms_transfer denied KP RU"),
    ("troops for Russia", "troops_to_russia", "troop_deployment happened KP RU"),
    ("troops for Russia", "exchange_offered", "troop_deployment prospective KP RU"),
    ("technology in return", "paid_by_russia", "arms_transfer happened RU KP"),
    ("pact", "pact", "security_pact happened RU KP"),
    ("missile test", "missile_test", "missile_test happened KP -"),
    ("nuclear test", "nuclear_test", "nuclear_test happened KP -"),
    ("nuclear test near", "nuclear_test_talk", "nuclear_test prospective KP -"),
    ("nuclear build-up", "nuclear_advance", "nuclear_advance happened KP -"),
    ("satellite launch", "satellite_launch", "satellite_launch happened KP -"),
    ("pressure on South Korea", "border_incident", "border_incident happened KP KR"),
    ("pressure on South Korea", "armed_attack", "armed_attack happened KP KR"),
    ("pressure on South Korea", "front_reinforced", "troop_deployment prospective KP KR"),
    ("pressure on allies", "border_incident", "border_incident happened KP JP"),
    ("freeze for relief", "relief_in_prospect", "sanctions_relief prospective US KP"),
    ("freeze for relief", "denuclearisation_deal", "peace_agreement prospective US KP"),
    ("US troop reductions", "us_troop_cuts", "troop_withdrawal happened US KR"),
    ("US troop reductions", "us_troop_cuts", "troop_withdrawal prospective US KR"),
    ("information warfare", "information_warfare", "information_warfare happened KR KP"),
    ("leniency to Russia", "relief_for_russia", "sanctions_relief prospective US RU"),
    ("leniency to Russia", "aid_to_ukraine_stopped", "arms_transfer denied US UA"),
    ("leniency to Russia", "us_russia_talks", "diplomatic_talks happened US RU"),
]

COMBINATIONS = [
    ("veto_then_test", "temporal_ordered", ["sanctions_veto happened RU KP", "missile_test happened KP -"]),
    ("veto_then_test", "temporal_ordered", ["sanctions_veto happened CN KP", "nuclear_test happened KP -"]),
    (
        "walkout_then_test",
        "temporal_ordered",
        ["diplomatic_breakdown happened KP KR", "satellite_launch happened KP -"],
    ),
    ("pact_then_troops", "temporal_ordered", ["security_pact happened RU KP", "troop_deployment happened KP RU"]),
    ("drill_then_test", "temporal_ordered", ["military_exercise happened US KR", "missile_test happened KP -"]),
    ("exchange", "temporal", ["troop_deployment happened KP RU", "arms_transfer happened RU KP"]),
    ("exchange", "temporal", ["arms_transfer happened KP RU", "sanctions_relief happened RU KP"]),
    ("freeze_for_relief", "temporal", ["sanctions_relief prospective US KP", "diplomatic_talks prospective US KP"]),
    ("relief_and_troop_cuts", "temporal", ["sanctions_relief prospective US KP", "troop_withdrawal prospective US KR"]),
    ("words_then_incident", "temporal", ["information_warfare happened KR KP", "border_incident happened KP KR"]),
    ("talks_and_aid_stopped", "temporal", ["diplomatic_talks happened US RU", "arms_transfer denied US UA"]),
]


def fits(where: Where, event: str) -> bool:
    """Whether `where` admits `event`, written `type modality source target`, as far as who does what goes."""
    kind, modality, *roles = event.split()
    source, target = (None if role == "-" else role for role in roles)
    both = {source, target} - {None}
    return (
        (not where.type or kind in where.type)
        and Modality(modality) in where.modality
        and (not where.source or source in where.source)
        and (not where.target or target in where.target)
        and (not where.either or bool(both & set(where.either)))
        and (not where.pair or (len(both) == 2 and both <= set(where.pair)))
    )


def no_problems(problems: list[Problem]) -> None:
    assert [str(problem) for problem in problems] == []


@pytest.fixture(scope="module")
def feeds() -> tuple[Feed, ...]:
    problems: list[Problem] = []
    feeds = read_feeds(CONFIG, problems)
    no_problems(problems)
    return feeds


@pytest.fixture(scope="module")
def channels() -> tuple[Channel, ...]:
    problems: list[Problem] = []
    channels = read_channels(CONFIG, problems, environ={})
    no_problems(problems)
    return channels


@pytest.fixture(scope="module")
def watch(feeds: tuple[Feed, ...], channels: tuple[Channel, ...]) -> Watch:
    problems: list[Problem] = []
    watches = read_watches(
        CONFIG, problems, channels={channel.id for channel in channels}, feeds={feed.id for feed in feeds}
    )
    no_problems(problems)
    return next(watch for watch in watches if watch.id == "korean_peninsula")


def test_settings_load_and_change_no_default() -> None:
    problems: list[Problem] = []
    assert read_settings(CONFIG, problems) == Settings()
    no_problems(problems)


def test_every_setting_stands_in_the_file() -> None:
    text = (CONFIG / "settings.yaml").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"{name}:" in text
        for part in getattr(field.annotation, "model_fields", {}):
            assert f"{part}:" in text


def test_there_are_forty_feeds_of_thirty_houses(feeds: tuple[Feed, ...]) -> None:
    enabled = [feed for feed in feeds if feed.enabled]
    assert len(enabled) >= 40
    assert len({feed.family for feed in enabled}) >= 30


def test_one_publisher_belongs_to_one_house(feeds: tuple[Feed, ...]) -> None:
    families: dict[str, set[str]] = {}
    for feed in feeds:
        families.setdefault(feed.publisher, set()).add(feed.family)
    assert {publisher: names for publisher, names in families.items() if len(names) > 1} == {}


def test_every_feed_tells_when_it_last_answered_and_what_it_is(feeds: tuple[Feed, ...]) -> None:
    for feed in feeds:
        assert feed.known_good is not None and feed.known_good > dt.date(2026, 1, 1), feed.id
        assert feed.tags, feed.id


def test_state_media_are_flagged_and_only_they(feeds: tuple[Feed, ...]) -> None:
    flagged = {feed.id: feed.state_media for feed in feeds if feed.state_media}
    assert flagged == {"tass": "RU", "rt": "RU", "china-daily": "CN", "ecns": "CN", "irna": "IR", "kcna-watch": "KP"}
    assert {feed.id for feed in feeds if "state-media" in feed.tags} == set(flagged)


def test_channels_need_no_secret_and_one_hears_alarms(channels: tuple[Channel, ...]) -> None:
    assert [channel.id for channel in channels] == ["console", "mail"]
    assert [channel.id for channel in channels if channel.alarms] == ["console"]


def test_the_watch_names_only_actors_that_are_known(watch: Watch) -> None:
    problems: list[Problem] = []
    actors = read_actors(CONFIG, problems)
    no_problems(problems)
    named = {
        code
        for threshold in watch.thresholds
        for _, where in wheres(threshold)
        for code in (*where.source, *where.target, *where.either, *where.pair)
    }
    assert named - {*actors.states, *actors.bodies, *actors.groups} == set()


@pytest.mark.parametrize(("signal", "threshold", "event"), SIGNALS, ids=[f"{s}-{e}" for s, _, e in SIGNALS])
def test_every_signal_of_the_mission_has_a_threshold(watch: Watch, signal: str, threshold: str, event: str) -> None:
    found = watch.threshold(threshold)
    assert isinstance(found, EventThreshold | EventCount), signal
    assert fits(found.where, event)


@pytest.mark.parametrize(("threshold", "kind", "events"), COMBINATIONS)
def test_signals_alert_in_combination(watch: Watch, threshold: str, kind: str, events: list[str]) -> None:
    found = watch.threshold(threshold)
    assert isinstance(found, Temporal | TemporalOrdered)
    assert found.type == kind
    assert [fits(step, event) for step, event in zip(found.steps, events, strict=True)] == [True] * len(events)


@pytest.mark.parametrize(
    "event",
    [
        "missile_test happened RU -",
        "armed_attack happened RU UA",
        "diplomatic_talks happened US CN",
        "sanctions_imposed happened EU RU",
        "hostile_rhetoric happened IR IL",
        "troop_withdrawal happened US RO",
        "missile_test past KP -",
        "armed_attack past KP KR",
    ],
)
def test_what_is_not_korean_or_not_new_alerts_nobody(watch: Watch, event: str) -> None:
    single = [item for item in watch.thresholds if isinstance(item, EventThreshold)]
    assert [item.id for item in single if fits(item.where, event)] == []


def test_an_operator_is_not_flooded(watch: Watch) -> None:
    """Single acts that come in series are held apart by `realert`; the rest is rare by nature."""
    rare = {
        "missile_test",
        "nuclear_test",
        "nuclear_advance",
        "sanctions_relieved",
        "troops_from_russia",
        "armed_attack",
    }
    single = {item.id for item in watch.thresholds if isinstance(item, EventThreshold) and not item.cooldown}
    assert single == rare
    assert watch.max_per_hour is not None and watch.correct


def test_every_alert_of_the_watch_reaches_the_journal_and_the_mail(watch: Watch) -> None:
    for threshold in watch.thresholds:
        assert threshold.severity is not None, threshold.id
        reached = {
            route.channel
            for route in watch.routes(threshold)
            if route.severity is None or route.severity.holds(threshold.severity)
        }
        assert reached == {"console", "mail"}, threshold.id
