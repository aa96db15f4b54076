"""What the judge reads: what the models on words say of a type, and what the rules found of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.findings import Finding
from extractors.sight import stem
from tocsin.model import Modality

Floats = NDArray[np.float32]
Features = dict[str, float]

MODALITIES = (Modality.HAPPENED, Modality.PROSPECTIVE, Modality.DENIED, Modality.PAST)
FLOOR = 0.02
"""A type that no rule found is weighed only where the models on words give it at least this probability."""
GLANCE = 0.05
"""An item in which no rule found anything is read further where the n-grams give some type this probability."""

SAID = (*(f"net:{modality}" for modality in MODALITIES), "net:any", "net:others", "grams")
SAID_OF = {found: tuple(f"{name}|{'found' if found else 'missed'}" for name in SAID) for found in (True, False)}


@dataclass(frozen=True, eq=False)
class Impression:
    """What the models on words say: `nets` is (modalities, types), `grams` (types,), `weight` (words, types)."""

    nets: Floats
    grams: Floats
    weight: Floats

    @cached_property
    def said(self) -> list[list[float]]:
        """For each type, the log-odds (a third of them) under the names `SAID`."""
        happened = self.nets[0]
        first = int(happened.argmax())
        others = np.full(len(happened), happened[first])
        others[first] = np.delete(happened, first).max(initial=0)
        told = np.vstack([self.nets, 1 - np.prod(1 - self.nets, axis=0), others, self.grams])
        rows: list[list[float]] = (logit(told).T / 3).tolist()
        return rows


def logit(p: Any) -> Any:
    """Inverse of `sigmoid`, for probabilities that may be 0 or 1."""
    kept = np.clip(p, 1e-4, 1 - 1e-4)
    return np.log(kept / (1 - kept))


def sigmoid(z: Any) -> Any:
    """The probability that a sum of evidence stands for."""
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))


def text_features(impression: Impression, column: int, *, found: bool) -> Features:
    """What the words say about the type in `column`, apart for types that the rules found and others."""
    said = impression.said[column]
    return dict(zip((*SAID, *SAID_OF[found]), (*said, *said), strict=True))


def rule_features(kind: str, findings: Sequence[Finding], spoken: frozenset[tuple[str, Modality]]) -> Features:
    """What the rules say about the type `kind`; `spoken` are the types and modalities that they settled on."""
    own = [f for f in findings if f.candidate.rule.type == kind]
    row: Features = {f"type:{kind}": 1.0}
    if not own:
        return row | {"missed": 1.0, f"missed:{kind}": 1.0}
    for modality in MODALITIES:
        trust = [f.confidence for f in own if f.verdict.modality is modality]
        if trust:
            firm = any(f.verdict.firm for f in own if f.verdict.modality is modality)
            row |= {f"has:{modality}": 1.0, f"has:{modality}:{kind}": 1.0, f"trust:{modality}": max(trust)}
            row[f"firm:{modality}"] = float(firm)
    happened = [f for f in own if f.verdict.modality is Modality.HAPPENED]
    row["says"] = float((kind, Modality.HAPPENED) in spoken)
    row["count"] = min(len(happened), 4) / 4
    row["others"] = float(any(k != kind and m is Modality.HAPPENED for k, m in spoken))
    for finding in happened or own:
        row |= _finding(kind, finding)
    return row


def _finding(kind: str, finding: Finding) -> Features:
    candidate = finding.candidate
    tree, root = candidate.tree, candidate.act.root
    names = [
        f"frame:{kind}:{candidate.frame.name}", f"tag:{tree.tags[root]}", f"dep:{tree.deps[root]}",
        f"act:{stem(tree.lower[root])}", f"field:{tree.field}",
    ]  # fmt: skip
    if finding.verdict.modality is Modality.HAPPENED:
        names.append(f"happened:{kind}:{candidate.frame.name}")
    for cue in finding.verdict.cues:
        names += [f"cue:{cue.modality}:{cue.why}", f"why:{cue.modality}:{cue.kind}"]
    names += [
        name
        for name, holds in (
            ("source", candidate.source is not None),
            ("sure", candidate.source is not None and candidate.source.sure),
            ("target", candidate.target is not None),
            ("tied", candidate.link == 1),
            ("opinion", finding.opinion),
        )
        if holds
    ]
    return dict.fromkeys(names, 1.0)


def candidates(
    types: Sequence[str], impression: Impression, findings: Sequence[Finding], spoken: frozenset[tuple[str, Modality]]
) -> Iterator[tuple[int, Features]]:
    """Column and features of each type that a rule found or that the words suggest."""
    found = {f.candidate.rule.type for f in findings}
    if not found and impression.grams.max() < GLANCE:
        return
    for column, kind in enumerate(types):
        likely = max(float(impression.nets[0, column]), float(impression.grams[column])) >= FLOOR
        if kind in found or likely:
            row = rule_features(kind, findings, spoken)
            yield column, row | text_features(impression, column, found=kind in found)
