"""`config/settings.yaml`: where the state lies and how the parts behave. Every key has a default."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from tocsin.config.loader import Duration, Strict, read_yaml, validate
from tocsin.config.secrets import NAMED, Secrets, blank
from tocsin.errors import Problem

MINUTE = dt.timedelta(minutes=1)
_ADDRESSES = ("database", "heartbeat")
"""Keys that may name secrets."""
_KEY_LENGTH = 32


class FetchSettings(Strict):
    """How feeds are fetched and parsed."""

    contact: str = ""
    """An address or URL for publishers, sent in the User-Agent."""
    timeout: Duration = dt.timedelta(seconds=30)
    """For the whole answer, from the first byte sent to the last byte read."""
    max_bytes: Annotated[int, Field(ge=1_000, le=200_000_000)] = 5_000_000
    """Largest decoded body of a feed."""
    max_entries: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Most entries kept of one document; the newest are kept."""
    parse_timeout: Duration = dt.timedelta(seconds=10)
    """A document that keeps the parser busy for longer is given up, and so is the parser process."""
    parse_memory_mb: Annotated[int, Field(ge=64, le=4_096)] = 192
    """Most memory of a parser process."""
    parsers: Annotated[int, Field(ge=1, le=16)] = 1
    """Parser processes; each starts when first needed."""
    concurrency: Annotated[int, Field(ge=1, le=1_000)] = 24
    """Feeds under way at the same time; each may hold a body of `max_bytes`."""
    per_host: Annotated[int, Field(ge=1, le=100)] = 2
    """Feeds fetched at the same time from one host."""
    host_pause: Duration = dt.timedelta(milliseconds=100)
    """Least time between the starts of two requests to one host."""
    follow_move_after: Annotated[int, Field(ge=1, le=100)] = 5
    """A permanent redirect counts once so many polls in a row were sent to the same place."""
    allow_networks: tuple[str, ...] = ()
    """Networks (CIDR) that feeds may lie in although they are not public, e.g. 10.1.0.0/16."""


class DetectSettings(Strict):
    """How triggers are detected."""

    model: str = ""
    """Package name of an installed spaCy model; empty: the official en_core_web_sm, else the one of the lock."""
    max_chars: Annotated[int, Field(ge=100, le=100_000)] = 4_000
    """Title and summary are cut here before the parse."""
    processes: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that detect where there is much to read; 1: the sweep itself."""
    dask: Annotated[str, Field(pattern=r"^((tcp|tls|ws|wss)://\S+)?$")] = ""
    """Address of a Dask scheduler whose workers detect where there is much to read, instead; empty: none."""
    second_opinion: bool = True
    """Whether a small learned model weighs again what the rules found (see `benchmarks/train_second_opinion.py`)."""


class SendSettings(Strict):
    """How alerts are delivered."""

    lease: Duration = 5 * MINUTE
    """A claimed delivery whose sender died is taken up again after this."""
    timeout: Duration = dt.timedelta(seconds=75)
    """For each wait for a service; SMTP servers may think for a minute, and a message given up is sent again."""
    give_up_after: Duration = dt.timedelta(hours=72)
    """A delivery that no try could place is dead after this, with an alarm by another channel."""
    link: str = ""
    """Address of an alert in the dashboard, for messages: `https://desk.example.org/alerts/{id}`; empty: none."""

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if self.timeout < MINUTE:
            raise ValueError("`timeout` is too short, which makes duplicates; at least 60s")
        if self.lease < 2 * self.timeout:
            raise ValueError("`lease` is too short for a send to end in; at least twice `timeout`")
        return self


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class WebSettings(Strict):
    """The dashboard: where it listens, who may sign in, and how the outside sees it."""

    enabled: bool = True
    """Whether `tocsin serve` serves it."""
    host: str = "127.0.0.1"
    """Address to listen on. What is not loopback needs `token` or `users`."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8484
    token: Annotated[str, Field(repr=False)] = ""
    """Signs in whoever has it, and programs as `Authorization: Bearer …`; as `${ENV}` or `file:path`."""
    users: Annotated[dict[str, Annotated[str, Field(pattern=r"^\$argon2id?\$")]], Field(repr=False)] = Field(
        default_factory=dict
    )
    """Name → argon2 hash of the password, as `tocsin web --new-password` prints it."""
    address: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Base address under which people reach it, for links in messages: `https://desk.example.org`; empty: no links."""
    secret: Annotated[str, Field(repr=False)] = ""
    """Key that signs links in messages, as `${ENV}` or `file:path`; empty: no link that acts without signing in."""

    @property
    def closed(self) -> bool:
        """Whether one must sign in."""
        return bool(self.token or self.users)

    @model_validator(mode="after")
    def _closed_to_the_outside(self) -> Self:
        if not self.closed and not _loopback(self.host):
            raise ValueError("`host` is no loopback address, so `token` or `users` must say who may sign in")
        return self


class LogSettings(Strict):
    """A log file, beside what goes to stderr."""

    file: str = ""
    """Relative to the state folder; empty: none."""
    format: Literal["text", "json"] = "text"
    """A line for people, or a JSON object a line with the ids of feed, article, alert and channel."""
    keep: Annotated[int, Field(ge=0, le=1_000)] = 14
    """Older files that are kept; the nightly flow begins a new one."""


class Settings(Strict):
    """All of `settings.yaml`."""

    state: Path = Path("state")
    """Folder for the database, Prefect's home, reports and locks; relative to the folder that holds `config/`."""
    database: Annotated[str, Field(repr=False)] = ""
    """An SQLAlchemy URL (`postgresql+psycopg://…`, as `${ENV}` where it holds a secret); empty: SQLite in `state`."""
    heartbeat: Annotated[str, Field(repr=False)] = ""
    """An http(s) address asked for after each sweep, of a service that raises an alarm when it hears nothing."""
    sweep_every: Duration = MINUTE
    shards: Annotated[int, Field(ge=1, le=1_000)] = 1
    """Parts of the feeds that workers share among themselves; two to four for each worker, the same for all of them."""
    digest_cron: str = "0 7 * * *"
    report_cron: str = "30 7 * * *"
    """When channels with `reports` get the report of the last whole week, if they have not got it yet."""
    maintain_cron: str = "20 3 * * *"
    timezone: str = "UTC"
    prefect_port: Annotated[int, Field(ge=1, le=65535)] = 4200
    """Port of the Prefect server that `tocsin serve` starts on 127.0.0.1."""
    keep_articles: Duration = dt.timedelta(days=400)
    """Articles without triggers are deleted after this."""
    keep_bodies: Duration = dt.timedelta(days=400)
    """Of articles without triggers only the title is kept after this."""
    keep_events: Duration = dt.timedelta(days=1825)
    """Events that no alert rests on are deleted after this, with their triggers."""
    keep_audit: Duration = dt.timedelta(days=1825)
    """Lines of the audit trail about nothing that still exists are deleted after this."""
    fetch: FetchSettings = FetchSettings()
    detect: DetectSettings = DetectSettings()
    send: SendSettings = SendSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()


