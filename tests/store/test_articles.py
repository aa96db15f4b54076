from __future__ import annotations

from tests.store.samples import DAY, MINUTE, NOW, RULES, article, polled
from tocsin.model import FeedState
from tocsin.store import Store


def test_undetected_articles_come_by_id_and_at_most_so_many(store: Store) -> None:
    polled(store, 3)

    found = store.articles.undetected(rules=RULES, limit=2)
    assert [item.title for item in found] == [article(0).title, article(1).title]
    assert [item.id for item in found] == sorted(item.id for item in found)


def test_an_article_comes_back_as_it_was(store: Store) -> None:
    polled(store, 1)
    found = store.articles.undetected(rules=RULES, limit=1)[0]

    assert store.articles.get(found.id) == found
    assert store.articles.by_id([found.id, 99]) == {found.id: found}
    assert store.articles.get(99) is None


def test_what_was_set_aside_is_tried_again_under_other_rules(store: Store) -> None:
    polled(store, 2)
    poison, good = store.articles.undetected(rules=RULES, limit=2)

    store.articles.set_aside(poison, "too\x00 deep", rules=RULES)
    assert store.articles.undetected(rules=RULES, limit=9) == [good]
    assert [(item.article, item.error, item.rules) for item in store.articles.aside()] == [(poison, "too deep", RULES)]
    assert store.articles.undetected(rules="rules-2", limit=9) == [good, poison]
    assert store.articles.undetected(rules="rules-2", limit=1) == [good]

    store.triggers.save_detection([poison], [], rules="rules-2", now=NOW)
    assert store.articles.aside() == []
    assert store.articles.undetected(rules="rules-3", limit=9) == [good]


def test_what_was_set_aside_is_tried_again_once_it_is_edited(store: Store) -> None:
    polled(store, 1)
    poison = store.articles.undetected(rules=RULES, limit=1)[0]
    store.articles.set_aside(poison, "too deep", rules=RULES)

    store.feeds.save_poll(FeedState("kcna", NOW), [article(0, text="simpler")])
    store.articles.set_aside(poison, "a late word about the old text", rules=RULES)
    assert [item.title for item in store.articles.undetected(rules=RULES, limit=9)] == ["simpler"]
    assert store.articles.aside() == []


def test_articles_between_two_times_come_in_the_order_in_which_they_were_seen(store: Store) -> None:
    times = [NOW + MINUTE, NOW, NOW, NOW + DAY, NOW - MINUTE]
    seen = [article(number, first_seen=time) for number, time in enumerate(times)]
    store.feeds.save_poll(FeedState("kcna", NOW), seen)
    polled(store, 1, feed="other")

    def titles(page: int) -> list[str]:
        found = store.articles.between(NOW, NOW + DAY, feeds=["kcna"], page=page)
        return [item.title for item in found]

    assert titles(1) == titles(2) == titles(100) == [article(number).title for number in (1, 2, 0)]
    assert len(list(store.articles.between(NOW, NOW + DAY))) == 4
