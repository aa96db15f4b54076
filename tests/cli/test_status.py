"""`tocsin status` and `tocsin sweep`: a clear line for what is wrong, and nothing else stops."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from tests.cli.conftest import Run
from tests.newsroom import HOUR, MISSILE, NOISE, Room


def present() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def wrong(run: Run) -> list[str]:
    done = run("status", "--json")
    found: list[str] = json.loads(done.out)["wrong"]
    assert done.code == (1 if found else 0)
    return found


def polled(room: Room) -> None:
    room.paper("herald").publish(NOISE, at=present() - 2 * HOUR)
    room.write().sweep(now=present() - HOUR)
    room.paper("herald").publish(MISSILE, at=present())


def test_all_is_well(room: Room, run: Run) -> None:
    polled(room)
    room.sweep(now=present())

    done = run("status")

    assert done.code == 0
    assert "!" not in done.out
    for word in ("last sweep", "feeds", "articles", "triggers", "events", "alerts", "deliveries", "database"):
        assert word in done.out
    numbers = json.loads(run("status", "--json").out)
    assert (numbers["feeds"], numbers["articles"], numbers["events"]) == (1, 2, 1)
    assert numbers["deliveries"] == {"sent": 2}
    assert wrong(run) == []


def test_a_broken_feed_has_one_line_and_the_other_goes_on(room: Room, run: Run) -> None:
    polled(room)
    room.paper("broken").answers(b"<html>no feed</html>")

    assert room.write().sweep(now=present()).sent == 2

    (line,) = wrong(run)
    assert line.startswith("feed broken: ")
    assert "next try" in line
    assert "\n" not in line


def test_a_watch_that_is_blind_for_a_feed_is_wrong_until_it_answers_again(room: Room, run: Run) -> None:
    polled(room)
    room.sweep(now=present())
    with room.store() as store:
        (state,) = store.feeds.all()
        well_at = present() - 7 * HOUR
        failing = replace(state, failures=9, last_error="answered 500", last_success_at=well_at, last_new_at=well_at)
        store.feeds.save_poll(failing)

    (line,) = wrong(run)
    assert line.startswith("feed herald: failing: ")
    assert "; blind until it answers; next try " in line

    with room.store() as store:
        store.feeds.save_poll(replace(state, last_success_at=present()))
    assert wrong(run) == []


def test_an_unreachable_channel_has_one_line_and_the_other_is_told(room: Room, run: Run) -> None:
    polled(room)
    room.hooks.status = 503

    assert room.sweep(now=present()).sent == 1

    (line,) = wrong(run)
    assert line.startswith("channel:hook: HTTP 503")
    assert len(room.mailbox.mails) == 1


def test_a_broken_rule_has_one_line_and_the_last_good_rules_go_on(room: Room, run: Run) -> None:
    polled(room)
    room.rules["sanctions_veto"]["frames"] = [{"name": "vetoes", "act": ["$no_such_class"]}]

    tally = room.write().sweep(now=present())

    assert (tally.alerts, tally.sent) == (1, 3), "the alarm about the configuration goes out with it"
    (line,) = wrong(run)
    assert line.startswith("config: config/triggers/sanctions_veto.yaml:")
    assert "$no_such_class is no class of words" in line


def test_silence_of_the_watch_itself_is_wrong(room: Room, run: Run) -> None:
    room.write().sweep(now=present() - 5 * HOUR)

    (line,) = wrong(run)
    assert line.startswith("no sweep has ended for ")


def test_a_sweep_says_what_it_did_and_exits_1_where_something_failed(room: Room, run: Run) -> None:
    room.paper("herald").publish(NOISE)
    room.write()
    assert run("sweep").code == 0
    room.paper("broken").answers(b"", 500)
    room.write()

    done = run("sweep", "--json")

    assert done.code == 1
    assert json.loads(done.out)["failed_feeds"] == 1


@pytest.mark.parametrize("command", ["status", "sweep", "alerts list", "feeds health", "db upgrade"])
def test_a_database_that_cannot_be_opened_is_exit_2_with_its_cause(command: str, room: Room, run: Run) -> None:
    room.state.mkdir()
    (room.state / "tocsin.db").write_bytes(b"this is no database" * 100)

    done = run(*command.split())

    assert done.code == 2
    assert done.err.startswith("tocsin: ")
    assert "tocsin.db" in done.err
    assert "Traceback" not in done.err


def test_alerts_are_listed_shown_acknowledged_and_resolved(room: Room, run: Run) -> None:
    assert run("alerts", "list").out == "no alerts\n"
    polled(room)
    room.sweep(now=present())
    (alert,) = json.loads(run("alerts", "list", "--json").out)
    id = alert["id"]

    assert id in run("alerts", "list", "--state", "open", "--watch", "test", "--limit", "5").out
    shown = run("alerts", "show", id).out
    assert MISSILE in shown
    assert "why: " in shown
    assert "hook/0: sent" in shown
    detail = json.loads(run("alerts", "show", id, "--json").out)
    assert detail["events"][0]["reports"][0]["evidence"]
    assert {each["channel"] for each in detail["deliveries"]} == {"hook", "mail"}
    assert run("alerts", "ack", id, "--who", "ann", "--note", "on it").out == f"{id} acknowledged\n"
    again = run("alerts", "ack", id)
    assert (again.code, again.err) == (1, f"tocsin: {id} was not acknowledged: it is not open\n")
    assert run("alerts", "resolve", id).code == 0
    assert run("alerts", "resolve", id).code == 1
    assert "ann: acknowledge" in run("alerts", "show", id).out
    unknown = run("alerts", "show", "nope")
    assert (unknown.code, unknown.err) == (2, "tocsin: no alert 'nope'; see `tocsin alerts list`\n")


def test_channels_are_listed_and_tried(room: Room, run: Run) -> None:
    assert [each["id"] for each in json.loads(run("channels", "list", "--json").out)] == ["hook", "mail"]
    assert "webhook" in run("channels", "list").out
    done = run("channels", "test")
    assert (done.code, done.out) == (0, "hook/0: taken\nmail/0: taken\n")
    assert "Trial message" in room.mailed()[0]
    room.hooks.status = 500
    done = run("channels", "test", "hook")
    assert done.code == 1
    assert done.out.startswith("hook/0: HTTP 500")
    unknown = run("channels", "test", "nope")
    assert (unknown.code, unknown.err) == (2, "tocsin: no channel 'nope'; there are hook, mail\n")


def test_feeds_are_listed_tried_and_their_health_told(room: Room, run: Run) -> None:
    room.paper("herald").publish(NOISE)
    room.paper("broken").answers(b"", 500)
    room.write()

    assert [each["id"] for each in json.loads(run("feeds", "list", "--json").out)] == ["herald", "broken"]
    assert run("feeds", "test", "herald").code == 0
    done = run("feeds", "test")
    assert done.code == 1
    assert "herald: 1 entries" in done.out
    assert "broken: " in done.out
    assert run("feeds", "test", "nope").code == 2
    room.sweep(now=present())
    assert "herald" in run("feeds", "health").out
    assert {each["feed"] for each in json.loads(run("feeds", "health", "--json").out)} == {"herald", "broken"}


def test_the_database_is_upgraded_and_copied(room: Room, run: Run) -> None:
    assert run("db", "upgrade").code == 0
    assert run("db", "upgrade").out.endswith(": nothing to do\n")
    target = room.folder / "copy.db"
    assert run("db", "backup", str(target)).code == 0
    assert target.exists()
    again = run("db", "backup", str(target))
    assert again.code == 2
    assert str(target) in again.err


def test_usage(run: Run) -> None:
    assert run("--version").out.startswith("tocsin ")
    assert run("no-such-command").code == 2
    assert run("alerts", "list", "--limit", "0").code == 2
