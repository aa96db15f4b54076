from __future__ import annotations

from tests.store.samples import DAY, MINUTE, NOW, RULES, alerted, article, trigger
from tocsin.model import AlertState, DeliveryState, FeedState
from tocsin.store import Status, Store


def test_an_empty_store_has_nothing(store: Store) -> None:
    status = store.status(now=NOW)

    assert (status.feeds, status.articles, status.alerts, status.deliveries) == (0, 0, {}, {})
    assert (status.last_poll_at, status.last_article_at, status.last_sent_at, status.waiting_since) == (None,) * 4


def test_what_lies_in_the_store_is_counted(store: Store) -> None:
    alerted(store)
    store.outbox.sent(store.outbox.claim(now=NOW, lease=MINUTE, limit=1, holder="test")[0], now=NOW + MINUTE)
    store.feeds.save_poll(FeedState("bad", NOW, failures=2), [article(1, feed="bad", first_seen=NOW - 2 * DAY)])
    store.feeds.save_poll(FeedState("gone", NOW, disabled="410"), [article(1, feed="gone")])
    store.articles.set_aside(store.articles.undetected(rules=RULES, limit=1)[0], "too deep", rules=RULES)

    assert store.status(now=NOW) == Status(
        feeds=3,
        feeds_due=1,
        feeds_failing=1,
        feeds_disabled=1,
        last_poll_at=NOW,
        articles=5,
        articles_day=4,
        undetected=1,
        aside=1,
        last_article_at=NOW,
        triggers=3,
        unlinked=0,
        events=1,
        events_day=1,
        unevaluated=0,
        alerts={AlertState.OPEN: 1},
        last_alert_at=NOW,
        deliveries={DeliveryState.SENT: 1, DeliveryState.CLAIMED: 1},
        last_sent_at=NOW + MINUTE,
        waiting_since=NOW + MINUTE,
    )


def counted(store: Store) -> tuple[int, int, int]:
    status = store.status(now=NOW)
    return status.articles, status.triggers, status.events


def test_what_a_night_counted_is_not_counted_again(store: Store) -> None:
    old, fresh = range(10_100), range(10_100, 10_200)
    for numbers in (old, fresh):
        store.feeds.save_poll(FeedState("kcna", NOW), [article(number, first_seen=NOW - DAY) for number in numbers])
        if numbers is old:
            store.maintenance.optimise()
            # Behind everybody's back, so that only who counts all of it sees it.
            store.db.write(lambda c: c.exec_driver_sql("DELETE FROM articles WHERE id <= 50"))
    assert counted(store) == (10_200, 0, 0)

    store.maintenance.optimise()
    assert counted(store) == (10_150, 0, 0)


def test_nothing_is_counted_that_was_deleted_since(store: Store) -> None:
    store.feeds.save_poll(FeedState("kcna", NOW), [article(number) for number in range(10_500)])
    read = store.articles.undetected(rules=RULES, limit=20_000)
    store.triggers.save_detection(read, [trigger(read[0].id)], rules=RULES, now=NOW)
    store.maintenance.optimise()
    assert counted(store) == (10_500, 1, 0)

    batches = store.retention.delete_articles(before=NOW + DAY)
    assert next(batches) == 500
    assert counted(store) == (10_000, 1, 0)
    assert sum(batches) == 9_999
    store.maintenance.optimise()
    assert counted(store) == (1, 1, 0)
