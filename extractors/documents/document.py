"""Read one feed document: bytes in, cleaned entries out. Runs inside the parser process only.

feedparser does the reading, given a stream (given bytes or text it would open a file or address that they name), with
its own cleaning off: `extractors.text` cleans. Of a document whose raw entries were seen before, only the new ones
are parsed; what comes out is the same as if all had been.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from xml.sax import SAXException

import feedparser

from extractors.documents.charset import charset, clean_bytes
from extractors.documents.dates import entry_time, iso_time
from extractors.documents.pages import feeds_of_page, is_page, page_title
from extractors.documents.raw import RawFeed, split
from extractors.documents.rows import NOTHING, Rows, digest, key_digest
from extractors.text import MAX_SUMMARY, MAX_TITLE, identifier, plain, web_link
from tocsin.model import Entry

# It would ask chardet where that happens to be installed: the same bytes would read otherwise there, or not at all,
# because chardet loads its tables when asked, which the confined parser cannot.
feedparser.encodings.lazy_chardet_encoding = None
MAX_KEY = 500
_UNTITLED = 120
_PERIODS_S = {"hourly": 3_600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
_ENTRY_START = re.compile(rb"<(?:\w+:)?(?:item|entry)[\s>]", re.IGNORECASE)
_ENTRY_END = re.compile(rb"</(?:\w+:)?(?:item|entry)\s*>", re.IGNORECASE)
_CLOSED = (b"</rss", b"</feed", b":rdf>", b"</rdf", b":feed>", b":rss>", b"</channel")


class Unreadable(ValueError):
    """The body is no feed; the message says what it is instead."""


@dataclass(slots=True)
class Reading:
    """What was read; of the feed itself (`title`, `asked_s`) nothing where only new entries were parsed.

    `raws` holds the raw digest of each of `entries`; `kept` the seen rows that still stand.
    """

    title: str = ""
    entries: list[Entry] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    frame: bytes = NOTHING
    asked_s: float | None = None
    incomplete: bool = False
    warnings: list[str] = field(default_factory=list)
    shared_ids: bool = False


def read(body: bytes, *, content_type: str, url: str, max_entries: int, seen: Rows) -> Reading:
    """The feed in `body`, fetched from `url`; Unreadable where it is none.

    At most `max_entries` entries, the newest. Rows of `seen` spare the parsing of what they stand for.
    """
    if not body.strip():
        raise Unreadable("the body is empty")
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"{", b"[")):
        return _capped(_read_json(text, url), max_entries)
    if is_page(body):
        raise Unreadable(_page_words(body, url))
    name = charset(body, content_type)
    body = clean_bytes(body)
    raw = split(body)
    if raw is None or b"<!ENTITY" in raw.head or b"[" in raw.head.partition(b"<!DOCTYPE")[2].partition(b">")[0]:
        return _capped(_parsed(body, name, url), max_entries)
    return _read_raw(raw, body, name, url, max_entries, seen)


def _read_raw(raw: RawFeed, body: bytes, name: str, url: str, max_entries: int, seen: Rows) -> Reading:
    """Parse what is new of a document that can be split, or all of it."""
    chosen = _newest(raw.dates(), max_entries) if len(raw.entries) > max_entries else list(range(len(raw.entries)))
    frame, digests = raw.frame(f"{name} {url}"), raw.digests()
    rows = {row.raw: index for index, row in enumerate(seen.rows)} if frame == seen.frame else {}
    new = [index for index in chosen if digests[index] not in rows]
    if len(new) < len(chosen):
        reading = _only_new(raw, new, name, url, frame, digests)
        kept = sorted({rows[digests[index]] for index in chosen if digests[index] in rows})
        if reading is not None and not {seen.rows[index].key for index in kept} & _keys(reading):
            return replace(reading, kept=kept, warnings=_too_many(raw, chosen))
    whole = len(chosen) == len(raw.entries)
    reading = _parsed(body if whole else raw.document(chosen), name, url)
    reading.warnings += _too_many(raw, chosen)
    if _separable(reading) and len(reading.entries) == len(chosen):
        reading.frame, reading.raws = frame, [digests[index] for index in chosen]
    return _capped(_unique(reading), max_entries)


def _only_new(
    raw: RawFeed, new: list[int], name: str, url: str, frame: bytes, digests: Sequence[bytes]
) -> Reading | None:
    """A reading of only the entries `new`, None where a whole one might come out differently."""
    reading = Reading(frame=frame)
    if new:
        reading = replace(_parsed(raw.excerpt(new), name, url), title="", asked_s=None)
        if not _separable(reading) or len(reading.entries) != len(new) or len(_keys(reading)) != len(new):
            return None
        reading.frame, reading.raws = frame, [digests[index] for index in new]
    return reading


def _keys(reading: Reading) -> set[bytes]:
    return {key_digest(entry.key) for entry in reading.entries}


def _separable(reading: Reading) -> bool:
    """Whether the document was well-formed, so that each entry reads the same without the others."""
    return not reading.warnings and not reading.incomplete and not reading.shared_ids


def _too_many(raw: RawFeed, chosen: Sequence[int]) -> list[str]:
    left_out = len(raw.entries) - len(chosen)
    return [_left_out(left_out, len(chosen))] if left_out else []


def _left_out(count: int, limit: int) -> str:
    return f"{count:,} entries beyond the newest {limit:,} were left out (fetch.max_entries)"


def _newest(dates: Sequence[str], limit: int) -> list[int]:
    """Indices of the `limit` newest entries in document order; the first ones where there are no dates to go by."""
    parse: Callable[[str], Any] = feedparser.datetimes._parse_date
    times = [entry_time(date, parse(date)) if date else None for date in dates]
    order = sorted(range(len(dates)), key=lambda index: -times[index].timestamp() if times[index] else 0.0)  # type: ignore[union-attr]
    return sorted(order[:limit])


def _capped(reading: Reading, limit: int) -> Reading:
    """At most `limit` entries, the newest; undated ones count as older than all."""
    if len(reading.entries) <= limit:
        return reading
    left_out = len(reading.entries) - limit
    dated = [entry.published.timestamp() if entry.published else 0.0 for entry in reading.entries]
    order = sorted(range(len(dated)), key=lambda index: -dated[index])[:limit]
    reading.entries = [reading.entries[index] for index in sorted(order)]
    reading.raws, reading.frame = [], NOTHING
    reading.warnings.append(_left_out(left_out, limit))
    return reading


def _parsed(body: bytes, name: str, url: str) -> Reading:
    """All of `body` as feedparser reads it."""
    headers = {"content-type": f"application/xml; charset={name}" if name else "application/xml"}
    result = feedparser.parse(
        io.BytesIO(body), response_headers=headers, resolve_relative_uris=False, sanitize_html=False
    )
    if not result.version and not result.entries:
        raise Unreadable(_other_words(body, url))
    feed: Mapping[str, Any] = result.feed
    entries = [_entry(item, url) for item in result.entries]
    reading = Reading(title=plain(_text(feed, "title"), limit=MAX_TITLE), entries=entries, asked_s=_asked_s(feed))
    if result.bozo:
        reading.incomplete = _cut(body, result.bozo_exception)
        if reading.incomplete and _ends_in_entry(body):
            # Without its id, which may be what is missing, it would be another one than when it comes whole.
            del reading.entries[-1:]
        reading.warnings.append("the document is cut short" if reading.incomplete else "the document is malformed")
    return _unique(reading)


def _cut(body: bytes, error: object) -> bool:
    """Whether the document ends before its time."""
    return isinstance(error, SAXException) and not any(mark in body[-4_000:].lower() for mark in _CLOSED)


def _ends_in_entry(body: bytes) -> bool:
    """Whether a document that was cut ends within an entry, not between two."""
    rest = _ENTRY_END.split(body)[-1]
    return bool(_ENTRY_START.search(rest))


def _unique(reading: Reading) -> Reading:
    """Each entry once; different entries under one id are told apart by their links, or texts."""
    if len({entry.key for entry in reading.entries}) == len(reading.entries):
        return reading
    texts: dict[str, set[str]] = {}
    for entry in reading.entries:
        texts.setdefault(entry.key, set()).add(f"{entry.link}\0{entry.digest}")
    unique: dict[str, Entry] = {}
    for entry in reading.entries:
        if len(texts[entry.key]) > 1:
            reading.shared_ids = True
            suffix = digest([(entry.link or entry.digest).encode()]).hex()
            entry = replace(entry, key=f"{entry.key}#{suffix}")
        unique.setdefault(entry.key, entry)
    reading.entries, reading.raws, reading.frame = list(unique.values()), [], NOTHING
    return reading


def _entry(item: Mapping[str, Any], url: str) -> Entry:
    """One entry of feedparser's, cleaned."""
    content = dict.get(item, "content") or [{}]  # type: ignore[call-overload]
    source = dict.get(item, "source") or {}  # type: ignore[call-overload]
    detail = dict.get(item, "title_detail") or {}  # type: ignore[call-overload]
    return make_entry(
        id=_text(item, "id"),
        link=_text(item, "feedburner_origlink") or _text(item, "link"),
        title=_text(item, "title"),
        summary=_text(item, "summary") or str(content[0].get("value") or ""),
        published=_published(item),
        publisher=_text(source, "title"),
        language=str(detail.get("language") or ""),
        url=url,
    )


