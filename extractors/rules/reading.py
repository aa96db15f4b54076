"""One tree with its actors, as every frame reads it."""

from __future__ import annotations

from collections.abc import Sequence

from extractors.actors import Mention
from extractors.lexicon import Lexicon, Span
from extractors.roles import Arguments, Cast, arguments, phrase
from extractors.syntax import Tree


class Reading:
    """A tree with its mentions. Keeps what several frames ask for, so it lives as long as one segment is read."""

    def __init__(self, tree: Tree, mentions: Sequence[Mention]) -> None:
        self.tree = tree
        self.cast = Cast(tree, mentions)
        self._spans: dict[int, list[Span]] = {}
        self._arguments: dict[int, Arguments] = {}
        self._reach: dict[int, frozenset[int]] = {}

    def spans(self, lexicon: Lexicon) -> list[Span]:
        """Where an entry of the lexicon stands, in text order, actors by `$actor` included."""
        key = id(lexicon)
        if key not in self._spans:
            found = lexicon.spans(self.tree) if lexicon.words or lexicon.literals else []
            if lexicon.special:
                found = sorted([*found, *self._actors(lexicon.special)], key=lambda span: span.start)
            self._spans[key] = found
        return self._spans[key]

    def _actors(self, special: set[str]) -> list[Span]:
        rows = []
        for mention in self.cast.mentions:
            if not built_in(mention).isdisjoint(special):
                inside = range(mention.start, mention.end)
                heads = [i for i in inside if self.tree.heads[i] not in inside or self.tree.heads[i] == i]
                rows.append(Span(mention.start, mention.end, (heads or [mention.start])[0]))
        return rows

    def arguments(self, act: int) -> Arguments:
        """Heads of what depends on the act, by place."""
        if act not in self._arguments:
            self._arguments[act] = arguments(self.tree, act)
        return self._arguments[act]

    def reach(self, act: int) -> frozenset[int]:
        """Tokens of all arguments of the act: the heads, their modifiers, their "of" phrases and coordinates."""
        if act not in self._reach:
            self._reach[act] = self._reached(act)
        return self._reach[act]

    def _reached(self, act: int) -> frozenset[int]:
        tree, found, seen = self.tree, set[int](), set[int]()
        queue = [index for row in self.arguments(act).values() for index in row]
        while queue:
            index = queue.pop()
            if index in seen:
                continue
            seen.add(index)
            found.update(phrase(tree, index))
            queue += tree.kids(index, "conj", "appos")
            if tree.is_verb(index):
                queue += tree.kids(index, "dobj", "xcomp")
                queue += [obj for prep in tree.kids(index, "prep") for obj in tree.kids(prep, "pobj")]
        return frozenset(found)

    def doers(self, act: int) -> frozenset[int]:
        """Tokens of the phrases that do the act."""
        places, tokens = self.arguments(act), set[int]()
        for head in [*places.get("subject", ()), *places.get("modifier", ())]:
            tokens.update(self.tree.subtree(head, without=frozenset({"relcl", "acl"})))
        return frozenset(tokens)

    def verbal(self, index: int) -> bool:
        """Whether a verb stands here; taggers take "US sanctions three firms" for a noun phrase."""
        tree = self.tree
        if tree.is_verb(index):
            return True
        after = tree.tags[index + 1] if index + 1 < len(tree) else ""
        before = self.cast.at(index - 1) if index else None
        named = before.kind != "people" if before else index > 0 and tree.tags[index - 1] in ("NN", "NNP", "NNPS")
        return named and tree.lower[index].endswith("s") and after in ("DT", "CD", "JJ", "NNP", "NNPS", "PRP$")


def built_in(mention: Mention) -> frozenset[str]:
    """The built-in classes of words that a mention belongs to."""
    narrow = "$group" if mention.kind == "group" else "$leader" if mention.kind == "leader" else "$state"
    return frozenset({"$actor", narrow})
