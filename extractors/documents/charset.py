"""Make the bytes of a feed decodable: which charset they are in, and out with what no XML may hold."""

from __future__ import annotations

import codecs
import re

_DECLARED = re.compile(rb"^<\?xml[^>]{0,200}?encoding\s*=\s*['\"]([^'\"]{1,40})['\"]")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32)])
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"\x00<", b"<\x00", b"\x00\x00")
# Codecs that decode what no server means by a charset, some of them slowly or with errors of their own kind.
_NO_CHARSET = frozenset(
    {"punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7", "mbcs", "oem"}
)
_ONE_BYTE = re.compile(r"ascii|iso8859|cp125\d|latin|mac-|koi8")


def clean_bytes(body: bytes) -> bytes:
    """`body` without a byte-order mark, white space in front, and control characters that XML forbids."""
    if body.startswith(_WIDE_MARKS):
        return body
    body = body.removeprefix(codecs.BOM_UTF8).lstrip()
    return body if b"\x1b$" in body or b"\x1b(" in body else body.translate(None, _CONTROLS)


def charset(body: bytes, content_type: str) -> str:
    """The charset of `body`, "" to leave it to the XML declaration.

    What decodes as UTF-8 although it is declared as a one-byte charset is UTF-8: by chance that does not happen.
    """
    if body.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if body.startswith(_WIDE_MARKS):
        return ""
    declared = _CHARSET.search(content_type)
    sent = _codec(declared[1]) if declared else ""
    found = _DECLARED.match(body.lstrip())
    written = _codec(found[1].decode("latin-1")) if found else ""
    name = sent or written
    if (not name or _ONE_BYTE.search(name)) and (_is_utf8(body) or not name):
        return "utf-8"
    return sent or ("" if written else "utf-8")


def _codec(name: str) -> str:
    """Python's name of a text encoding, "" for an unknown or unfit one."""
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    return codec.name if getattr(codec, "_is_text_encoding", True) and codec.name not in _NO_CHARSET else ""


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
