"""Sample nouns, and each step of a sweep on them: `python -m tests.store.samples URL STEP` runs one in a process."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace

from tocsin.model import (
    Alert,
    Article,
    Delivery,
    DeliveryState,
    Event,
    Evidence,
    FeedState,
    Modality,
    Trigger,
    Voice,
)
from tocsin.store import Decision, Link, Store

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
LEASE = 5 * MINUTE
RULES = "rules-1"


def article(number: int, *, feed: str = "kcna", text: str = "", first_seen: dt.datetime = NOW) -> Article:
    """An article of `feed`; another `text` is an edit of it."""
    title = text or f"North Korea fires missile number {number}"
    key = f"https://example.org/{number}"
    return Article(feed, key, key, title, "It fell into the sea.", NOW - MINUTE, first_seen, f"d:{title}", "Example")


def trigger(article: int, *, start: int = 0, object: str = "missile") -> Trigger:
    """A missile test in the article with that id."""
    evidence = Evidence("title", start, start + 17, "North Korea fires")
    return Trigger(
        "missile_test", Modality.HAPPENED, "KP", None, object, "missile_test/fires", "v1", evidence, article=article
    )


def event(*, type: str = "missile_test", source: str | None = "KP", started_at: dt.datetime = NOW) -> Event:
    """A new event."""
    voices = (Voice("yonhap", "North Korea fires missile", "00ff"), Voice("reuters", "Missile fired", ""))
    return Event(
        type,
        Modality.HAPPENED,
        source,
        None,
        started_at,
        started_at,
        "North Korea fires missile",
        severity=6.5,
        occurred_on=dt.date(2026, 3, 1),
        families=frozenset({"reuters", "yonhap"}),
        voices=voices,
        articles=(1, 2),
        denials=(2,),
        tags=frozenset({"asia"}),
        facts={"missiles": 2, "range_km": 600.5, "name": "Hwasong"},
    )


def decision(name: str, events: tuple[int, ...], *, channels: tuple[str, ...] = ("mail", "chat")) -> Decision:
    """An alert on `events`, to the first recipient of each of `channels`."""
    alert = Alert(name, "korea", "launches", "v1", name, "2026-03-01", NOW, "2 >= 1", events, 6.5, title="Missile")
    deliveries = tuple(Delivery(name, channel, 0, DeliveryState.QUEUED, NOW) for channel in channels)
    return Decision(alert, deliveries)


def polled(store: Store, count: int = 3, *, feed: str = "kcna") -> FeedState:
    """Poll `count` articles of `feed`."""
    state = FeedState(feed, NOW + MINUTE, etag='"1"', last_success_at=NOW)
    store.feeds.save_poll(state, [article(number, feed=feed) for number in range(count)])
    return state


def detected(store: Store, count: int = 3) -> None:
    """Poll, then detect one trigger in each of `count` articles."""
    polled(store, count)
    articles = store.articles.undetected(rules=RULES, limit=count)
    store.triggers.save_detection(articles, [trigger(item.id) for item in articles], rules=RULES, now=NOW)


def linked(store: Store, count: int = 3) -> Event:
    """Poll, detect, then link all triggers into one event."""
    detected(store, count)
    triggers = store.triggers.unlinked(limit=100)
    link = Link(
        replace(event(), articles=tuple(item.id for _, item in triggers)), tuple(item.id for item, _ in triggers)
    )
    return store.events.save_links([link])[0]


def alerted(store: Store, *, channels: tuple[str, ...] = ("mail", "chat")) -> Alert:
    """Poll, detect, link, then raise one alert."""
    found = linked(store)
    store.alerts.save_decisions([decision("a1", (found.id,), channels=channels)], evaluated=[found])
    return decision("a1", (found.id,)).alert


def claimed(store: Store) -> list[Delivery]:
    """Poll, detect, link, alert, then claim what is due."""
    alerted(store)
    return store.outbox.claim(now=NOW, lease=LEASE, limit=10, holder="test")


def sent(store: Store) -> None:
    """The whole way: the last step marks what was claimed as sent."""
    for delivery in claimed(store):
        store.outbox.sent(delivery, now=NOW)


STEPS = {"poll": polled, "detect": detected, "link": linked, "alert": alerted, "claim": claimed, "send": sent}

if __name__ == "__main__":
    with Store.open(sys.argv[1]) as opened:
        STEPS[sys.argv[2]](opened)
