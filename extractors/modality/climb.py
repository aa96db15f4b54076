"""The climb from an act to the words that govern it, and the verdict on what they said."""

from __future__ import annotations

import datetime as dt

from extractors.cues import ASKING
from extractors.dates import dated
from extractors.modality.dependents import adjacent_cue, own_cue
from extractors.modality.governors import step
from extractors.modality.steps import cue
from extractors.modality.verdict import Cue, CueKind, Verdict
from extractors.syntax import Tree
from tocsin.model import Modality

HEIGHT = 8
"""A governor further up than this says nothing of the act."""
STRONGEST = (Modality.DENIED, Modality.PAST, Modality.PROSPECTIVE)
"""Of cues that differ, the first of these stands: a strike that was planned and called off is denied."""


def judge(
    tree: Tree,
    act: int,
    *,
    default: Modality = Modality.HAPPENED,
    decision: bool = False,
    published: dt.date | None = None,
) -> Verdict:
    """The modality of the act at token `act`.

    `default` is the frame's own, where no cue speaks; `decision` says that an announced decision to do it counts as
    done. Without `published` a date of the same year tells nothing.
    """
    found, firm = _climb(tree, act, decision=decision)
    cues = list(found)
    if not cues and not firm and (beside := adjacent_cue(tree, act)) is not None:
        cues.append(beside)
    if not cues and (verb := _asks(tree, act)) is not None:
        cues.append(cue(tree, verb, Modality.PROSPECTIVE, CueKind.QUESTION))
    dates = dated(tree, act, published, settled=bool(cues), decision=decision)
    cues += [cue(tree, index, modality, CueKind.DATE) for index, modality in dates]
    if not cues:
        return Verdict(default, firm=firm)
    said = {each.modality for each in cues}
    return Verdict(next(modality for modality in STRONGEST if modality in said), tuple(cues))


def describes(tree: Tree, act: int) -> bool:
    """Whether the act is a participle or a relative clause that only describes a noun: "the sanctioned firm"."""
    if tree.deps[act] == "amod":
        return True
    if not any(tree.tags[index] in ("VBD", "VBZ", "VBP", "MD") for index in tree.sentence(act) if index != act):
        return False
    return tree.deps[act] in ("acl", "relcl") and tree.tags[act] != "VBG" and tree.deps[tree.heads[act]] != "ROOT"


def _climb(tree: Tree, act: int, *, decision: bool) -> tuple[tuple[Cue, ...], bool]:
    """The cues on the way up to the first that speaks, and whether the text asserts the act."""
    here, firm = act, False
    for _ in range(HEIGHT):
        own = own_cue(tree, here, decision=decision)
        if own is not None:
            return (own,), firm
        firm = firm or _asserts(tree, here)
        governed = step(tree, here, decision=decision)
        firm = firm if governed.firm is None else governed.firm
        if governed.above is None or governed.above == here:
            return governed.cues, firm
        here = governed.above
    return (), firm


def _asserts(tree: Tree, here: int) -> bool:
    """A verb that asserts: finite, or a participle that reports."""
    return tree.tags[here] in ("VBD", "VBZ", "VBP", "VBN", "VBG") and tree.deps[here] not in ("amod", "compound")


def _asks(tree: Tree, act: int) -> int | None:
    """The verb that opens the act's sentence where it only asks whether: "Is a nuclear test coming?"

    "Why did Russia strike?" takes the strike for granted, and is none.
    """
    sentence = tree.sentence(act)
    return sentence.start if tree.lower[sentence.start] in ASKING and tree.words[sentence.stop - 1] == "?" else None
