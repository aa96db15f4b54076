"""`seeds/` as real feeds: read the dated timeline and serve it over HTTP on loopback, up to a moment in time.

A seed file is data: what a publisher's feed said, with what the guidelines say of each item (`expect`). Rendered as
RSS 2.0, RDF or Atom, it takes the same way through fetch and parse as any feed on the internet.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Literal
from xml.etree import ElementTree as ET

from pydantic import AwareDatetime, BeforeValidator, Field

from tocsin.config.loader import Strict, read_yaml, validate
from tocsin.errors import ConfigError, Problem
from tocsin.model import Modality

ATOM = "http://www.w3.org/2005/Atom"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RSS1 = "http://purl.org/rss/1.0/"
DC = "http://purl.org/dc/elements/1.1/"
_SHOWN = 40


class Expected(Strict):
    """One trigger that the guidelines see in an item, written `[type, modality, source, target]`."""

    type: str
    modality: Modality
    source: str | None = None
    target: str | None = None


def _expected(value: object) -> object:
    if isinstance(value, list) and 2 <= len(value) <= 4:
        return dict(zip(("type", "modality", "source", "target"), value, strict=False))
    return value


class SeedItem(Strict):
    """One item of the timeline."""

    published: AwareDatetime
    title: str
    summary: str = ""
    guid: str = ""
    link: str = ""
    source: str = ""
    """The publisher that the item names as its own source, as aggregators do."""
    expect: tuple[Annotated[Expected, BeforeValidator(_expected)], ...] = ()


class SeedHead(Strict):
    """The feed that the items belong to; keys as in feeds.yaml, without the address."""

    id: str
    title: str
    publisher: str
    format: Literal["rss", "atom", "rdf"] = "rss"
    language: str = "en"
    state_media: str = ""
    family: str = ""
    tags: tuple[str, ...] = ()


class SeedFeed(Strict):
    """One seed file: a feed and its items, oldest first."""

    feed: SeedHead
    items: Annotated[tuple[SeedItem, ...], Field(min_length=1)]

    def until(self, now: dt.datetime) -> list[SeedItem]:
        """What the feed shows at `now`: the newest items first, as many as a feed shows."""
        shown = [item for item in self.items if item.published <= now]
        return sorted(shown, key=lambda item: item.published, reverse=True)[:_SHOWN]


def read_seeds(folder: Path) -> tuple[SeedFeed, ...]:
    """All seed files of `folder`; ConfigError with every problem found."""
    problems: list[Problem] = []
    seeds = []
    for path in sorted(folder.glob("*.yaml")):
        document = read_yaml(path, problems, root=folder.parent)
        seed = validate(SeedFeed, document, problems) if document else None
        if seed:
            seeds.append(seed)
    if not seeds and not problems:
        problems.append(Problem(str(folder), 1, "(folder)", "holds no seed files", "at least one *.yaml"))
    if problems:
        raise ConfigError(problems)
    return tuple(seeds)


def render(seed: SeedFeed, now: dt.datetime, base: str) -> bytes:
    """The document that the feed's address gives at `now`; `base` is the address of the site."""
    items = [(item, item.link or f"{base}/{seed.feed.id}/{_slug(item)}") for item in seed.until(now)]
    build = {"rss": _rss, "atom": _atom, "rdf": _rdf}[seed.feed.format]
    return bytes(ET.tostring(build(seed.feed, items, base), encoding="utf-8", xml_declaration=True))


def _slug(item: SeedItem) -> str:
    digest = hashlib.sha256(f"{item.guid}|{item.published}|{item.title}".encode()).hexdigest()[:8]
    return f"{item.published:%Y/%m/%d}/{digest}"


def _add(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    child = ET.SubElement(parent, name, attributes)
    child.text = text or None


def _rss(head: SeedHead, items: list[tuple[SeedItem, str]], base: str) -> ET.Element:
    root = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(root, "channel")
    _add(channel, "title", head.title)
    _add(channel, "link", f"{base}/{head.id}")
    _add(channel, "description", head.title)
    _add(channel, "language", head.language)
    for item, link in items:
        node = ET.SubElement(channel, "item")
        _add(node, "title", item.title)
        _add(node, "link", link)
        _add(node, "description", item.summary)
        _add(node, "guid", item.guid or link, isPermaLink="false")
        _add(node, "pubDate", format_datetime(item.published))
        if item.source:
            _add(node, "source", item.source, url=base)
    return root


def _rdf(head: SeedHead, items: list[tuple[SeedItem, str]], base: str) -> ET.Element:
    root = ET.Element(f"{{{RDF}}}RDF")
    channel = ET.SubElement(root, f"{{{RSS1}}}channel", {f"{{{RDF}}}about": f"{base}/{head.id}"})
    _add(channel, f"{{{RSS1}}}title", head.title)
    _add(channel, f"{{{RSS1}}}link", f"{base}/{head.id}")
    _add(channel, f"{{{RSS1}}}description", head.title)
    for item, link in items:
        node = ET.SubElement(root, f"{{{RSS1}}}item", {f"{{{RDF}}}about": item.guid or link})
        _add(node, f"{{{RSS1}}}title", item.title)
        _add(node, f"{{{RSS1}}}link", link)
        _add(node, f"{{{RSS1}}}description", item.summary)
        _add(node, f"{{{DC}}}date", item.published.isoformat())
    return root


def _atom(head: SeedHead, items: list[tuple[SeedItem, str]], base: str) -> ET.Element:
    root = ET.Element(f"{{{ATOM}}}feed")
    _add(root, f"{{{ATOM}}}title", head.title)
    _add(root, f"{{{ATOM}}}id", f"{base}/{head.id}")
    _add(
        root,
        f"{{{ATOM}}}updated",
        (items[0][0].published if items else dt.datetime.fromtimestamp(0, dt.UTC)).isoformat(),
    )
    for item, link in items:
        node = ET.SubElement(root, f"{{{ATOM}}}entry")
        _add(node, f"{{{ATOM}}}title", item.title)
        ET.SubElement(node, f"{{{ATOM}}}link", {"href": link})
        _add(node, f"{{{ATOM}}}id", item.guid or link)
        _add(node, f"{{{ATOM}}}published", item.published.isoformat())
        _add(node, f"{{{ATOM}}}updated", item.published.isoformat())
        _add(node, f"{{{ATOM}}}summary", item.summary)
    return root


class SeedServer:
    """Serves the seeds at `url`/<feed id> as they were at `now`, and keeps what is posted to `url`/inbox."""

    def __init__(self, seeds: tuple[SeedFeed, ...], now: dt.datetime) -> None:
        self.seeds = {seed.feed.id: seed for seed in seeds}
        self.now = now
        self.inbox: list[bytes] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[SeedServer]:
        """Serve inside the block."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        house = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                seed = house.seeds.get(self.path.strip("/"))
                if seed is None:
                    self._answer(404, b"")
                    return
                body = render(seed, house.now, house.url)
                etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                unchanged = self.headers.get("If-None-Match") == etag
                self._answer(304 if unchanged else 200, b"" if unchanged else body, etag)

            def do_POST(self) -> None:
                house.inbox.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                self._answer(200, b"{}")

            def _answer(self, status: int, body: bytes, etag: str = "") -> None:
                self.send_response(status)
                if etag:
                    self.send_header("ETag", etag)
                self.send_header("Content-Type", "application/xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """The replay speaks for itself."""

        return Handler
