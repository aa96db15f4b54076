"""Web pages that came where a feed was expected: what they are called and which feeds they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from extractors.text import plain, web_link

_MAX_PAGE = 300_000
_FEED_TYPES = (
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
    "application/rdf+xml",
    "text/xml",
)
_FEED_LIKE = re.compile(r"(?:^|[/._-])(?:rss2?|atom|feeds?|rdf)(?:[/._?-]|$)|\.xml(?:\?|$)", re.IGNORECASE)
_FEED = re.compile(rb"<(?:\w+:)?(?:rss|feed|RDF)[\s>]")
_PAGE = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html[\s>]|head[\s>])", re.I | re.S
)


@dataclass(frozen=True, slots=True)
class FoundFeed:
    """A feed that a web page names."""

    url: str
    title: str


def is_page(body: bytes) -> bool:
    """Whether `body` starts like a web page and not, for all its doctype, like a feed."""
    head = body[:8_000]
    return _PAGE.match(head) is not None and _FEED.search(head) is None


def page_title(body: bytes) -> str:
    """The title of the page, "" without one."""
    found = re.search(rb"<title[^>]{0,200}>([^<]{1,500})", body[:_MAX_PAGE], re.IGNORECASE)
    return plain(found[1].decode("utf-8", "replace"), limit=120) if found else ""


def feeds_of_page(body: bytes, url: str) -> tuple[FoundFeed, ...]:
    """The feeds that the page at `url` names, the announced ones first, else links that look like feeds."""
    page = _Page(url)
    page.feed(body[:_MAX_PAGE].decode("utf-8", "replace"))
    found = page.announced or page.linked
    return tuple({feed.url: feed for feed in reversed(found)}.values())[::-1][:20]


class _Page(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base = url
        self.announced: list[FoundFeed] = []
        self.linked: list[FoundFeed] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        link = web_link(values.get("href", ""), relative_to=self._base)
        if not link:
            return
        if tag == "base":
            self._base = link
        elif tag == "link" and self._announces(values):
            self.announced.append(FoundFeed(link, plain(values.get("title", ""), limit=120)))
        elif tag == "a" and _FEED_LIKE.search(link.partition("://")[2].partition("/")[2]):
            self.linked.append(FoundFeed(link, plain(values.get("title", ""), limit=120)))

    @staticmethod
    def _announces(values: dict[str, str]) -> bool:
        relations = values.get("rel", "").lower().split()
        return bool({"alternate", "feed"} & set(relations)) and (
            values.get("type", "").partition(";")[0].strip().lower() in _FEED_TYPES or "feed" in relations
        )
