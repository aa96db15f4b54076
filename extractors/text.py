"""Clean what strangers wrote: HTML to plain one-line text, links to http(s) or nothing.

What comes out can be stored by any database, put into a mail subject and shown in a terminal: no control characters,
no marks that turn the direction of writing, no lone surrogates, no markup.
"""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import urljoin, urlsplit

import nh3

MAX_TITLE = 1_000
MAX_SUMMARY = 20_000
MAX_LINK = 4_000
# Beyond this the rest of a field is not even looked at: markup of that size is no news.
_MAX_MARKUP = 400_000

_BLOCK = re.compile(
    r"<(?=/?(?:p|div|br|hr|li|ul|ol|dl|dt|dd|table|tr|td|th|h[1-6]|blockquote|pre|section|article|header|footer"
    r"|figure|figcaption|img|iframe|video|audio|form|option)\b)",
    re.IGNORECASE,
)
# Controls but for white space; zero-width and direction marks, soft hyphens, surrogates, interlinear marks, tags,
# non-characters. The joiners U+200C and U+200D stay: Persian and Indic scripts and emoji need them.
_UNSAFE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\uffff\ud800-\udfff\ufdd0-\ufdef\U000e0000-\U000e00ff"
    + "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(1, 17))
    + "]"
)
_WEB = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LINK_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8}\d?);")


def plain(text: str, *, limit: int) -> str:
    """`text`, HTML or not, as one line of plain text of at most `limit` characters."""
    text = _safe(text[:_MAX_MARKUP])
    if "<" in text or "&" in text:
        text = html.unescape(nh3.clean(_BLOCK.sub(" <", text), tags=set(), attributes={}))
        if _ENTITY.search(text):  # escaped once too often, as many publishers do
            text = html.unescape(text)
        text = _safe(text)
    text = " ".join(text.split())
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return text if len(text) <= limit else _cut(text, limit)


def identifier(text: str) -> str:
    """`text` as an identity: white space folded, unsafe characters out, nothing else changed."""
    return " ".join(_safe(text).split())


def web_link(link: str, *, relative_to: str = "") -> str:
    """`link` as an absolute http(s) address, "" where it is none."""
    link = link[: 2 * MAX_LINK].strip()
    if not link.isprintable() or " " in link:
        link = _LINK_BREAKS.sub("", _safe(link)).strip().replace(" ", "%20")
    try:
        if link and relative_to and not _WEB.match(link) and not _SCHEME.match(link):
            link = urljoin(relative_to, link)
        return link if len(link) <= MAX_LINK and _WEB.match(link) and urlsplit(link).hostname else ""
    except ValueError:
        return ""


def _safe(text: str) -> str:
    """`text` without characters that no text should hold."""
    return text if text.isprintable() else _UNSAFE.sub("", text)


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters, ended at a word where one ends near."""
    head = text[: limit - 1]
    space = head.rfind(" ", limit - 80)
    return (head[:space] if space > 0 else head) + "…"
