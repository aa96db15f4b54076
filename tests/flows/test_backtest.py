"""A backtest does what the watch did: the same alerts for the same articles, at the same times, and nothing is sent."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractors.triggers import Detection, Text
from flows.backtest import archive, clock, reading
from flows.backtest.comparison import compare
from flows.backtest.record import record
from flows.backtest.truth import Known, judge, lost, read_truth
from flows.detecting import detector
from flows.replay import write_config
from flows.seeds import SeedFeed, SeedServer, read_seeds
from flows.sweep import Sweep
from tests.faults.reading import Reader
from tests.flows.backtests import CONFIG, DAY, ROOT, TWO, compared, config, tried, written
from tests.newsroom import HOUR, MINUTE, NOW
from tocsin.config.folder import Config, load
from tocsin.errors import SetupError
from tocsin.model import Article
from tocsin.store import Store

STEP = 12 * HOUR


class Remembering:
    """The detector of the shipped rules, which reads each text once for all runs."""

    def __init__(self) -> None:
        self.known: dict[Text, Detection] = {}

    def detect_many(self, items: Sequence[Article]) -> Iterator[Detection]:
        texts = [Text(item.title, item.summary, item.published) for item in items]
        fresh = [text for text in dict.fromkeys(texts) if text not in self.known]
        self.known.update(zip(fresh, detector(CONFIG).detect_many(fresh), strict=True))
        return (self.known[text] for text in texts)


READER = Remembering()
SEEDS = read_seeds(ROOT / "seeds")
TIMES = sorted(item.published for seed in SEEDS for item in seed.items)


def watched(seeds: tuple[SeedFeed, ...], start: dt.datetime, days: int, folder: Path) -> tuple[Config, Path]:
    """A live watch over the seeds from `start` on, swept every twelve hours."""
    with SeedServer(seeds, start).running() as server:
        write_config(ROOT / "config", folder / "config", seeds, server, folder / "state")
        config = load(folder / "config", {})
        with Store.open(config.database, config.state) as store:
            sweep = Sweep(config, store, reader=READER, sender=clock.Tape(start), jitter=lambda: 0.5)
            for number in range(days * 2 + 1):
                server.now = start + number * STEP
                sweep.run(now=server.now)
    return config, config.state


def facts(store_alerts: Sequence[object], names: Callable[[int], object]) -> list[tuple[object, ...]]:
    return [
        (a.id, a.watch, a.threshold, a.group, a.fired_at, a.reason, a.severity, a.kind, tuple(map(names, a.events)))  # type: ignore[attr-defined]
        for a in store_alerts
    ]


@given(start=st.integers(0, len(TIMES) - 20), days=st.integers(20, 60))
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
def test_live_and_backtest_give_identical_alerts_for_the_seeds(start: int, days: int) -> None:
    begin = TIMES[start].replace(hour=0, minute=0, second=0, microsecond=0)
    with tempfile.TemporaryDirectory() as folder:
        config, state = watched(SEEDS, begin, days, Path(folder))
        with Store.open(config.database, config.state) as store:
            found = archive.from_store(store)
            end = found.articles[-1].first_seen + clock.AFTER
            alerts = [a for a in store.alerts.recent(limit=10_000) if a.watch != "tocsin" and a.fired_at <= end]
            events = store.events.by_id({id for alert in alerts for id in alert.events})
            articles = store.articles.by_id({id for event in events.values() for id in event.articles})
            live = facts(
                sorted(alerts, key=lambda alert: (alert.fired_at, alert.id)),
                lambda id: {(articles[each].feed, articles[each].key) for each in events[id].articles},
            )
            stored = reading.read(config, found, state=state, live=store)
            anew = reading.read(config, found, state=state, reader=READER)
        for read in (stored, anew):
            outcome = clock.play(config, found, read, every=STEP)
            names = {id: {archive.key(each) for each in found} for id, found in outcome.reports.items()}
            ours = [alert for alert in outcome.alerts if alert.fired_at <= begin + days * DAY]
            assert facts(ours, names.__getitem__) == live


# A small watch, read without a language model


def test_alerts_come_when_their_wait_is_over_also_after_the_last_article(tmp_path: Path) -> None:
    outcome = tried(config(), written(tmp_path / "a.jsonl", *TWO))

    assert [(alert.threshold, alert.fired_at) for alert in outcome.alerts] == [
        ("each", NOW + 5 * MINUTE),
        ("two", NOW + DAY),
        ("each", NOW + DAY + 5 * MINUTE),
    ]
    assert len(outcome.posts) == 3


def test_the_answer_for_a_program_is_the_promised_one(tmp_path: Path) -> None:
    answer = tried(config(only=["each"]), written(tmp_path / "a.jsonl", TWO[0])).as_json()

    (alert,) = answer.pop("alerts")
    assert answer == {
        "articles": 1,
        "triggers": 1,
        "events": [
            {
                "id": 1,
                "type": "missile_test",
                "source": "BAKORA",
                "target": None,
                "date": "2026-03-01",
                "articles": ["n0"],
            }
        ],
        "messages": 1,
    }
    assert list(alert) == ["id", "threshold", "group", "fired_at", "events", "reason"]
    assert (alert["threshold"], alert["events"]) == ("each", [1])


def test_messages_wait_for_the_digest_and_go_out_as_one(tmp_path: Path) -> None:
    made = config(only=["each"], each="0s", notify=[{"channel": "mail", "digest": True}], digest={"cron": "0 7 * * *"})
    outcome = tried(made, written(tmp_path / "a.jsonl", TWO[0], ("Dolumi fires a missile", NOW + HOUR)))

    assert len(outcome.told) == 2
    assert [(post.channel, post.at) for post in outcome.posts] == [("mail", NOW.replace(hour=7) + DAY)]


def test_an_escalation_comes_in_its_time(tmp_path: Path) -> None:
    made = config(only=["each"], each="0s", escalation=[{"after": "30m", "notify": "mail"}])
    outcome = tried(made, written(tmp_path / "a.jsonl", TWO[0]))

    assert [(alert.kind.value, alert.fired_at) for alert in outcome.alerts] == [
        ("alert", NOW),
        ("escalation", NOW + 30 * MINUTE),
    ]


def test_what_is_gained_lost_and_moved_comes_with_the_reason(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *TWO)
    found = compared(config(each="10m", two=3), config(), path)

    assert [(c.alert.threshold, c.reason) for c in found.lost] == [("two", "threshold two differs in condition")]
    assert [(c.alert.fired_at, c.before, c.reason) for c in found.moved] == [
        (NOW + 10 * MINUTE, NOW + 5 * MINUTE, "threshold each differs in group_wait"),
        (NOW + DAY + 10 * MINUTE, NOW + DAY + 5 * MINUTE, "threshold each differs in group_wait"),
    ]
    back = compared(config(), config(only=["each"]), path)
    assert [c.reason for c in back.gained] == ["the other configuration has no threshold two"]


def test_an_alert_lost_by_a_rule_names_the_article_and_both_readings(tmp_path: Path) -> None:
    class Blind(Reader):
        def detect_many(self, items: Sequence[Article]) -> Iterator[Detection]:
            return (Detection() if "Bakora" in item.title else found for item, found in self.pairs(items))

        def pairs(self, items: Sequence[Article]) -> Iterator[tuple[Article, Detection]]:
            return zip(items, Reader.detect_many(self, items), strict=True)

    path = written(tmp_path / "a.jsonl", TWO[0])
    (change,) = compare(record(tried(config(), path, Blind())), record(tried(config(), path))).lost

    assert change.reason == (
        "in article n0 “Bakora fires a missile” "
        "missile_test@1 finds missile_test happened BAKORA → –, the other nothing"
    )


def test_an_alert_that_another_hides_is_lost_with_its_name(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *TWO)
    hidden = config(inhibit=[{"by": "two", "hides": "each", "within": "2h"}])
    (change,) = compared(hidden, config(), path).lost

    assert change.alert.threshold == "each"
    assert change.reason.startswith("raised, but inhibited by two (")


def test_known_events_are_hit_by_type_by_threshold_and_by_words(tmp_path: Path) -> None:
    outcome = tried(config(only=["each"]), written(tmp_path / "a.jsonl", *TWO))
    day = NOW.date()
    truth = [
        Known(day, "missile_test"),
        Known(day, "each"),
        Known(day, "Bakora tested a missile of long range"),
        Known(day, "A delegation was sent"),
        Known(day + dt.timedelta(5), "missile_test"),
    ]
    verdict = judge(outcome, truth)

    assert [hit.known for hit in verdict.hits] == truth[:3]
    assert verdict.lead == NOW.replace(hour=0) - (NOW + 5 * MINUTE)
    assert list(verdict.misses) == truth[3:]
    assert verdict.false == ()
    assert [alert.fired_at for alert in judge(outcome, [Known(day - dt.timedelta(1), "each")]).false] == [
        NOW + DAY + 5 * MINUTE
    ]


def test_a_known_event_is_lost_where_only_the_other_configuration_hits_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *TWO)
    truth = [Known(NOW.date(), "each"), Known(NOW.date(), "nuclear_test")]
    old, new = (judge(tried(config(only=only), path), truth) for only in (["each"], ["two"]))

    assert lost(new, old) == (truth[0],)
    assert lost(old, new) == ()
    assert lost(old, None) == (truth[1],)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("[1]", "is no JSON object"),
        ("date,what", "is no JSON, from column 1 on"),
        ('{"id": "a", "title": "x"}', "'published' is missing or no text"),
        ('{"id": "a", "title": "x", "published": "soon"}', "'soon' is no ISO 8601 date"),
        ('{"title": "x", "published": "2026-03-01"}', "'id' is missing or no text"),
    ],
)
def test_a_line_that_is_no_item_is_named(line: str, cause: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"id": "0", "title": "x", "published": "2026-03-01"}}\n{line}\n')

    with pytest.raises(SetupError) as refused:
        archive.from_file(path, ())

    assert str(refused.value) == f"cannot read the articles: {path}:2: {cause}"


def test_an_item_is_of_the_feed_that_its_source_names_and_a_day_counts_as_its_noon(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    feed = CONFIG.feeds[0]
    rows = [
        {"id": "a", "title": "x", "published": "2026-03-01", "source": feed.publisher.upper()},
        {"id": "b", "title": "y", "published": "2026-03-01T10:00:30+01:00", "source": "Nobody", "url": None},
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = archive.on_the_beat(archive.from_file(path, CONFIG.feeds), MINUTE)

    assert [(each.key, each.feed) for each in found.articles] == [("b", archive.FEED), ("a", feed.id)]
    assert [each.first_seen for each in found.articles] == [NOW.replace(hour=9, minute=1), NOW.replace(hour=12)]


def test_truth_needs_its_columns_and_dates(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("date,what,notes\n2026-03-02,missile_test,x\n2026-04-02,late,x\n")
    day = dt.date(2026, 3, 1)
    assert read_truth(path, since=day, until=dt.date(2026, 3, 31)) == [Known(dt.date(2026, 3, 2), "missile_test")]
    path.write_text("day,what\n")
    with pytest.raises(SetupError, match="must name the columns"):
        read_truth(path, since=day, until=day)
    path.write_text("date,what\nyesterday,x\n")
    with pytest.raises(SetupError, match=r"t.csv:2: Invalid isoformat"):
        read_truth(path, since=day, until=day)


def test_what_was_read_once_is_not_read_again_under_the_same_rules(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", ("North Korea fires a missile", NOW), ("Bakers prepare a feast", NOW))
    found = archive.from_file(path, ())
    counts: list[int] = []
    first = reading.read(CONFIG, found, state=tmp_path, advance=counts.append)
    shelf = next((tmp_path / reading.FOLDER).iterdir())
    with Store.open("", shelf) as store:
        assert store.articles.undetected(rules=shelf.name, limit=9) == []
    again = reading.read(CONFIG, found, state=tmp_path)

    assert sum(counts) == 2
    assert {at: found.triggers for at, found in first.detections.items()} == {
        at: found.triggers for at, found in again.detections.items()
    }
