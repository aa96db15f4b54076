"""The configuration: YAML files in one folder, read once, at the edge, into typed objects.

    settings.yaml  feeds.yaml  actors.yaml  channels.yaml  places.yaml  triggers/*.yaml  watches/*.yaml

`load` gives all of it or a `ConfigError` with every problem found. `load_or_last_good` is for unattended runs: a bad
edit leaves the last configuration that loaded in force, and comes back as the error to tell the operator.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tocsin.config.actors import Actors, read_actors
from tocsin.config.channels import Channel, read_channels
from tocsin.config.feeds import Feed, read_feeds
from tocsin.config.places import Places, read_places
from tocsin.config.settings import Settings, read_settings
from tocsin.config.triggers import Rule, read_rules
from tocsin.config.watches import Watch, read_watches
from tocsin.errors import ConfigError, Problem, SetupError
from tocsin.keys import make_private

LAST_GOOD = "config.good"
KEPT = "TOCSIN_LAST_GOOD"
"""Variable that says where the last good configuration lies, for when settings.yaml cannot say it."""
_FILES = ("settings.yaml", "feeds.yaml", "actors.yaml", "channels.yaml")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that `config/` says. `digest` changes when any of its files does."""

    folder: Path
    settings: Settings
    feeds: tuple[Feed, ...]
    actors: Actors
    rules: tuple[Rule, ...]
    watches: tuple[Watch, ...]
    channels: tuple[Channel, ...]
    digest: str
    places: Places = field(default_factory=Places)

    @property
    def state(self) -> Path:
        """The folder for the database, locks and reports; relative paths count from the parent of `config/`."""
        return state_folder(self.folder, self.settings)

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.settings.database or f"sqlite:///{self.state.resolve() / 'tocsin.db'}"

    @property
    def log_file(self) -> Path | None:
        """Where a log is kept beside stderr; None: nowhere."""
        return self.state / self.settings.log.file if self.settings.log.file else None

    @property
    def secrets(self) -> frozenset[str]:
        """What no log may show."""
        hidden = {secret.get_secret_value() for channel in self.channels for secret in channel.secrets}
        settings, web = self.settings, self.settings.web
        return frozenset(filter(None, hidden | {settings.database, settings.heartbeat, web.secret, web.token}))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration in force, and the error of the newer one that was not taken, if any."""

    config: Config
    error: ConfigError | None = None


def find_folder(environ: Mapping[str, str]) -> Path:
    """`TOCSIN_CONFIG`, else `./config`; SetupError where there is no such folder."""
    folder = Path(environ.get("TOCSIN_CONFIG") or "config").resolve()
    if not folder.is_dir():
        raise SetupError(
            "no configuration",
            subject=str(folder),
            cause="no such folder; run in the folder that holds config/ or set TOCSIN_CONFIG=/path/to/config",
        )
    return folder


def state_folder(folder: Path, settings: Settings) -> Path:
    """Where the state of the configuration in `folder` lies."""
    return (folder.parent / settings.state).resolve()


def load(folder: Path, environ: Mapping[str, str]) -> Config:
    """All of `folder`, or a ConfigError with every problem in it."""
    problems: list[Problem] = []
    for name in _FILES:
        if not (folder / name).exists():
            problems.append(Problem(f"{folder.name}/{name}", 1, "(file)", "is missing", "an empty file is enough"))
    if not problems:
        config = _read(folder, folder, environ, problems)
    if problems:
        raise ConfigError(problems)
    return config


def load_or_last_good(folder: Path, environ: Mapping[str, str]) -> Loaded:
    """The configuration of `folder`, else the last one that loaded together with the error of this one.

    ConfigError where none has loaded yet.
    """
    try:
        config = load(folder, environ)
    except ConfigError as error:
        good = Path(environ.get(KEPT) or state_folder(folder, read_settings(folder, [])) / LAST_GOOD)
        if not good.is_dir():
            raise
        problems: list[Problem] = []
        kept = _read(good, folder, environ, problems)
        if problems:
            raise
        return Loaded(kept, error)
    _keep(config)
    return Loaded(config)


def _read(source: Path, folder: Path, environ: Mapping[str, str], problems: list[Problem]) -> Config:
    """Read the files of `source` as the configuration of `folder`, to which relative paths in them refer."""
    rules = read_rules(source, problems)
    channels = read_channels(source, problems, environ, secrets=folder)
    feeds = read_feeds(source, problems)
    # Where one of them is broken its name would be missing too, and one mistake would read as many.
    sound = not problems
    actors = read_actors(source, problems)
    return Config(
        folder=folder,
        settings=read_settings(source, problems, environ, secrets=folder),
        feeds=feeds,
        actors=actors,
        rules=rules,
        watches=read_watches(
            source,
            problems,
            types={rule.type for rule in rules} if sound else None,
            channels={channel.id for channel in channels} if sound else None,
            feeds={feed.id for feed in feeds} if sound else None,
        ),
        channels=channels,
        digest=digest(source),
        places=read_places(source, problems, actors=actors.titles or None),
    )


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*.yaml") if path.is_file())


def digest(folder: Path) -> str:
    """Changes when any YAML file of `folder` does."""
    content = hashlib.sha256()
    for path in _files(folder):
        content.update(f"{path.relative_to(folder)}\0".encode())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()[:16]


def _keep(config: Config) -> None:
    """Copy the files of a configuration that loaded into the state folder, swapped in whole."""
    good = config.state / LAST_GOOD
    if good.is_dir() and digest(good) == config.digest:
        return
    make_private(config.state)
    fresh, old = (good.with_name(f"{LAST_GOOD}.{kind}.{os.getpid()}") for kind in ("new", "old"))
    for path in _files(config.folder):
        copy = fresh / path.relative_to(config.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)  # with its mode: feeds.yaml may hold a secret
    if digest(fresh) == config.digest:  # else somebody is writing at this moment
        with suppress(FileNotFoundError):
            good.rename(old)
        with suppress(OSError):  # another process has just done the same
            fresh.rename(good)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(fresh, ignore_errors=True)
