"""What a poll brought that was not there before: pure, from the entries read and what is known of the feed.

Identity is a ladder: the entry's id, else its link, else its text. On it:

- a known id with another text is an edit, taken up to `MAX_EDITS` times for one entry;
- an unknown id with title, text and date of an entry of the last body is that entry under another id, not a new one;
- nothing in common with what is known means that entries may have come and gone unseen between two polls: a gap.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from extractors.documents.rows import NOTHING, Row, Rows, key_digest, story_digest
from extractors.feeds import ParsedFeed
from tocsin.model import Entry

MAX_EDITS = 24
"""An entry whose text still changes after so many edits holds a counter, an advert or the time of day."""
MAX_AHEAD = dt.timedelta(days=1)
"""A date further in the future is wrong, and counts as none."""


@dataclass(frozen=True, slots=True)
class Novelty:
    """What to store of a poll, and what to remember of it.

    `fresh` holds new and edited entries in the order of the feed. `renamed` entries came back under other ids,
    `restless` ones were edited too often; neither is stored. `common` is true where anything was known.
    """

    fresh: tuple[Entry, ...]
    rows: Rows
    new: int = 0
    edited: int = 0
    renamed: int = 0
    restless: int = 0
    common: bool = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd, in words."""
        return tuple(
            words
            for count, words in (
                (self.renamed, f"{self.renamed} entries came back under other ids and were not taken as new"),
                (self.restless, f"{self.restless} entries change with each poll and are no longer read again"),
            )
            if count
        )


def to_look_up(parsed: ParsedFeed, seen: Rows) -> list[str]:
    """The keys of entries whose stored digests `judge` needs.

    Where entries of the last body still stand, an entry that was not in it is new, or comes back after a while; it is
    left to the store, which knows it by its key, to tell.
    """
    if not parsed.kept:
        return [entry.key for entry in parsed.entries]
    there = {row.key for row in seen.rows}
    return [entry.key for entry in parsed.entries if key_digest(entry.key) in there]


def judge(parsed: ParsedFeed, seen: Rows, known: Mapping[str, str], *, now: dt.datetime) -> Novelty:
    """What is new in `parsed`, given the rows of the last body and the digests of stored entries by key."""
    by_key = {row.key: row for row in seen.rows}
    stories = {row.story for row in seen.rows}
    rows = [seen.rows[index] for index in parsed.kept]
    fresh: list[Entry] = []
    new = edited = renamed = restless = common = 0
    for index, entry in enumerate(parsed.entries):
        key, story = key_digest(entry.key), story_digest(entry)
        row = by_key.get(key)
        edits = row.edits if row else 0
        common += row is not None or entry.key in known
        if entry.key in known:
            if known[entry.key] != entry.digest:
                edits += 1
                edited += edits <= MAX_EDITS
                restless += edits > MAX_EDITS
                fresh += [entry] if edits <= MAX_EDITS else []
        elif row is None and story in stories:
            renamed += 1
        elif row is None:
            new += 1
            fresh.append(entry)
        rows.append(Row(parsed.raws[index] if parsed.raws else NOTHING, key, story, edits))
    return Novelty(
        fresh=tuple(_dated(entry, now) for entry in fresh),
        rows=Rows(parsed.frame, tuple(rows)),
        new=new,
        edited=edited,
        renamed=renamed,
        restless=restless,
        common=bool(common or renamed or parsed.kept),
    )


def _dated(entry: Entry, now: dt.datetime) -> Entry:
    if entry.published is not None and entry.published > now + MAX_AHEAD:
        return replace(entry, published=None)
    return entry
