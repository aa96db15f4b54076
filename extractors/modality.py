"""Did it happen? Reads the words that govern an act, each with its syntactic scope, never a mere window.

The act is followed upwards through the parse. Its own auxiliaries, negations and adjectives speak first; then whatever
governs it: a verb or noun of planning, fearing or urging makes it prospective, one of denying makes it denied, one of
remembering makes it past, one of saying or condemning leaves it standing as a fact. Dates speak last.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from extractors.cues import (
    AHEAD,
    ANNOUNCE,
    ASKING,
    ATTRIBUTION,
    CAUSE,
    COMMAND,
    CONDITIONS,
    CONTAINERS,
    DATED,
    DECIDE,
    DENIAL,
    DONE,
    EVENTIVE,
    FACT_MARKS,
    FACT_PREPS,
    FACTIVE,
    FIRM_PREPS,
    FUTURE,
    FUTURE_TIMES,
    HEDGES,
    JOIN,
    LONG_AGO,
    LOOK,
    MEMORY_VERBS,
    MODALS,
    MOVES,
    OLD,
    REASON,
    ROADS,
    RULE_OUT,
    SOFT_HEDGES,
    TALK,
    TOUCH,
    TRIAL,
    UP_TO,
    WISH,
)
from extractors.dates import dated
from extractors.syntax import Tree
from tocsin.model import Modality

HAPPENED, PROSPECTIVE, DENIED, PAST = Modality.HAPPENED, Modality.PROSPECTIVE, Modality.DENIED, Modality.PAST


@dataclass(frozen=True, slots=True)
class Cue:
    """A word that spoke on the modality: its token, what it says, and why in words."""

    index: int
    modality: Modality
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The modality with the cues that made it."""

    modality: Modality
    cues: tuple[Cue, ...] = ()
    firm: bool = True
    """Whether the text asserts it; a bare noun ("the talks") gives way to what the item says elsewhere."""

    @property
    def why(self) -> str:
        """The cues in words."""
        return "; ".join(cue.why for cue in self.cues) or "by default"


@dataclass(slots=True)
class _Walk:
    tree: Tree
    cues: list[Cue]
    decision: bool
    firm: bool = False

    def say(self, index: int, modality: Modality, why: str) -> None:
        self.cues.append(Cue(index, modality, f"{why}: {self.tree.words[index]}"))


def judge(
    tree: Tree, act: int, *, default: Modality = HAPPENED, decision: bool = False, published: dt.date | None = None
) -> Verdict:
    """The modality of the act at token `act`.

    `default` is the frame's own; `decision` says that an announced decision to do it counts as done.
    """
    walk = _Walk(tree, [], decision)
    _climb(walk, act)
    if not walk.cues and not walk.firm:
        _adjacent(walk, act)
    if not walk.cues and (word := _asks(tree, act)) is not None:
        walk.say(word, PROSPECTIVE, "asked")
    for index, modality in dated(tree, act, published, settled=bool(walk.cues), decision=decision):
        walk.say(index, modality, "dated")
    for modality in (DENIED, PAST, PROSPECTIVE, HAPPENED):
        found = [cue for cue in walk.cues if cue.modality is modality]
        if not found:
            continue
        return Verdict(modality if modality is not HAPPENED else default, tuple(walk.cues))
    return Verdict(default, tuple(walk.cues), firm=walk.firm)


def _asks(tree: Tree, act: int) -> int | None:
    """The verb that opens the act's sentence where it only asks whether: "Is a nuclear test coming?"

    "Why did Russia strike?" takes the strike for granted, and is none.
    """
    sentence = tree.sentence(act)
    return sentence.start if tree.lower[sentence.start] in ASKING and tree.words[sentence.stop - 1] == "?" else None


def describes(tree: Tree, act: int) -> bool:
    """Whether the act is a participle or a relative clause that only describes a noun: "the sanctioned firm"."""
    if tree.deps[act] == "amod":
        return True
    if not any(tree.tags[index] in ("VBD", "VBZ", "VBP", "MD") for index in tree.sentence(act) if index != act):
        return False
    return tree.deps[act] in ("acl", "relcl") and tree.tags[act] != "VBG" and tree.deps[tree.heads[act]] != "ROOT"


def _climb(walk: _Walk, act: int) -> None:
    here, steps = act, 0
    while steps < 8 and not walk.cues:
        _local(walk, here)
        if walk.cues:
            return
        if tree_verb(walk.tree, here):
            walk.firm = True
        above = _step(walk, here)
        if above is None or above == here:
            return
        here, steps = above, steps + 1


