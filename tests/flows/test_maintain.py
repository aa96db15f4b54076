"""The nightly flow deletes what is too old by the settings, and leaves alerts whole."""

from __future__ import annotations

import datetime as dt

from flows.maintain import thin
from tests.store.samples import DAY, NOW, article, linked
from tocsin.config.settings import Settings
from tocsin.model import FeedState
from tocsin.store import Store

SETTINGS = Settings(
    keep_articles=dt.timedelta(days=20),
    keep_bodies=dt.timedelta(days=5),
    keep_events=dt.timedelta(days=10),
    keep_audit=dt.timedelta(days=1),
)


def test_each_kind_goes_when_its_own_time_is_over(store: Store) -> None:
    store.alerts.save_decisions([], evaluated=[linked(store, 1)])
    store.feeds.save_poll(FeedState("kcna", NOW), [article(9)])
    store.triggers.save_detection(store.articles.undetected(rules="r", limit=9), [], rules="r", now=NOW)

    said = [thin(store.retention, SETTINGS, now=NOW + days * DAY + DAY) for days in (3, 5, 10, 20)]

    assert [line.partition(";")[0].removesuffix(" deleted") for line in said] == [
        "0 events, 0 articles, 0 audit lines",
        "0 events, 0 articles, 0 audit lines",
        "1 events, 0 articles, 0 audit lines",
        "0 events, 2 articles, 0 audit lines",
    ]
    assert [line.rpartition("; ")[2] for line in said] == [
        "0 bodies emptied",
        "1 bodies emptied",
        "1 bodies emptied",
        "0 bodies emptied",
    ]
