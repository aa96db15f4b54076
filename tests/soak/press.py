"""Feeds that change, fail, move and lie, all on one loopback server.

A feed's character is for good (it has moved, dates its items in the future, says the wrong charset …); its mood is
passing (it answers 500, hangs, drips, shows an old version …) and does not keep anything from being read in the end.
"""

from __future__ import annotations

import datetime as dt
import enum
import gzip
import random
import socket
import struct
import threading
from contextlib import suppress
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

from tests.newsroom import Handler, Paper, Press

MOST_BYTES = 200_000
"""Of a feed, as the settings of the soak allow."""
SHOWN = 150
"""Items that a feed shows at most."""


class Character(enum.StrEnum):
    """What a feed is like for good."""

    HONEST = "honest"
    MOVED = "moved by 301"
    CHAINED = "moved by 308, 302 and 301 in a row"
    MISTYPED = "says image/png"
    UNDATED = "has no dates"
    FUTURE = "dates its items in 2099"
    MISCODED = "says UTF-8 and sends Latin-1"
    REUSING = "gives one guid to all its items"
    FLAPPING = "gives each item a new guid at each poll"


EXACT = frozenset(Character) - {Character.REUSING, Character.FLAPPING}
"""Characters of which every item is stored once, and told where it is news."""


class Mood(enum.StrEnum):
    """What a feed does for a while."""

    FINE = "fine"
    BROKEN = "500"
    MISSING = "404"
    FORBIDDEN = "403"
    BUSY = "429"
    RESET = "resets the connection"
    SILENT = "says nothing"
    DRIPPING = "a byte at a time"
    HTML = "a page instead of a feed"
    EMPTY = "an empty body"
    RANDOM = "random bytes"
    SHORT = "hangs up in the middle"
    CUT = "ends in the middle of an item"
    HUGE = "a body larger than allowed"
    BOMB = "a small body that grows to 50 MB"
    LOOPING = "sends the reader round and round"
    UNCHANGED = "304, whatever has changed"
    STALE = "shows what it showed before"
    SHUFFLED = "in another order"


_STATUS = {Mood.BROKEN: 500, Mood.MISSING: 404, Mood.FORBIDDEN: 403, Mood.BUSY: 429}
_BOMB = gzip.compress(b"<rss>" + b" " * 50_000_000, 9)
_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body><p>Please sign in.</p></body></html>"


class Source(Paper):
    """One feed."""

    def __init__(self, id: str, character: Character) -> None:
        super().__init__(id)
        self.character = character
        self.mood = Mood.FINE

    def document(self, base: str) -> bytes:
        """The feed as RSS."""
        items = self.items[2:] if self.mood is Mood.STALE else list(self.items)
        if self.mood is Mood.SHUFFLED:
            random.shuffle(items)
        entries = "".join(self._entry(base, *item) for item in items)
        head = f"<title>{self.id}</title><link>{base}</link><description>{self.id}</description>"
        text = f"<rss version='2.0'><channel>{head}{entries}</channel></rss>"
        if self.character is Character.MISCODED:
            return f"<?xml version='1.0' encoding='utf-8'?>{text}".encode("latin-1")
        return f"<?xml version='1.0'?>{text}".encode()

    def _entry(self, base: str, guid: str, title: str, summary: str, at: dt.datetime) -> str:
        if self.character is Character.FLAPPING:
            guid = f"{guid}-{random.randrange(10**9)}"
        dated = "" if self.character is Character.UNDATED else f"<pubDate>{format_datetime(at)}</pubDate>"
        link = f"{base}/{self.id}/{guid}"
        return (
            f"<item><title>{escape(title)}</title><link>{link}</link><guid isPermaLink='false'>{guid}</guid>"
            f"<description>{escape(summary)}</description>{dated}</item>"
        )

    def show(self, title: str, *, at: dt.datetime, guid: str) -> None:
        """Publish as this feed does."""
        when = at.replace(year=2099) if self.character is Character.FUTURE else at
        if self.character is Character.REUSING:
            guid = f"{self.id}-only"
            self.items.clear()
        self.publish(title, "Étude: a café in the old town.", at=when, guid=guid)
        del self.items[SHOWN:]


