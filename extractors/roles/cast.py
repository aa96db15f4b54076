"""The actors of one tree, asked by token: whom a phrase names, and whether it can be the one who acts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extractors.actors import Mention
from extractors.roles.arguments import NOMINAL_MODIFIERS
from extractors.roles.words import FIRMS, IN_PLACE, NO_PARTY, PRONOUNS, REACTING, SEATS
from extractors.syntax import Tree


@dataclass(frozen=True, slots=True)
class Party:
    """An actor in a role. `index` is the token it was found through, `sure` tells syntax from guesswork."""

    code: str
    index: int
    sure: bool = True


class Cast:
    """The actors of one tree, asked by token."""

    def __init__(self, tree: Tree, mentions: Sequence[Mention]) -> None:
        self.tree = tree
        self.mentions = tuple(mentions)
        self._at = {index: mention for mention in mentions for index in range(mention.start, mention.end)}

    def at(self, index: int) -> Mention | None:
        """The mention that covers token `index`."""
        return self._at.get(index)

    def acting(self, mention: Mention) -> bool:
        """Whether a mention can stand for one who acts: no mere place, no "Iran-backed"."""
        return mention.kind != "place" and mention.qualifier in ("", "led")

    def of(self, head: int, *, acting: bool, hops: int = 0) -> str | None:
        """Code of the actor that the phrase of `head` names, None where it names none."""
        direct = self._at.get(head)
        if direct is not None:
            return direct.code if self.acting(direct) or not acting else None
        if self.tree.lower[head] in PRONOUNS:
            return self._antecedent(head) if hops < 2 else None
        if acting and self.tree.lower[head] in FIRMS:
            return None
        nonstate = self.tree.lower[head] in NO_PARTY
        for mention in self._around(head, acting, nonstate):
            return mention.code
        return None

    def first_in_row(self, mention: Mention) -> Mention:
        """The first of several actors named in one breath: "Russia, China veto", "Chinese and Russian bombers"."""
        while mention.start > 1:
            joint = self.tree.lower[mention.start - 1]
            before = self._at.get(mention.start - 2)
            joined = joint in ("and", "&") or (joint == "," and self.tree.field == "title" and mention.start == 2)
            if before is None or not joined or before.kind == "place" or not self.acting(before):
                return mention
            mention = before
        return mention

    def located(self, mention: Mention) -> bool:
        """Whether the mention only says where, to whom or against whom: "in Mali", "with Seoul"."""
        inside = range(mention.start, mention.end)
        for index in inside:
            head = self.tree.heads[index]
            if head in inside:
                continue
            while self.tree.deps[index] in (*NOMINAL_MODIFIERS, "appos") and self.tree.heads[index] != index:
                index = self.tree.heads[index]  # "to South Korean officials" stands where the officials stand
            return self.tree.deps[index] == "pobj" and self.tree.lower[self.tree.heads[index]] in IN_PLACE
        return False

    def reacting(self, mention: Mention) -> bool:
        """Whether the mention is the subject of a verb that talks about the act of somebody else."""
        for index in range(mention.start, mention.end):
            for here in (index, *self.tree.ancestors(index)):
                if self.tree.deps[here] in ("nsubj", "nsubjpass"):
                    return self.tree.lower[self.tree.heads[here]] in REACTING
                if self.tree.deps[here] in ("pobj", "dobj", "ROOT", "relcl"):
                    break
        return False

    def _around(self, head: int, acting: bool, nonstate: bool) -> Iterable[Mention]:
        tree = self.tree
        modifiers = [m for i in tree.kids(head, *NOMINAL_MODIFIERS) for m in self.inside(i)]
        if nonstate and acting:
            yield from (m for m in modifiers if m.kind == "group" or m.code == "PS")
            return
        good = [m for m in modifiers if self.acting(m) or not acting]
        yield from sorted(good, key=lambda m: (m.kind == "place", m.start))
        for child in tree.kids(head, "appos"):
            yield from (m for m in self.inside(child) if self.acting(m) or not acting)
        for word in ("of", "for", "from", "in", "by", "at", "on", "near"):
            for prep in tree.kids(head, "prep"):
                if tree.lower[prep] == word and not (acting and not self._acts_through(head, word)):
                    yield from (m for m in self.inside(prep) if self.acting(m) or not acting)

    def _acts_through(self, head: int, word: str) -> bool:
        return word in ("of", "from") or (word == "in" and self.tree.lower[head] in SEATS)

    def inside(self, index: int) -> list[Mention]:
        """Mentions in the phrase of `index`, without its clauses, in text order."""
        found: dict[int, Mention] = {}
        for token in self.tree.subtree(index, without=frozenset({"relcl", "acl", "advcl"})):
            mention = self._at.get(token)
            if mention is not None:
                found[mention.start] = mention
        return [found[start] for start in sorted(found)]

    def _antecedent(self, pronoun: int) -> str | None:
        """A pronoun means the subject of the nearest clause before it, else the first actor of the segment."""
        tree = self.tree
        for index in range(pronoun - 1, -1, -1):
            if tree.deps[index] in ("nsubj", "nsubjpass") and tree.lower[index] not in PRONOUNS:
                code = self.of(index, acting=True, hops=2)
                if code:
                    return code
        acting = [mention for mention in self.mentions if self.acting(mention) and mention.start < pronoun]
        return acting[0].code if acting else None

    def all_of(self, heads: Iterable[int], *, acting: bool) -> list[Party]:
        """Parties of several heads and of what is coordinated with them, in text order, each code once."""
        found: dict[str, Party] = {}
        for head in heads:
            for index in self._coordinated(head):
                code = self.of(index, acting=acting)
                if code and code not in found:
                    found[code] = Party(code, index)
        return sorted(found.values(), key=lambda party: party.index)

    def _coordinated(self, head: int) -> list[int]:
        row = [head]
        for index in row:
            row += [child for child in self.tree.kids(index, "conj") if child not in row]
        return row
