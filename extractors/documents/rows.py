"""What is remembered of each entry of a feed's last body, packed into `FeedState.entry_digests`.

A row per entry: the digest of its raw bytes (so that an entry which stands there unchanged is not parsed again), of
its key and of its story (so that one that comes back under another id is recognised), and how often it was edited.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tocsin.model import Entry

NOTHING = bytes(8)
"""Stands for the raw digest of an entry that cannot be told from its neighbours in the body."""
_ROW = struct.Struct(">8s8s7sB")
MAX_EDITS = 255


class Row(NamedTuple):
    """One entry of the last body."""

    raw: bytes
    key: bytes
    story: bytes
    edits: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """All entries of the last body. `frame` is the digest of what stands around them."""

    frame: bytes = NOTHING
    rows: tuple[Row, ...] = ()

    def packed(self) -> str:
        """As text, for `FeedState.entry_digests`; "" without rows."""
        if not self.rows:
            return ""
        packed = b"".join(_ROW.pack(row.raw, row.key, row.story, min(row.edits, MAX_EDITS)) for row in self.rows)
        return base64.b64encode(self.frame + packed).decode()


def unpack(text: str) -> Rows:
    """The rows of `Rows.packed`; none where `text` is anything else."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return Rows()
    if len(data) % _ROW.size != len(NOTHING):
        return Rows()
    return Rows(data[:8], tuple(map(Row._make, _ROW.iter_unpack(data[8:]))))


def digest(parts: Iterable[bytes], size: int = 8) -> bytes:
    """A digest of `parts`, each delimited from the next."""
    hasher = hashlib.blake2b(digest_size=size)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.digest()


def key_digest(key: str) -> bytes:
    """The digest of an entry's key."""
    return digest([key.encode()])


def story_digest(entry: Entry) -> bytes:
    """Equal for two entries of one feed that say the same at the same time, whatever their ids and links."""
    date = entry.published.isoformat() if entry.published else ""
    return digest([entry.digest.encode(), date.encode()], size=7)
