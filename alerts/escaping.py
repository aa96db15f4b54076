"""Text of strangers made harmless: one line, no invisible characters, and for each family of channels no markup.

Pure. News text may hold anything: line breaks that split a mail header, direction marks that turn a line around,
`@everyone`, `<!channel>`, masked links, HTML. What comes out of here is text to every service, and reads as it did.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from markupsafe import Markup, escape

from tocsin.config.channels import Family

SUBJECT = 200
_JOINERS = "\u200c\u200d"
_BREAK = "\u200b"
_MENTION = re.compile(r"(?<=@)(?=\S)")
_SPECIAL = re.compile(r"(?<=<)(?=[@#&!:/a-zA-Z])")
_MASKED = re.compile(r"(?<=\])(?=[(\[:])")
_FENCE = re.compile(r"`(?=``)")


def one_line(text: str, limit: int = 0) -> str:
    """`text` on one line without control, formatting, private or broken characters, cut to `limit` characters."""
    kept = (
        char if char in _JOINERS or not unicodedata.category(char).startswith("C") else " "
        for char in text[: 20 * limit or None]
    )
    line = " ".join("".join(kept).split())
    return line if not limit or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def safe_link(url: str) -> str:
    """`url` where it is an http(s) address, with every character that some markup could take for its own encoded.

    "" for anything else (`javascript:`, `data:`, no host, a login), so that no message ever carries it.
    """
    text = "".join(url.split())
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return ""
    # No news has a login in its address: `https://www.bbc.com@evil.example/` only looks like somebody else's.
    if parts.scheme.lower() not in ("http", "https") or not host or "@" in parts.netloc or len(text) > 2_000:
        return ""
    return quote(text.encode("utf-8", "replace").decode(), safe=":/?#@!$&+,;=%~._-")


def _plain(text: str) -> str:
    return text


def _unmentioned(text: str) -> str:
    """Breaks what chat services act upon: mentions, angle-bracket tokens, masked links, images and code fences."""
    text = _MENTION.sub(_BREAK, text)
    text = _SPECIAL.sub(_BREAK, text)
    text = _MASKED.sub(_BREAK, text)
    return _FENCE.sub(f"`{_BREAK}", text)


def _slack(text: str) -> str:
    """Slack's own three entities; `@` of its legacy names is broken like elsewhere."""
    text = _MENTION.sub(_BREAK, text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _html(text: str) -> str:
    return str(escape(text))


ESCAPES: Mapping[Family, Callable[[str], str]] = {
    "mail": _html,
    "telegram": _html,
    "slack": _slack,
    "discord": _unmentioned,
    "chat": _unmentioned,
    "plain": _unmentioned,
    "webhook": _plain,
}


def escape_for(family: Family) -> Callable[[object], object]:
    """What a template's output passes through: escapes every text but that which is `Markup` already."""
    harmless = ESCAPES[family]

    def finalize(value: object) -> object:
        if isinstance(value, Markup) or not isinstance(value, str):
            return "" if value is None else value
        return Markup(harmless(value))

    return finalize
