"""The second stage of the gate: which frames the words of a segment can satisfy, told before anything is parsed.

The literal gate looks at characters, one literal of a phrase for the whole; `likely` looks for every word of it, before
the segment is cut into words; the sieve looks at words and actors. It asks for what a frame cannot do without:
its act, an object, a subject, one of `near` and the parties it needs. Whatever it turns
away could not have fired, because all of this is asked again of the parse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from extractors.actors import Mention
from extractors.lexicon import Lexicon, pieces
from extractors.rules import CompiledFrame, built_in


def likely(frames: Sequence[CompiledFrame], text: str) -> list[CompiledFrame]:
    """Those of `frames` whose words may stand in `text`, which is in lower case."""
    if not frames:
        return []
    present = pieces(text)
    known: dict[int, bool] = {}

    def may(lexicon: Lexicon) -> bool:
        if id(lexicon) not in known:
            known[id(lexicon)] = bool(lexicon.special) or not lexicon or lexicon.may_stand(present)
        return known[id(lexicon)]

    return [frame for frame in frames if all(map(may, (frame.act, frame.object, frame.subject, frame.near)))]


class Row:
    """The words of one segment with their mentions; remembers which lexicons stand in it."""

    def __init__(self, lower: Sequence[str], mentions: Sequence[Mention]) -> None:
        self._lower = tuple(lower)
        self._words = frozenset(lower)
        self._known: dict[int, bool] = {}
        self._special = frozenset(name for mention in mentions for name in built_in(mention))
        self._kinds = frozenset(mention.kind for mention in mentions)
        self._mentions = len(mentions)
        self._codes = frozenset(mention.code for mention in mentions)
        self._acting = any(mention.kind != "place" and mention.qualifier in ("", "led") for mention in mentions)

    def frames(self, frames: Iterable[CompiledFrame]) -> tuple[CompiledFrame, ...]:
        """Those of `frames` that may match here."""
        return tuple(frame for frame in frames if self._possible(frame))

    def _possible(self, frame: CompiledFrame) -> bool:
        return (
            self._parties(frame)
            and all(not one or self._holds(one) for one in (frame.act, frame.object, frame.subject, frame.near))
            and self._two_sides(frame)
        )

    def _two_sides(self, frame: CompiledFrame) -> bool:
        """One name cannot both do the act and suffer it."""
        if self._mentions > 1 or not (frame.object and frame.subject):
            return True
        return any(one.within(self._lower, self._words) for one in (frame.object, frame.subject))

    def _parties(self, frame: CompiledFrame) -> bool:
        for need in frame.frame.needs:
            enough = {
                "source": self._acting,
                "two_actors": len(self._codes) > 1,
                "group": "group" in self._kinds,
            }.get(need, bool(self._codes))
            if not enough:
                return False
        return True

    def _holds(self, lexicon: Lexicon) -> bool:
        key = id(lexicon)
        if key not in self._known:
            named = not self._special.isdisjoint(lexicon.special)
            self._known[key] = named or lexicon.within(self._lower, self._words)
        return self._known[key]
