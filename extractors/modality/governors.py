"""What governs an act as its noun: verbs that take it as their object or subject, nouns that it modifies."""

from __future__ import annotations

from extractors.cues import ANNOUNCE, DATED, DENIAL, EVENTIVE, FACTIVE, MEMORY_VERBS, WISH
from extractors.modality.clauses import clause
from extractors.modality.prepositions import prepositional
from extractors.modality.steps import ASSERTED, STANDS, Step, cue, has_particle, ruled_out, said, wished
from extractors.modality.verdict import CueKind
from extractors.syntax import Tree
from tocsin.model import Modality

CALL = frozenset("call calls called".split())
LONG_GONE = frozenset("anniversary trial memorial survivor survivors veteran museum commemoration".split())
BANS = frozenset("ban moratorium freeze".split())


def step(tree: Tree, here: int, *, decision: bool) -> Step:
    """What the governor of the token `here` makes of it. `decision` as in `judge`."""
    dep, head = tree.deps[here], tree.heads[here]
    if head == here:
        return STANDS
    match dep:
        case "xcomp" | "ccomp" | "acl" | "advcl" | "pcomp" | "relcl":
            return clause(tree, here, decision=decision)
        case "dobj" | "attr" | "nsubjpass" | "oprd" | "dative":
            return _object(tree, here, head, decision=decision)
        case "nsubj" | "csubj":
            return _subject(tree, head)
        case "pobj":
            return prepositional(tree, head)
        case "compound" | "amod" | "nmod" | "poss" | "npadvmod":
            return _modifier(tree, head)
        case "conj":
            return _coordinated(tree, here, head)
        case "prep":
            return Step(head)
        case _:
            return STANDS


def _object(tree: Tree, here: int, head: int, *, decision: bool) -> Step:
    word = tree.lower[head]
    if (denied := ruled_out(tree, head)) is not None:
        return denied
    if word in CALL and has_particle(tree, head, "off"):
        return said(tree, head, Modality.DENIED, CueKind.CALLED_OFF)
    if word in DENIAL:
        return said(tree, head, Modality.DENIED, CueKind.DENIED)
    if word in MEMORY_VERBS:
        return said(tree, head, Modality.PAST, CueKind.REMEMBERED)
    if word in FACTIVE:
        return ASSERTED
    if word in ANNOUNCE and tree.lower[here] in DATED and not decision:
        return said(tree, head, Modality.PROSPECTIVE, CueKind.ANNOUNCED)
    if word in WISH and not word.startswith(("call", "support", "back")) and not _set_up(tree, head):
        return wished(tree, head)
    return Step(head)


def _set_up(tree: Tree, verb: int) -> bool:
    """ "set up a truce", "set off a bomb" are no plans."""
    return tree.lower[verb] == "set" and has_particle(tree, verb, "up", "off")


def _subject(tree: Tree, head: int) -> Step:
    if tree.lower[head] in EVENTIVE:
        return Step(head)
    doubts = [child for child in tree.kids(head, "aux") if tree.lower[child] == "would"]
    return Step(cues=tuple(cue(tree, child, Modality.PROSPECTIVE, CueKind.MODAL) for child in doubts), firm=True)


def _modifier(tree: Tree, head: int) -> Step:
    word = tree.lower[head]
    if word in LONG_GONE:
        return said(tree, head, Modality.PAST, CueKind.REMEMBERED)
    if word in WISH:
        return wished(tree, head)
    if word in DENIAL and not tree.is_verb(head):
        return said(tree, head, Modality.DENIED, CueKind.DENIED)
    if word in BANS:
        return said(tree, head, Modality.DENIED, CueKind.BANNED)
    return STANDS if tree.is_verb(head) else Step(head)


def _coordinated(tree: Tree, here: int, head: int) -> Step:
    if not tree.is_verb(here):
        return Step(head)
    if tree.tags[here] != "VBG" and any(tree.lower[cc] == "or" for cc in tree.kids(head, "cc")):
        return said(tree, here, Modality.PROSPECTIVE, CueKind.OR_ELSE)
    own = tree.kids(here, "nsubj", "nsubjpass") or (tree.tags[here] in ("VBD", "VBZ", "VBP") and tree.is_verb(head))
    return STANDS if own else Step(head)
