from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from sqlalchemy.exc import StatementError

from tests.store.samples import DAY, MINUTE, NOW, RULES, article, polled
from tocsin.model import Article, Event, FeedState, Mute, Trigger
from tocsin.store import PollCounts, Store, schema


def test_new_feeds_are_due_at_once_and_longest_overdue_comes_first(store: Store) -> None:
    store.feeds.ensure(["b", "a", "c"], now=NOW)
    store.feeds.save_poll(FeedState("a", NOW + MINUTE))
    store.feeds.save_poll(FeedState("c", NOW - MINUTE))

    assert [state.feed for state in store.feeds.due(now=NOW, limit=10)] == ["c", "b"]
    assert [state.feed for state in store.feeds.due(now=NOW, limit=1)] == ["c"]
    assert [state.feed for state in store.feeds.due(now=NOW + MINUTE, limit=10)] == ["c", "b", "a"]


def test_a_feed_that_left_the_config_keeps_its_state_but_is_not_due(store: Store) -> None:
    store.feeds.ensure(["a", "b"], now=NOW)
    state = FeedState("a", NOW, etag="kept")
    store.feeds.save_poll(state)

    store.feeds.ensure(["b"], now=NOW)
    assert [state.feed for state in store.feeds.due(now=NOW, limit=10)] == ["b"]
    assert [state.feed for state in store.feeds.all()] == ["b"]
    assert store.feeds.get("a") == state

    store.feeds.ensure(["a", "b"], now=NOW + DAY)
    assert state in store.feeds.due(now=NOW, limit=10)


def test_a_disabled_feed_is_not_due(store: Store) -> None:
    store.feeds.save_poll(FeedState("a", NOW, disabled="410 Gone"))

    assert store.feeds.due(now=NOW + DAY, limit=10) == []
    assert [state.disabled for state in store.feeds.all()] == ["410 Gone"]


def test_every_part_of_the_state_comes_back(store: Store) -> None:
    state = FeedState(
        "a",
        NOW,
        etag='W/"x"',
        failures=3,
        last_error="timed out",
        last_error_at=NOW - MINUTE,
        last_success_at=NOW - DAY,
        first_success_at=NOW - 2 * DAY,
        moved_count=2,
        gap_at=NOW,
        rhythm_s=12.5,
        entry_digests="ab" * 1000,
    )
    store.feeds.save_poll(state)

    assert store.feeds.get("a") == state
    assert store.feeds.get("unknown") is None


def test_times_of_any_zone_come_back_in_utc(store: Store) -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    store.feeds.save_poll(FeedState("a", NOW.astimezone(tokyo)))

    state = store.feeds.get("a")
    assert state is not None
    assert state.next_check_at == NOW
    assert state.next_check_at.tzinfo is dt.UTC


def test_every_field_of_a_new_article_comes_back(store: Store) -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    kept = dataclasses.replace(article(1), published=None, language="ko", backfill=True, publisher="통신")
    there = dataclasses.replace(article(2), published=NOW.astimezone(tokyo), first_seen=NOW.astimezone(tokyo))
    polled(store, 0)
    store.feeds.save_poll(FeedState("kcna", NOW), [kept, there])

    assert [dataclasses.replace(each, id=0) for each in store.articles.undetected(rules=RULES, limit=9)] == [
        kept,
        dataclasses.replace(there, published=NOW, first_seen=NOW),
    ]


def test_a_time_without_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="a time without a zone cannot be stored"):
        store.feeds.save_poll(FeedState("a", NOW.replace(tzinfo=None)))


def test_the_words_of_an_error_are_made_storable(store: Store) -> None:
    store.feeds.save_poll(FeedState("a", NOW, last_error="bad \x00 \ud800 byte" + "!" * 5_000))

    state = store.feeds.get("a")
    assert state is not None
    assert state.last_error.startswith("bad  ? byte!")
    assert len(state.last_error) < 1_001


def test_a_poll_stores_what_is_new_once_and_counts(store: Store) -> None:
    polled(store, 3)
    more = [article(number) for number in range(5)]

    assert store.feeds.save_poll(FeedState("kcna", NOW + DAY, etag='"2"'), more) == PollCounts(new=2, edited=0, known=3)
    assert store.feeds.save_poll(FeedState("kcna", NOW + DAY, etag='"3"'), more) == PollCounts(new=0, edited=0, known=5)
    assert len(store.articles.undetected(rules=RULES, limit=100)) == 5
    state = store.feeds.get("kcna")
    assert state is not None
    assert (state.etag, state.next_check_at) == ('"3"', NOW + DAY)


def test_of_a_key_that_stands_twice_the_first_counts(store: Store) -> None:
    twice = [article(1), article(1, text="another")]

    assert store.feeds.save_poll(FeedState("kcna", NOW), twice) == PollCounts(new=1)
    assert [item.title for item in store.articles.undetected(rules=RULES, limit=9)] == [article(1).title]


def test_one_key_in_two_feeds_is_two_articles(store: Store) -> None:
    polled(store, 1, feed="a")
    polled(store, 1, feed="b")

    assert [item.feed for item in store.articles.undetected(rules=RULES, limit=9)] == ["a", "b"]


def test_an_article_of_another_feed_is_a_mistake_of_the_caller(store: Store) -> None:
    with pytest.raises(ValueError, match="'b' came with the state of 'a'"):
        store.feeds.save_poll(FeedState("a", NOW), [article(1, feed="b")])


def test_an_edit_replaces_the_text_and_goes_to_detection_again(store: Store) -> None:
    polled(store, 2)
    first = store.articles.undetected(rules=RULES, limit=9)
    store.triggers.save_detection(first, [], rules=RULES, now=NOW)
    edited = article(0, text="North Korea denies it", first_seen=NOW + DAY)

    assert store.feeds.save_poll(FeedState("kcna", NOW), [edited, article(1)]) == PollCounts(edited=1, known=1)
    assert store.articles.undetected(rules=RULES, limit=9) == [
        dataclasses.replace(edited, id=first[0].id, first_seen=NOW)
    ]


def test_known_gives_the_digests_of_those_keys(store: Store) -> None:
    polled(store, 2)
    keys = [article(0).key, article(7).key]

    assert store.feeds.known("kcna", keys) == {article(0).key: article(0).digest}
    assert store.feeds.known("other", keys) == {}


def test_a_feed_with_more_keys_than_a_statement_takes(store: Store) -> None:
    many = [article(number) for number in range(12_000)]

    assert store.feeds.save_poll(FeedState("kcna", NOW), many) == PollCounts(new=12_000)
    assert store.feeds.save_poll(FeedState("kcna", NOW), many) == PollCounts(known=12_000)


@pytest.mark.parametrize(
    ("noun", "table", "elsewhere"),
    [
        (FeedState, schema.feeds, set()),
        (Article, schema.articles, set()),
        (Trigger, schema.triggers, {"evidence"}),
        (Event, schema.events, set()),
        (Mute, schema.mutes, set()),
    ],
)
def test_every_field_of_a_noun_has_its_column(noun: type, table: schema.Table, elsewhere: set[str]) -> None:
    fields = {field.name for field in dataclasses.fields(noun)}

    assert fields - set(table.c.keys()) == elsewhere