def tree_verb(tree: Tree, here: int) -> bool:
    """A verb that asserts: finite, or a participle that reports."""
    return tree.tags[here] in ("VBD", "VBZ", "VBP", "VBN", "VBG") and tree.deps[here] not in ("amod", "compound")


def _local(walk: _Walk, here: int) -> None:
    """Cues that hang on the word itself: auxiliaries, negation, adjectives."""
    tree = walk.tree
    if here and tree.lower[here - 1] == "to" and not walk.decision and _headline_future(tree, here):
        return walk.say(here - 1, PROSPECTIVE, "headline future")
    for child in sorted(tree.children[here], key=lambda child: tree.deps[child] != "neg"):
        word, dep = tree.lower[child], tree.deps[child]
        if dep == "neg" or (dep == "det" and word == "no") or (dep in ("preconj", "cc") and word in ("neither", "nor")):
            if word != "nor":
                return walk.say(child, DENIED, "negated by")
        elif dep == "aux" and word in MODALS:
            if word in FUTURE and walk.decision and not _conditional(tree, here):
                continue
            return walk.say(child, PROSPECTIVE, "modal")
        elif (
            dep == "aux"
            and word == "to"
            and tree.deps[here] in ("ROOT", "conj", "ccomp", "parataxis")
            and not walk.decision
        ):
            return walk.say(child, PROSPECTIVE, "headline future")
        elif dep in ("amod", "compound", "nmod", "advmod") and word in HEDGES:
            if word not in SOFT_HEDGES:
                return walk.say(child, PROSPECTIVE, "hedged by")
        elif dep in ("amod", "compound", "advmod") and word in OLD:
            return walk.say(child, PAST, "dated by")
        elif dep == "advmod" and word in FUTURE_TIMES:
            return walk.say(child, PROSPECTIVE, "time")
        elif dep == "mark" and word in UP_TO and tree.tags[here] == "VBD":
            continue  # "until they withdrew": they did
        elif dep == "mark" and word in CONDITIONS and tree.lower[tree.heads[here]] not in ("see", "asked"):
            return walk.say(child, PROSPECTIVE, "condition")
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


def _adjacent(walk: _Walk, act: int) -> None:
    """Taggers take "cancels" in "Trump cancels exercises" for a noun; then the word before the phrase speaks itself."""
    tree = walk.tree
    index = act - 1
    while index >= 0 and (
        tree.deps[index] in ("compound", "amod", "det", "poss", "case", "nmod", "nummod", "punct")
        and tree.heads[index] >= index
    ):
        word = tree.lower[index]
        if word in HEDGES and word not in SOFT_HEDGES:
            return walk.say(index, PROSPECTIVE, "hedged by")
        if word in DENIAL | WISH and word.endswith(("s", "ed")):
            break
        index -= 1
    if index < 1 or tree.sents[index] != tree.sents[act]:
        return None
    word = tree.lower[index]
    if word in DENIAL and word.endswith(("s", "ed")):
        return walk.say(index, DENIED, "denied by")
    named = tree.tags[index - 1].startswith("NNP")
    if (
        word in WISH
        and word.endswith(("s", "ed"))
        and (named or word not in ("supports", "backs", "needs", "plans", "calls"))
    ):
        return walk.say(index, PROSPECTIVE, "wished or feared")
    return None


def _step(walk: _Walk, here: int) -> int | None:
    """Follows the act to its governor; None where the climb ends and the act stands as a fact."""
    tree = walk.tree
    dep, head = tree.deps[here], tree.heads[here]
    if head == here:
        return None
    match dep:
        case "xcomp" | "ccomp" | "acl" | "advcl" | "pcomp" | "relcl":
            return _clause(walk, here, head, dep)
        case "dobj" | "attr" | "nsubjpass" | "oprd" | "dative":
            return _object(walk, here, head)
        case "nsubj" | "csubj":
            return _subject(walk, head)
        case "pobj":
            return _prepositional(walk, head)
        case "compound" | "amod" | "nmod" | "poss" | "npadvmod":
            return _modifier(walk, head)
        case "conj":
            return _coordinated(walk, here, head)
        case "prep":
            return head
        case _:
            return None


def _coordinated(walk: _Walk, here: int, head: int) -> int | None:
    tree = walk.tree
    if tree.is_verb(here) and tree.tags[here] != "VBG" and any(tree.lower[cc] == "or" for cc in tree.kids(head, "cc")):
        walk.say(here, PROSPECTIVE, "or else")
        return None
    if not tree.is_verb(here) or not tree.kids(here, "nsubj", "nsubjpass"):
        own = tree.tags[here] in ("VBD", "VBZ", "VBP")
        return None if own and tree.is_verb(head) else head
    return None


