"""The places around an act: its logical subject and object, its modifiers and its prepositional phrases."""

from __future__ import annotations

from extractors.roles.words import ACCUSE, LIGHT, OBJECT_CONTROL
from extractors.syntax import Tree

Arguments = dict[str, list[int]]
NOMINAL_MODIFIERS = ("compound", "amod", "nmod", "poss", "npadvmod")
SHARED_WITH_HEAD = ("modifier", "subject", "by", "on", "against", "in", "to", "with", "near", "at", "from")
"""What belongs to the noun that an act modifies is the act's too: "Russia's missile strike on Kyiv"."""
DEPTH = 4
"""Words up from an act whose places may still be the act's: parses of long sentences wander off."""


def arguments(tree: Tree, act: int, depth: int = 0) -> Arguments:
    """Heads of everything that depends on `act` logically, by place. A noun takes in the verb that carries it.

    `depth` counts how far up from the act that is asked for the recursion has come.
    """
    places: Arguments = {}
    if tree.is_verb(act) and tree.deps[act] not in ("amod", "compound"):
        _verb(tree, act, places, depth)
    else:
        _noun(tree, act, places, depth)
    return places


def _put(places: Arguments, place: str, *indexes: int) -> None:
    for index in indexes:
        row = places.setdefault(place, [])
        if index not in row:
            row.append(index)


def _prepositions(tree: Tree, index: int, places: Arguments) -> None:
    for child in tree.children[index]:
        dep = tree.deps[child]
        if dep in ("prep", "agent", "dative", "prt"):
            objects = tree.kids(child, "pobj", "pcomp")
            if dep == "dative" and not objects:
                _put(places, "to", child)
            _put(places, tree.lower[child], *objects)
            for nested in tree.kids(child, "prep"):
                _put(places, tree.lower[nested], *tree.kids(nested, "pobj"))


def _passive(tree: Tree, act: int) -> bool:
    if tree.kids(act, "nsubjpass", "auxpass", "csubjpass"):
        return True
    return (
        tree.tags[act] == "VBN"
        and not tree.kids(act, "aux", "dobj")
        and tree.deps[act] in ("acl", "ROOT", "conj", "advcl")
    )


def _verb(tree: Tree, act: int, places: Arguments, depth: int) -> None:
    passive = _passive(tree, act)
    mislabelled = passive and tree.tags[act] == "VBN" and bool(tree.kids(act, "auxpass"))
    _put(places, "object" if mislabelled else "subject", *tree.kids(act, "nsubj", "csubj"))
    _put(places, "object", *tree.kids(act, "nsubjpass", "dobj", "attr", "oprd"))
    for child in tree.kids(act, "dative"):
        if not tree.children[child] or tree.tags[child].startswith(("NN", "PRP")):
            _put(places, "to", child)
    _put(places, "clause", *tree.kids(act, "xcomp", "ccomp"))
    _prepositions(tree, act, places)
    for child in tree.kids(act, "dobj"):
        # Parsers hang "to Kyiv" in "sends tanks to Kyiv" now on the verb, now on the noun.
        for index in (child, *tree.kids(child, "conj")):
            _prepositions(tree, index, places)
    if passive:
        _put(places, "subject", *places.get("by", ()))
    _from_above(tree, act, places, depth, passive=passive)


def _from_above(tree: Tree, act: int, places: Arguments, depth: int, *, passive: bool) -> None:
    """What a verb takes over from the word that its clause hangs on."""
    dep, head = tree.deps[act], tree.heads[act]
    if dep == "xcomp" and not tree.is_verb(head):
        _put(places, "subject", head)
    elif dep == "acl" and head != act:
        _put(places, "object" if tree.tags[act] == "VBN" else "subject", head)
    elif dep == "relcl":
        _relative(tree, act, head, places)
    elif dep in ("xcomp", "advcl", "conj", "pcomp", "ccomp") and "subject" not in places and not passive:
        _inherited(tree, act, places, depth)
    elif dep == "conj" and passive and "object" not in places and depth < DEPTH:
        _put(places, "object", *arguments(tree, head, depth + 1).get("object", ()))


def _relative(tree: Tree, act: int, head: int, places: Arguments) -> None:
    for place, deps in (("subject", ("nsubj",)), ("object", ("nsubjpass", "dobj"))):
        for child in tree.kids(act, *deps):
            if tree.tags[child] in ("WDT", "WP", "IN", "DT"):
                places[place] = [head]
                return
    if "object" not in places:
        _put(places, "object", head)


