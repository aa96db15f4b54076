"""`tocsin doctor`: each part of what the watch stands on, well and ill, in a line that says what to do."""

from __future__ import annotations

import base64
import datetime as dt
import importlib.metadata
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from extractors.health import Condition, Health
from flows.serving import free_port
from tests.cli.conftest import Run
from tests.newsroom import HOUR, MINUTE, NOISE, NOW, Room
from tocsin.cli import doctor
from tocsin.cli.doctor import Level
from tocsin.config.folder import load, load_or_last_good
from tocsin.model import DeliveryState
from tocsin.store import Notice


def present() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def lines(run: Run) -> dict[str, dict[str, str]]:
    done = run("doctor", "--json")
    found = {each["subject"]: each for each in json.loads(done.out)}
    assert done.code == (1 if any(each["level"] == "wrong" for each in found.values()) else 0)
    return found


def wrong(run: Run) -> set[str]:
    return {subject for subject, each in lines(run).items() if each["level"] == "wrong"}


@pytest.fixture
def well(room: Room) -> Room:
    room.settings["prefect_port"] = free_port()
    room.paper("herald").publish(NOISE, at=present() - HOUR)
    room.write().sweep(now=present())
    return room


@contextmanager
def answering(version: str, *, password: str = "") -> Iterator[int]:
    """Something that answers as a Prefect server of `version` with a `password` does; its port."""
    login = f"Basic {base64.b64encode(password.encode()).decode()}" if password else None

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/api/admin/version" and self.headers.get("Authorization") == login
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(json.dumps(version).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_where_all_is_well_every_part_has_a_line_and_the_exit_is_0(well: Room, run: Run) -> None:
    with answering(importlib.metadata.version("prefect")) as port:
        well.settings["prefect_port"] = port
        well.write()
        done = run("doctor")
        found = lines(run)

    assert (done.code, done.err) == (0, "")
    assert list(found) == [
        *("config", "disk", "model", "packages", "prefect", "heartbeat"),
        *("clock", "database", "schedule", "feeds", "channels"),
    ]
    assert all(each["mend"] for each in found.values() if each["level"] != "ok")
    assert "ok feeds: 1 are polled" in done.out
    assert "?  heartbeat: nobody hears when the watch is dead; set `heartbeat` in settings.yaml" in done.out


def test_a_watch_that_never_ran_or_has_stopped_is_wrong(room: Room, run: Run) -> None:
    assert {"schedule", "feeds"} <= wrong(run)
    room.paper("herald").publish(NOISE)
    room.write().sweep(now=present() - 5 * HOUR)
    found = lines(run)
    assert found["schedule"]["words"] == "no sweep has ended for 5h"
    assert found["schedule"]["mend"].startswith("start `tocsin serve`")


def test_a_silent_feed_and_a_dead_channel_are_wrong(well: Room, run: Run) -> None:
    with well.store() as store:
        (state,) = store.feeds.all()
        long_ago = present() - 400 * HOUR
        store.feeds.save_poll(replace(state, failures=20, last_error="answered 500", last_success_at=long_ago))
        store.notices.put("channel:hook", "HTTP 503", now=present())

    found = lines(run)

    assert found["feeds"]["words"] == "1 of 1 tell nothing: herald"
    assert found["channels"]["words"] == "hook: HTTP 503"
    assert {"feeds", "channels"} <= wrong(run)


def test_a_broken_edit_and_a_missing_model_are_wrong(well: Room, run: Run) -> None:
    well.settings["detect"] = {"model": "no_such_model"}
    well.write()
    found = lines(run)
    assert found["model"]["words"] == "no_such_model: it is not installed"
    assert found["model"]["mend"].startswith("run: ")

    well.settings["nonsense"] = 1
    well.write()
    assert lines(run)["config"]["words"].startswith("the last good one is in force: config/settings.yaml:")


def test_a_database_that_cannot_be_opened_stops_no_other_line(well: Room, run: Run) -> None:
    for left in well.state.glob("tocsin.db*"):
        left.unlink()
    (well.state / "tocsin.db").write_bytes(b"no database" * 1000)

    found = lines(run)

    assert found["database"]["level"] == "wrong"
    assert {"config", "disk", "model", "packages", "prefect", "clock"} <= set(found)


def test_damage_that_the_nightly_check_found_is_wrong(well: Room, run: Run) -> None:
    with well.store() as store:
        store.notices.put("database", "articles row 1 lost its feeds", now=present())
    assert lines(run)["database"]["mend"].endswith("tocsin db restore FILE")


@pytest.mark.parametrize(
    ("now", "synchronised", "latest", "level"),
    [
        (NOW, True, NOW - HOUR, Level.WELL),
        (NOW, None, None, Level.WELL),
        (NOW, False, NOW, Level.ADVICE),
        (dt.datetime(1970, 1, 1, 0, 5, tzinfo=dt.UTC), True, None, Level.WRONG),
        (NOW, True, NOW + HOUR, Level.WRONG),
        (NOW, True, NOW + MINUTE, Level.WELL),
    ],
)
def test_clock(now: dt.datetime, synchronised: bool | None, latest: dt.datetime | None, level: Level) -> None:
    assert doctor.clock(now, synchronised, latest).level is level


@pytest.mark.parametrize(
    ("free", "writable", "level"),
    [(5_000_000_000, True, Level.WELL), (900_000_000, True, Level.WRONG), (5_000_000_000, False, Level.WRONG)],
)
def test_disk(free: int, writable: bool, level: Level) -> None:
    assert doctor.disk(Path("/srv/state"), free, 10**11, writable).level is level


def test_packages_that_do_not_fit_are_named() -> None:
    found = doctor.versions(["prefect>=99,<100", "sqlalchemy", "no-such-package>=1", "nope>1; python_version<'3'"])
    assert found.level is Level.WRONG
    assert found.words.endswith("does not fit <100,>=99; no-such-package is missing")


@pytest.mark.parametrize(
    ("environ", "level", "words"),
    [
        ({"PREFECT_SERVER_API_HOST": "0.0.0.0"}, Level.WRONG, "its server is told to listen on 0.0.0.0"),
        ({"PREFECT_SERVER_API_HOST": "::"}, Level.WRONG, "its server is told to listen on ::"),
        (
            {"PREFECT_API_URL": "http://192.0.2.7:4200/api"},
            Level.ADVICE,
            "http://192.0.2.7:4200 is reached without TLS",
        ),
        (
            {"PREFECT_API_URL": "http://ann:hush@192.0.2.7:4200/api"},
            Level.ADVICE,
            "http://192.0.2.7:4200 is reached without TLS",
        ),
    ],
)
def test_s08_a_prefect_that_others_reach_is_told(environ: dict[str, str], level: Level, words: str, room: Room) -> None:
    """Decided before anything is asked: no packet leaves."""
    found = doctor.server(load(room.write().config, room.environ), environ)
    assert (found.level, found.words) == (level, words)
    assert found.mend


def test_a_prefect_server_of_another_version_is_wrong_and_none_is_advice(room: Room) -> None:
    room.settings["prefect_port"] = free_port()
    config = load(room.write().config, room.environ)
    assert doctor.server(config, {}).level is Level.ADVICE
    with answering("2.20.1") as port:
        found = doctor.server(config, {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"})
    assert found.level is Level.WRONG
    assert found.words.startswith("the server is 2.20.1, this is ")


def test_a_prefect_server_is_asked_with_its_password(room: Room) -> None:
    version = importlib.metadata.version("prefect")
    with answering(version, password="tocsin:hush") as port:
        room.settings["prefect_port"] = port
        config = load(room.write().config, room.environ)
        url = {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
        assert doctor.server(config, url).words.startswith("no server answers"), "another's password is not ours"
        assert doctor.server(config, {**url, "PREFECT_API_AUTH_STRING": "tocsin:hush"}).level is Level.WELL

        config.state.mkdir(exist_ok=True)
        (config.state / "prefect.key").write_text("hush")
        assert doctor.server(config, {}).level is Level.WELL


def test_channels_that_are_none_or_that_hold_a_message_for_hours(well: Room) -> None:
    loaded = load_or_last_good(well.config, well.environ)
    with well.store() as store:
        status = store.status(now=present())
    waiting = replace(status, waiting_since=NOW - 3 * HOUR, deliveries={DeliveryState.DEAD: 2})
    notice = Notice("feeds", "another matter", NOW, NOW, 1)

    assert "has waited for 3h" in doctor.channels(loaded.config, waiting, [notice], now=NOW).words
    idle = replace(waiting, waiting_since=NOW)
    assert doctor.channels(loaded.config, idle, [], now=NOW).words == "2 channels, 2 messages given up so far"
    none = replace(loaded.config, channels=())
    assert doctor.channels(none, idle, [], now=NOW).level is Level.WRONG


def test_many_silent_feeds_are_counted_and_some_named() -> None:
    found = [Health(f"f{number}", Condition.GONE, "is gone") for number in range(9)]
    assert doctor.feeds(found).words == "9 of 9 tell nothing: f0, f1, f2, f3, f4 …"
