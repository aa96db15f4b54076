"""A whole watch on loopback: feeds that publish, an SMTP server and a webhook that take alerts, and a config folder.

    with newsroom(tmp_path) as room:
        room.paper("herald").publish("North Korea fires a missile")
        room.write()
        room.sweep(now=...)

The rules are a small set of their own, so that nothing here depends on how well the shipped ones detect.
"""

from __future__ import annotations

import copy
import datetime as dt
import functools
import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from ruamel.yaml import YAML

from alerts.channels import Sender
from extractors.language import Language, load_language
from flows.opening import opened
from flows.sweep import Sweep
from flows.tally import Tally
from tests.alerts.receivers import Hooks, Mailbox, http_server, smtp_server
from tocsin.store import Store

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)

MISSILE = "North Korea fires a missile into the sea"
VETO = "Russia vetoes a sanctions resolution at the UN"
NOISE = "Bakers of the valley prepare for the harvest feast"

RULES: dict[str, Any] = {
    "missile_test": {
        "title": "Missile test",
        "description": "A state fires a missile into the sea.",
        "severity": 6,
        "frames": [{"name": "fires a missile", "act": ["fire", "launch"], "object": ["missile"]}],
        "examples": {"fires": [{"text": f"{MISSILE}.", "source": "KP"}], "silent": [f"{NOISE}."]},
    },
    "sanctions_veto": {
        "title": "Veto",
        "description": "A permanent member vetoes sanctions.",
        "severity": 4,
        "frames": [{"name": "vetoes", "act": ["veto"], "object": ["resolution"]}],
        "examples": {"fires": [{"text": f"{VETO}.", "source": "RU"}], "silent": [f"{NOISE}."]},
    },
}
ACTORS = {
    "states": {
        "KP": {"names": ["North Korea"], "people": ["North Korean"], "capital": ["Pyongyang"]},
        "KR": {"names": ["South Korea"], "people": ["South Korean"], "capital": ["Seoul"]},
        "RU": {"names": ["Russia"], "people": ["Russian"], "capital": ["Moscow"]},
    },
    "bodies": {"UN": {"names": ["UN", "United Nations"]}},
}


@functools.cache
def language(model: str = "") -> Language:
    """The English model, loaded once for all tests of this process."""
    return load_language(model)


@dataclass
class Paper:
    """One feed: what it shows, how it answers, and what it was asked."""

    id: str
    items: list[tuple[str, str, str, dt.datetime]] = field(default_factory=list)
    answer: tuple[int, bytes] | None = None
    delay: Callable[[], None] | None = None
    requests: list[Mapping[str, str]] = field(default_factory=list)
    gap: bytes = b""

    def publish(self, title: str, summary: str = "", *, at: dt.datetime = NOW, guid: str = "") -> Paper:
        """Show one more item, the newest first."""
        self.items.insert(0, (guid or f"{self.id}-{len(self.items)}", title, summary, at))
        return self

    def answers(self, body: bytes, status: int = 200) -> Paper:
        """Answer with these bytes instead of the feed."""
        self.answer = (status, body)
        return self

    def mended(self) -> Paper:
        """Answer with the feed again."""
        self.answer = None
        return self

    def document(self, base: str) -> bytes:
        """The feed as RSS."""
        entries = "".join(
            f"<item><title>{escape(title)}</title><link>{base}/{self.id}/{guid}</link><guid isPermaLink='false'>{guid}"
            f"</guid><description>{escape(summary)}</description><pubDate>{format_datetime(at)}</pubDate></item>"
            for guid, title, summary, at in self.items
        )
        head = f"<title>{self.id}</title><link>{base}</link><description>{self.id}</description>"
        return f"<?xml version='1.0'?><rss version='2.0'><channel>{head}{entries}</channel></rss>".encode()


