"""`tocsin why`, `why-not` and `redetect`, run as a person would."""

from __future__ import annotations

import json

import pytest

from flows.redetection import Redetected, redetect
from tests.cli.conftest import Run
from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, NOW, VETO, Room
from tocsin.errors import StoreError

DAY = 24 * HOUR


@pytest.fixture
def told(room: Room) -> Room:
    """One alert on a launch; a veto that no threshold of now was told of, because its rule did not know the word."""
    room.rules["sanctions_veto"]["frames"] = [{"name": "blocks", "act": ["block"], "object": ["resolution"]}]
    room.rules["sanctions_veto"]["examples"] = {
        "fires": [{"text": "Russia blocks a sanctions resolution at the UN.", "source": "RU"}],
        "silent": [f"{NOISE}."],
    }
    paper = room.paper("herald").publish("Baker of the year is named", at=NOW - 2 * HOUR)
    room.write().sweep(now=NOW)
    paper.publish(NOISE, at=NOW).publish(MISSILE, at=NOW).publish(VETO, at=NOW)
    room.sweep(now=NOW + HOUR)
    return room


def mended(room: Room) -> None:
    """The rule learns its word."""
    room.rules["sanctions_veto"]["frames"] = [{"name": "vetoes", "act": ["veto"], "object": ["resolution"]}]
    room.rules["sanctions_veto"]["examples"] = {
        "fires": [{"text": f"{VETO}.", "source": "RU"}],
        "silent": [f"{NOISE}."],
    }
    room.write()


def ids(room: Room) -> dict[str, int]:
    with room.store() as store:
        return {each.title: each.id for each in store.articles.between(NOW - DAY, NOW + 9 * DAY)}


def again(room: Room, rule: str = "", hours: int = 2) -> Redetected:
    with room.opened(now=NOW + hours * HOUR) as sweep:
        return redetect(sweep, since=NOW - DAY, until=NOW + DAY, now=NOW + hours * HOUR, rule=rule)


def test_why_names_the_whole_chain_and_whether_it_is_still_in_force(told: Room, run: Run) -> None:
    with told.store() as store:
        (alert,) = store.alerts.recent()
        (trigger,) = store.triggers.of_articles([ids(told)[MISSILE]])

    lines = run("why", alert.id).out.splitlines()

    steps = [line.split()[0] for line in lines[1:] if not line.startswith("   ")]
    assert steps == ["article", "trigger", "event", "threshold", "policy", "delivery", "delivery"]
    assert f"by rule missile_test@{trigger.version} (in force)" in lines[2]
    assert f"test/new_missile_test@{alert.threshold_version} (in force)" in lines[4]
    assert [line.split()[1:3] for line in lines if "delivery" in line] == [["hook/0", "sent,"], ["mail/0", "sent,"]]

    told.rules["missile_test"]["frames"][0]["act"] = ["fire"]
    del told.watch["thresholds"][0]
    told.write()
    answer = json.loads(run("why", alert.id, "--json").out)
    ((name, force),) = answer["rules"].items()
    assert name == f"missile_test@{trigger.version}"
    assert force.startswith("now @")
    assert answer["threshold_in_force"] == "no longer there"


def test_why_not_says_where_the_way_of_an_article_ended(told: Room, run: Run) -> None:
    known = ids(told)

    assert "no rule found any of its words" in run("why-not", str(known[NOISE])).out
    assert "it is history" in run("why-not", str(known["Baker of the year is named"])).out
    said = run("why-not", str(known[MISSILE])).out
    assert "threshold  test/new_missile_test@" in said
    assert "`tocsin why " in said
    assert run("why-not", "999").code == 2
    assert run("why", "nothing").code == 2


def test_why_not_gives_the_reason_of_a_threshold_that_waits(told: Room, run: Run) -> None:
    told.watch["thresholds"][0]["where"]["min_corroboration"] = 2
    told.write()
    with told.store() as store:
        store.db.write(lambda c: c.exec_driver_sql("delete from alert_events"))

    answer = json.loads(run("why-not", str(ids(told)[MISSILE]), "--json").out)

    (trigger,) = answer["triggers"]
    (step,) = trigger["thresholds"]
    assert (step["threshold"], step["reason"]) == ("new_missile_test", "1 of 2 independent publishers")


def test_redetect_finds_what_a_changed_rule_finds_and_tells_nobody(told: Room) -> None:
    assert again(told) == Redetected()
    mended(told)
    before = told.hooked()

    assert again(told) == Redetected(articles=4, new=1, withdrawn=0)
    assert again(told) == Redetected()

    told.paper("post").publish(VETO, at=NOW - HOUR)
    assert told.write().sweep(now=NOW + 3 * HOUR).alerts == 0
    assert told.hooked() == before
    with told.store() as store:
        (event,) = store.events.recent(limit=9, type="sanctions_veto")
        assert event.backfill
        assert [each.rule for each in store.triggers.of_articles([ids(told)[VETO]])] == ["sanctions_veto"]


def test_news_after_a_redetect_alerts_as_ever(told: Room) -> None:
    mended(told)
    again(told)
    told.paper("herald").publish("China vetoes a resolution on sanctions at the UN", at=NOW + 3 * HOUR)
    told.paper("herald").publish("Russia fires a missile", at=NOW + 3 * HOUR)

    assert told.sweep(now=NOW + 4 * HOUR).alerts >= 1


def test_a_trigger_that_no_rule_finds_any_more_is_withdrawn_without_a_correction(told: Room) -> None:
    told.rules["missile_test"]["frames"] = [{"name": "tests a rocket", "act": ["test"], "object": ["rocket"]}]
    told.rules["missile_test"]["examples"]["fires"] = [{"text": "North Korea tests a rocket.", "source": "KP"}]
    told.write()
    before = told.hooked()

    assert again(told, rule="sanctions_veto") == Redetected(articles=4)
    assert again(told, rule="missile_test") == Redetected(articles=4, withdrawn=1)
    assert again(told, rule="missile_test") == Redetected()

    told.sweep(now=NOW + 5 * HOUR)
    assert told.hooked() == before
    with told.store() as store:
        assert store.events.recent(limit=9) == []


def test_redetect_waits_for_a_sweep(told: Room) -> None:
    with told.store() as store:
        store.leases.acquire("sweep", holder="other", now=NOW + 2 * HOUR, ttl=3 * MINUTE)
    mended(told)

    with pytest.raises(StoreError, match="a sweep is under way") as refused:
        again(told)
    assert refused.value.retry


def test_redetect_as_a_command(told: Room, run: Run) -> None:
    mended(told)

    assert run("redetect", "--rule", "nonsense").code == 2
    answer = json.loads(run("redetect", "--since", "2026-02-20", "--until", "2026-03-31", "--json").out)

    assert answer == {"articles": 4, "new": 1, "withdrawn": 0}
    assert "0 articles read again" in run("redetect", "--since", "2026-02-20", "--until", "2026-03-31").out