class LyingPress(Press):
    """The server."""

    request_queue_size = 128

    def __init__(self) -> None:
        self.closing = threading.Event()
        self.asked = 0
        """Requests, about: no lock holds the count."""
        super().__init__(LyingHandler)

    def source(self, id: str) -> Source | None:
        """A feed by its id."""
        paper = self.papers.get(id)
        return paper if isinstance(paper, Source) else None


class LyingHandler(Handler):
    """Answers as the feed's character and mood have it."""

    server: LyingPress
    timeout = 30

    def do_GET(self) -> None:
        path = self.path.strip("/")
        stage, _, id = path.partition("/") if "/" in path else ("", "", path)
        source = self.server.source(id)
        self.server.asked += 1
        with suppress(ConnectionError):
            if source is None:
                self.answer(404, b"")
            elif not self._sent_on(source, stage):
                self._feed(source)

    def _sent_on(self, source: Source, stage: str) -> bool:
        """Redirect as the feed has moved; False where this is its last address."""
        if source.mood is Mood.LOOPING:
            self._redirect(302, f"/{random.choice('abc')}/{source.id}")
            return True
        ways = {
            Character.MOVED: {"": (301, "new")},
            Character.CHAINED: {"": (308, "hop"), "hop": (302, "step"), "step": (301, "new")},
        }
        way = ways.get(source.character, {}).get(stage)
        if way:
            self._redirect(way[0], f"/{way[1]}/{source.id}")
        return way is not None

    def _redirect(self, status: int, to: str) -> None:
        self.send_response(status)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _feed(self, source: Source) -> None:
        mood = source.mood
        if mood in _STATUS:
            # No Retry-After: it speaks for the host, and all feeds are on this one.
            self.answer(_STATUS[mood], b"")
        elif mood in (Mood.RESET, Mood.SILENT, Mood.DRIPPING, Mood.SHORT):
            self._hang(mood, source.document(self.server.url))
        elif mood is Mood.HTML:
            self.answer(200, _PAGE, Content_Type="text/html")
        elif mood is Mood.EMPTY:
            self.answer(200, b"")
        elif mood is Mood.RANDOM:
            self.answer(200, random.randbytes(2_000))
        elif mood is Mood.HUGE:
            self.answer(200, source.document(self.server.url) + b"<!--" + b"x" * MOST_BYTES + b"-->")
        elif mood is Mood.BOMB:
            self.answer(200, _BOMB, Content_Encoding="gzip")
        elif mood is Mood.UNCHANGED and "If-None-Match" in self.headers:
            self.answer(304, b"", ETag=str(self.headers["If-None-Match"]))
        else:
            body = source.document(self.server.url)
            kind = "image/png" if source.character is Character.MISTYPED else "application/rss+xml"
            self.conditionally(body[: len(body) * 2 // 3] if mood is Mood.CUT else body, Content_Type=kind)

    def _hang(self, mood: Mood, body: bytes) -> None:
        """Never end an answer in peace."""
        self.close_connection = True
        if mood is Mood.SILENT:
            self.server.closing.wait(10.0)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mood is Mood.DRIPPING:
            for at in range(20):
                self.wfile.write(body[at : at + 1])
                if self.server.closing.wait(0.4):
                    return
            return
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        if mood is Mood.RESET:
            # No time to linger: close by a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def characters(count: int) -> list[Character]:
    """Of so many feeds: two in five are honest, the rest in turn of each other kind."""
    odd = [each for each in Character if each is not Character.HONEST]
    return [Character.HONEST if n % 5 < 2 else odd[n % len(odd)] for n in range(count)]


def sour(rng: random.Random) -> Any:
    """A mood that is not fine."""
    return rng.choice([mood for mood in Mood if mood is not Mood.FINE])
