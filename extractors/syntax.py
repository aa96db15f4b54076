"""A parsed stretch of text as plain data: the only view of a parse that the judging modules have."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from extractors.forms import fold

Tokenize = Callable[[str], tuple[str, ...]]
"""Cuts a text into words as the parser would see them."""
CLAUSES = frozenset({"ROOT", "advcl", "ccomp", "relcl", "conj", "parataxis", "acl", "xcomp", "pcomp", "csubj"})


@dataclass(frozen=True, eq=False)
class Tree:
    """Tokens of one segment with their dependencies (labels of the ClearNLP scheme that spaCy's models use).

    `heads` are token indexes, a root is its own head. `starts` and `ends` are characters within the article's field,
    `field` is its name. `caseless` marks text that is written without capitals.
    """

    field: str
    words: tuple[str, ...]
    tags: tuple[str, ...]
    deps: tuple[str, ...]
    heads: tuple[int, ...]
    sents: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    caseless: bool = False
    lower: tuple[str, ...] = dataclasses.field(default=(), init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", tuple(map(fold, self.words)))

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """Direct dependents of each token, in text order."""
        below: list[list[int]] = [[] for _ in self.words]
        for index, head in enumerate(self.heads):
            if head != index:
                below[head].append(index)
        return tuple(map(tuple, below))

    def kids(self, index: int, *deps: str) -> list[int]:
        """Dependents of `index` with one of the labels `deps`."""
        return [child for child in self.children[index] if self.deps[child] in deps]

    def ancestors(self, index: int) -> Iterator[int]:
        """Heads above `index`, nearest first."""
        while self.heads[index] != index:
            index = self.heads[index]
            yield index

    def subtree(self, index: int, *, without: frozenset[str] = frozenset()) -> list[int]:
        """`index` and everything under it, in text order, leaving out branches whose label is in `without`."""
        found, stack = [], [index]
        while stack:
            here = stack.pop()
            found.append(here)
            stack.extend(child for child in self.children[here] if self.deps[child] not in without)
        return sorted(found)

    def sentence(self, index: int) -> range:
        """Indexes of the sentence that `index` stands in."""
        return self._sentences[self.sents[index]]

    @cached_property
    def _sentences(self) -> dict[int, range]:
        found: dict[int, range] = {}
        for index, mark in enumerate(self.sents):
            found[mark] = range(found[mark].start if mark in found else index, index + 1)
        return found

    def is_verb(self, index: int) -> bool:
        """Whether the tagger or the parser sees a verb here."""
        return self.tags[index].startswith("VB") or (self.deps[index] in CLAUSES and bool(self.kids(index, "nsubj")))

    def text(self, indexes: Sequence[int]) -> str:
        """The words of `indexes`, joined by single spaces."""
        return " ".join(self.words[index] for index in indexes)