def make_entry(
    *, id: str, link: str, title: str, summary: str, published: Any, publisher: str, language: str, url: str
) -> Entry:
    """An `Entry` of raw texts: all cleaned, with its identity and digest."""
    title, summary = plain(title, limit=MAX_TITLE), plain(summary, limit=MAX_SUMMARY)
    title = title or plain(summary, limit=_UNTITLED)
    text_digest = digest([title.encode(), summary.encode()]).hex()
    key = identifier(id[: 20 * MAX_KEY]) or identifier(link[: 20 * MAX_KEY]) or f"text:{text_digest}"
    return Entry(
        key=key if len(key) <= MAX_KEY else f"{key[: MAX_KEY - 20]}#{digest([key.encode()]).hex()}",
        link=web_link(link, relative_to=url),
        title=title,
        summary=summary,
        published=published,
        digest=text_digest,
        publisher=plain(publisher, limit=200),
        language=identifier(language)[:20].lower(),
    )


def _text(item: Mapping[str, Any], key: str) -> str:
    # FeedParserDict answers for keys that it does not have with those of others; dict.get does not.
    value = dict.get(item, key)  # type: ignore[call-overload]
    return value if isinstance(value, str) else ""


def _published(item: Mapping[str, Any]) -> Any:
    for name in ("published", "updated", "created"):
        time = entry_time(dict.get(item, name), dict.get(item, f"{name}_parsed"))  # type: ignore[call-overload]
        if time is not None:
            return time
    return None


