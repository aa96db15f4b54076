"""Word lists of rules, compiled: which token spans of a tree they cover, and which literals a text must hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from extractors.forms import family
from extractors.syntax import Tokenize, Tree
from tocsin.config.triggers import BUILT_IN

MAX_GAP = 4
STOPS = frozenset(".;!?")
_PIECE = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens `start` to `end` (exclusive); `root` is the one whose head lies outside."""

    start: int
    end: int
    root: int


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Sets of forms, one a word; None is a gap of up to MAX_GAP words."""

    parts: tuple[frozenset[str] | None, ...]


class Lexicon:
    """Entries are word families (`deploy`), exact forms (`=arms`), phrases (`walk out`) and phrases with a gap
    (`call * off`). Hyphens do not count: `cease fire` also stands for cease-fire. Entries that `actors.yaml` fills
    (`$actor`) are no words and kept in `special`.
    """

    def __init__(self, entries: Iterable[str], tokenize: Tokenize) -> None:
        self.words: set[str] = set()
        self.special: set[str] = set()
        self._phrases: dict[str, list[_Phrase]] = {}
        self.literals: set[str] = set()
        self._pieces: set[str] = set()
        self._rows: dict[str, list[tuple[frozenset[str], ...]]] = {}
        for entry in entries:
            if entry in BUILT_IN:
                self.special.add(entry)
            else:
                self._add(entry, tokenize)

    def _add(self, entry: str, tokenize: Tokenize) -> None:
        parts: list[frozenset[str] | None] = []
        for chunk in entry.split():
            if chunk == "*":
                parts.append(None)
            elif chunk.startswith("="):
                parts += [frozenset({word.lower()}) for word in tokenize(chunk[1:]) if word != "-"]
            else:
                parts += [family(word) for word in tokenize(chunk) if word != "-"]
        first = parts[0] if parts else None
        if first is None:
            return
        if len(parts) == 1:
            self.words |= first
            self._pieces |= set(map(_piece, first))
            self.literals |= first
            return
        row = tuple(frozenset(map(_piece, part)) for part in parts if part is not None)
        for piece in row[0]:
            self._rows.setdefault(piece, []).append(row)
        # The rarest word is the longest: a text without any of its forms cannot hold the phrase.
        self.literals |= max((part for part in parts if part), key=lambda part: min(map(len, part)))
        for form in first:
            self._phrases.setdefault(form, []).append(_Phrase(tuple(parts)))

    def __bool__(self) -> bool:
        return bool(self.words or self._phrases or self.special)

    def spans(self, tree: Tree) -> list[Span]:
        """All places where an entry stands, in text order; longer entries hide shorter ones inside them."""
        found: list[tuple[int, int]] = []
        for index, form in enumerate(tree.lower):
            best = index + 1 if form in self.words else 0
            for phrase in self._phrases.get(form, ()):
                best = max(best, _end(tree.lower, index, phrase.parts))
            if best and not (found and best <= found[-1][1]):
                found.append((index, best))
        return [Span(start, end, root(tree, start, end)) for start, end in found]

    def may_stand(self, present: frozenset[str]) -> bool:
        """False only where no entry can stand in a text of these `pieces`; far quicker than to cut it into words."""
        if not self._pieces.isdisjoint(present):
            return True
        rows = (row for piece in self._rows.keys() & present for row in self._rows[piece])
        return any(all(not part.isdisjoint(present) for part in row) for row in rows)

    def within(self, words: Sequence[str], known: Collection[str] | None = None) -> bool:
        """Whether an entry stands in a plain row of lower-case words; `known` is the set of them, where at hand."""
        present = frozenset(words) if known is None else known
        if not self.words.isdisjoint(present):
            return True
        firsts = self._phrases.keys() & present
        row = tuple(words) if firsts else ()
        return any(
            _end(row, index, phrase.parts)
            for index, form in enumerate(row)
            if form in firsts
            for phrase in self._phrases[form]
        )


def pieces(text: str) -> frozenset[str]:
    """Runs of letters and of digits in a text in lower case: every word of it is made of some of them."""
    return frozenset(_PIECE.findall(text)) | {""}


def _piece(form: str) -> str:
    """The first piece of a form; one without any stands in every text."""
    found = _PIECE.search(form)
    return found[0] if found else ""


def _end(words: tuple[str, ...], start: int, parts: tuple[frozenset[str] | None, ...]) -> int:
    """End of the phrase that starts at `start`, 0 where it does not stand there."""
    at = start
    gap = 0
    for part in parts:
        if part is None:
            gap = MAX_GAP
            continue
        if at > start and words[at : at + 1] == ("-",):
            at += 1
        hit = next((index for index in range(at, min(at + gap + 1, len(words))) if words[index] in part), None)
        if hit is None or not STOPS.isdisjoint(words[at:hit]):
            return 0
        at, gap = hit + 1, 0
    return at


def root(tree: Tree, start: int, end: int) -> int:
    """The first token of a span whose head lies outside it; hyphens and particles never count."""
    outside = [i for i in range(start, end) if not start <= tree.heads[i] < end or tree.heads[i] == i]
    words = [i for i in outside if tree.lower[i][:1].isalnum()]
    return (words or outside or [start])[0]
