"""What a preposition, with the word that it hangs on, makes of the act behind it: "ahead of", "plans for", "after"."""

from __future__ import annotations

from extractors.cues import (
    AHEAD,
    CONTAINERS,
    DENIAL,
    DONE,
    FACT_PREPS,
    FACTIVE,
    FIRM_PREPS,
    JOIN,
    LONG_AGO,
    LOOK,
    MOVES,
    REASON,
    ROADS,
    TALK,
    TOUCH,
    TRIAL,
    WISH,
)
from extractors.modality.steps import STANDS, Step, said, wished
from extractors.modality.verdict import CueKind
from extractors.syntax import Tree
from tocsin.model import Modality

HISTORY = frozenset("anniversary memory commemoration trial history remembrance".split())
EVIDENCE = frozenset("evidence sign signs indication".split())


def prepositional(tree: Tree, prep: int) -> Step:
    """What the preposition at token `prep` makes of its object."""
    if tree.deps[prep] == "pcomp":
        return STANDS
    for spoken in (_gerund, _in_time, _with_verb, _with_noun):
        if (step := spoken(tree, prep)) is not None:
            return step
    if tree.lower[prep] in FACT_PREPS:
        return Step(firm=tree.lower[prep] in FIRM_PREPS)
    return _governed(tree, prep)


def long_ago(tree: Tree, prep: int) -> bool:
    """ "since the 2006 test", "four months after the invasion": the act is background."""
    if tree.lower[prep] == "since":
        return True
    return any(tree.lower[child] in LONG_AGO for child in tree.kids(prep, "npadvmod", "advmod", "nmod"))


def _gerund(tree: Tree, prep: int) -> Step | None:
    """ "retaliates by striking" is as real as the verb, "admits to striking" stands."""
    word, head = tree.lower[prep], tree.heads[prep]
    if word not in ("by", "to") or not tree.kids(prep, "pcomp"):
        return None
    if word == "by":
        return Step(head) if tree.is_verb(head) else None
    return STANDS if tree.lower[head] in DONE or tree.lower[head] in FACTIVE else None


def _in_time(tree: Tree, prep: int) -> Step | None:
    """Before the act, instead of it, in case of it, or long after it."""
    word, head = tree.lower[prep], tree.heads[prep]
    governor = tree.lower[head]
    if word in AHEAD or (word == "of" and governor in ("ahead", "instead")):
        never = word in ("without", "instead") or governor == "instead"
        return said(tree, prep, Modality.DENIED if never else Modality.PROSPECTIVE, CueKind.AHEAD)
    if word == "of" and governor in ("event", "case"):
        return said(tree, head, Modality.PROSPECTIVE, CueKind.CONDITION)
    if word in ("since", "after") and long_ago(tree, prep):
        return said(tree, prep, Modality.PAST, CueKind.LONG_AFTER)
    return None


def _with_verb(tree: Tree, prep: int) -> Step | None:
    """What a verb says only with this preposition: "took part in", "looks at", "was not hit by"."""
    word, head = tree.lower[prep], tree.heads[prep]
    governor = tree.lower[head]
    if tree.is_verb(head) and governor in JOIN and word in ("in", "on", "at", "with", "to"):
        return Step(head)
    if word == "at" and governor in LOOK and tree.kids(prep, "pcomp"):
        return said(tree, head, Modality.PROSPECTIVE, CueKind.CONSIDERED)
    if (
        word in ("by", "from")
        and governor not in TOUCH
        and (denials := tree.kids(head, "neg") + tree.kids(prep, "neg"))
    ):
        return said(tree, denials[0], Modality.DENIED, CueKind.NEGATED)
    return None


def _with_noun(tree: Tree, prep: int) -> Step | None:
    """What a noun says only with this preposition: "a billion in aid", "talks on", "wants proof of"."""
    word, head = tree.lower[prep], tree.heads[prep]
    governor, verb = tree.lower[head], tree.heads[head]
    if word == "in" and (tree.tags[head] in ("CD", "$") or governor in ("million", "billion")):
        return Step(head)
    if governor in TALK and word in ("on", "about", "over") and not tree.is_verb(head):
        return said(tree, head, Modality.PROSPECTIVE, CueKind.TALKED)
    if word in ("of", "about", "against") and tree.deps[head] == "dobj" and tree.lower[verb] in WISH:
        return wished(tree, verb)
    return None


def _governed(tree: Tree, prep: int) -> Step:
    """What the word before the preposition says of anything that it is about."""
    word, head = tree.lower[prep], tree.heads[prep]
    governor = tree.lower[head]
    if governor in DENIAL:
        return said(tree, head, Modality.DENIED, CueKind.DENIED)
    if governor in HISTORY or governor in TRIAL:
        return said(tree, head, Modality.PAST, CueKind.REMEMBERED)
    if governor in WISH and word in ("of", "for", "to", "against", "on", "about", "at", "with", "into"):
        return wished(tree, head)
    if (governor in EVIDENCE and tree.kids(head, "det", "neg")) or (governor in CONTAINERS and word == "of"):
        return Step(head)
    if word == "for":
        return STANDS if _reasons(tree, head) else said(tree, prep, Modality.PROSPECTIVE, CueKind.PURPOSE)
    if word in ("into", "towards", "toward", "to") and (governor in ROADS or governor in MOVES):
        return said(tree, prep, Modality.PROSPECTIVE, CueKind.TOWARDS)  # "returns to talks"; not "response to"
    return STANDS


def _reasons(tree: Tree, head: int) -> bool:
    """Whether "for" gives a reason, which happened: "condemned for", "takes responsibility for"."""
    return tree.lower[head] in REASON or (tree.deps[head] == "dobj" and tree.lower[tree.heads[head]] in REASON)