def _clause(walk: _Walk, here: int, head: int, dep: str) -> int | None:
    tree = walk.tree
    word = tree.lower[head]
    infinitive = any(tree.lower[child] == "to" for child in tree.kids(here, "aux"))
    if word in RULE_OUT and any(tree.lower[child] == "out" for child in tree.children[head]):
        walk.say(head, PROSPECTIVE if tree.kids(head, "neg") else DENIED, "ruled out by")
        return None
    if word in DENIAL and word not in DONE:
        walk.say(head, DENIED, "denied by")
        return None
    if word in ("fail", "fails", "failed") and infinitive:
        walk.say(head, DENIED, "not done")
        return None
    if dep == "pcomp":
        return _prepositional(walk, head)
    if dep == "advcl" and any(_long_ago(tree, mark) for mark in tree.kids(here, "mark")):
        walk.say(here, PAST, "long after it")
        return None
    if word in TRIAL:
        walk.say(head, PAST, "tried")
        return None
    if walk.decision and word in DECIDE:
        return head
    if infinitive and word in CAUSE:
        return head
    if infinitive and walk.decision and tree.tags[head].startswith("NNP"):
        walk.firm = True
        return None
    if word in WISH and (dep != "advcl" or not infinitive) and not (dep == "ccomp" and _finite_past(tree, here)):
        if dep == "acl" and tree.tags[here] in ("VBN", "VBG"):
            return None
        if dep == "advcl" and not _has_mark(tree, here):
            return None
        _wished(walk, head)
        return None
    if infinitive and word in ATTRIBUTION and any(tree.lower[child] == "have" for child in tree.kids(here, "aux")):
        walk.firm = True  # "is suspected to have fired"
        return None
    if infinitive:
        if word in COMMAND and not walk.decision:
            walk.say(head, PROSPECTIVE, "ordered")
            return None
        if dep != "advcl" and word in DONE:
            return head
        walk.say(here, PROSPECTIVE, "purpose or plan")
        return None
    if dep == "xcomp":
        return head
    if dep == "relcl" and any(tree.lower[det] in ("any", "every") for det in tree.kids(head, "det")):
        walk.say(head, PROSPECTIVE, "whoever does it")
    if dep == "ccomp" and word not in ATTRIBUTION:
        return None
    if dep == "ccomp":
        for child in tree.kids(head, "neg"):
            walk.say(child, DENIED, "not so said")
    return None


def _has_mark(tree: Tree, here: int) -> bool:
    return any(tree.lower[mark] not in FACT_MARKS for mark in tree.kids(here, "mark"))


def _finite_past(tree: Tree, here: int) -> bool:
    return tree.tags[here] == "VBD" or any(
        tree.lower[c] in ("had", "has", "have", "was", "were") for c in tree.kids(here, "aux", "auxpass")
    )


def _wished(walk: _Walk, governor: int) -> None:
    """ "plans to withdraw" is prospective, "denies a plan to withdraw" denied."""
    tree = walk.tree
    verb = tree.heads[governor]
    if tree.deps[governor] in ("dobj", "nsubjpass") and tree.lower[verb] in DENIAL:
        walk.say(verb, DENIED, "denied by")
    else:
        walk.say(governor, PROSPECTIVE, "wished or feared")


def _object(walk: _Walk, here: int, head: int) -> int | None:
    tree = walk.tree
    word = tree.lower[head]
    if word in RULE_OUT and any(tree.lower[child] == "out" for child in tree.children[head]):
        walk.say(head, PROSPECTIVE if tree.kids(head, "neg") else DENIED, "ruled out by")
    elif word in ("call", "calls", "called") and any(tree.lower[child] == "off" for child in tree.children[head]):
        walk.say(head, DENIED, "called off by")
    elif word in DENIAL:
        walk.say(head, DENIED, "denied by")
    elif word in MEMORY_VERBS:
        walk.say(head, PAST, "remembered by")
    elif word in FACTIVE:
        walk.firm = True
        return None
    elif word in ANNOUNCE and tree.lower[here] in DATED and not walk.decision:
        walk.say(head, PROSPECTIVE, "announced")
    elif word in WISH and not word.startswith(("call", "support", "back")) and not _set_up(tree, head):
        _wished(walk, head)
    else:
        return head
    return None


def _set_up(tree: Tree, verb: int) -> bool:
    """ "set up a truce", "set off a bomb" are no plans."""
    return tree.lower[verb] == "set" and any(tree.lower[child] in ("up", "off") for child in tree.children[verb])


