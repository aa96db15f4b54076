"""What the settings no longer keep is deleted by age and kind, and nothing that an alert needs."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from tests.store.samples import DAY, NOW, RULES, alerted, article, decision, event, linked, polled, sent, trigger
from tocsin.model import AlertState, Event, FeedState
from tocsin.store import Link, Store
from tocsin.store.schema import audit

LATER = NOW + 9 * DAY


def whole(store: Store, alert: str = "a1") -> tuple[object, ...]:
    """All that an alert shows."""
    detail = store.alerts.detail(alert)
    assert detail is not None
    return detail.events, detail.reports, detail.deliveries, detail.history


def thin(store: Store, before: dt.datetime) -> list[int]:
    """Everything that can be deleted, in the order in which `maintain` does it."""
    keep = store.retention
    steps = (keep.delete_events, keep.delete_articles, keep.clear_bodies, keep.delete_audit)
    return [sum(step(before=before)) for step in steps]


def judged(store: Store, found: Event) -> None:
    """The event was looked at by thresholds, which raised no alert."""
    store.alerts.save_decisions([], evaluated=[found])


def test_an_event_of_no_alert_goes_with_its_triggers_and_then_its_articles(store: Store) -> None:
    judged(store, linked(store, 3))

    assert sum(store.retention.delete_events(before=NOW)) == 0, "it is not older than that"
    assert thin(store, LATER) == [1, 3, 0, 0]
    assert store.events.recent(limit=9) == []
    assert store.articles.by_id([1, 2, 3]) == {}
    assert thin(store, LATER) == [0, 0, 0, 0]


def test_what_an_alert_needs_is_never_dropped(store: Store) -> None:
    sent(store)
    store.alerts.acknowledge("a1", who="ann", now=NOW)
    store.alerts.resolve("a1", who="ann", now=NOW)
    before = whole(store)

    assert thin(store, LATER) == [0, 0, 0, 0]
    assert whole(store) == before
    assert [alert.state for alert in store.alerts.recent()] == [AlertState.RESOLVED]


def test_an_event_that_nobody_judged_yet_or_that_grew_lately_stays(store: Store) -> None:
    fresh = linked(store, 2)
    assert sum(store.retention.delete_events(before=LATER)) == 0
    judged(store, fresh)
    grown = replace(fresh, changed_at=LATER, version=fresh.version + 1)
    store.events.save_links([Link(grown, ())])
    judged(store, grown)

    assert sum(store.retention.delete_events(before=LATER)) == 0
    assert sum(store.retention.delete_events(before=LATER + DAY)) == 1


def test_bodies_of_articles_without_triggers_are_emptied_and_their_titles_stay(store: Store) -> None:
    linked(store, 1)
    store.feeds.save_poll(FeedState("kcna", NOW), [article(number) for number in (50, 51)])
    unread = [each.id for each in store.articles.undetected(rules=RULES, limit=9)]
    assert sum(store.retention.clear_bodies(before=LATER)) == 0, "detection has still to read them"
    store.triggers.save_detection(store.articles.undetected(rules=RULES, limit=9), [], rules=RULES, now=NOW)

    assert sum(store.retention.clear_bodies(before=LATER)) == 2
    kept = store.articles.by_id([1, *unread])
    assert [bool(each.summary) for each in kept.values()] == [True, False, False]
    assert all(each.title for each in kept.values())
    assert sum(store.retention.clear_bodies(before=LATER)) == 0
    # The feed shows them once more: known, and no edit.
    store.feeds.save_poll(FeedState("kcna", NOW), [article(50)])
    assert store.articles.undetected(rules=RULES, limit=9) == []


def test_a_trigger_that_was_withdrawn_before_any_event_had_it_keeps_no_article(store: Store) -> None:
    polled(store, 1)
    (item,) = store.articles.undetected(rules=RULES, limit=9)
    store.triggers.save_detection([item], [trigger(item.id)], rules=RULES, now=NOW)
    store.feeds.save_poll(FeedState("kcna", NOW), [article(0, text="Nothing was fired after all")])
    store.triggers.save_detection(store.articles.undetected(rules=RULES, limit=9), [], rules=RULES, now=NOW)
    assert store.triggers.unlinked(limit=9) == []

    assert sum(store.retention.delete_articles(before=LATER)) == 1


def test_lines_of_the_audit_trail_go_unless_their_alert_or_event_is_there(store: Store) -> None:
    alerted(store)
    store.alerts.acknowledge("a1", who="ann", now=NOW)
    rows = [
        {"at": NOW, "who": "ann", "act": "unmute", "subject": "mute:7", "note": ""},
        {"at": NOW, "who": "ann", "act": "split", "subject": "event:1", "note": ""},
        {"at": NOW, "who": "ann", "act": "split", "subject": "event:99", "note": ""},
        {"at": LATER, "who": "ann", "act": "mute", "subject": "mute:8", "note": ""},
    ]
    store.db.write(lambda c: c.execute(audit.insert(), rows))

    assert sum(store.retention.delete_audit(before=LATER)) == 2
    left = store.db.read(lambda c: sorted(c.execute(audit.select()).scalars("subject")))
    assert left == ["a1", "event:1", "mute:8"]


def test_many_old_events_go_in_short_transactions(store: Store) -> None:
    links = [Link(event(started_at=NOW - dt.timedelta(minutes=number)), ()) for number in range(1_100)]
    found = store.events.save_links(links)
    store.alerts.save_decisions([decision("a1", (found[7].id,))], evaluated=found)

    assert list(store.retention.delete_events(before=LATER)) == [500, 500, 99]
    assert [each.id for each in store.events.recent(limit=9)] == [found[7].id]
