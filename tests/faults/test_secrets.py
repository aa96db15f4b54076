"""S01–S04: no secret in any table, file, log or message, whether things work or fail, at DEBUG too."""

from __future__ import annotations

import datetime as dt
import logging

import pytest

from flows.serving import free_port
from tests.alerts.receivers import smtp_server
from tests.cli.conftest import Run
from tests.faults.driver import Driver
from tests.faults.oracle import CANARY, plant, secrets
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room
from tocsin.config.additions import add_feeds
from tocsin.config.feeds import Feed
from tocsin.config.folder import load, load_or_last_good
from tocsin.errors import SetupError
from tocsin.store import Store


def sweep(room: Room, driver: Driver, now: dt.datetime) -> str:
    """A sweep in a process that logs everything; what it said."""
    ended = driver.sweep(room.environ, now, room.folder / "debug.log")
    assert ended.code == 0, ended.log
    return ended.log


def publish(room: Room) -> None:
    room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write()


def test_while_everything_works(room: Room, driver: Driver) -> None:
    plant(room)
    publish(room)
    sweep(room, driver, NOW)
    room.press.papers["herald"].publish(MISSILE, at=NOW + HOUR)

    sweep(room, driver, NOW + HOUR)

    (path, headers, _) = room.hooks.requests[0]
    assert CANARY in path, "the secrets were really in use"
    assert len(room.hooks.asked) == 2 and CANARY in room.hooks.asked[0]
    assert headers["webhook-signature"].startswith("v1,")
    assert "Basic" in room.press.papers["herald"].requests[0]["Authorization"]
    secrets(room)


@pytest.mark.parametrize("failure", ["500", "401", "404", "not a feed", "redirect", "hang up"])
def test_while_feeds_and_channels_fail(failure: str, room: Room, run: Run, driver: Driver) -> None:
    with smtp_server(refuse_login=True) as room.mailbox:
        plant(room, login=True)
        publish(room)
        sweep(room, driver, NOW)
        paper = room.press.papers["herald"].publish(MISSILE, at=NOW + HOUR)
        room.hooks.status = {"500": 500, "401": 401, "404": 404, "redirect": 302}.get(failure, 500)
        room.hooks.body = room.secrets["HOOK_PATH"].encode()
        room.hooks.headers = (
            {"Location": f"http://127.0.0.1:{room.hooks.port}/{CANARY}"} if failure == "redirect" else {}
        )
        room.hooks.hang_up = failure == "hang up"
        sweep(room, driver, NOW + HOUR)
        paper.answers(b"<html>no</html>", 200 if failure == "not a feed" else room.hooks.status)

        log = sweep(room, driver, NOW + 3 * HOUR)
        done = run("status")

        assert "feed herald: " in log
        assert "channel hook: " in log
        assert "channel mail: " in log
        assert CANARY not in done.out + done.err
        secrets(room)


def test_while_nothing_answers(room: Room, driver: Driver) -> None:
    plant(room)
    publish(room)
    sweep(room, driver, NOW)
    room.press.papers["herald"].publish(MISSILE, at=NOW + HOUR)
    silent = str(free_port())
    room.channels[0]["url"] = room.channels[0]["url"].replace(str(room.hooks.port), silent)
    sweep(room.write(), driver, NOW + HOUR)
    for feed in room.feeds.values():
        feed["url"] = feed["url"].replace(str(room.press.server_port), silent)

    log = sweep(room.write(), driver, NOW + 4 * HOUR)

    assert "feed herald: " in log
    assert "channel hook: " in log
    secrets(room)


@pytest.mark.parametrize(
    "command", ["status", "check", "feeds list", "feeds list --json", "feeds test", "feeds health"]
)
def test_commands_show_none(command: str, room: Room, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    plant(room)
    publish(room)
    room.paper("gone").answers(b"", 404)
    room.write().sweep(now=NOW)

    done = run(*command.split())

    assert done.out
    assert CANARY not in done.out + done.err + caplog.text


def test_channel_commands_show_none(room: Room) -> None:
    plant(room)
    room.write()
    room.hooks.status = 500

    for command in (["channels", "list"], ["channels", "list", "--json"], ["channels", "test"]):
        done = room.tocsin("--verbose", *command)
        assert "hook" in done.out
        assert CANARY not in done.out + done.err


def test_nothing_that_is_read_shows_what_it_hides(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    room.settings["database"] = "postgresql+psycopg://desk:${HOOK_KEY}@127.0.0.1:9/tocsin?connect_timeout=2"
    plant(room)
    publish(room)

    config = load(room.config, room.environ)
    shown = [repr(config), str(config), repr(config.feeds), repr(config.settings), repr(config.channels)]
    with pytest.raises(SetupError) as refused:
        Store.open(config.database, config.state)

    assert CANARY in config.database
    shown += [str(refused.value), repr(refused.value), str(vars(refused.value)), caplog.text]
    assert all(CANARY not in text for text in shown)


def test_a_configuration_error_does_not_echo_what_was_written(room: Room) -> None:
    plant(room)
    publish(room)
    load_or_last_good(room.config, room.environ)
    room.feeds["herald"]["url"] = f"gopher://reader:{CANARY}@127.0.0.1/x y"
    room.channels[0]["url"] = f"webhook://127.0.0.1/{CANARY}0123456789abcdef"
    room.channels[1]["nonsense"] = CANARY
    room.settings["database"] = [CANARY]

    loaded = load_or_last_good(room.write().config, room.environ)

    assert loaded.error is not None
    assert len(loaded.error.problems) >= 3
    assert CANARY not in str(loaded.error)
    assert CANARY not in repr(loaded.error)


def test_a_feed_that_is_added_opens_the_file_to_nobody(room: Room) -> None:
    publish(room)
    path = room.config / "feeds.yaml"
    path.chmod(0o600)

    add_feeds(room.config, [Feed(id="post", url="https://example.org/feed", title="Post")])

    assert "example.org" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_copy_of_the_configuration_is_as_closed_as_the_original(room: Room) -> None:
    publish(room)
    (room.config / "feeds.yaml").chmod(0o600)

    load_or_last_good(room.config, {})

    assert (room.state / "config.good" / "feeds.yaml").stat().st_mode & 0o777 == 0o600
