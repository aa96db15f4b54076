"""`tocsin doctor`: looks at everything that the watch stands on, and says of each what is wrong and what to do."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import importlib.metadata
import ipaddress
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import typer
from packaging.requirements import Requirement
from rich.text import Text

from extractors.health import Health
from extractors.language import load_language
from extractors.schedule import words
from flows.environment import KEY
from flows.health import health
from flows.restoring import SWEPT
from tocsin.cli.context import Json, now, out, print_json
from tocsin.cli.watching import LATE
from tocsin.config.folder import Config, Loaded, find_folder, load_or_last_good
from tocsin.errors import SetupError
from tocsin.model import DeliveryState
from tocsin.store import Notice, Status, Store

BORN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""No clock of a machine that has this program tells an earlier time."""
LEAST_FREE = 1_000_000_000
"""Bytes; below this neither a log of the database nor a backup before an upgrade has room."""
WAITING = dt.timedelta(hours=1)
SHOWN = 5


class Level(StrEnum):
    """How a finding is meant."""

    WELL = "ok"
    ADVICE = "advice"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of `subject`, and what to do about it where something is to be done."""

    subject: str
    level: Level
    words: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.words}" + (f"; {self.mend}" if self.mend else "")


def well(subject: str, words: str) -> Finding:
    """Nothing to do."""
    return Finding(subject, Level.WELL, words)


def wrong(subject: str, words: str, mend: str) -> Finding:
    """The watch fails, or will."""
    return Finding(subject, Level.WRONG, words, mend)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(doctor)


def doctor(*, as_json: Json = False) -> None:
    """Look at clock, disk, database, model, feeds, channels, Prefect and schedule. Exit 1 where something is wrong."""
    found = list(examine(load_or_last_good(find_folder(os.environ), os.environ), os.environ, now=now()))
    if as_json:
        print_json([dataclasses.asdict(each) for each in found])
    else:
        marks = {Level.WELL: ("ok ", "green"), Level.ADVICE: ("?  ", "yellow"), Level.WRONG: ("!  ", "red")}
        for each in found:
            mark, style = marks[each.level]
            out.print(Text.assemble((mark, style), str(each)))
    raise typer.Exit(1 if any(each.level is Level.WRONG for each in found) else 0)


def examine(loaded: Loaded, environ: Mapping[str, str], *, now: dt.datetime) -> Iterator[Finding]:
    """Everything in turn; what one part lacks stops the look at no other."""
    config = loaded.config
    yield configuration(loaded)
    yield disk(config.state, *_room(config.state))
    yield model(config.settings.detect.model)
    yield versions(importlib.metadata.requires("tocsin") or ())
    yield server(config, environ)
    yield heartbeat(config)
    try:
        store = Store.open(config.database, config.state, patience=dt.timedelta(seconds=5))
    except SetupError as error:
        yield wrong("database", error.cause, "docs/operate.md, Database")
        yield clock(now, _synchronised(), None)
        return
    with store:
        status, notices = store.status(now=now), store.notices.all()
        swept = store.notices.recall(SWEPT)
        swept_at = dt.datetime.fromisoformat(swept) if swept else None
        latest = max(filter(None, (swept_at, status.last_article_at, status.last_poll_at)), default=None)
        yield clock(now, _synchronised(), latest)
        yield database(store.db.name, status, notices)
        yield schedule(swept_at, config.settings.sweep_every, now=now)
        yield feeds(health(config, store, now=now))
        yield channels(config, status, notices, now=now)


def configuration(loaded: Loaded) -> Finding:
    """Whether the files that stand in the folder are the ones in force."""
    if loaded.error is not None:
        first = str(loaded.error).splitlines()[0]
        return wrong("config", f"the last good one is in force: {first}", "mend it, then run `tocsin check`")
    return well("config", f"{len(loaded.config.watches)} watches, {len(loaded.config.rules)} trigger types")


def clock(now: dt.datetime, synchronised: bool | None, latest: dt.datetime | None) -> Finding:
    """`latest`: the newest time that the database knows; `synchronised`: None where the system does not say."""
    mend = "set it and keep it by NTP: timedatectl set-ntp true"
    if now < BORN:
        return wrong("clock", f"it says {now:%Y-%m-%d %H:%M} UTC, which is long past", mend)
    if latest is not None and latest > now + LATE:
        return wrong("clock", f"it says {now:%Y-%m-%d %H:%M} UTC, but the database knows {latest:%Y-%m-%d %H:%M}", mend)
    if synchronised is False:
        return Finding("clock", Level.ADVICE, "the system says that no NTP keeps it", mend)
    return well("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def disk(folder: Path, free: int, total: int, writable: bool) -> Finding:
    """Room in the state folder, in bytes."""
    if not writable:
        return wrong(
            "disk", f"{folder} cannot be written", f"give it to the user of Tocsin: chown -R {_user()} {folder}"
        )
    said = f"{free / 1e9:.1f} GB of {total / 1e9:.0f} GB free in {folder}"
    if free < LEAST_FREE:
        return wrong("disk", said, "make room: delete old files of backups/, or shorten keep_articles in settings.yaml")
    return well("disk", said)


def model(name: str) -> Finding:
    """Whether the language model loads."""
    try:
        return well("model", load_language(name).name)
    except SetupError as error:
        cause, _, mend = error.cause.partition("; ")
        return wrong("model", f"{error.subject}: {cause}", mend)


def versions(required: Sequence[str]) -> Finding:
    """Whether what is installed is what this Tocsin was tried with: Prefect fails in silence with others."""
    needed = [each for each in map(Requirement, required) if each.marker is None or each.marker.evaluate()]
    bad: list[str] = []
    for each in needed:
        try:
            found = importlib.metadata.version(each.name)
        except importlib.metadata.PackageNotFoundError:
            bad.append(f"{each.name} is missing")
            continue
        if not each.specifier.contains(found, prereleases=True):
            bad.append(f"{each.name} {found} does not fit {each.specifier}")
    if bad:
        return wrong("packages", "; ".join(bad[:SHOWN]), "install the locked ones: make install")
    return well("packages", f"{len(needed)} as required, Prefect {importlib.metadata.version('prefect')}")


def server(config: Config, environ: Mapping[str, str]) -> Finding:
    """The Prefect server: whether one answers, of the same version, to nobody but this machine or over TLS."""
    url = environ.get("PREFECT_API_URL") or f"http://127.0.0.1:{config.settings.prefect_port}/api"
    host = environ.get("PREFECT_SERVER_API_HOST", "127.0.0.1")
    if not _loopback(host):
        mend = (
            "whoever reaches it can run code here: unset PREFECT_SERVER_API_HOST, or put a proxy with a login before it"
        )
        return wrong("prefect", f"its server is told to listen on {host}", mend)
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.hostname}:{parts.port or ''}"
    if parts.scheme != "https" and not _loopback(parts.hostname or ""):
        mend = "use https, or keep it within a network of its own"
        return Finding("prefect", Level.ADVICE, f"{shown} is reached without TLS", mend)
    ours = importlib.metadata.version("prefect")
    try:
        theirs = _ask(f"{url.rstrip('/')}/admin/version", _password(config, environ))
    except (OSError, ValueError):
        return Finding(
            "prefect", Level.ADVICE, f"no server answers at {shown}", "start `tocsin serve`, or sweep by cron"
        )
    if theirs != ours:
        return wrong(
            "prefect", f"the server is {theirs}, this is {ours}", "install the same version on both: make install"
        )
    return well("prefect", f"server {theirs} at {shown}")


def heartbeat(config: Config) -> Finding:
    """Whether somebody outside hears when the watch is dead."""
    if config.settings.heartbeat:
        return well("heartbeat", "is set")
    return Finding("heartbeat", Level.ADVICE, "nobody hears when the watch is dead", "set `heartbeat` in settings.yaml")


def database(name: str, status: Status, notices: Sequence[Notice]) -> Finding:
    """What the nightly check found; the database itself opened and answered."""
    damage = [each.message for each in notices if each.subject == "database"]
    if damage:
        return wrong("database", damage[0], "stop Tocsin and put the last backup in its place: tocsin db restore FILE")
    return well("database", f"{name}: {status.articles} articles, {status.events} events")


def schedule(swept_at: dt.datetime | None, every: dt.timedelta, *, now: dt.datetime) -> Finding:
    """Whether sweeps end."""
    mend = "start `tocsin serve`; where it runs, its log says why"
    if swept_at is None:
        return wrong("schedule", "no sweep has ended yet", mend)
    late = now - swept_at
    if late > max(LATE, 5 * every):
        return wrong("schedule", f"no sweep has ended for {words(late)}", mend)
    return well("schedule", f"the last sweep ended at {swept_at:%Y-%m-%d %H:%M} UTC")


def feeds(found: Sequence[Health]) -> Finding:
    """Whether the feeds tell anything."""
    ill = [each.feed for each in found if each.alarm]
    if not found:
        return wrong("feeds", "none was ever polled", "add some: tocsin feeds add ADDRESS; start `tocsin serve`")
    if ill:
        names = ", ".join(ill[:SHOWN]) + (" …" if len(ill) > SHOWN else "")
        return wrong(
            "feeds", f"{len(ill)} of {len(found)} tell nothing: {names}", "tocsin feeds health; tocsin feeds test"
        )
    return well("feeds", f"{len(found)} are polled")


def channels(config: Config, status: Status, notices: Sequence[Notice], *, now: dt.datetime) -> Finding:
    """Whether messages get out."""
    mend = "tocsin channels test; then tocsin alerts send"
    failing = [each for each in notices if each.subject.startswith("channel:")]
    if not config.channels:
        return wrong("channels", "there is none", "set one up in channels.yaml")
    if failing:
        return wrong("channels", f"{failing[0].subject.partition(':')[2]}: {failing[0].message}", mend)
    if status.waiting_since is not None and now - status.waiting_since > WAITING:
        return wrong("channels", f"a message has waited for {words(now - status.waiting_since)}", mend)
    dead = status.deliveries.get(DeliveryState.DEAD, 0)
    return well("channels", f"{len(config.channels)} channels" + (f", {dead} messages given up so far" if dead else ""))


def _room(folder: Path) -> tuple[int, int, bool]:
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    usage = shutil.disk_usage(existing)
    return usage.free, usage.total, os.access(existing, os.W_OK)


def _synchronised() -> bool | None:
    """Whether NTP keeps the clock, as systemd says; None where it says nothing, as in a container."""
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(done.stdout.strip())


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _password(config: Config, environ: Mapping[str, str]) -> str:
    """Of the Prefect server that is asked, "" where none is known."""
    if environ.get("PREFECT_API_URL"):
        return environ.get("PREFECT_API_AUTH_STRING", "")
    path = config.state / KEY
    return f"tocsin:{path.read_text(encoding='ascii').strip()}" if path.exists() else ""


def _ask(url: str, password: str) -> str:
    """The JSON text that `url` answers; no proxy of the environment is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Authorization": f"Basic {base64.b64encode(password.encode()).decode()}"} if password else {}
    with opener.open(urllib.request.Request(url, headers=headers), timeout=5) as answer:
        return str(json.loads(answer.read(1_000)))


def _user() -> str:
    return os.environ.get("USER") or "tocsin"
