"""What a word that governs an act makes of it: the answer of every governor, and those that several give."""

from __future__ import annotations

from dataclasses import dataclass

from extractors.cues import DENIAL, RULE_OUT
from extractors.modality.verdict import Cue, CueKind
from extractors.syntax import Tree
from tocsin.model import Modality


@dataclass(frozen=True, slots=True)
class Step:
    """A step up from the act: on to the token `above`, or the end, with the cues that spoke.

    `firm` says whether the text asserts the act, None where the governor does not tell.
    """

    above: int | None = None
    cues: tuple[Cue, ...] = ()
    firm: bool | None = None


STANDS = Step()
ASSERTED = Step(firm=True)


def cue(tree: Tree, index: int, modality: Modality, kind: CueKind) -> Cue:
    """The word at `index` as a cue."""
    return Cue(index, modality, kind, tree.words[index])


def said(tree: Tree, index: int, modality: Modality, kind: CueKind) -> Step:
    """The end of the climb at the word `index`, which speaks."""
    return Step(cues=(cue(tree, index, modality, kind),))


def wished(tree: Tree, governor: int) -> Step:
    """ "plans to withdraw" is prospective, "denies a plan to withdraw" denied."""
    verb = tree.heads[governor]
    if tree.deps[governor] in ("dobj", "nsubjpass") and tree.lower[verb] in DENIAL:
        return said(tree, verb, Modality.DENIED, CueKind.DENIED)
    return said(tree, governor, Modality.PROSPECTIVE, CueKind.WISHED)


def ruled_out(tree: Tree, verb: int) -> Step | None:
    """ "ruled out a strike" denies it, "did not rule out a strike" leaves it open; None where nobody rules it out."""
    if tree.lower[verb] not in RULE_OUT or not has_particle(tree, verb, "out"):
        return None
    modality = Modality.PROSPECTIVE if tree.kids(verb, "neg") else Modality.DENIED
    return said(tree, verb, modality, CueKind.RULED_OUT)


def has_particle(tree: Tree, verb: int, *particles: str) -> bool:
    """Whether one of `particles` hangs on the verb: "called the summit off"."""
    return any(tree.lower[child] in particles for child in tree.children[verb])
