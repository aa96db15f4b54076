"""Casting: of the actors that an item names, who most likely acts, and on whom.

The rules name parties by the parse of one sentence; here every actor of the item stands in a line-up, with what the
rules say of it as one reason among others: where it stands towards the act, between which words, in which order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from extractors.actors import Mention
from extractors.findings import Finding
from extractors.roles import Party, arguments
from extractors.second_opinion.features import Features
from extractors.sight import Word, stem
from extractors.syntax import Tree

FEW = 3
"""Ranks and counts above this are not told apart."""
STEPS = (1, 2, 3, 5, 8, 13, 21)
"""Distances in words that are told apart."""
OFF_STAGE = frozenset({"relcl", "acl"})
NOBODY = math.log(0.2 / 0.8)
"""An actor whose log-odds are below this is not cast."""
Places = Mapping[int, set[str]]
"""Places of the parse around an act, by the character where a word starts."""


@dataclass(frozen=True, slots=True)
class Name:
    """Words `start` to `end` (exclusive) of an item name an actor."""

    start: int
    end: int
    mention: Mention
    field: str

    def side(self, act: int, field: str) -> str:
        """Where it stands towards the act: before, after, around it, or in another field."""
        if self.field != field:
            return "apart"
        return "before" if self.end <= act else "after" if self.start > act else "around"


@dataclass(frozen=True, eq=False)
class Stage:
    """The words of an item, and what all its scenes read of them, found once."""

    words: Sequence[Word]
    _places: dict[tuple[int, ...], Places] = field(default_factory=dict, init=False)

    @cached_property
    def stems(self) -> list[str]:
        return [stem(word.text.lower()) for word in self.words]

    @cached_property
    def names(self) -> Mapping[str, Sequence[Name]]:
        """The actors by code, in the order in which they are first named."""
        found: list[Name] = []
        for index, word in enumerate(self.words):
            if word.mention is None:
                continue
            if found and found[-1].mention is word.mention and found[-1].end == index:
                found[-1] = replace(found[-1], end=index + 1)
            else:
                found.append(Name(index, index + 1, word.mention, word.field))
        rows: dict[str, list[Name]] = {}
        for name in found:
            rows.setdefault(name.mention.code, []).append(name)
        return rows

    def places(self, finding: Finding | None) -> Places:
        """Where the parse puts words around what a rule found; nowhere without a rule."""
        if finding is None:
            return {}
        candidate = finding.candidate
        roots = {candidate.act.root} | ({candidate.object.root} if candidate.object is not None else set())
        key = (id(candidate.tree), *sorted(roots))
        if key not in self._places:
            self._places[key] = _places(candidate.tree, sorted(roots))
        return self._places[key]


def _places(tree: Tree, roots: Sequence[int]) -> Places:
    found: dict[int, set[str]] = {}
    for root in roots:
        for place, heads in arguments(tree, root).items():
            for head in heads:
                for token in tree.subtree(head, without=OFF_STAGE):
                    found.setdefault(tree.starts[token], set()).add(place)
    return found


@dataclass(frozen=True, eq=False)
class Scene:
    """One act of an item: its type, where it stands, and the rules' finding if a rule found it."""

    kind: str
    stage: Stage
    field: str
    start: int
    finding: Finding | None = None

    @cached_property
    def act(self) -> int:
        """Index of the word where the act stands."""
        words = self.stage.words
        after = (i for i, word in enumerate(words) if word.field == self.field and word.start >= self.start)
        return next(after, len(words) - 1)

    @property
    def source(self) -> Party | None:
        return self.finding.candidate.source if self.finding else None

    @property
    def target(self) -> Party | None:
        return self.finding.candidate.target if self.finding else None


def scene_of(finding: Finding, stage: Stage) -> Scene:
    """The scene of what a rule found."""
    tree = finding.candidate.tree
    return Scene(finding.candidate.rule.type, stage, tree.field, tree.starts[finding.candidate.act.root], finding)


def lineup(scene: Scene) -> dict[str, Features]:
    """Features of each actor that the item names, by code."""
    act, names, places = scene.act, scene.stage.names, scene.stage.places(scene.finding)
    own = [name for rows in names.values() for name in rows if name.field == scene.field]
    before = sorted((name for name in own if name.end <= act), key=lambda name: name.start)
    after = sorted((name for name in own if name.start > act), key=lambda name: name.start)
    marked = {"first before": before[:1], "last before": before[-1:], "first after": after[:1]}
    rows = {}
    for order, (code, called) in enumerate(names.items()):
        near = min(called, key=lambda name: (name.field != scene.field, abs(name.start - act), name.start))
        found = [*_stands(scene, near), *_rank(scene.kind, order, len(names), len(called))]
        found += [mark for mark, chosen in marked.items() if near in chosen]
        found += [feature for name in called for feature in _around(scene, name)]
        found += _said(scene, code, near.side(act, scene.field))
        found += [f"code:{code}", f"code:{code}:{scene.kind}"]
        found += _placed(scene, {place for name in called for place in _in(places, scene.stage.words, name)})
        rows[code] = dict.fromkeys(found, 1.0)
    return rows


