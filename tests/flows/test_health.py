"""The alarm about feeds: once when one falls ill, again only after it was well."""

from __future__ import annotations

import datetime as dt

from flows.health import alarm
from tests.newsroom import Room
from tocsin.model import FeedState

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def state(feed: str, *, well_at: dt.datetime, now: dt.datetime, failures: int = 0) -> FeedState:
    error = "HTTP 500" if failures else ""
    return FeedState(
        feed,
        now + dt.timedelta(minutes=5),
        failures=failures,
        last_error=error,
        last_success_at=well_at,
        first_success_at=START - DAY,
    )


def test_one_word_for_a_feed_that_fails_until_it_was_well(room: Room) -> None:
    room.paper("wire")
    room.write()
    with room.opened(now=START) as sweep:
        store, config = sweep.store, sweep.config
        feed = config.feeds[0].id
        raised = []
        for day, ill in enumerate((False, True, True, True, False, True)):
            now = START + day * DAY
            store.feeds.save_poll(state(feed, well_at=now - DAY if ill else now, now=now, failures=9 if ill else 0))
            raised.append(alarm(config, store, now=now).alerts)
        assert raised == [0, 1, 0, 0, 0, 1]
