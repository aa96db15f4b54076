"""One sweep from feeds to channels, over real servers, on SQLite and on Postgres."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from flows.holding import LEASE
from flows.sweep import Step
from flows.tally import Tally
from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, NOW, VETO, Room, rows
from tocsin.model import DeliveryState


def test_a_new_item_becomes_an_article_a_trigger_an_event_an_alert_and_two_deliveries(any_room: Room) -> None:
    room = any_room
    herald, post = room.paper("herald").publish(NOISE), room.paper("post").publish(NOISE)
    room.write()
    assert room.sweep(now=NOW) == Tally(feeds=2, articles=2)

    herald.publish(MISSILE, at=NOW + HOUR)
    post.publish(f"{MISSILE}, Seoul says", at=NOW + HOUR)

    assert room.sweep(now=NOW + HOUR) == Tally(feeds=2, articles=2, triggers=2, events=1, alerts=1, sent=2)
    assert len(room.hooked()) == 1
    assert room.mailed() == [f"[test] New missile_test: {MISSILE}"]
    with room.store() as store:
        (alert,) = store.alerts.recent()
        assert {delivery.state for delivery in store.outbox.of_alert(alert.id)} == {DeliveryState.SENT}
        detail = store.alerts.detail(alert.id)
    assert detail is not None
    assert {article.feed for reports in detail.reports.values() for _, article in reports} == {"herald", "post"}
    assert alert.threshold == "new_missile_test"


def test_nothing_is_told_twice(any_room: Room) -> None:
    room = any_room
    paper = room.paper("herald").publish(NOISE)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)

    tallies = [room.sweep(now=NOW + hours * HOUR) for hours in (1, 2, 3)]

    assert [tally.sent for tally in tallies] == [2, 0, 0]
    assert len(room.hooks.requests) == len(room.mailbox.mails) == 1


def test_what_a_new_feed_already_shows_is_stored_and_detected_but_alerts_nobody(any_room: Room) -> None:
    room = any_room
    room.paper("herald").publish(MISSILE).publish(VETO)
    room.write()

    tally = room.sweep(now=NOW)
    later = room.sweep(now=NOW + HOUR)

    assert (tally.articles, tally.triggers, tally.events) == (2, 2, 2)
    assert tally.alerts == later.alerts == 0
    assert room.hooks.requests == []


def test_an_idle_sweep_leaves_no_row_behind_but_when_it_was(room: Room) -> None:
    room.paper("herald").publish(MISSILE)
    room.write().sweep(now=NOW)

    def content() -> dict[str, object]:
        names = [
            name for (name,) in rows(room.state / "tocsin.db", "select name from sqlite_master where type='table'")
        ]
        kept = [name for name in names if name not in ("leases", "meta")]
        return {name: rows(room.state / "tocsin.db", f"select * from {name}") for name in kept}

    before = content()
    tally = room.sweep(now=NOW + dt.timedelta(seconds=20))

    assert tally == Tally()
    assert content() == before
    assert len(room.press.papers["herald"].requests) == 1


def test_one_broken_feed_stops_no_other_and_is_named(any_room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room = any_room
    good, bad = room.paper("good").publish(NOISE), room.paper("bad").answers(b"no", 500)
    room.write()
    room.sweep(now=NOW)
    good.publish(MISSILE, at=NOW + HOUR)

    tally = room.sweep(now=NOW + HOUR)

    assert (tally.feeds, tally.failed_feeds, tally.sent) == (2, 1, 2)
    assert any("feed bad: " in record.getMessage() and "500" in record.getMessage() for record in caplog.records)
    with room.store() as store:
        state = store.feeds.get("bad")
    assert state is not None
    assert state.failures == 2
    assert state.next_check_at > NOW + HOUR
    assert len(bad.requests) == 2


def test_a_feed_taken_out_of_the_configuration_is_polled_no_more(room: Room) -> None:
    gone = room.paper("gone").publish(NOISE)
    room.paper("stays").publish(NOISE)
    room.write().sweep(now=NOW)
    del room.feeds["gone"]

    tally = room.write().sweep(now=NOW + HOUR)

    assert tally.feeds == 1
    assert len(gone.requests) == 1


def test_a_feed_that_is_not_enabled_is_not_asked(room: Room) -> None:
    off = room.paper("off", enabled=False)
    room.write()

    assert room.sweep(now=NOW) == Tally()
    assert off.requests == []


def test_new_rules_read_the_articles_that_wait_and_old_ones_are_not_alerted_again(room: Room) -> None:
    paper = room.paper("herald").publish(NOISE)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    room.sweep(now=NOW + HOUR)
    room.rules["missile_test"]["severity"] = 7

    tally = room.write().sweep(now=NOW + 2 * HOUR)

    assert tally.alerts == 0
    assert len(room.hooks.requests) == 1


def test_while_a_sweep_has_the_feeds_another_does_not_ask_them(any_room: Room) -> None:
    room = any_room
    paper = room.paper("herald").publish(NOISE)
    room.write()
    with room.opened(now=NOW) as sweep:
        assert sweep.store.leases.acquire("shard 1 of 1", holder="another", now=NOW, ttl=LEASE)

    assert room.sweep(now=NOW).skipped == "another sweep is under way"
    assert paper.requests == []
    assert room.sweep(now=NOW + LEASE).feeds == 1


def test_while_a_sweep_judges_another_only_collects(any_room: Room) -> None:
    room = any_room
    paper = room.paper("herald").publish(NOISE)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    with room.opened(now=NOW + HOUR) as sweep:
        assert sweep.store.leases.acquire("sweep", holder="another", now=NOW + HOUR, ttl=LEASE)

    kept_out = Tally(feeds=1, articles=1, triggers=1, skipped="another sweep is under way")
    assert room.sweep(now=NOW + HOUR) == kept_out
    assert room.sweep(now=NOW + HOUR + LEASE).sent == 2


def test_what_another_sweep_finds_meanwhile_is_told_by_the_one_that_judges(any_room: Room) -> None:
    room, said = any_room, []
    paper = room.paper("herald").publish(NOISE)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)

    def wrap(name: str, step: Step) -> Step:
        def dressed(*, now: dt.datetime) -> Tally:
            tally = step(now=now)
            if name == "send" and not said:
                paper.publish(VETO, at=NOW + HOUR)
                said.append(room.sweep(now=NOW + HOUR + MINUTE))
            return tally

        return dressed

    with room.opened(now=NOW + HOUR) as sweep:
        tally = sweep.run(now=NOW + HOUR, wrap=wrap, clock=lambda: NOW + HOUR + 2 * MINUTE)

    assert said == [Tally(feeds=1, articles=1, triggers=1, skipped="another sweep is under way")]
    assert (tally.articles, tally.events, tally.alerts, tally.sent, tally.skipped) == (1, 2, 2, 4, "")


def test_a_stopped_sweep_ends_after_the_poll_and_gives_its_leases_back(room: Room) -> None:
    room.paper("herald").publish(NOISE)
    room.write()
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 2

    with room.opened(now=NOW) as sweep:
        sweep.stop = stop
        assert sweep.run(now=NOW) == Tally(feeds=1, articles=1, skipped="stopped before link")

    assert room.sweep(now=NOW + MINUTE).skipped == ""


def test_a_step_may_be_dressed_and_gets_the_moment(room: Room) -> None:
    room.write()
    seen: list[tuple[str, dt.datetime]] = []

    def wrap(name: str, step: object) -> object:
        def dressed(*, now: dt.datetime) -> Tally:
            seen.append((name, now))
            return step(now=now)  # type: ignore[operator,no-any-return]

        return dressed

    with room.opened(now=NOW) as sweep:
        sweep.run(now=NOW, wrap=wrap)  # type: ignore[arg-type]

    assert seen == [(name, NOW) for name in ("collect", "link", "evaluate", "send")]


def test_tallies_add_up_and_read_as_a_sentence() -> None:
    total = Tally(feeds=2, failed_feeds=1, articles=3) + Tally(sent=4, skipped="stopped before send")

    assert dataclasses.asdict(total)["sent"] == 4
    assert str(total) == (
        "2 feeds polled (1 failed), 3 new articles, 0 triggers, 0 events, 0 alerts, 4 sent, 0 not sent; "
        "stopped before send"
    )


def test_one_wire_story_in_several_feeds_is_one_voice_and_one_alert(room: Room) -> None:
    """P17: copies of a dispatch corroborate nothing; another house's own report does."""
    room.watch["thresholds"][0]["where"]["min_corroboration"] = 2
    story = f"{MISSILE}, the South Korean military says, hours after a warning from Pyongyang over a drill"
    papers = [room.paper(name).publish(NOISE) for name in ("herald", "post", "times", "mail")]
    room.write().sweep(now=NOW)
    for paper in papers[:3]:
        paper.publish(story, "SEOUL (Reuters) - It fell into the water east of the country.", at=NOW + HOUR)

    copies = room.sweep(now=NOW + HOUR)
    papers[3].publish("North Korea launches a missile; Tokyo protests", at=NOW + 2 * HOUR)
    second = room.sweep(now=NOW + 2 * HOUR)

    assert (copies.triggers, copies.events, copies.alerts) == (3, 1, 0)
    assert (second.triggers, second.events, second.alerts) == (1, 0, 1)
    assert len(room.hooked()) == 1


def test_a_sweep_after_eight_hours_asks_each_feed_once_and_spreads_what_follows(room: Room) -> None:
    """T03: what was missed is caught up with at once, and there is no second wave."""
    papers = [room.paper(f"paper{number}").publish(NOISE) for number in range(12)]
    room.write().sweep(now=NOW)
    papers[0].publish(MISSILE, at=NOW + HOUR)
    asked = [len(paper.requests) for paper in papers]

    woken = room.sweep(now=NOW + 8 * HOUR)

    assert (woken.feeds, woken.alerts, woken.sent) == (12, 1, 2)
    assert [len(paper.requests) - before for paper, before in zip(papers, asked, strict=True)] == [1] * 12
    assert room.sweep(now=NOW + 8 * HOUR).feeds == 0
    with room.store() as store:
        assert len({state.next_check_at for state in store.feeds.all()}) == 12