def _stands(scene: Scene, near: Name) -> list[str]:
    side, kind, distance = near.side(scene.act, scene.field), near.mention.kind, abs(near.start - scene.act)
    step = next((str(step) for step in STEPS if distance <= step), "far") if side != "apart" else side
    return [
        f"side:{side}", f"side:{side}:{step}", f"side:{side}:{scene.kind}", f"kind:{kind}:{side}",
        f"qualifier:{near.mention.qualifier}",
    ]  # fmt: skip


def _rank(kind: str, rank: int, actors: int, times: int) -> list[str]:
    rank = min(rank, FEW)
    return [f"rank:{rank}", f"rank:{rank}:{kind}", f"rank:{rank} of {min(actors, FEW + 1)}", f"times:{min(times, FEW)}"]


def _around(scene: Scene, name: Name) -> list[str]:
    """The words on both sides of a name."""
    side, words = name.side(scene.act, scene.field), scene.stage.words

    def word(index: int) -> str:
        inside = 0 <= index < len(words) and words[index].field == name.field
        return scene.stage.stems[index] if inside else ""

    left, right, then = word(name.start - 1), word(name.end), word(name.end + 1)
    return [
        f"left:{left}", f"left:{left}:{side}", f"left:{left}:{scene.kind}", f"right:{right}", f"right:{right}:{side}",
        f"then:{then}:{side}", f"called:{name.mention.kind}", *([] if left else [f"opens:{side}"]),
    ]  # fmt: skip


def _said(scene: Scene, code: str, side: str) -> list[str]:
    """What the rules say of the actor."""
    found = []
    for role, party in (("source", scene.source), ("target", scene.target)):
        if party is None:
            found.append(f"no {role}")
        elif party.code != code:
            found.append(f"other {role}")
        else:
            found += [f"is {role}", f"is {role}:{scene.kind}", f"is {role}:{side}", f"is {role}:{party.sure}"]
            if scene.finding is not None:
                found.append(f"is {role}:{scene.kind}:{scene.finding.candidate.frame.name}")
    return found


def _in(places: Places, words: Sequence[Word], name: Name) -> set[str]:
    return {place for word in words[name.start : name.end] for place in places.get(word.start, ())}


def _placed(scene: Scene, places: set[str]) -> list[str]:
    if scene.finding is None:
        return ["unparsed"]
    found = [feature for place in sorted(places) for feature in (f"place:{place}", f"place:{place}:{scene.kind}")]
    return found or ["place:none"]


class Cast:
    """The trained line-up: one logistic regression for each role."""

    def __init__(self, source: Mapping[str, float], target: Mapping[str, float]) -> None:
        self._source, self._target = source, target

    def parties(self, scene: Scene) -> tuple[str | None, str | None]:
        """Codes of who acts and who is acted on; None where nobody is likely."""
        rows = lineup(scene)
        source = _likeliest(self._source, rows)
        others = {code: as_target(row, source, code) for code, row in rows.items() if code != source}
        return source, _likeliest(self._target, others)

    def recast(self, finding: Finding, stage: Stage) -> Finding:
        """`finding` with the likeliest parties; those that the rules named too keep their token."""
        codes = self.parties(scene_of(finding, stage))
        candidate = finding.candidate
        source, target = map(_party, (candidate.source, candidate.target), codes)
        return replace(finding, candidate=replace(candidate, source=source, target=target))


def as_target(row: Features, source: str | None, code: str) -> Features:
    """`row` as the regression for targets reads it, which knows who acts."""
    return row | {"acts" if code == source else "source known" if source else "source unknown": 1.0}


def _likeliest(weights: Mapping[str, float], rows: Mapping[str, Features]) -> str | None:
    odds = {code: weights[""] + sum(weights.get(name, 0.0) * row[name] for name in row) for code, row in rows.items()}
    best = max(odds, key=lambda code: (odds[code], code), default=None)
    return best if best is not None and odds[best] >= NOBODY else None


def _party(said: Party | None, code: str | None) -> Party | None:
    if code is None:
        return None
    return said if said is not None and said.code == code else Party(code, -1, sure=False)
