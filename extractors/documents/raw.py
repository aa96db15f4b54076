"""Split the bytes of an RSS or Atom document into its entries and the frame around them, without parsing it.

It goes by the tags alone, so it can only be trusted for documents that are well-formed; whoever uses it parses the
parts with a real parser and falls back to the whole document at the first doubt.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from extractors.documents.rows import digest

_FIRST = re.compile(rb"<(?:!--|!\[CDATA\[|!ENTITY|\?|(item|entry)(?=[\s/>]))")
_NEXT = {
    name: re.compile(rb"<(?:(!--)|(!\[CDATA\[)|(\?)|(/?)" + name + rb"(?=[\s/>]))") for name in (b"item", b"entry")
}
_ENDS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
# What changes from poll to poll in the frame without a meaning for the entries: dates, and the contents list of RDF.
_VOLATILE = re.compile(
    rb"<(lastBuildDate|pubDate|updated|modified|dc:date|atom:updated|items)(?:\s[^>]*)?>[^\x00]*?</\1\s*>"
)
_DATE = re.compile(rb"<(?:pubDate|published|dc:date|updated|issued|modified)(?:\s[^>]*)?>\s*([^<]{6,60})<")
_OPENED = re.compile(rb"<(?:channel|feed)(?:\s[^>]*)?(?<!/)>")
_MAX_FRAME = 500_000


@dataclass(frozen=True, slots=True)
class RawFeed:
    """A document in parts: `head`, entries with `gaps` between them, `tail`."""

    head: bytes
    entries: tuple[bytes, ...]
    gaps: tuple[bytes, ...]
    tail: bytes

    def frame(self, context: str) -> bytes:
        """A digest that changes with anything outside the entries that might change how they are read.

        `context` is what comes from outside the document, such as its declared charset.
        """
        around = b"\0".join([self.head, *(gap for gap in self.gaps if not gap.isspace()), self.tail])
        return digest([context.encode(), _VOLATILE.sub(b"", around)])

    def digests(self) -> list[bytes]:
        """A digest of each entry."""
        return [digest([entry]) for entry in self.entries]

    def document(self, chosen: list[int]) -> bytes:
        """The document with only the entries at the indices `chosen`."""
        return b"".join([self.head, *(self.entries[index] for index in chosen), self.tail])

    def excerpt(self, chosen: list[int]) -> bytes:
        """The entries at the indices `chosen` in the bare elements around them, without what is said of the feed."""
        opened = _OPENED.search(self.head)
        bare = opened is not None and b"</channel" not in self.head
        head = self.head[: opened.end()] if opened is not None and bare else self.head
        return b"".join([head, *(self.entries[index] for index in chosen), self.tail])

    def dates(self) -> list[str]:
        """The first date of each entry as it stands there, "" where it has none."""
        found = (_DATE.search(entry) for entry in self.entries)
        return [match[1].decode("latin-1").strip() if match else "" for match in found]


def split(body: bytes) -> RawFeed | None:
    """`body` in parts, or None where its tags do not tell them apart for certain."""
    first = _start(body)
    if first is None:
        return None
    start, name = first
    spans = _spans(body, start, name)
    if not spans or start > _MAX_FRAME or len(body) - spans[-1][1] > _MAX_FRAME:
        return None
    gaps = tuple(body[left[1] : right[0]] for left, right in itertools.pairwise(spans) if left[1] < right[0])
    return RawFeed(body[:start], tuple(body[begin:end] for begin, end in spans), gaps, body[spans[-1][1] :])


def _start(body: bytes) -> tuple[int, bytes] | None:
    at = 0
    while found := _FIRST.search(body, at):
        if found[1]:
            return found.start(), found[1]
        end = _ENDS.get(found[0])
        at = body.find(end, found.end()) if end else -1
        if at < 0:
            return None
    return None


def _spans(body: bytes, at: int, name: bytes) -> list[tuple[int, int]] | None:
    """Where each entry starts and ends; None for nested, unclosed or empty ones."""
    spans: list[tuple[int, int]] = []
    start = -1
    pattern = _NEXT[name]
    while found := pattern.search(body, at):
        at = found.end()
        if found[0] in _ENDS:
            at = body.find(_ENDS[found[0]], at)
            if at < 0:
                return None
        elif found[4]:
            at = body.find(b">", at) + 1
            if start < 0 or not at:
                return None
            spans.append((start, at))
            start = -1
        else:
            if start >= 0:
                return None
            start = found.start()
    return spans if start < 0 else None
