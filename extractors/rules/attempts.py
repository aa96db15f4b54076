"""A frame tried on a reading: the acts it finds, and for each the candidate or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extractors.actors import Mention
from extractors.lexicon import Lexicon, Span
from extractors.roles import Party, phrase
from extractors.rules.compiled import CompiledFrame
from extractors.rules.parties import Parties, parties
from extractors.rules.reading import Reading
from extractors.syntax import Tree
from tocsin.config.triggers import Frame, Rule

REACH = 5
"""Words between an act and an object that only stands beside it, at most."""
BESIDE = 0.6
"""What such a tie is worth; one of syntax is worth 1."""
APART = frozenset("; : after as before hours days ahead".split())
FINITE = ("VBD", "VBZ", "VBP", "MD")


@dataclass(frozen=True, eq=False)
class Candidate:
    """An act that a frame matched, with its parties and how firmly they are tied to it.

    `link` is 1.0 where the object is an argument of the act, less where it only stands beside it.
    """

    rule: Rule
    version: str
    frame: Frame
    tree: Tree
    act: Span
    object: Span | None
    link: float
    source: Party | None
    target: Party | None


@dataclass(frozen=True, eq=False)
class Attempt:
    """One act word that a frame looked at: the candidate, or the reason why there is none."""

    frame: CompiledFrame
    act: Span
    candidate: Candidate | None
    reason: str


def attempts(frame: CompiledFrame, reading: Reading) -> list[Attempt]:
    """Every place where the frame's act stands, in text order, each as a candidate or with the reason against it."""
    return [_attempt(frame, reading, act) for act in reading.spans(frame.act)]


def _attempt(frame: CompiledFrame, reading: Reading, act: Span) -> Attempt:
    outcome = _match(frame, reading, act)
    return Attempt(frame, act, None, outcome) if isinstance(outcome, str) else Attempt(frame, act, outcome, "")


def _match(frame: CompiledFrame, reading: Reading, act: Span) -> Candidate | str:
    """The candidate, or the first reason against it."""
    if frame.frame.only:
        kind = "verb" if reading.verbal(act.root) else "noun"
        if kind not in frame.frame.only:
            return f"the act is a {kind} here"
    doers = reading.doers(act.root) if frame.subject else frozenset()
    if frame.subject and not _stands_in(frame.subject, doers, reading):
        return "no subject of the frame does the act"
    obj, link = None, 1.0
    if frame.object:
        obj, link = _object(frame, reading, act, doers)
        if obj is None:
            return "no object of the frame belongs to the act"
    against = _surroundings(frame, reading, act, obj)
    if against:
        return against
    found = parties(frame, reading, act, obj)
    if isinstance(found, str):
        return found
    missing = _missing(frame.frame, found, reading.cast.mentions)
    if missing:
        return missing
    return Candidate(frame.rule, frame.version, frame.frame, reading.tree, act, obj, link, found.source, found.target)


def _surroundings(frame: CompiledFrame, reading: Reading, act: Span, obj: Span | None) -> str:
    """What the words around the act say against it: `near`, `unless`, `without`; empty where nothing does."""
    tree, sentence = reading.tree, reading.tree.sentence(act.root)
    near = reading.spans(frame.near) if frame.near else []
    if frame.near and not any(span.start in sentence and not _overlap(span, act) for span in near):
        return "none of `near` stands in the sentence"
    barred = next((span for span in reading.spans(frame.unless) if span.start in sentence), None)
    if barred is not None:
        return f"`unless` forbids {tree.text(range(barred.start, barred.end))}"
    against = _against(frame, reading, act, obj)
    return f"`without` forbids {tree.text(range(against.start, against.end))}" if against is not None else ""


def _object(frame: CompiledFrame, reading: Reading, act: Span, doers: frozenset[int]) -> tuple[Span | None, float]:
    """The object that is tied best to the act, the nearest of several, and what the tie is worth."""
    best: tuple[float, int, Span] | None = None
    sentence, reach = reading.tree.sentence(act.root), reading.reach(act.root)
    for span in reading.spans(frame.object):
        inside = act.end - act.start > 2 and act.start < span.start and span.end < act.end
        if (_overlap(span, act) and not inside) or span.start not in sentence:
            continue
        if not doers.isdisjoint(range(span.start, span.end)):
            continue  # who does it is not what it is done to
        distance = min(abs(span.start - act.end + 1), abs(act.start - span.end + 1))
        link = 1.0 if not reach.isdisjoint(range(span.start, span.end)) else _beside(reading.tree, act, span, distance)
        if link and (best is None or (-link, distance) < (best[0], best[1])):
            best = (-link, distance, span)
    return (best[2], -best[0]) if best else (None, 0.0)


def _stands_in(lexicon: Lexicon, tokens: frozenset[int], reading: Reading) -> bool:
    return any(not tokens.isdisjoint(range(span.start, span.end)) for span in reading.spans(lexicon))


def _beside(tree: Tree, act: Span, span: Span, distance: int) -> float:
    """Parses of headlines go wrong; an object right beside the act counts, but less."""
    if distance > REACH:
        return 0.0
    between = range(min(act.end, span.end), max(act.start, span.start))
    if any(tree.tags[i] in FINITE or tree.lower[i] in APART for i in between):
        return 0.0
    if tree.is_verb(act.root) and span.start > act.start:
        own = tree.kids(act.root, "dobj")
        if own and own[0] < span.start and span.root not in tree.subtree(own[0]):
            return 0.0
        if own and any(tree.deps[i] == "prep" and tree.lower[i] != "of" for i in between):
            return 0.0
    return BESIDE


def _against(frame: CompiledFrame, reading: Reading, act: Span, obj: Span | None) -> Span | None:
    """The first word of `without` among the arguments of the act or beside the act or its object."""
    if not frame.without:
        return None
    tree = reading.tree
    bound = reading.reach(act.root) | set(range(act.start - 2, act.end + 2))
    if obj is not None:
        bound |= set(range(obj.start - 1, obj.end + 2)) | set(phrase(tree, obj.root))
    for span in reading.spans(frame.without):
        inside = range(span.start, span.end)
        name = reading.cast.at(span.start)
        hidden = (act.end - act.start <= 3 and all(act.start <= i < act.end for i in inside)) or (
            # "European Union" is no union: a word within a longer name does not count.
            name is not None and name.end - name.start > span.end - span.start
        )
        if not hidden and not bound.isdisjoint(inside) and tree.sents[span.start] == tree.sents[act.root]:
            return span
    return None


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _missing(frame: Frame, found: Parties, mentions: Sequence[Mention]) -> str:
    """What the frame needs and the text has not, empty where all is there."""
    for need in frame.needs:
        if need == "source" and found.source is None:
            return "no actor in the role of the source"
        if need == "target" and found.target is None:
            return "no actor in the role of the target"
        if need == "actor" and not mentions:
            return "the text names no actor"
        if need == "two_actors" and len({mention.code for mention in mentions}) < 2:
            return "the text names fewer than two actors"
        if need == "group" and not any(mention.kind == "group" for mention in mentions):
            return "the text names no armed group"
    return ""
