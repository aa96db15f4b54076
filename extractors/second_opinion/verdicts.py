"""What becomes of the rules' findings, and of what no rule found, once the judge has spoken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from extractors.findings import Finding
from extractors.modality import Cue, CueKind, Verdict
from extractors.second_opinion.casting import Cast, Scene, Stage
from extractors.second_opinion.models import Opinion
from tocsin.config.triggers import Rule
from tocsin.model import Evidence, Modality, Trigger

NAME = "second_opinion"
"""Stands for a rule's id in a trigger that no rule found."""
SURE = 0.5
"""Least probability of having happened against rules that firmly read something else."""


def reconsider(findings: Sequence[Finding], opinions: Mapping[str, Opinion]) -> list[Finding]:
    """`findings` as the opinions have them; those of types on which there is none stay as they are.

    A type that holds has happened, unless the rules are surer that it has not; another has the likeliest other
    modality, or goes. The findings that the rules read so speak for it, or else the most trusted one.
    """
    kept = []
    for kind in dict.fromkeys(f.candidate.rule.type for f in findings):
        own = [f for f in findings if f.candidate.rule.type == kind]
        opinion = opinions.get(kind)
        if opinion is None:
            kept += own
            continue
        modality = Modality.HAPPENED if opinion.holds else opinion.instead
        if modality is Modality.HAPPENED and _against(own) and (opinion.probability < SURE or _asked(own)):
            kept += own
            continue
        if modality is None:
            continue
        chosen = [f for f in own if f.verdict.modality is modality]
        chosen = chosen or [_turned(max(own, key=lambda f: f.confidence), modality)]
        kept += [replace(f, confidence=opinion.of(modality)) for f in chosen]
    return kept


def _against(findings: Sequence[Finding]) -> bool:
    """Whether the rules are sure that it has not happened."""
    return all(f.verdict.firm and f.verdict.modality is not Modality.HAPPENED for f in findings)


def _asked(findings: Sequence[Finding]) -> bool:
    """Whether it is only asked: "Will the US lift sanctions?"; the nets hardly see a difference."""
    return all(any(cue.kind is CueKind.QUESTION for cue in f.verdict.cues) for f in findings)


def _turned(finding: Finding, modality: Modality) -> Finding:
    root = finding.candidate.act.root
    cue = Cue(root, modality, CueKind.SECOND_OPINION, finding.candidate.tree.words[root])
    return replace(finding, verdict=Verdict(modality, (*finding.verdict.cues, cue), firm=True))


def propose(opinion: Opinion, stage: Stage, rule: Rule, cast: Cast, version: str) -> Trigger:
    """A trigger of `rule`'s type that no rule found, with the loudest word as its evidence."""
    word = stage.words[opinion.evidence]
    source, target = cast.parties(Scene(opinion.kind, stage, word.field, word.start))
    return Trigger(
        type=opinion.kind,
        modality=Modality.HAPPENED,
        source=source,
        target=target,
        object=None,
        rule=NAME,
        version=version,
        evidence=Evidence(word.field, word.start, word.start + len(word.text), word.text),
        confidence=opinion.probability,
        severity=rule.severity,
    )