def _asked_s(feed: Mapping[str, Any]) -> float:
    """Least seconds between two polls that the feed asks for."""
    ttl, period, frequency = (_text(feed, key).strip() for key in ("ttl", "sy_updateperiod", "sy_updatefrequency"))
    ttl_s = 60.0 * int(ttl[:6]) if ttl.isascii() and ttl.isdigit() else 0.0
    times = int(frequency[:4]) if frequency.isascii() and frequency.isdigit() else 1
    return max(ttl_s, _PERIODS_S.get(period.lower(), 0) / max(times, 1))


def _page_words(body: bytes, url: str) -> str:
    title = page_title(body)
    words = f"is a web page (“{title}”), not a feed" if title else "is a web page, not a feed"
    found = feeds_of_page(body, url)
    return f"{words}; it names the feed {found[0].url}" if found else words


def _other_words(body: bytes, url: str) -> str:
    head = body[:2_000].lstrip().lower()
    if b"<opml" in head:
        return "is a list of feeds (OPML), which `tocsin feeds import` reads"
    if b"<html" in head or b"<body" in head:
        return _page_words(body, url)
    return "is neither RSS nor Atom nor JSON Feed"


def _read_json(text: bytes, url: str) -> Reading:
    """A JSON Feed, version 1 or 1.1."""
    try:
        document = json.loads(text.decode("utf-8", "replace"))
    except RecursionError:
        raise Unreadable("is JSON nested too deep") from None
    except ValueError:
        raise Unreadable("is no valid JSON") from None
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise Unreadable("is JSON, but no JSON Feed: it has no list of items")
    language = _string(document, "language")
    entries = [_json_entry(item, language, url) for item in items if isinstance(item, dict)]
    return _unique(Reading(title=plain(_string(document, "title"), limit=MAX_TITLE), entries=entries))


def _json_entry(item: Mapping[str, Any], language: str, url: str) -> Entry:
    id = item.get("id")
    texts: Iterable[str] = (_string(item, key) for key in ("summary", "content_text", "content_html"))
    return make_entry(
        id=str(id) if isinstance(id, str | int | float) else "",
        link=_string(item, "url") or _string(item, "external_url"),
        title=_string(item, "title"),
        summary=next(filter(None, texts), ""),
        published=iso_time(item.get("date_published")) or iso_time(item.get("date_modified")),
        publisher="",
        language=_string(item, "language") or language,
        url=url,
    )


def _string(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""
