"""The schedule: FAULTS.md N13, N14, N16, T01 and the rhythm of feeds, all without a clock."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.schedule import (
    JITTER,
    MAX_WAIT,
    Outcome,
    Scheduled,
    address,
    after_error,
    after_network_down,
    after_success,
    begin,
    is_due,
    words,
)
from tocsin.config.feeds import Feed
from tocsin.errors import FetchError, ParseError
from tocsin.model import FeedState

NOW = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
FEED = Feed.model_validate({"id": "one", "title": "One", "url": "https://one.example/rss"})
STATE = begin(FeedState(feed="one", next_check_at=NOW), FEED)
SAME = Outcome(changed=False, etag='"v1"', body_digest="d")


def success(state: FeedState, outcome: Outcome, *, now: dt.datetime = NOW, feed: Feed = FEED) -> Scheduled:
    return after_success(state, feed, outcome, now=now, jitter=0.0, follow_after=3)


def failure(state: FeedState, *, status: int | None = None, wait_s: float | None = None) -> Scheduled:
    error = FetchError("one", "answered", status=status, retry_after_s=wait_s)
    return after_error(state, FEED, error, now=NOW, jitter=0.0)


def wait(scheduled: Scheduled, *, now: dt.datetime = NOW) -> dt.timedelta:
    return scheduled.state.next_check_at - now


def first_poll(spacing: dt.timedelta) -> FeedState:
    dates = tuple(NOW - n * spacing for n in range(20))
    return success(STATE, Outcome(changed=True, body_digest="d", new=20, dates=dates)).state


# Rhythm


@pytest.mark.parametrize(
    ("spacing", "wanted"),
    [(MINUTE, 5 * MINUTE), (30 * MINUTE, 15 * MINUTE), (HOUR, 30 * MINUTE), (24 * HOUR, HOUR)],
)
def test_a_feed_is_polled_twice_as_often_as_it_publishes_within_its_bounds(
    spacing: dt.timedelta, wanted: dt.timedelta
) -> None:
    state = first_poll(spacing)
    assert state.next_check_at - NOW == wanted
    assert state.rhythm_s == spacing.total_seconds()


def test_the_reason_is_told_in_words() -> None:
    dates = tuple(NOW - n * HOUR for n in range(5))
    scheduled = success(STATE, Outcome(changed=True, new=5, dates=dates))
    assert scheduled.reason == "every 30m: it publishes about every 1h (bounds 5m to 1h)"
    asked = success(STATE, Outcome(changed=True, new=5, dates=dates, asked_s=2700))
    assert asked.reason == "every 45m: it asks for that (it publishes about every 1h)"


def test_a_burst_is_noticed_and_a_pause_too() -> None:
    state, now = first_poll(HOUR), NOW
    for _ in range(6):
        now = state.next_check_at
        state = success(state, Outcome(changed=True, new=6), now=now).state
    assert state.next_check_at - now == 5 * MINUTE
    for _ in range(12):
        now = state.next_check_at
        state = success(state, SAME, now=now).state
    assert state.next_check_at - now > 20 * MINUTE


def test_what_the_feed_asks_for_is_honoured_up_to_the_upper_bound() -> None:
    quick = first_poll(MINUTE)
    assert wait(success(quick, replace(SAME, max_age_s=1200))) == 20 * MINUTE
    assert wait(success(quick, replace(SAME, max_age_s=10 * 86_400))) == HOUR
    asked = success(quick, Outcome(changed=True, new=1, asked_s=900)).state
    assert asked.asked_s == 900
    assert wait(success(asked, SAME)) == 15 * MINUTE


def test_jitter_spreads_but_never_hurries() -> None:
    waits = {
        after_success(first_poll(HOUR), FEED, SAME, now=NOW, jitter=jitter, follow_after=3).state.next_check_at - NOW
        for jitter in (0.0, 0.5, 0.999)
    }
    assert len(waits) == 3
    assert 30 * MINUTE <= min(waits) < max(waits) < 33 * MINUTE


# What is kept of a body


def test_a_whole_body_leaves_its_validators_and_a_cut_one_none() -> None:
    whole = Outcome(changed=True, etag='"v1"', last_modified="m", body_digest="d", entry_digests="rows", new=3)
    state = success(STATE, whole).state
    assert (state.etag, state.last_modified, state.body_digest, state.entry_digests) == ('"v1"', "m", "d", "rows")
    assert (state.last_success_at, state.first_success_at, state.last_new_at) == (NOW, NOW, NOW)
    cut = success(STATE, replace(whole, incomplete=True, warning="the document is cut short")).state
    assert (cut.etag, cut.last_modified, cut.body_digest) == ("", "", "")
    assert (cut.entry_digests, cut.warning) == ("rows", "the document is cut short")
    assert cut.first_success_at is None


def test_an_unchanged_body_keeps_rows_and_warnings() -> None:
    state = replace(first_poll(HOUR), entry_digests="rows", warning="odd")
    again = success(state, SAME, now=NOW + HOUR).state
    assert (again.entry_digests, again.warning, again.etag) == ("rows", "odd", '"v1"')
    assert (again.last_new_at, again.last_success_at) == (NOW, NOW + HOUR)


def test_a_success_ends_the_failures() -> None:
    failed = failure(failure(STATE).state).state
    assert failed.failures == 2
    state = success(failed, SAME).state
    assert (state.failures, state.last_error, state.last_error_at) == (0, "", NOW)


def test_a_gap_is_dated() -> None:
    assert success(STATE, Outcome(changed=True, gap=True)).state.gap_at == NOW
    assert success(replace(STATE, gap_at=NOW), SAME, now=NOW + HOUR).state.gap_at == NOW


def test_the_lag_follows_new_entries_but_not_those_of_the_first_poll() -> None:
    first = success(STATE, Outcome(changed=True, new=2, lags_s=(9e5, 8e5))).state
    assert first.lag_s == 0
    second = success(first, Outcome(changed=True, new=1, lags_s=(600,))).state
    assert second.lag_s == 600
    assert success(second, Outcome(changed=True, new=1, lags_s=(60,))).state.lag_s == pytest.approx(438)


# Errors (N13, N16)


def test_errors_back_off_to_a_bound_but_never_to_never() -> None:
    state, waits = STATE, []
    for _ in range(40):
        scheduled = failure(state)
        waits.append(wait(scheduled))
        state = scheduled.state
    assert waits[:4] == [5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE]
    assert waits == sorted(waits)
    assert waits[-1] == 6 * HOUR
    assert state.failures == 40
    assert is_due(state, FEED, now=NOW + 6 * HOUR)


def test_an_error_is_kept_in_words() -> None:
    scheduled = after_error(STATE, FEED, ParseError("one", "is a web page, not a feed"), now=NOW, jitter=0.0)
    assert scheduled.state.last_error == "is a web page, not a feed"
    assert scheduled.state.last_error_at == NOW
    assert scheduled.reason == "failed once: next try in 5m"


def test_validators_and_rows_outlive_an_error() -> None:
    state = replace(STATE, etag='"v1"', body_digest="d", entry_digests="rows", last_success_at=NOW)
    kept = failure(state, status=500).state
    assert (kept.etag, kept.body_digest, kept.entry_digests, kept.last_success_at) == ('"v1"', "d", "rows", NOW)


@pytest.mark.parametrize(
    ("asked_s", "wanted"), [(7200, 2 * HOUR), (1, 5 * MINUTE), (None, 5 * MINUTE), (10 * 86_400, 24 * HOUR)]
)
def test_retry_after_is_honoured_and_capped(asked_s: float | None, wanted: dt.timedelta) -> None:
    assert wait(failure(STATE, status=429, wait_s=asked_s)) == wanted


def test_gone_for_good_ends_the_polling_with_an_alarm_and_not_found_does_not() -> None:
    gone = failure(STATE, status=410)
    assert gone.state.disabled == "answered; remove it from feeds.yaml or give its new address"
    assert gone.reason == "gone for good: not polled any more"
    assert not is_due(gone.state, FEED, now=NOW + 400 * HOUR)
    missing = failure(STATE, status=404)
    assert missing.state.disabled == ""
    assert is_due(missing.state, FEED, now=NOW + HOUR)


def test_another_address_in_the_config_starts_afresh() -> None:
    other = FEED.model_copy(update={"url": "https://two.example/rss"})
    gone = replace(failure(STATE, status=410).state, etag='"v1"', body_digest="d", first_success_at=NOW)
    fresh = begin(gone, other)
    assert (fresh.disabled, fresh.etag, fresh.body_digest, fresh.failures) == ("", "", "", 0)
    assert fresh.first_success_at is None
    assert begin(gone, FEED) == gone
    assert "two.example" not in repr(fresh)


def test_no_network_is_not_the_feeds_fault() -> None:
    state = after_network_down(STATE, now=NOW, jitter=0.5).state
    assert state.failures == 0
    assert state.last_error == "the network is down: no feed's server could be reached"
    assert MINUTE <= state.next_check_at - NOW <= 2 * MINUTE


# Moves (N14)

MOVED = replace(SAME, moved_to="https://new.example/rss")


def test_a_move_counts_once_several_polls_in_a_row_say_the_same() -> None:
    state = STATE
    for count in (1, 2, 3):
        assert address(FEED, state, follow_after=3) == FEED.url
        state = success(state, MOVED).state
        assert state.moved_count == count
    assert address(FEED, state, follow_after=3) == "https://new.example/rss"
    assert success(state, SAME).state.moved_count == 3


@pytest.mark.parametrize(
    ("second", "count"),
    [
        (SAME, 0),
        (replace(SAME, moved_to="https://other.example/"), 1),
        (replace(MOVED, changed=True, common=False), 0),
    ],
    ids=["not moved", "moved elsewhere", "another feed there"],
)
def test_a_move_that_is_not_confirmed_starts_over(second: Outcome, count: int) -> None:
    state = success(success(STATE, MOVED).state, second).state
    assert state.moved_count == count


def test_a_new_address_that_fails_leads_back_to_the_configured_one() -> None:
    state = STATE
    for _ in range(3):
        state = success(state, MOVED).state
    failed = failure(state, status=410).state
    assert address(FEED, failed, follow_after=3) == FEED.url
    assert failed.disabled == ""


# Due, and the clock (T01)


def test_a_feed_is_due_when_its_time_has_come() -> None:
    state = success(STATE, SAME).state
    assert not is_due(state, FEED, now=NOW)
    assert is_due(state, FEED, now=state.next_check_at)
    assert not is_due(state, FEED.model_copy(update={"enabled": False}), now=state.next_check_at)


def test_a_clock_put_back_does_not_hold_a_feed_up() -> None:
    state = success(first_poll(HOUR), SAME).state
    assert is_due(state, FEED, now=NOW - 2 * HOUR)
    assert not is_due(state, FEED, now=NOW - 5 * MINUTE)
    waiting = failure(STATE, status=429, wait_s=86_400).state
    assert not is_due(waiting, FEED, now=NOW - MINUTE)
    assert is_due(waiting, FEED, now=NOW - 48 * HOUR)


def test_a_clock_put_back_makes_no_negative_times() -> None:
    state = success(first_poll(HOUR), Outcome(changed=True, new=2), now=NOW - 2 * HOUR).state
    assert state.rhythm_s > 0
    assert state.next_check_at > NOW - 2 * HOUR


outcomes = st.builds(
    Outcome,
    changed=st.booleans(),
    new=st.integers(0, 50),
    max_age_s=st.floats(0, 1e9),
    asked_s=st.floats(0, 1e9),
    incomplete=st.booleans(),
    moved_to=st.sampled_from(["", "https://new.example/"]),
)
errors = st.builds(
    lambda status, wait: FetchError("one", "x", status=status, retry_after_s=wait),
    st.sampled_from([None, 404, 429, 500]),
    st.one_of(st.none(), st.floats(0, 1e12)),
)


@given(st.lists(st.tuples(st.one_of(outcomes, errors), st.integers(-7200, 90_000)), max_size=20), st.floats(0, 0.999))
def test_whatever_happens_a_feed_is_polled_again_within_its_bounds(
    events: list[tuple[Outcome | FetchError, int]], jitter: float
) -> None:
    state, now = STATE, NOW
    for event, passed_s in events:
        now += dt.timedelta(seconds=passed_s)
        if isinstance(event, FetchError):
            state = after_error(state, FEED, event, now=now, jitter=jitter).state
            longest = MAX_WAIT
        else:
            state = after_success(state, FEED, event, now=now, jitter=jitter, follow_after=3).state
            longest = FEED.interval.max
        assert FEED.interval.min <= state.next_check_at - now <= longest * (1 + JITTER)
        assert not state.disabled
        assert is_due(state, FEED, now=now + longest * (1 + JITTER))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (45, "45s"), (60, "1m"), (90, "1m 30s"), (1020, "17m"), (9000, "2h 30m"), (273_600, "3d 4h")],
)
def test_spans_are_said_as_people_say_them(seconds: int, text: str) -> None:
    assert words(dt.timedelta(seconds=seconds)) == text
