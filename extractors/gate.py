"""The literal gate: which frames a text can match at all, told in microseconds, before anything is parsed.

It is computed from the compiled rules. A frame asks for a form of its act, one of its object and one of `near`; a text
that lacks all forms of one of these cannot match it. A frame without literals is always let through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import re2

from extractors.rules import CompiledFrame, CompiledRule

MAX_MEMORY = 512 << 20


class Gate:
    """Built once from the rules; `frames` says which of them are worth a parse."""

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        patterns: dict[frozenset[str], int] = {}
        self._wanted: list[tuple[CompiledFrame, frozenset[int], bool]] = []
        for rule in rules:
            for frame in rule.frames:
                needed = set()
                for lexicon in (frame.act, frame.object, frame.subject, frame.near):
                    if lexicon and not lexicon.special:
                        needed.add(patterns.setdefault(frozenset(lexicon.literals), len(patterns)))
                lists = (frame.object, frame.subject, frame.near)
                only_named = any(one.special and not one.literals for one in lists)
                self._wanted.append((frame, frozenset(needed), bool(frame.frame.needs) or only_named))
        self._named = frozenset(frame for frame, _, by_name in self._wanted if by_name)
        self.literals = sum(map(len, patterns))
        sizes = dict(enumerate(map(len, patterns)))
        # Each frame is looked at only where its narrowest word list stands in the text.
        self._under: dict[int, list[int]] = {}
        self._always: list[int] = []
        for number, (_, words, _) in enumerate(self._wanted):
            narrowest = min(words, key=sizes.__getitem__, default=None)
            (self._always if narrowest is None else self._under.setdefault(narrowest, [])).append(number)
        self._narrowest = frozenset(self._under)
        options = re2.Options()
        options.max_mem = MAX_MEMORY
        self._set = re2.Set.SearchSet(options)
        for literals in patterns:
            self._set.Add(pattern(literals))
        self._empty = not patterns
        if patterns:
            self._set.Compile()

    def frames(self, text: str) -> list[CompiledFrame]:
        """Frames that `text` (folded, see `fold`) may match, in rule order; none means that no rule can fire."""
        return [self._wanted[number][0] for number in sorted(self._let(text, named=True))]

    def nameless(self, frames: Iterable[CompiledFrame]) -> list[CompiledFrame]:
        """Those of `frames` that may match where no actor is named."""
        return [frame for frame in frames if frame not in self._named]

    def lets(self, text: str, *, named: bool = True) -> bool:
        """Whether `text` may match any frame; `named` says whether an actor may be named in it (see `Names`)."""
        return next(self._let(text, named=named), None) is not None

    def _let(self, text: str, *, named: bool) -> Iterator[int]:
        hits = frozenset() if self._empty else frozenset(self._set.Match(text) or ())
        for number in chain(self._always, *(self._under[hit] for hit in hits & self._narrowest)):
            _, needed, by_name = self._wanted[number]
            if needed <= hits and (named or not by_name):
                yield number

    def all_frames(self) -> list[CompiledFrame]:
        """Every frame: what an ungated detection tries."""
        return [frame for frame, _, _ in self._wanted]


class Names:
    """Whether a text may name one of the actors: a search for the longest word of each alias, letter case included."""

    def __init__(self, aliases: Iterable[tuple[str, ...]]) -> None:
        keys = sorted({max(alias, key=len) for alias in aliases if alias})
        options = re2.Options()
        options.max_mem = MAX_MEMORY
        self._pattern = re2.compile("|".join(map(_cased, keys)), options) if keys else None

    def may_stand_in(self, text: str) -> bool:
        """False only where no alias stands in `text`; text without capitals is never judged."""
        if self._pattern is None:
            return False
        return text.islower() or self._pattern.search(text.replace("’", "'")) is not None


def _cased(word: str) -> str:
    """A pattern for an alias word as `actors` matches it: capitals of short names, else a first capital, must stand."""
    word = word.replace("’", "'")
    if word.isupper() and len(word) <= 4:
        return re.escape(word)
    if word[:1].isupper():
        return f"{re.escape(word[0])}(?i:{re.escape(word[1:])})"
    return f"(?i:{re.escape(word)})"


def pattern(literals: Iterable[str]) -> str:
    """A regular expression for any of `literals` as a word. Digits may touch it: "10km" is two words to spaCy.

    No edge is asked for beside a literal's own point, as in "u.s.": there is none between it and a space.
    """
    edge = r"(?:\b|[0-9_])"
    whole = [re.escape(part) for part in sorted(literals) if part[:1].isalnum() and part[-1:].isalnum()]
    pointed = [re.escape(part) for part in sorted(literals) if not (part[:1].isalnum() and part[-1:].isalnum())]
    return "|".join([*([f"{edge}(?:{'|'.join(whole)}){edge}"] if whole else []), *pointed])
