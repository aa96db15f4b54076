"""An item as the second opinion reads it: words with the actors they name, hashed n-grams, and rows of numbers."""

from __future__ import annotations

import datetime as dt
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extractors.actors import Mention
from extractors.dates import when
from extractors.forms import fold

Ints = NDArray[np.intp]

BODIES = frozenset({"UN", "EU", "NATO", "IAEA", "G7"})
KINDS = ("", "name", "people", "capital", "leader", "body", "place", "group")
DATES = ("year", "old", "new", "ahead")
ACTOR_KINDS = 17
"""Of `KINDS` with and without a qualifier, then bodies, which have none."""
WORD_KINDS = ACTOR_KINDS + len(DATES)
REACH = np.arange(-2, 3)
"""Neighbours that a convolution sees, in steps."""
STEPS = np.array([1, 2, 3])
"""How many words a step is long, for each convolution: together they see twelve words to each side."""
MAX_WORDS = 110
STEMS, GRAMS = 4096, 1 << 15
_SUFFIXES = ("ing", "ed", "es", "s", "ion", "ment")
_PARTS = re.compile(r"[-/']")
_ENTITY = re.compile(r"&(?:quot|amp|lt|gt|nbsp|#\d{2,5});")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of an item: where it stands, the actor it belongs to, and what it says of time (see `dates.when`)."""

    text: str
    field: str
    start: int
    mention: Mention | None = None
    when: str = ""

    @property
    def kind(self) -> int:
        """Class of the actor that the word names, or of a date; 0 for any other word."""
        if self.mention is None:
            return ACTOR_KINDS + DATES.index(self.when) if self.when else 0
        if self.mention.code in BODIES:
            return ACTOR_KINDS - 1
        return KINDS.index(self.mention.kind) + (8 if self.mention.qualifier else 0)


def sight(
    fields: Iterable[tuple[str, str]],
    tokenize: Callable[[str], tuple[str, ...]],
    find: Callable[[tuple[str, ...], tuple[str, ...]], Iterable[Mention]],
    published: dt.date | None,
) -> tuple[Word, ...]:
    """The first words of the `fields` (name, text) of an item, each with the actor that `find` sees there."""
    words: list[Word] = []
    for field, text in fields:
        clean = _ENTITY.sub(lambda match: " " * len(match[0]), text)
        tokens = tokenize(clean)
        named = {
            index: mention
            for mention in find(tokens, tuple(map(fold, tokens)))
            for index in range(mention.start, mention.end)
        }
        at = 0
        for index, token in enumerate(tokens):
            at = clean.index(token, at)
            words.append(Word(token, field, at, named.get(index), when(token, published)))
            at += len(token)
    return tuple(words[:MAX_WORDS])


def stem(word: str) -> str:
    """A crude stem: what is left without a common ending."""
    if len(word) > 4:
        for suffix in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= 3:
                return word.removesuffix(suffix).rstrip("e")
        return word.rstrip("e")
    return word


def _hash(text: str, size: int) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % size


def grams(words: Sequence[Word]) -> list[int]:
    """Hashed stems and pairs of neighbouring stems; an actor is one stem, its class, and so is a date."""
    rows: dict[str, list[str]] = {}
    last: Mention | None = None
    for word in words:
        row = rows.setdefault(word.field, [])
        if word.mention is None:
            row.append(f"#{word.when}" if word.when else _plain(word.text))
        elif word.mention is not last:
            row.append(_actor(word.mention))
        last = word.mention
    found = set()
    for row in rows.values():
        found.update(row)
        found.update(f"{one} {other}" for one, other in zip(["^", *row], [*row, "$"], strict=True))
    return sorted({_hash(text, GRAMS) for text in found})


def _plain(text: str) -> str:
    text = fold(text)
    if any(char.isdigit() for char in text):
        return "#"
    return stem(text)


def _actor(mention: Mention) -> str:
    kind = "@group" if mention.kind == "group" else "@body" if mention.code in BODIES else "@state"
    return kind + ("-" if mention.qualifier else "")


@dataclass(frozen=True, eq=False)
class Encoded:
    """An item as the nets read it: one row of numbers for each word, and its neighbours.

    `near` is (convolutions, words, neighbours); the row after the last word is empty.
    """

    vectors: Ints
    stems: Ints
    kinds: Ints
    fields: Ints
    near: Ints


def encode(words: Sequence[Word], vocabulary: Mapping[str, int]) -> Encoded:
    """`words` in numbers; `vocabulary` tells the row of a word's vector, with one more row for unknown words."""
    size = len(words)
    fields = np.array([word.field != "title" for word in words], dtype=np.intp)
    at = np.arange(size)[:, None] + STEPS[:, None, None] * REACH
    inside = (at >= 0) & (at < size)
    near = np.where(inside & (fields[np.clip(at, 0, size - 1)] == fields[:, None]), at, size)
    return Encoded(
        np.array([_vector(fold(word.text), vocabulary) for word in words], dtype=np.intp),
        np.array([_hash(stem(word.text.lower()), STEMS) for word in words], dtype=np.intp),
        np.array([word.kind for word in words], dtype=np.intp),
        fields,
        near.astype(np.intp),
    )


def _vector(word: str, vocabulary: Mapping[str, int]) -> int:
    if word in vocabulary:
        return vocabulary[word]
    if any(char.isdigit() for char in word):
        return vocabulary.get("#", len(vocabulary))
    return next((vocabulary[part] for part in reversed(_PARTS.split(word)) if part in vocabulary), len(vocabulary))
