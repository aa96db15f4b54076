"""Articles read again under other rules or other weights: nobody hears of it, also when it is killed, or not alone."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path

import pytest

from flows.backtest import archive, reading
from flows.detecting import Rulebook
from flows.redetection import Redetected, redetect
from tests.faults.driver import Driver
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, VETO, Room
from tocsin.model import Article
from tocsin.store import Store

DAY = 24 * HOUR
LATER = NOW + 2 * HOUR


@pytest.fixture
def told(room: Room) -> Room:
    """One alert on a launch, and a veto whose rule did not know the word."""
    # What the learned weights add changes with each training.
    room.settings["detect"] = {"second_opinion": False}
    frames(room, "sanctions_veto", "block", "resolution", "Russia blocks a sanctions resolution at the UN.", "RU")
    paper = room.paper("herald").publish("Baker of the year is named", at=NOW - 2 * HOUR)
    room.write().sweep(now=NOW)
    paper.publish(NOISE, at=NOW).publish(MISSILE, at=NOW).publish(VETO, at=NOW)
    room.sweep(now=NOW + HOUR)
    assert len(room.hooked()) == 1
    return room


def frames(room: Room, rule: str, act: str, thing: str, example: str, source: str) -> None:
    room.rules[rule]["frames"] = [{"name": f"{act}s", "act": [act], "object": [thing]}]
    room.rules[rule]["examples"] = {"fires": [{"text": example, "source": source}], "silent": [f"{NOISE}."]}


def changed(room: Room) -> Room:
    """One rule learns its word, and the other loses its."""
    frames(room, "sanctions_veto", "veto", "resolution", f"{VETO}.", "RU")
    frames(room, "missile_test", "test", "rocket", "North Korea tests a rocket.", "KP")
    return room.write()


def again(room: Room) -> Redetected:
    with room.opened(now=LATER) as sweep:
        return redetect(sweep, since=NOW - DAY, until=NOW + DAY, now=LATER)


def articles(store: Store) -> list[Article]:
    return list(store.articles.between(NOW - DAY, NOW + 9 * DAY))


def facts(room: Room) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The triggers that stand, and the events with their reports."""
    with room.store() as store:
        assert store.triggers.unlinked(limit=9) == []
        assert store.events.shrunk(limit=9) == []
        assert store.events.changed(limit=9) == []
        triggers = store.triggers.of_articles([article.id for article in articles(store)])
        events = store.events.recent(limit=9)
        return [(t.article, t.type, t.source) for t in triggers], [(e.type, e.articles, e.backfill) for e in events]


# Other weights


def test_everything_is_read_again_that_other_weights_have_read(told: Room) -> None:
    assert again(told) == Redetected()
    with told.opened(now=LATER) as sweep:
        older = dataclasses.replace(Rulebook.of(sweep.config), learned="other").digest()
        found = articles(sweep.store)
        triggers = sweep.store.triggers.of_articles([article.id for article in found])
        sweep.store.triggers.save_detection(found, triggers, rules=older, now=NOW)

    assert again(told) == Redetected(articles=4)
    assert again(told) == Redetected()
    assert len(told.hooked()) == 1


def test_a_backtest_of_the_store_detects_anew_what_other_weights_have_found(told: Room, tmp_path: Path) -> None:
    def stored() -> int:
        """How many detections are taken from the store."""
        counts: list[int] = []
        with told.opened(now=LATER) as sweep:
            found = archive.from_store(sweep.store)
            reading.read(sweep.config, found, state=tmp_path, live=sweep.store, advance=counts.append)
        return counts[0]

    assert stored() == 4
    with told.opened(now=LATER) as sweep:
        older = dataclasses.replace(Rulebook.of(sweep.config), learned="other").digest()
        sweep.store.triggers.save_detection(articles(sweep.store), [], rules=older, now=NOW)
    assert stored() == 0


# Killed


@pytest.mark.parametrize("failpoint", ["mid_detect", "after_detect", "after_link", "before_alert_commit"])
def test_killed_it_alerts_on_nothing_and_the_next_sweep_goes_on(failpoint: str, told: Room, driver: Driver) -> None:
    changed(told)
    sent = told.hooked(), told.mailed()
    log = told.folder / "again.log"
    code = driver.redetect(told.environ, LATER, log, failpoint=failpoint)
    assert code == -signal.SIGKILL, log.read_text()

    told.sweep(now=LATER + HOUR)
    with told.opened(now=LATER + 2 * HOUR) as sweep:
        redetect(sweep, since=NOW - DAY, until=NOW + DAY, now=LATER + 2 * HOUR)
    told.sweep(now=LATER + 3 * HOUR)

    assert (told.hooked(), told.mailed()) == sent
    triggers, events = facts(told)
    assert [(kind, source) for _, kind, source in triggers] == [("sanctions_veto", "RU")]
    assert [(kind, len(reports), backfill) for kind, reports, backfill in events] == [("sanctions_veto", 1, True)]


# Not alone


def test_news_that_another_process_detects_meanwhile_is_left_to_a_sweep(told: Room) -> None:
    changed(told)
    told.paper("post").publish(NOISE, at=NOW)
    told.write().sweep(now=LATER)
    told.paper("post").publish("China vetoes a resolution on sanctions at the UN", at=LATER)

    def meanwhile(count: int) -> None:
        """The first batch is done: another process polls and detects, and has no lease to link."""
        with told.opened(now=LATER + HOUR) as other:
            other.collect(now=LATER + HOUR)

    with told.opened(now=LATER) as sweep:
        redetect(sweep, since=NOW - DAY, until=NOW + 2 * DAY, now=LATER, advance=meanwhile)
    assert len(told.hooked()) == 1
    with told.store() as store:
        assert len(store.triggers.unlinked(limit=9)) == 1

    assert told.sweep(now=LATER + 2 * HOUR).alerts == 1
    assert len(told.hooked()) == 2


def test_an_article_that_nobody_has_read_yet_is_news_and_not_read_again(told: Room) -> None:
    changed(told)
    with told.opened(now=LATER) as sweep:
        asked = sweep.store.articles.read_otherwise
        ids = [article.id for article in articles(sweep.store)]
        assert asked({"other"}, ids) == set(ids)
        assert asked({"other", sweep.rules}, ids) == set(ids)
        (state,) = [each for each in sweep.store.feeds.all() if each.feed == "herald"]
        edited = dataclasses.replace(articles(sweep.store)[0], title="Edited", digest="new")
        sweep.store.feeds.save_poll(state, [edited])
        assert asked({"other"}, ids) == set(ids) - {edited.id}
