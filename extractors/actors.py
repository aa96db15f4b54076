"""Finds the actors a text names: states by name, people, capital, leader or institution, bodies and armed groups."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from extractors.forms import fold
from extractors.syntax import Tokenize, Tree
from tocsin.config.actors import Actor, Actors

# "Iran-backed militia", "US-made rockets": the state is an attribute of somebody else, not the one who acts.
QUALIFIERS = frozenset(
    """
        backed aligned linked held controlled made supplied occupied based born owned flagged brokered mediated
        style sponsored funded affiliated allied trained built operated administered friendly appointed drafted
        proposed installed supported provided designed dominated speaking majority bound run inspired approved
        registered imposed mandated
    """.split()
)


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens `start` to `end` (exclusive) of a tree name the actor `code`.

    `kind` is the key of actors.yaml that holds the alias, or `group`. `qualifier` is the participle that makes it an
    attribute ("backed" in "Iran-backed").
    """

    start: int
    end: int
    code: str
    kind: str
    alias: str
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class _Alias:
    words: tuple[str, ...]
    lower: tuple[str, ...]
    code: str
    kind: str
    needs: tuple[frozenset[str], ...] = ()
    """The words of one of these must all stand in the item."""


class ActorIndex:
    """All aliases of `actors`, cut into words by `tokenize`."""

    def __init__(self, actors: Actors, tokenize: Tokenize) -> None:
        self._first: dict[str, list[_Alias]] = {}
        for kinds, group in ((actors.states, ""), (actors.bodies, ""), (actors.groups, "group")):
            for code, actor in kinds.items():
                for kind, alias in _aliases(actor):
                    self._add(tokenize(alias), code, group or kind, ())
        for nickname in actors.nicknames:
            needs = tuple(frozenset(word.lower() for word in tokenize(name)) for name in nickname.with_)
            for alias in nickname.names:
                self._add(tokenize(alias), nickname.code, "name", needs)
        for entries in self._first.values():
            entries.sort(key=lambda entry: (-len(entry.words), entry.code))

    def _add(self, words: tuple[str, ...], code: str, kind: str, needs: tuple[frozenset[str], ...]) -> None:
        lower = tuple(map(fold, words))
        if lower:
            self._first.setdefault(lower[0], []).append(_Alias(words, lower, code, kind, needs))

    def aliases(self) -> Iterator[tuple[str, ...]]:
        """Every alias as its words."""
        for entries in self._first.values():
            yield from (entry.words for entry in entries)

    def mentions(self, tree: Tree, context: Collection[str]) -> tuple[Mention, ...]:
        """Mentions in text order, longest alias first; `context` is the set of lower-case words of the whole item."""
        return tuple(self.find(tree.words, tree.lower, context, caseless=tree.caseless))

    def find(
        self, words: tuple[str, ...], lower: tuple[str, ...], context: Collection[str], *, caseless: bool = False
    ) -> Iterator[Mention]:
        """Mentions in a plain row of words."""
        index = 0
        while index < len(words):
            mention = self._at(words, lower, index, context, caseless)
            if mention is None:
                index += 1
                continue
            yield mention
            index = mention.end

    def _at(
        self, words: tuple[str, ...], lower: tuple[str, ...], index: int, context: Collection[str], caseless: bool
    ) -> Mention | None:
        word, qualifier = lower[index], ""
        head, dash, tail = word.rpartition("-")
        if dash and word not in self._first and (tail in QUALIFIERS or tail == "led"):
            entries = [entry for entry in self._first.get(head, ()) if len(entry.lower) == 1]
            qualifier = tail
        else:
            entries = self._first.get(word, [])
        for entry in entries:
            size = len(entry.lower)
            if size > 1 and lower[index : index + size] != entry.lower:
                continue
            if not caseless and not _same_case(words[index : index + size], entry.words):
                continue
            if entry.needs and not any(need.issubset(context) for need in entry.needs):
                continue
            end = index + size
            if end + 1 < len(words) and words[end] == "-" and lower[end + 1] in QUALIFIERS:
                qualifier = lower[end + 1]
            return Mention(index, end, entry.code, entry.kind, " ".join(entry.words), qualifier)
        return None


def _aliases(actor: Actor) -> Iterator[tuple[str, str]]:
    for kind, names in (
        ("name", actor.names), ("people", actor.people), ("capital", actor.capital), ("leader", actor.leaders),
        ("body", actor.bodies), ("place", actor.places),
    ):  # fmt: skip
        for alias in names:
            yield kind, alias


def _same_case(words: tuple[str, ...], alias: tuple[str, ...]) -> bool:
    """Short all-capital names must stand so; others need a capital where the alias has one."""
    for word, like in zip(words, alias, strict=False):
        if like.isupper() and len(like) <= 4:
            if word != like and not (len(word) > len(like) and word[: len(like)] == like):
                return False
        elif like[:1].isupper() and not word[:1].isupper():
            return False
    return True