def _subject(walk: _Walk, head: int) -> int | None:
    tree = walk.tree
    if tree.lower[head] in EVENTIVE:
        return head
    for child in tree.kids(head, "aux"):
        if tree.lower[child] == "would":
            walk.say(child, PROSPECTIVE, "modal")
    walk.firm = True
    return None


def _prepositional(walk: _Walk, prep: int) -> int | None:
    tree = walk.tree
    word, head = tree.lower[prep], tree.heads[prep]
    if tree.deps[prep] == "pcomp":
        return None
    if word == "by" and tree.kids(prep, "pcomp") and tree.is_verb(head):
        return head
    if word == "to" and tree.kids(prep, "pcomp") and (tree.lower[head] in DONE or tree.lower[head] in FACTIVE):
        return None
    if word in AHEAD or (word == "of" and tree.lower[head] in ("ahead", "instead")):
        modality = DENIED if word in ("without", "instead") or tree.lower[head] == "instead" else PROSPECTIVE
        walk.say(prep, modality, "before it")
        return None
    if word == "of" and tree.lower[head] in ("event", "case", "face") and tree.lower[head] != "face":
        walk.say(head, PROSPECTIVE, "condition")
        return None
    governor = tree.lower[head]
    if word in ("since", "after", "before") and _long_ago(tree, prep):
        walk.say(prep, PAST, "long after it")
        return None
    if tree.is_verb(head) and governor in JOIN and word in ("in", "on", "at", "with", "to"):
        return head
    if word == "at" and governor in LOOK and tree.kids(prep, "pcomp"):
        walk.say(head, PROSPECTIVE, "considered")
        return None
    if word in ("by", "from") and (tree.kids(head, "neg") or tree.kids(prep, "neg")) and governor not in TOUCH:
        walk.say((tree.kids(head, "neg") + tree.kids(prep, "neg"))[0], DENIED, "negated by")
        return None
    if word == "in" and (tree.tags[head] in ("CD", "$") or governor in ("million", "billion")):
        return head
    if governor in TALK and word in ("on", "about", "over") and not tree.is_verb(head):
        walk.say(head, PROSPECTIVE, "talked about")
        return None
    verb = tree.heads[head]
    if word in ("of", "about", "against") and tree.deps[head] == "dobj" and tree.lower[verb] in WISH:
        _wished(walk, verb)
        return None
    if word in FACT_PREPS:
        walk.firm = word in FIRM_PREPS
        return None
    if governor in DENIAL:
        walk.say(head, DENIED, "denied by")
    elif governor in ("anniversary", "memory", "commemoration", "trial", "history", "remembrance") or governor in TRIAL:
        walk.say(head, PAST, "remembered by")
    elif governor in WISH and word in ("of", "for", "to", "against", "on", "about", "at", "with", "into"):
        _wished(walk, head)
    elif (governor in ("evidence", "sign", "signs", "indication") and tree.kids(head, "det", "neg")) or (
        governor in CONTAINERS and word == "of"
    ):
        return head
    elif word == "for" and governor not in REASON and not (tree.deps[head] == "dobj" and tree.lower[verb] in REASON):
        walk.say(prep, PROSPECTIVE, "purpose")
    elif word in ("into", "towards", "toward", "to") and _leads(tree, head):
        walk.say(prep, PROSPECTIVE, "on the way to it")
    return None


def _leads(tree: Tree, head: int) -> bool:
    """Whether "to" points at something still to come: "returns to talks", "path to peace"; not "response to"."""
    word = tree.lower[head]
    return word in ROADS or word in MOVES


def _long_ago(tree: Tree, prep: int) -> bool:
    """ "since the 2006 test", "four months after the invasion": the act is background."""
    if tree.lower[prep] == "since":
        return True
    return any(tree.lower[child] in LONG_AGO for child in tree.kids(prep, "npadvmod", "advmod", "nmod"))


def _modifier(walk: _Walk, head: int) -> int | None:
    tree = walk.tree
    word = tree.lower[head]
    if word in ("anniversary", "trial", "memorial", "survivor", "survivors", "veteran", "museum", "commemoration"):
        walk.say(head, PAST, "remembered by")
    elif word in WISH:
        _wished(walk, head)
    elif word in DENIAL and not tree.is_verb(head):
        walk.say(head, DENIED, "denied by")
    elif word in ("ban", "moratorium", "freeze"):
        walk.say(head, DENIED, "banned by")
    elif tree.is_verb(head):
        return None
    else:
        return head
    return None
