"""Search: both databases find the same, and no text of a user is ever more than text."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.samples import DAY, MINUTE, NOW, RULES, alerted, article, event, linked, polled
from tocsin.model import AlertState, FeedState, Modality
from tocsin.store import Link, Store
from tocsin.store.search import fts5

TITLES = ("Seoul says missiles fell", "A harvest feast", "Missile test “condemned” in Tokyo", "Kim's 100% pledge_x")


def stocked(store: Store) -> None:
    for feed in ("kcna", "kcna-en"):
        found = [
            article(number, feed=feed, text=title, first_seen=NOW + number * DAY) for number, title in enumerate(TITLES)
        ]
        store.feeds.save_poll(FeedState(feed, NOW + MINUTE), found)


def titles(store: Store, text: str, **filters: object) -> list[str]:
    return [found.title for found in store.search.articles(text=text, **filters)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("missile", [TITLES[2], TITLES[0]]),
        ("MISSILES say", [TITLES[0]]),
        ('"missile test"', [TITLES[2]]),
        ('"test missile"', []),
        ("missile -tokyo", [TITLES[0]]),
        ("feast says", []),
        ("condemned", [TITLES[2]]),
        ("%", []),
        ("'; DROP TABLE articles --", []),
        ('" OR 1', []),
        ("NEAR(missile)", []),
        ("title:missile", []),
    ],
)
def test_words_phrases_and_exclusions(store: Store, text: str, expected: list[str]) -> None:
    stocked(store)

    assert titles(store, text, feed="kcna") == expected


def test_filters_narrow_and_pages_follow_each_other(store: Store) -> None:
    stocked(store)

    assert titles(store, "", feed="kcna", since=NOW + DAY, until=NOW + 3 * DAY) == [TITLES[2], TITLES[1]]
    assert titles(store, "missile", feed="kcna", since=NOW + DAY, until=NOW + 3 * DAY) == [TITLES[2]]
    for text in ("", "missile"):
        whole = store.search.articles(text=text)
        first = store.search.articles(text=text, limit=1)
        assert first + store.search.articles(text=text, before=first[0].id) == whole


@pytest.mark.parametrize("text", ["walrus", '"walrus landed"', "walrus -seal"])
def test_a_rare_word_is_found_behind_many_newer_articles(store: Store, text: str) -> None:
    rare = {3: "A walrus landed", 9: "Another walrus landed"}
    found = [
        article(number, text=rare.get(number, f"Filler {number}"), first_seen=NOW + number * MINUTE)
        for number in range(1_100)
    ]
    store.feeds.save_poll(FeedState("kcna", NOW + MINUTE), found)

    assert titles(store, text) == ["Another walrus landed", "A walrus landed"]
    assert titles(store, text, until=NOW + 9 * MINUTE) == ["A walrus landed"]
    assert titles(store, "filler", limit=2) == ["Filler 1099", "Filler 1098"]
    assert titles(store, "unheard") == []


def test_an_edited_or_deleted_article_is_found_by_what_it_says_now(store: Store) -> None:
    polled(store)
    store.feeds.save_poll(FeedState("kcna", NOW), [article(0, text="Bakers meet")])

    assert len(titles(store, "missile")) == 2
    assert titles(store, "bakers") == ["Bakers meet"]
    for each in store.articles.undetected(rules=RULES, limit=9):
        store.articles.set_aside(each, "told", rules=RULES)
    assert sum(store.retention.delete_articles(before=NOW + DAY)) == 3
    assert titles(store, "missile") == titles(store, "bakers") == []


@given(st.text(max_size=30))
def test_every_term_of_a_query_is_quoted(text: str) -> None:
    bare = fts5(text).replace('""', "")

    assert bare.count('"') % 2 == 0
    outside = "".join(bare.split('"')[::2])
    assert set(outside.split()) <= {"(", ")", "AND", "NOT", "OR", ")(", "()"} or not outside.strip("() ANDOTR")


@pytest.mark.parametrize(
    "text", ['"', "-", '""', "a\x00b", "*", "(", "a AND", "\ud800".encode("utf-8", "replace").decode()]
)
def test_odd_queries_find_nothing_and_break_nothing(store: Store, text: str) -> None:
    polled(store)

    assert titles(store, text) == []
    assert store.search.events(text=text) == []
    assert store.search.alerts(text=text) == []


def test_events_by_what_they_are(store: Store) -> None:
    first = linked(store)
    later = replace(event(type="sanctions_veto", source="RU", started_at=NOW + DAY), title="Moscow vetoes", target="KP")
    calm = replace(event(type="peace_agreement", source="US", started_at=NOW + 2 * DAY), severity=-8.0, title="Pact")
    veto, pact = store.events.save_links([Link(later, ()), Link(calm, ())])

    def ids(**filters: object) -> list[int]:
        return [found.id for found in store.search.events(**filters)]  # type: ignore[arg-type]

    assert ids() == [pact.id, veto.id, first.id]
    assert ids(type="sanctions_veto") == [veto.id]
    assert ids(actor="KP") == [veto.id, first.id]
    assert ids(severity=7.0) == [pact.id]
    assert ids(text="veto") == [veto.id]
    assert ids(text="sanctions veto RU") == [veto.id]
    assert ids(since=NOW + DAY, until=NOW + 2 * DAY) == [veto.id]
    assert ids(modality=Modality.DENIED) == []
    assert ids(before=pact.id) == [veto.id, first.id]
    assert ids(before=pact.id, limit=1) == [veto.id]


def test_alerts_by_what_they_are(store: Store) -> None:
    alert = alerted(store)

    def ids(**filters: object) -> list[str]:
        return [found.id for found in store.search.alerts(**filters)]  # type: ignore[arg-type]

    assert ids() == ids(text="missile") == ids(watch="korea", threshold="launches") == [alert.id]
    assert ids(state=AlertState.OPEN) == [alert.id]
    assert ids(text="%") == ids(text="_issile") == ids(state=AlertState.RESOLVED) == ids(before=alert.id) == []
    assert ids(until=NOW) == ids(since=NOW + dt.timedelta(microseconds=1)) == []
    assert store.search.alerts()[0].events == alert.events


def test_triggers_are_counted_by_rule(store: Store) -> None:
    linked(store)

    assert store.search.fired() == {"missile_test/fires": 3}