def _inherited(tree: Tree, act: int, places: Arguments, depth: int) -> None:
    """The subject of an infinitive, a participle or a second verb is that of the verb above it."""
    if depth > DEPTH:
        return
    dep, head = tree.deps[act], tree.heads[act]
    if dep == "pcomp":
        governor = tree.heads[head]
        above = arguments(tree, governor, depth + 1) if governor not in (head, act) else {}
        if tree.lower[governor] in ACCUSE and above.get("object"):
            above = {"subject": above["object"]}
    else:
        above = arguments(tree, head, depth + 1)
    if dep == "xcomp" and _passive(tree, head) and not above.get("subject"):
        above = {"subject": above.get("object", [])}  # "Korea is reported to have launched"
    controlled = dep in ("xcomp", "ccomp") and _lemma_in(tree.lower[head], OBJECT_CONTROL) and above.get("object")
    subjects = above["object"] if controlled else above.get("subject", []) or above.get("modifier", [])
    _put(places, "subject", *(index for index in subjects if index != act))
    if dep == "conj" and not places.get("object"):
        _put(places, "object", *(index for index in above.get("object", ()) if index > act))


def _lemma_in(form: str, lemmas: frozenset[str]) -> bool:
    stems = (form, form.removesuffix("s"), form.removesuffix("es"), form.removesuffix("d"), form.removesuffix("ed"))
    more = (form.removesuffix("ing"), form.removesuffix("ing") + "e")
    return form in ("told", "made", "sent", "led") or any(stem in lemmas for stem in (*stems, *more))


def _noun(tree: Tree, act: int, places: Arguments, depth: int) -> None:
    _put(places, "modifier", *tree.kids(act, *NOMINAL_MODIFIERS))
    _prepositions(tree, act, places)
    for child in tree.kids(act, "acl", "relcl") if depth < DEPTH - 1 else ():
        subjects = arguments(tree, child, depth + 1).get("subject", ())
        _put(places, "subject", *(index for index in subjects if index != act))
    dep, head = tree.deps[act], tree.heads[act]
    if depth >= DEPTH or head == act:
        return
    if dep in ("compound", "amod", "nmod", "poss"):
        _put(places, "object", head)
        above = arguments(tree, head, depth + 1)
        for place in SHARED_WITH_HEAD:
            _put(places, place, *(index for index in above.get(place, ()) if index != act))
    elif dep in ("dobj", "nsubjpass", "attr") and tree.is_verb(head):
        _carried(tree, act, head, places, depth)
    elif dep in ("conj", "appos"):
        for place, indexes in arguments(tree, head, depth + 1).items():
            if place not in places and place != "object":
                _put(places, place, *indexes)
    elif dep == "nsubj" and tree.is_verb(head):
        for place, indexes in arguments(tree, head, depth + 1).items():
            if place in ("on", "against", "in", "at", "near", "between", "with"):
                _put(places, place, *indexes)


def _carried(tree: Tree, act: int, verb: int, places: Arguments, depth: int) -> None:
    """ "Russia carried out a strike": the verb's parties are the noun's. "Japan condemns the launch": they are not."""
    light = tree.lower[verb] in LIGHT
    for place, indexes in arguments(tree, verb, depth + 1).items():
        if place not in ("object", "clause") and (light or place not in ("subject", "by")):
            _put(places, place, *(index for index in indexes if index != act))


def phrase(tree: Tree, head: int) -> list[int]:
    """Tokens of the noun phrase of `head`: its modifiers and its "of" phrase, without clauses and other phrases."""
    found = [head]
    for child in tree.children[head]:
        dep = tree.deps[child]
        if dep in (*NOMINAL_MODIFIERS, "det", "nummod", "quantmod", "case", "punct", "advmod") or (
            dep == "prep"
            and (tree.lower[child] == "of" or (tree.lower[child] in ("in", "worth") and _counts(tree, head)))
        ):
            found += tree.subtree(child, without=frozenset({"relcl", "acl", "appos"}))
    return sorted(found)


def _counts(tree: Tree, head: int) -> bool:
    """ "47 million in military aid": the number stands for the aid."""
    return tree.tags[head] in ("CD", "$") or tree.lower[head] in ("million", "billion", "dollars", "worth")
