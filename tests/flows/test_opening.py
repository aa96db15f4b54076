"""A bad edit leaves the last good configuration in force, and the operator is told until it is mended (C01)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.opening import terminated
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room
from tocsin.config.folder import KEPT, LAST_GOOD, load_or_last_good
from tocsin.errors import ConfigError
from tocsin.model import AlertKind
from tocsin.store import Notice


def appended(name: str, text: str) -> Callable[[Path], None]:
    def edit(config: Path) -> None:
        path = config / name
        path.write_text(path.read_text() + text)

    return edit


def halved(config: Path) -> None:
    path = config / "watches" / "test.yaml"
    path.write_text(path.read_text()[:-40])


def deleted(name: str) -> Callable[[Path], None]:
    return lambda config: (config / name).unlink()


def doubled(config: Path) -> None:
    path = config / "feeds.yaml"
    text = path.read_text()
    path.write_text(text + text.partition("\n")[2].replace("/herald", "/herald?again"))


EDITS = {
    "bad YAML": (appended("feeds.yaml", "\n  - [: {"), "config/feeds.yaml:"),
    "half-written": (halved, "config/watches/test.yaml:"),
    "deleted feeds": (deleted("feeds.yaml"), "config/feeds.yaml:1: (file): is missing; an empty file is enough"),
    "deleted channels": (deleted("channels.yaml"), "config/channels.yaml:1: (file): is missing"),
    "deleted actors": (deleted("actors.yaml"), "config/actors.yaml:1: (file): is missing"),
    "deleted settings": (deleted("settings.yaml"), "config/settings.yaml:1: (file): is missing"),
    "deleted rule": (deleted("triggers/missile_test.yaml"), "'missile_test' is not known"),
    "unknown key": (appended("settings.yaml", "\nswep_every: 1m\n"), "swep_every: is not a known key"),
    "duplicate id": (doubled, "feeds[1].id: is that of the feed in line"),
}


def notices(room: Room) -> list[Notice]:
    with room.store() as store:
        return [notice for notice in store.notices.all() if notice.subject == "config"]


@pytest.mark.parametrize("case", EDITS)
def test_after_a_bad_edit_the_last_good_configuration_is_in_force_and_somebody_is_told(case: str, room: Room) -> None:
    edit, said = EDITS[case]
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)

    edit(room.config)
    tally = room.sweep(now=NOW + HOUR)

    assert (tally.feeds, tally.failed_feeds, tally.alerts) == (1, 0, 1)
    (notice,) = notices(room)
    assert notice.message.startswith("the last good one is in force: config/")
    assert said in notice.message
    with room.store() as store:
        (alarm,) = [alert for alert in store.alerts.recent() if alert.kind is AlertKind.ALARM]
    assert said in alarm.reason
    assert alarm.id in room.hooked()

    again = room.sweep(now=NOW + 2 * HOUR)
    assert again.sent == 0
    (notice,) = notices(room)
    assert (notice.count, notice.since) == (2, NOW + HOUR)

    room.write().sweep(now=NOW + 3 * HOUR)
    assert notices(room) == []


def test_without_a_last_good_one_the_error_stands_alone(room: Room) -> None:
    room.write()
    appended("settings.yaml", "\nnonsense: 1\n")(room.config)

    with pytest.raises(ConfigError, match=r"config/settings.yaml:\d+: nonsense: is not a known key"):
        load_or_last_good(room.config, {})


def test_a_broken_settings_file_cannot_hide_where_the_last_good_one_lies(room: Room) -> None:
    room.settings["state"] = "elsewhere"
    room.write()
    load_or_last_good(room.config, {})
    (room.config / "settings.yaml").write_text("state: [\n")

    environ = {KEPT: str(room.folder / "elsewhere" / LAST_GOOD)}
    loaded = load_or_last_good(room.config, environ)

    assert loaded.config.state == room.folder / "elsewhere"
    assert loaded.error is not None
    with pytest.raises(ConfigError):
        load_or_last_good(room.config, {})


def test_the_last_good_one_is_swapped_in_whole_and_leaves_nothing_lying_about(room: Room) -> None:
    room.write()
    first = load_or_last_good(room.config, {}).config
    room.settings["keep_articles"] = "10d"
    second = load_or_last_good(room.write().config, {}).config

    assert first.digest != second.digest
    assert sorted(path.name for path in room.state.iterdir()) == [LAST_GOOD]
    assert "10d" in (room.state / LAST_GOOD / "settings.yaml").read_text()


def test_a_database_address_may_be_named_by_the_environment(room: Room) -> None:
    room.settings["database"] = "postgresql+psycopg://desk:${DB_PASSWORD}@db.example.org/tocsin"
    room.write()

    config = load_or_last_good(room.config, {"DB_PASSWORD": "p@ss"}).config

    assert config.database == "postgresql+psycopg://desk:p%40ss@db.example.org/tocsin"
    assert "p%40ss" not in repr(config)
    with pytest.raises(ConfigError) as refused:
        load_or_last_good(room.config, {KEPT: "/nowhere"})
    assert "settings.yaml:1: database: names ${DB_PASSWORD}, which is not set" in str(refused.value)


def test_sigterm_is_seen_inside_the_block_and_means_what_it_did_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with terminated() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
    assert signal.getsignal(signal.SIGTERM) == before
