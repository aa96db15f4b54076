from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.store.samples import DAY, NOW, RULES, article, decision, detected, event, linked, polled, trigger
from tocsin.errors import StoreError
from tocsin.model import FeedState, Modality
from tocsin.store import Link, Store

EDIT = FeedState("kcna", NOW)


def test_a_trigger_comes_back_as_it_was(store: Store) -> None:
    polled(store, 1)
    read = store.articles.undetected(rules=RULES, limit=1)
    full = replace(
        trigger(read[0].id),
        target="JP",
        modality=Modality.DENIED,
        occurred_on=dt.date(2026, 2, 28),
        place="Sea of Japan",
        facts={"missiles": 3, "kind": "ballistic", "range_km": 12.5},
        confidence=0.5,
        severity=-3.0,
    )

    assert store.triggers.save_detection(read, [full], rules=RULES, now=NOW) == 1
    assert store.triggers.unlinked(limit=9) == [(replace(full, id=store.triggers.unlinked(limit=1)[0][0].id), read[0])]


def test_detecting_twice_stores_once(store: Store) -> None:
    polled(store, 2)
    read = store.articles.undetected(rules=RULES, limit=2)
    found = [trigger(item.id) for item in read] * 2

    assert store.triggers.save_detection(read, found, rules=RULES, now=NOW) == 2
    assert store.triggers.save_detection(read, found, rules=RULES, now=NOW) == 0
    assert len(store.triggers.unlinked(limit=9)) == 2
    assert store.articles.undetected(rules=RULES, limit=9) == []


def test_what_was_found_in_a_text_that_was_edited_meanwhile_is_dropped(store: Store) -> None:
    polled(store, 2)
    read = store.articles.undetected(rules=RULES, limit=2)
    store.feeds.save_poll(EDIT, [article(0, text="Nothing happened")])

    assert store.triggers.save_detection(read, [trigger(item.id) for item in read], rules=RULES, now=NOW) == 1
    assert [item.title for item in store.articles.undetected(rules=RULES, limit=9)] == ["Nothing happened"]
    assert [item.id for _, item in store.triggers.unlinked(limit=9)] == [read[1].id]


def test_a_trigger_that_an_edit_took_away_is_withdrawn_and_comes_back_with_it(store: Store) -> None:
    detected(store, 1)
    for text, count in (("Nothing happened", 0), ("It did happen", 1)):
        store.feeds.save_poll(EDIT, [article(0, text=text)])
        read = store.articles.undetected(rules=RULES, limit=1)
        store.triggers.save_detection(read, [trigger(read[0].id)] * count, rules=RULES, now=NOW + DAY)
        assert len(store.triggers.unlinked(limit=9)) == count
        assert len(store.triggers.of_articles([read[0].id])) == count


def test_a_trigger_that_an_edit_changed_is_linked_again_and_an_equal_one_stays(store: Store) -> None:
    stored = linked(store, 2)
    store.feeds.save_poll(EDIT, [article(0, text="Not a missile"), article(1, text="Still a missile")])
    first, second = store.articles.undetected(rules=RULES, limit=2)
    changed = replace(trigger(first.id), modality=Modality.DENIED)
    equal = replace(trigger(second.id), version="v2", severity=1.0)

    assert store.triggers.save_detection([first, second], [changed, equal], rules="rules-2", now=NOW) == 0
    assert [(item.article, item.modality) for item, _ in store.triggers.unlinked(limit=9)] == [
        (first.id, Modality.DENIED)
    ]
    members = store.triggers.of_events([stored.id])[stored.id]
    assert [(item.article, item.version) for item, _ in members] == [(second.id, "v2")]
    assert [item.id for item in store.events.shrunk(limit=9)] == [stored.id]


def test_an_event_that_lost_a_trigger_is_gathered_again_and_keeps_it_as_evidence(store: Store) -> None:
    stored = linked(store, 2)
    store.alerts.save_decisions([decision("a1", (stored.id,))], evaluated=[stored])
    store.feeds.save_poll(EDIT, [article(0, text="Nothing happened")])
    read = store.articles.undetected(rules=RULES, limit=1)
    store.triggers.save_detection(read, [], rules=RULES, now=NOW)

    with pytest.raises(StoreError, match="another process changed"):
        store.events.save_links([Link(replace(stored, version=2), ())])
    lost = store.events.shrunk(limit=9)[0]
    assert lost == replace(stored, version=2)
    assert [item.id for _, item in store.triggers.of_events([lost.id])[lost.id]] == [stored.articles[1]]
    smaller = replace(lost, articles=stored.articles[1:], version=3)
    store.events.save_shrunk(smaller)
    assert store.events.shrunk(limit=9) == []
    assert store.events.changed(limit=9) == [smaller]
    detail = store.alerts.detail("a1")
    assert detail is not None
    assert [item.id for _, item in detail.reports[lost.id]] == list(stored.articles)
    with pytest.raises(StoreError, match="another process changed"):
        store.events.save_shrunk(smaller)


def test_the_triggers_of_an_event_come_with_their_articles(store: Store) -> None:
    stored = linked(store, 2)

    assert store.triggers.unlinked(limit=9) == []
    members = store.triggers.of_events([stored.id, 99])
    assert [item.title for _, item in members[stored.id]] == [article(0).title, article(1).title]
    assert members[99] == []


def test_unlinked_triggers_come_by_id_and_at_most_so_many(store: Store) -> None:
    detected(store, 3)
    first = store.triggers.unlinked(limit=2)
    store.events.save_links([Link(event(), tuple(item.id for item, _ in first))])

    assert len(first) == 2
    assert [item.title for _, item in store.triggers.unlinked(limit=9)] == [article(2).title]