def read_settings(
    folder: Path, problems: list[Problem], environ: Mapping[str, str] | None = None, *, secrets: Path | None = None
) -> Settings:
    """Settings of `folder`/settings.yaml; all defaults where the file is absent.

    With `environ` the secrets that `database`, `heartbeat`, `web.secret` and `web.token` name are filled in;
    `file:` paths count from `secrets`, else `folder`.
    """
    path = folder / "settings.yaml"
    if not path.exists():
        return Settings()
    document = read_yaml(path, problems, root=folder.parent)
    settings = (validate(Settings, document, problems) if document else None) or Settings()
    if document is None or environ is None:
        return settings
    named = Secrets(secrets or folder, environ)
    filled: dict[str, Any] = {}
    for key in _ADDRESSES:
        try:
            filled[key] = named.fill(getattr(settings, key), in_url=True)
        except ValueError as error:
            message, _, allowed = str(error).partition("; ")
            problems.append(document.problem((key,), message, allowed))
    keys: dict[str, str] = {}
    for key in ("secret", "token"):
        try:
            keys[key] = _key(getattr(settings.web, key), named)
        except ValueError as error:
            message, _, allowed = str(error).partition("; ")
            problems.append(document.problem(("web", key), message, allowed))
    filled["web"] = settings.web.model_copy(update=keys)
    if filled.get("heartbeat") and not filled["heartbeat"].startswith(("http://", "https://")):
        problems.append(document.problem(("heartbeat",), "is no web address", "http://… or https://…"))
    return settings.model_copy(update=filled)


def _key(text: str, named: Secrets) -> str:
    """The signing key that `text` names; ValueError where it stands in the file itself or is easily guessed."""
    if text and blank(text) != NAMED:
        raise ValueError("holds a secret; write ${NAME} or file:path and keep it outside of config/")
    key = named.fill(text)
    if key and len(key) < _KEY_LENGTH:
        raise ValueError(
            f"names a key that is too short; {_KEY_LENGTH} characters or more, as of `openssl rand -hex 32`"
        )
    return key
