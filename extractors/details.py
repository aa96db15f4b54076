"""Where an act took place, and the figures that the text gives for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from extractors.dates import MONTHS, WEEKDAYS
from extractors.lexicon import Span
from extractors.roles import Arguments
from extractors.syntax import Tree

NEAR = 15
PLACE_PREPS = ("in", "at", "near", "off", "into", "over", "around", "outside", "across", "on")
NUMBERS = {
    word: number
    for number, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
} | {"dozen": 12, "hundred": 100, "thousand": 1_000, "twenty": 20, "thirty": 30, "hundreds": 100, "thousands": 1_000}
SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "bn": 1_000_000_000, "m": 1_000_000}
COUNTED = {
    "missiles": "missile missiles rocket rockets projectile projectiles icbm icbms",
    "troops": "troop troops soldier soldiers marine marines personnel paratroopers",
    "diplomats": "diplomat diplomats",
}
_COUNTED = {word: key for key, words in COUNTED.items() for word in words.split()}
_VOTES = re.compile(r"\b(\d{1,3})\s*(?:[-–—]|votes? to|to)\s*(\d{1,3})\b")
_RANGE = re.compile(r"\b(\d[\d,.]*)\s*(km|kilomet(?:er|re)s?|miles?)\b")
VOTING = frozenset("vote votes voted favor favour veto vetoed".split())
KM_PER_MILE = 1.609344


def place(tree: Tree, act: int, places: Arguments) -> str | None:
    """Name of the place that a preposition ties to the act, in the text's words."""
    beside = [i for i in tree.sentence(act) if act < i < act + NEAR and tree.deps[i] == "pobj"]
    for preposition in PLACE_PREPS:
        loose = [i for i in beside if tree.lower[tree.heads[i]] == preposition]
        for head in (*places.get(preposition, ()), *loose):
            if not tree.tags[head].startswith("NNP") or tree.lower[head] in (*WEEKDAYS, *MONTHS):
                continue
            inside = tree.subtree(head, without=frozenset({"relcl", "acl", "appos", "conj", "prep"}))
            of = [i for prep in tree.kids(head, "prep") if tree.lower[prep] == "of" for i in tree.subtree(prep)]
            kept = [i for i in (*inside, *of) if tree.deps[i] not in ("det", "punct", "cc", "case") or i > head]
            names = [i for i in kept if tree.tags[i].startswith("NNP") or tree.lower[i] in ("of", "the", "-")]
            if names:
                return tree.text(names)
    return None


def facts(tree: Tree, act: Span, obj: Span | None) -> Mapping[str, int | float | str]:
    """Figures of the act's sentence: how many missiles, troops or diplomats, the range, the votes, the killed."""
    found: dict[str, int | float | str] = {}
    roots = {act.root} | ({obj.root} if obj is not None else set())
    beside = {head for root in roots for head in tree.kids(root, "dobj", "nsubjpass", "nsubj", "pobj")}
    for root in sorted(roots | beside):
        key = _COUNTED.get(tree.lower[root])
        number = _count(tree, root)
        if key and number is not None:
            found.setdefault(key, number)
    _killed(tree, act, found)
    sentence = tree.sentence(act.root)
    text = " ".join(tree.words[i] for i in sentence)
    voted = any(tree.lower[i] in VOTING for i in sentence)
    if (votes := _VOTES.search(text)) and voted:
        found["votes_for"], found["votes_against"] = int(votes[1]), int(votes[2])
    if (span := _RANGE.search(text)) and "missiles" in _keys(tree, sentence):
        value = float(span[1].replace(",", ""))
        found["range_km"] = round(value * KM_PER_MILE if span[2].startswith("mile") else value, 1)
    return MappingProxyType(dict(sorted(found.items())))


def _keys(tree: Tree, sentence: range) -> set[str]:
    return {_COUNTED[tree.lower[i]] for i in sentence if tree.lower[i] in _COUNTED}


def _killed(tree: Tree, act: Span, found: dict[str, int | float | str]) -> None:
    if not tree.lower[act.root].startswith("kill"):
        return
    for victim in tree.kids(act.root, "dobj", "nsubjpass"):
        number = _count(tree, victim)
        if number is not None:
            found["killed"] = number


def _count(tree: Tree, head: int) -> int | None:
    """The number before a noun, or the noun itself where it is one ("kills 20")."""
    for index in (*tree.kids(head, "nummod"), head):
        number = _number(tree, index)
        if number is not None:
            return number
    return None


def _number(tree: Tree, index: int) -> int | None:
    word = tree.lower[index].replace(",", "")
    if word.isdigit() and len(word) < 10:
        after = tree.lower[index + 1] if index + 1 < len(tree) else ""
        return int(word) * SCALES.get(after, 1)
    return NUMBERS.get(word)
