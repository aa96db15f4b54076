"""Health of feeds, in words."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from extractors.health import Condition, judge
from tocsin.config.feeds import Feed
from tocsin.model import FeedState

NOW = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
FEED = Feed.model_validate({"id": "one", "title": "One", "url": "https://one.example/rss"})
WELL = FeedState(
    feed="one",
    next_check_at=NOW + HOUR / 2,
    last_success_at=NOW - HOUR / 2,
    first_success_at=NOW - 900 * HOUR,
    last_new_at=NOW - HOUR,
    rhythm_s=3600,
    lag_s=600,
)
FAILED = replace(WELL, failures=3, last_error="answered 500", next_check_at=NOW + HOUR)


@pytest.mark.parametrize(
    ("state", "condition", "words"),
    [
        (WELL, Condition.WELL, "new about every 1h, seen 10m after it was published"),
        (replace(WELL, rhythm_s=0.0, lag_s=0.0), Condition.WELL, "rhythm unknown"),
        (FeedState(feed="one", next_check_at=NOW), Condition.WAITING, "not polled yet"),
        (FAILED, Condition.WAITING, "answered 500 (last success 30m ago, failed 3 times)"),
        (
            replace(FAILED, last_success_at=NOW - 7 * HOUR),
            Condition.FAILING,
            "answered 500 (last success 7h ago, failed 3 times)",
        ),
        (
            FeedState(feed="one", next_check_at=NOW, failures=6, last_error="is not there (404)"),
            Condition.FAILING,
            "is not there (404) (never answered yet, failed 6 times)",
        ),
        (
            replace(WELL, last_success_at=NOW - 8 * HOUR, next_check_at=NOW, last_error="the network is down"),
            Condition.FAILING,
            "the network is down (last success 8h ago)",
        ),
        (
            replace(WELL, next_check_at=NOW - 4 * HOUR, last_success_at=NOW - 5 * HOUR),
            Condition.OVERDUE,
            "was due 4h ago and nobody polled it",
        ),
        (replace(WELL, disabled="is gone for good"), Condition.GONE, "is gone for good"),
        (
            replace(WELL, last_new_at=NOW - 49 * HOUR),
            Condition.QUIET,
            "nothing new for 2d 1h, against 1h as a rule",
        ),
        (replace(WELL, warning="the document is malformed"), Condition.ODD, "the document is malformed"),
        (
            replace(WELL, gap_at=NOW - 3 * HOUR),
            Condition.ODD,
            "gap possible 3h ago: nothing in common with the poll before it",
        ),
    ],
)
def test_health_is_told_in_words(state: FeedState, condition: Condition, words: str) -> None:
    health = judge(state, FEED, now=NOW)
    assert (health.condition, health.words) == (condition, words)


def test_only_trouble_raises_an_alarm_and_only_the_living_are_calm() -> None:
    by_condition = {condition: replace(judge(WELL, FEED, now=NOW), condition=condition) for condition in Condition}
    assert {condition for condition, health in by_condition.items() if health.alarm} == {
        Condition.QUIET,
        Condition.OVERDUE,
        Condition.FAILING,
        Condition.GONE,
    }
    assert {condition for condition, health in by_condition.items() if health.alive} == {
        Condition.WELL,
        Condition.ODD,
        Condition.QUIET,
    }


def test_a_feed_that_rarely_publishes_is_not_quiet_soon() -> None:
    for every, well, quiet in ((1, 11, 13), (3, 29, 31), (7, 41, 43), (20, 119, 121)):
        feed = replace(WELL, rhythm_s=every * 86_400.0)
        for days, condition in ((well, Condition.WELL), (quiet, Condition.QUIET)):
            health = judge(replace(feed, last_new_at=NOW - dt.timedelta(days=days)), FEED, now=NOW)
            assert health.condition is condition