class Press(ThreadingHTTPServer):
    """Serves every paper at /<id>, with an ETag."""

    daemon_threads = True

    def __init__(self, handler: type[Handler] | None = None) -> None:
        self.papers: dict[str, Paper] = {}
        super().__init__(("127.0.0.1", 0), handler or Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a reader hung up: those that are killed do."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers as each paper says."""

    protocol_version = "HTTP/1.1"
    server: Press

    def do_GET(self) -> None:
        paper = self.server.papers.get(self.path.partition("?")[0].strip("/"))
        if paper is None:
            self.answer(404, b"")
            return
        paper.requests.append(dict(self.headers.items()))
        if paper.delay:
            paper.delay()
        if paper.answer:
            self.answer(*paper.answer)
            return
        self.conditionally(paper.document(self.server.url))

    def conditionally(self, body: bytes, **headers: str) -> None:
        """Answer 200 with its ETag, or 304 to who has it."""
        etag = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
        unchanged = self.headers.get("If-None-Match") == etag
        self.answer(304 if unchanged else 200, b"" if unchanged else body, ETag=etag, **headers)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Answer with these; `Content_Type` stands for the header Content-Type."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say."""


@dataclass
class Room:
    """A config folder and everything that it names."""

    folder: Path
    press: Press
    mailbox: Mailbox
    hooks: Hooks
    settings: dict[str, Any] = field(default_factory=dict)
    channels: list[dict[str, Any]] = field(default_factory=list)
    watch: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=lambda: copy.deepcopy(RULES))
    feeds: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    """Variables that the configuration names."""
    feed_url: Callable[[str], str] = field(init=False)
    """Address of a paper, as feeds.yaml has it."""

    def __post_init__(self) -> None:
        self.feed_url = lambda id: f"{self.press.url}/{id}"

    @property
    def config(self) -> Path:
        """The folder of the configuration."""
        return self.folder / "config"

    @property
    def state(self) -> Path:
        """The folder of the state."""
        return self.folder / "state"

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs to find it."""
        return {"TOCSIN_CONFIG": str(self.config), **self.secrets}

    def paper(self, id: str, **keys: Any) -> Paper:
        """The feed `id`, new where there was none; `keys` go into feeds.yaml."""
        paper = self.press.papers.setdefault(id, Paper(id))
        default = {"id": id, "title": id.title(), "url": self.feed_url(id), "interval": {"min": "30s"}}
        self.feeds.setdefault(id, default).update(keys)
        return paper

    def write(self) -> Room:
        """Write the folder."""
        dump(self.config / "settings.yaml", self.settings)
        dump(self.config / "feeds.yaml", {"feeds": list(self.feeds.values())})
        dump(self.config / "channels.yaml", {"channels": self.channels})
        dump(self.config / "actors.yaml", ACTORS)
        for id, rule in self.rules.items():
            dump(self.config / "triggers" / f"{id}.yaml", {"id": id, **rule})
        dump(self.config / "watches" / "test.yaml", self.watch)
        return self

    @contextmanager
    def opened(self, *, now: dt.datetime = NOW, sender: Sender | None = None) -> Iterator[Sweep]:
        """A sweep of this room, with the language model of the test process."""
        with opened(self.environ, now=now) as sweep:
            sweep.language, sweep.sender = language, sender
            yield sweep

    def sweep(self, *, now: dt.datetime = NOW, sender: Sender | None = None) -> Tally:
        """One whole sweep."""
        with self.opened(now=now, sender=sender) as sweep:
            return sweep.run(now=now)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store."""
        with Store.open(self.settings.get("database", ""), self.state) as store:
            yield store

    def tocsin(self, *arguments: str, environ: Mapping[str, str] | None = None, stdin: bytes = b"") -> Done:
        """Run the command `tocsin` in a process of its own."""
        command = [str(Path(sys.executable).parent / "tocsin"), *arguments]
        variables = {**os.environ, "COLUMNS": "200", **self.environ, **(environ or {})}
        done = subprocess.run(command, env=variables, input=stdin, capture_output=True, timeout=300, cwd=self.folder)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def hooked(self) -> list[str]:
        """Ids of the alerts that the webhook took, in order."""
        return [self.hooks.json(index)["id"] for index in range(len(self.hooks.requests))]

    def mailed(self) -> list[str]:
        """Subjects of the mails that were taken, in order."""
        return [str(message["Subject"]) for _, message in self.mailbox.mails]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def dump(path: Path, value: Any) -> None:
    """Write `value` as YAML."""
    text = StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump(value, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue(), encoding="utf-8")


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """What `query` finds in a SQLite file."""
    with sqlite3.connect(database) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def newsroom(
    folder: Path, *, database: str = "", refuse_login: bool = False, press: Press | None = None
) -> Iterator[Room]:
    """A room with running servers, one webhook and one mail channel, and a threshold on each kind of event."""
    with ExitStack() as stack:
        press = press or Press()
        thread = threading.Thread(target=press.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(press.server_close)
        stack.callback(press.shutdown)
        mailbox, hooks = stack.enter_context(smtp_server(refuse_login=refuse_login)), stack.enter_context(http_server())
        room = Room(folder, press, mailbox, hooks)
        fetch = {"allow_networks": ["127.0.0.0/8"], "host_pause": "0s"}
        room.settings = {"fetch": fetch, **({"database": database} if database else {})}
        room.channels = [
            {"id": "hook", "url": f"webhook://127.0.0.1:{hooks.port}/alerts", "alarms": True},
            {"id": "mail", "url": f"mailto://127.0.0.1:{mailbox.port}/?from=a@example.org", "to": ["desk@example.org"]},
        ]
        room.watch = {
            "id": "test",
            "title": "Test",
            "notify": ["hook", "mail"],
            "thresholds": [
                {
                    "id": f"new_{type}",
                    "type": "event",
                    "title": f"New {type}",
                    "where": {"type": type, "modality": ["happened"]},
                }
                for type in RULES
            ],
        }
        yield room
