"""Findings: candidates that were judged, how far to trust them, and which of them speak for an item. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from extractors.dates import occurred_on
from extractors.details import facts, place
from extractors.modality import Verdict
from extractors.roles import arguments
from extractors.rules import Candidate
from tocsin.model import Evidence, Modality, Trigger


@dataclass(frozen=True, eq=False)
class Finding:
    """A candidate that was judged: what a trigger is made of, and what a later model can weigh again."""

    candidate: Candidate
    verdict: Verdict
    confidence: float
    opinion: bool = False
    published: dt.date | None = None


def confidence(candidate: Candidate, opinion: bool) -> float:
    """How far to trust a candidate, 0 to 1: the frame's own, less for loose ties and missing parties."""
    value = candidate.frame.confidence * candidate.link
    if candidate.source is None:
        value *= 0.85
    elif not candidate.source.sure:
        value *= 0.92
    if opinion:
        value *= 0.85
    return round(value, 3)


def acts(findings: Iterable[Finding]) -> list[Finding]:
    """The most trusted finding of each act: several frames often see the same."""
    best: dict[tuple[str, Modality, str, int], Finding] = {}
    for finding in sorted(findings, key=_rank):
        tree, root = finding.candidate.tree, finding.candidate.act.root
        best.setdefault((type_of(finding), finding.verdict.modality, tree.field, tree.starts[root]), finding)
    return list(best.values())


def settle(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each (type, modality, source), the most trusted; guesses give way to what is certain."""
    best: dict[tuple[str, Modality, str | None], Finding] = {}
    rows = list(findings)
    spoken = {type_of(f) for f in rows if f.verdict.modality is not Modality.HAPPENED and f.verdict.cues}
    rows = [f for f in rows if f.verdict.firm or type_of(f) not in spoken]
    fresh = {type_of(f) for f in rows if f.verdict.modality is Modality.HAPPENED or f.verdict.cues}
    rows = [f for f in rows if f.verdict.modality is Modality.HAPPENED or f.verdict.cues or type_of(f) not in fresh]
    asserted = {type_of(f) for f in rows if f.verdict.modality is Modality.HAPPENED}
    rows = [f for f in rows if f.verdict.modality is Modality.HAPPENED or type_of(f) not in asserted]
    for finding in sorted(rows, key=_rank):
        code = finding.candidate.source.code if finding.candidate.source else None
        best.setdefault((finding.candidate.rule.type, finding.verdict.modality, code), finding)
    kept = []
    for (kind, modality, code), finding in best.items():
        if code is None and any(k == kind and m is modality and c for k, m, c in best):
            continue
        kept.append(finding)
    return sorted(
        kept,
        key=lambda f: (
            f.candidate.tree.field != "title",
            f.candidate.tree.starts[f.candidate.act.start],
            f.candidate.rule.id,
            f.verdict.modality,
        ),
    )


def type_of(finding: Finding) -> str:
    """The trigger type that a finding is of."""
    return finding.candidate.rule.type


def _rank(finding: Finding) -> tuple[float, bool, int, str, str]:
    candidate = finding.candidate
    return (
        -finding.confidence,
        candidate.tree.field != "title",
        candidate.tree.starts[candidate.act.start],
        candidate.rule.id,
        candidate.frame.name,
    )


def as_trigger(finding: Finding) -> Trigger:
    """The trigger that a finding becomes, with when, where and how many."""
    candidate = finding.candidate
    tree, act, obj = candidate.tree, candidate.act, candidate.object
    first, last = act.start, act.end
    if obj is not None and max(obj.end, act.end) - min(obj.start, act.start) <= 12:
        first, last = min(obj.start, act.start), max(obj.end, act.end)
    start, end = tree.starts[first], tree.ends[last - 1]
    return Trigger(
        type=candidate.rule.type,
        modality=finding.verdict.modality,
        source=candidate.source.code if candidate.source else None,
        target=candidate.target.code if candidate.target else None,
        object=tree.text(range(obj.start, obj.end)) if obj is not None else None,
        rule=candidate.rule.id,
        version=candidate.version,
        evidence=Evidence(tree.field, start, end, tree.text(range(first, last))),
        confidence=finding.confidence,
        severity=candidate.rule.severity,
        occurred_on=occurred_on(tree, act.root, finding.published),
        place=place(tree, act.root, arguments(tree, act.root)),
        facts=facts(tree, act, obj),
    )
