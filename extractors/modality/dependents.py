"""Cues that hang on a word itself: auxiliaries, negation, adjectives; and the words right before an act."""

from __future__ import annotations

from extractors.cues import CONDITIONS, DENIAL, FUTURE, FUTURE_TIMES, HEDGES, MODALS, OLD, SOFT_HEDGES, UP_TO, WISH
from extractors.modality.steps import cue
from extractors.modality.verdict import Cue, CueKind
from extractors.syntax import Tree
from tocsin.model import Modality

Said = tuple[Modality, CueKind]
MODIFIERS = ("compound", "amod", "det", "poss", "case", "nmod", "nummod", "punct")
VERBS_OR_NOUNS = frozenset("supports backs needs plans calls".split())
"""Right before an act these are verbs only after a name: "Russia plans strikes", not "war plans strike"."""


def own_cue(tree: Tree, here: int, *, decision: bool) -> Cue | None:
    """The first dependent of the token `here` that speaks, negations first; None where none does.

    `decision` as in `judge`.
    """
    if here and tree.lower[here - 1] == "to" and not decision and _headline_future(tree, here):
        return cue(tree, here - 1, Modality.PROSPECTIVE, CueKind.HEADLINE)
    for child in sorted(tree.children[here], key=lambda child: tree.deps[child] != "neg"):
        dep, word = tree.deps[child], tree.lower[child]
        said: Said | None
        if _negates(dep, word):
            said = (Modality.DENIED, CueKind.NEGATED)
        elif dep == "aux":
            said = _auxiliary(tree, here, word, decision=decision)
        elif dep == "mark":
            said = _conjunction(tree, here, word)
        else:
            said = _modifier(dep, word)
        if said is not None:
            return cue(tree, child, *said)
    return None


def _negates(dep: str, word: str) -> bool:
    if word == "nor":
        return False
    return dep == "neg" or (dep == "det" and word == "no") or (dep in ("preconj", "cc") and word == "neither")


def _auxiliary(tree: Tree, here: int, word: str, *, decision: bool) -> Said | None:
    if word in MODALS:
        settled = word in FUTURE and decision and not _conditional(tree, here)
        return None if settled else (Modality.PROSPECTIVE, CueKind.MODAL)
    headline = word == "to" and tree.deps[here] in ("ROOT", "conj", "ccomp", "parataxis") and not decision
    return (Modality.PROSPECTIVE, CueKind.HEADLINE) if headline else None


def _conjunction(tree: Tree, here: int, word: str) -> Said | None:
    if word in UP_TO and tree.tags[here] == "VBD":
        return None  # "until they withdrew": they did
    asks = word in CONDITIONS and tree.lower[tree.heads[here]] not in ("see", "asked")
    return (Modality.PROSPECTIVE, CueKind.CONDITION) if asks else None


def _modifier(dep: str, word: str) -> Said | None:
    if dep in ("amod", "compound", "nmod", "advmod") and word in HEDGES:
        return None if word in SOFT_HEDGES else (Modality.PROSPECTIVE, CueKind.HEDGED)
    if dep in ("amod", "compound", "advmod") and word in OLD:
        return Modality.PAST, CueKind.OLD
    if dep == "advmod" and word in FUTURE_TIMES:
        return Modality.PROSPECTIVE, CueKind.SOON
    return None


def _headline_future(tree: Tree, here: int) -> bool:
    """ "Minister to visit Oslo", where the tagger takes the visit for a noun."""
    to = here - 1
    plain = tree.tags[here] in ("VB", "NN", "VBP") and tree.deps[to] == "prep"
    return plain and tree.field == "title" and tree.deps[tree.heads[to]] == "ROOT"


def _conditional(tree: Tree, here: int) -> bool:
    return any(
        tree.lower[mark] in CONDITIONS
        for clause in tree.kids(here, "advcl")
        for mark in tree.kids(clause, "mark", "advmod")
    )


def adjacent_cue(tree: Tree, act: int) -> Cue | None:
    """The cue right before the phrase of `act`, None where there is none.

    Taggers take "cancels" in "Trump cancels exercises" for a noun; then no syntax ties it to the act.
    """
    index = act - 1
    while index >= 0 and tree.deps[index] in MODIFIERS and tree.heads[index] >= index:
        word = tree.lower[index]
        if word in HEDGES and word not in SOFT_HEDGES:
            return cue(tree, index, Modality.PROSPECTIVE, CueKind.HEDGED)
        if (word in DENIAL or word in WISH) and _like_a_verb(word):
            break
        index -= 1
    if index < 1 or tree.sents[index] != tree.sents[act] or not _like_a_verb(word := tree.lower[index]):
        return None
    if word in DENIAL:
        return cue(tree, index, Modality.DENIED, CueKind.DENIED)
    if word in WISH and (tree.tags[index - 1].startswith("NNP") or word not in VERBS_OR_NOUNS):
        return cue(tree, index, Modality.PROSPECTIVE, CueKind.WISHED)
    return None


def _like_a_verb(word: str) -> bool:
    return word.endswith(("s", "ed"))
