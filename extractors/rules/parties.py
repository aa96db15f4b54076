"""Who does an act, and to whom: by the places that a frame names, else by what stands nearest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from extractors.actors import Mention
from extractors.lexicon import Span
from extractors.roles import Arguments, Party
from extractors.rules.compiled import CompiledFrame
from extractors.rules.reading import Reading

OWNERS = frozenset("its his their her country nation regime".split())


class Parties(NamedTuple):
    """Who acts and who is acted on, as far as the text tells."""

    source: Party | None
    target: Party | None


def parties(frame: CompiledFrame, reading: Reading, act: Span, obj: Span | None) -> Parties | str:
    """The parties of the act, or why it is not the frame's: `speech` that somebody else reports."""
    found = _pair(frame, reading, act, obj) if frame.rule.pair else _roles(frame, reading, act, obj)
    return _spoken(found, reading, act) if frame.frame.speech else found


def _roles(frame: CompiledFrame, reading: Reading, act: Span, obj: Span | None) -> Parties:
    """By the places around the act, then those around its object, then by nearness."""
    venue = frozenset(frame.rule.venue)
    places = reading.arguments(act.root)
    source = _in_place(reading, places, frame.source, acting=True, avoid=frozenset())
    target = _in_place(reading, places, frame.target, acting=False, avoid=venue | _codes(source))
    if obj is not None and (source is None or target is None):
        places = reading.arguments(obj.root)
        source = source or _in_place(reading, places, frame.source, acting=True, avoid=_codes(target))
        target = target or _in_place(reading, places, frame.target, acting=False, avoid=venue | _codes(source))
    if source is None and frame.source:
        source = _last_named(reading, act) if _owned(reading, act) else None
        source = source or _nearest_before(reading, act, avoid=_codes(target))
    if target is None and frame.target:
        target = _nearest_after(reading, act, avoid=venue | _codes(source))
    return Parties(source, target)


def _in_place(
    reading: Reading, places: Arguments, order: Sequence[str], *, acting: bool, avoid: frozenset[str]
) -> Party | None:
    for place in order:
        for party in reading.cast.all_of(places.get(place, ()), acting=acting):
            if party.code not in avoid:
                return _first(reading, party) if acting else party
    return None


def _first(reading: Reading, party: Party) -> Party:
    """Of several actors named in one breath, the first."""
    mention = reading.cast.at(party.index)
    first = reading.cast.first_in_row(mention) if mention else None
    return Party(first.code, first.start, party.sure) if first else party


def _spoken(found: Parties, reading: Reading, act: Span) -> Parties | str:
    """Words are their speaker's: "Kyiv says Moscow will strike" is Kyiv's warning, and no threat of Moscow's."""
    source, target = found
    speaker = _speaker(reading, act)
    if source is not None and source.sure and speaker is not None and speaker.code != source.code:
        return "somebody else says so"
    if source is None or not source.sure:
        source = speaker or source
    if source is not None and (target is None or target.code == source.code):
        target = _anyone(reading, act, avoid=source.code)
    return Parties(source, target)


def _speaker(reading: Reading, act: Span) -> Party | None:
    """The subject of the nearest verb above the act."""
    for above in reading.tree.ancestors(act.root):
        if reading.tree.is_verb(above):
            speakers = reading.cast.all_of(reading.arguments(above).get("subject", ()), acting=True)
            if speakers:
                return speakers[0]
    return None


def _anyone(reading: Reading, act: Span, *, avoid: str) -> Party | None:
    """The other actor of the sentence, for words that are aimed at somebody."""
    sentence = reading.tree.sentence(act.root)
    rows = [m for m in reading.cast.mentions if m.start in sentence and m.code != avoid and m.kind != "place"]
    return _guess(min(rows, key=lambda m: (abs(m.start - act.start), m.start), default=None))


def _pair(frame: CompiledFrame, reading: Reading, act: Span, obj: Span | None) -> Parties:
    """The first two parties that act together; a place where they meet only counts where there is no other."""
    cast = reading.cast
    found: dict[str, Party] = {}
    roots = [act.root] if obj is None else [obj.root, act.root]
    for place in dict.fromkeys([*frame.source, *frame.target]):
        for root in roots:
            if place == "in" and len(found) > 1:
                continue
            for party in cast.all_of(reading.arguments(root).get(place, ()), acting=True):
                if not _venue(reading, party.index, root):
                    found.setdefault(party.code, party)
    for head in reading.arguments(act.root).get("modifier", ()):
        for mention in cast.inside(head):
            if cast.acting(mention) and not _venue(reading, mention.start, act.root):
                found.setdefault(mention.code, Party(mention.code, mention.start))
    for nearest in (_nearest_before, _nearest_after):
        other = nearest(reading, act, avoid=frozenset(found)) if len(found) < 2 else None
        if other is not None:
            found.setdefault(other.code, other)
    row = sorted(found.values(), key=lambda party: party.index)
    return Parties(row[0] if row else None, row[1] if len(row) > 1 else None)


def _venue(reading: Reading, index: int, noun: int) -> bool:
    """ "the Hanoi summit" was held there; in "Moscow-Hanoi talks" the two talk."""
    mention = reading.cast.at(index)
    if mention is None or mention.kind != "capital" or mention.end != noun:
        return False
    return mention.start == 0 or reading.tree.lower[mention.start - 1] not in ("-", "–", "and", "/", ",")


def _owned(reading: Reading, act: Span) -> bool:
    """ "its recent test", "the country's test": whoever was named last did it."""
    return any(reading.tree.lower[index] in OWNERS for index in reading.tree.kids(act.root, "poss"))


def _last_named(reading: Reading, act: Span) -> Party | None:
    rows = [m for m in reading.cast.mentions if m.end <= act.start and reading.cast.acting(m)]
    return _guess(rows[-1] if rows else None)


def _nearest_before(reading: Reading, act: Span, *, avoid: frozenset[str]) -> Party | None:
    """The closest actor before the act in its sentence that may do it, where the parse names none."""
    cast = reading.cast
    rows = [m for m in _others(reading, act, avoid) if m.end <= act.start and cast.acting(m)]
    rows = [m for m in rows if not cast.located(m) and not cast.reacting(m)]
    found = _guess(rows[-1] if rows else None)
    return _first(reading, found) if found else None


def _nearest_after(reading: Reading, act: Span, *, avoid: frozenset[str]) -> Party | None:
    """The closest actor after the act in its sentence, else one that only says where, where the parse names none."""
    rows = _others(reading, act, avoid)
    rows = [m for m in rows if m.start >= act.end] or [m for m in rows if reading.cast.located(m)]
    return _guess(rows[0] if rows else None)


def _others(reading: Reading, act: Span, avoid: frozenset[str]) -> list[Mention]:
    """The other actors of the act's sentence, in text order."""
    sentence = reading.tree.sentence(act.root)
    return [m for m in reading.cast.mentions if m.start in sentence and m.code not in avoid]


def _guess(mention: Mention | None) -> Party | None:
    """The party of an actor that no syntax ties to the act."""
    return Party(mention.code, mention.start, sure=False) if mention else None


def _codes(party: Party | None) -> frozenset[str]:
    return frozenset({party.code} if party else ())
