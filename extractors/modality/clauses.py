"""What governs an act as a clause: the verb or noun that its infinitive, participle or finite clause hangs on."""

from __future__ import annotations

from extractors.cues import ATTRIBUTION, CAUSE, COMMAND, DECIDE, DENIAL, DONE, FACT_MARKS, TRIAL, WISH
from extractors.modality.prepositions import long_ago, prepositional
from extractors.modality.steps import ASSERTED, STANDS, Step, cue, ruled_out, said, wished
from extractors.modality.verdict import CueKind
from extractors.syntax import Tree
from tocsin.model import Modality

FAIL = frozenset("fail fails failed".split())


def clause(tree: Tree, here: int, *, decision: bool) -> Step:
    """What the head of the clause whose verb is `here` makes of it. `decision` as in `judge`."""
    dep, head = tree.deps[here], tree.heads[here]
    word = tree.lower[head]
    infinitive = any(tree.lower[child] == "to" for child in tree.kids(here, "aux"))
    if (denied := ruled_out(tree, head)) is not None:
        return denied
    if word in DENIAL and word not in DONE:
        return said(tree, head, Modality.DENIED, CueKind.DENIED)
    if word in FAIL and infinitive:
        return said(tree, head, Modality.DENIED, CueKind.NOT_DONE)
    if dep == "pcomp":
        return prepositional(tree, head)
    if dep == "advcl" and any(long_ago(tree, mark) for mark in tree.kids(here, "mark")):
        return said(tree, here, Modality.PAST, CueKind.LONG_AFTER)
    if word in TRIAL:
        return said(tree, head, Modality.PAST, CueKind.TRIED)
    if decision and word in DECIDE:
        return Step(head)
    if infinitive:
        return _infinitive(tree, here, decision=decision)
    return _finite(tree, here)


def _infinitive(tree: Tree, here: int, *, decision: bool) -> Step:
    dep, head = tree.deps[here], tree.heads[here]
    word = tree.lower[head]
    if word in CAUSE:
        return Step(head)
    if decision and tree.tags[head].startswith("NNP"):
        return ASSERTED
    if dep != "advcl" and (wish := _wish(tree, here)) is not None:
        return wish
    if word in ATTRIBUTION and any(tree.lower[child] == "have" for child in tree.kids(here, "aux")):
        return ASSERTED  # "is suspected to have fired"
    if word in COMMAND and not decision:
        return said(tree, head, Modality.PROSPECTIVE, CueKind.ORDERED)
    if dep != "advcl" and word in DONE:
        return Step(head)
    return said(tree, here, Modality.PROSPECTIVE, CueKind.PLANNED)


def _finite(tree: Tree, here: int) -> Step:
    """A clause with a tense of its own, or a participle."""
    dep, head = tree.deps[here], tree.heads[here]
    if (wish := _wish(tree, here)) is not None:
        return wish
    if dep == "xcomp":
        return Step(head)
    if dep == "relcl" and any(tree.lower[det] in ("any", "every") for det in tree.kids(head, "det")):
        return said(tree, head, Modality.PROSPECTIVE, CueKind.WHOEVER)
    if dep == "ccomp" and tree.lower[head] in ATTRIBUTION:
        denials = tree.kids(head, "neg")
        return Step(cues=tuple(cue(tree, child, Modality.DENIED, CueKind.NOT_SAID) for child in denials))
    return STANDS


def _wish(tree: Tree, here: int) -> Step | None:
    """What a head that plans, urges or fears makes of the clause; None where it does none of these."""
    dep, head = tree.deps[here], tree.heads[here]
    if tree.lower[head] not in WISH or (dep == "ccomp" and _finite_past(tree, here)):
        return None
    if dep == "acl" and tree.tags[here] in ("VBN", "VBG"):
        return STANDS
    if dep == "advcl" and all(tree.lower[mark] in FACT_MARKS for mark in tree.kids(here, "mark")):
        return STANDS
    return wished(tree, head)


def _finite_past(tree: Tree, here: int) -> bool:
    perfect_or_passive = ("had", "has", "have", "was", "were")
    return tree.tags[here] == "VBD" or any(
        tree.lower[child] in perfect_or_passive for child in tree.kids(here, "aux", "auxpass")
    )
