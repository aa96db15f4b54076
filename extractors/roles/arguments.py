"""The places around an act: its logical subject and object, its modifiers and its prepositional phrases."""

from __future__ import annotations

from extractors.roles.words import ACCUSE, LIGHT, OBJECT_CONTROL
from extractors.syntax import Tree

Arguments = dict[str, list[int]]
NOMINAL_MODIFIERS = ("compound", "amod", "nmod", "poss", "npadvmod")


def arguments(tree: Tree, act: int, depth: int = 0) -> Arguments:
    """Heads of everything that depends on `act` logically, by place. A noun takes in the verb that carries it."""
    places: Arguments = {}
    if tree.is_verb(act) and tree.deps[act] not in ("amod", "compound"):
        _verb(tree, act, places, depth)
    else:
        _noun(tree, act, places, depth)
    return places


def _put(places: Arguments, place: str, index: int) -> None:
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
            for obj in objects:
                _put(places, tree.lower[child], obj)
            for nested in tree.kids(child, "prep"):
                for obj in tree.kids(nested, "pobj"):
                    _put(places, tree.lower[nested], obj)


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
    for child in tree.kids(act, "nsubj", "csubj"):
        _put(
            places, "object" if passive and tree.tags[act] == "VBN" and tree.kids(act, "auxpass") else "subject", child
        )
    for child in tree.kids(act, "nsubjpass", "dobj", "attr", "oprd"):
        _put(places, "object", child)
    for child in tree.kids(act, "dative"):
        if not tree.children[child] or tree.tags[child].startswith(("NN", "PRP")):
            _put(places, "to", child)
    for child in tree.kids(act, "xcomp", "ccomp"):
        _put(places, "clause", child)
    _prepositions(tree, act, places)
    for child in tree.kids(act, "dobj"):
        # Parsers hang "to Kyiv" in "sends tanks to Kyiv" now on the verb, now on the noun.
        for index in (child, *tree.kids(child, "conj")):
            _prepositions(tree, index, places)
    if passive:
        for obj in places.get("by", []):
            _put(places, "subject", obj)
    dep, head = tree.deps[act], tree.heads[act]
    if dep == "xcomp" and not tree.is_verb(head):
        _put(places, "subject", head)
    elif dep == "acl" and head != act:
        _put(places, "object" if tree.tags[act] == "VBN" else "subject", head)
    elif dep == "relcl":
        _relative(tree, act, head, places)
    elif dep in ("xcomp", "advcl", "conj", "pcomp", "ccomp") and "subject" not in places and not passive:
        _inherited(tree, act, places, depth)
    elif dep == "conj" and passive and "object" not in places:
        above = arguments(tree, head, depth + 1) if depth < 4 else {}
        for obj in above.get("object", []):
            _put(places, "object", obj)


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
    if depth > 4:
        return
    head = tree.heads[act]
    if tree.deps[act] == "pcomp":
        governor = tree.heads[head]
        above = arguments(tree, governor, depth + 1) if governor not in (head, act) else {}
        if tree.lower[governor] in ACCUSE and above.get("object"):
            above = {"subject": above["object"]}
    else:
        above = arguments(tree, head, depth + 1)
    if tree.deps[act] == "xcomp" and _passive(tree, head) and not above.get("subject"):
        above = {"subject": above.get("object", [])}  # "Korea is reported to have launched"
    controlled = (
        tree.deps[act] in ("xcomp", "ccomp") and _lemma_in(tree.lower[head], OBJECT_CONTROL) and above.get("object")
    )
    for subject in above["object"] if controlled else above.get("subject", []) or above.get("modifier", []):
        if subject != act:
            _put(places, "subject", subject)
    if tree.deps[act] == "conj" and not places.get("object"):
        for obj in above.get("object", []):
            if obj > act:
                _put(places, "object", obj)


def _lemma_in(form: str, lemmas: frozenset[str]) -> bool:
    stems = (form, form.removesuffix("s"), form.removesuffix("es"), form.removesuffix("d"), form.removesuffix("ed"))
    more = (form.removesuffix("ing"), form.removesuffix("ing") + "e")
    return form in ("told", "made", "sent", "led") or any(stem in lemmas for stem in (*stems, *more))


def _noun(tree: Tree, act: int, places: Arguments, depth: int) -> None:
    for child in tree.kids(act, *NOMINAL_MODIFIERS):
        _put(places, "modifier", child)
    _prepositions(tree, act, places)
    for child in tree.kids(act, "acl", "relcl"):
        for sub in arguments(tree, child, depth + 1).get("subject", []) if depth < 3 else []:
            if sub != act:
                _put(places, "subject", sub)
    dep, head = tree.deps[act], tree.heads[act]
    if depth > 3 or head == act:
        return
    if dep in ("compound", "amod", "nmod", "poss"):
        _put(places, "object", head)
        above = arguments(tree, head, depth + 1)
        for place in ("modifier", "subject", "by", "on", "against", "in", "to", "with", "near", "at", "from"):
            for index in above.get(place, []):
                if index != act:
                    _put(places, place, index)
    elif dep in ("dobj", "nsubjpass", "attr") and tree.is_verb(head):
        _carried(tree, act, head, places, depth)
    elif dep in ("conj", "appos"):
        above = arguments(tree, head, depth + 1)
        for place, rows in above.items():
            if place not in places and place != "object":
                for index in rows:
                    _put(places, place, index)
    elif dep == "nsubj" and tree.is_verb(head):
        for place, rows in arguments(tree, head, depth + 1).items():
            if place in ("on", "against", "in", "at", "near", "between", "with"):
                for index in rows:
                    _put(places, place, index)


def _carried(tree: Tree, act: int, verb: int, places: Arguments, depth: int) -> None:
    """ "Russia carried out a strike": the verb's parties are the noun's. "Japan condemns the launch": they are not."""
    light = tree.lower[verb] in LIGHT
    for place, rows in arguments(tree, verb, depth + 1).items():
        if place not in ("object", "clause") and (light or place not in ("subject", "by")):
            for index in rows:
                if index != act:
                    _put(places, place, index)


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
