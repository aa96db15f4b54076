"""A learned second opinion: given an item's words and what the rules found, how likely each type has happened.

Three small models, trained by `benchmarks/train_second_opinion.py` and kept in one file of weights:

1. `n-grams`: logistic regression on hashed stems and pairs of stems, actors replaced by their class;
2. `nets`: word vectors, two convolutions over the neighbours of each word, and an attention of its own for each
   (type, modality); the word it attends to most is the evidence of a proposal;
3. `judge`: logistic regression on the two above and on the rules' findings (frame, cues, ties, parties).

Only words are read, never a parse, so that the opinion is the same whatever the gate let through to the parser.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.findings import Finding
from extractors.modality import Cue, Verdict
from extractors.sight import Encoded, Word, encode, grams, stem
from tocsin.config.triggers import Rule
from tocsin.model import Evidence, Modality, Trigger

Floats = NDArray[np.float32]
Features = dict[str, float]

NAME = "second_opinion"
"""Stands for a rule's id in a trigger that no rule found."""
WEIGHTS = Path(__file__).with_suffix(".npz")
MODALITIES = (Modality.HAPPENED, Modality.PROSPECTIVE, Modality.DENIED, Modality.PAST)
FLOOR = 0.02
"""A type that no rule found is weighed only where the models on words give it at least this probability."""
GLANCE = 0.05
"""An item in which no rule found anything is read further where the n-grams give some type this probability."""
INSTEAD = 0.3
"""Least probability of another modality for an act that has not happened to be kept under it."""


def _logit(p: Any) -> Any:
    kept = np.clip(p, 1e-4, 1 - 1e-4)
    return np.log(kept / (1 - kept))


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))


@dataclass(frozen=True, eq=False)
class Impression:
    """What the models on words say: `nets` is (modalities, types), `grams` (types,), `weight` (words, types)."""

    nets: Floats
    grams: Floats
    weight: Floats


def text_features(impression: Impression, column: int, *, found: bool) -> Features:
    """What the words say about the type in `column`, apart for types that the rules found and others."""
    p = impression.nets[:, column]
    row = {f"net:{m}": float(_logit(value)) / 3 for m, value in zip(MODALITIES, p, strict=True)}
    row["net:any"] = float(_logit(1 - np.prod(1 - p))) / 3
    row["net:others"] = float(_logit(np.delete(impression.nets[0], column).max())) / 3
    row["grams"] = float(_logit(impression.grams[column])) / 3
    return row | {f"{name}|{'found' if found else 'missed'}": value for name, value in row.items()}


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
        names += [f"cue:{cue.modality}:{cue.why}", f"why:{cue.modality}:{cue.why.partition(':')[0]}"]
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


@dataclass(frozen=True, slots=True)
class Opinion:
    """On one type: the probability that the item reports it as happened, the likeliest other modality, and evidence.

    `instead` is None where the type seems not to be in the text at all. `evidence` is the index of the word that
    speaks loudest for it.
    """

    kind: str
    probability: float
    instead: Modality | None
    evidence: int


class SecondOpinion:
    """The trained models. `bar` is the probability from which on a type counts as happened."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.types: tuple[str, ...] = tuple(_lines(weights["types"]))
        words, self.vectors = vocabulary_of(weights)
        self.vocabulary = {word: index for index, word in enumerate(words)}
        count = int(weights["nets"])
        self._nets = [
            {key.partition(".")[2]: weights[key].astype(np.float32) for key in weights if key.startswith(f"net{n}.")}
            for n in range(count)
        ]
        self._grams: Floats = weights["grams"].astype(np.float32) * weights["grams_scale"].astype(np.float32)
        self._grams_bias: Floats = weights["grams_bias"].astype(np.float32)
        self._judge = dict(zip(_lines(weights["judge_names"]), weights["judge"].tolist(), strict=True))
        self._judge_bias = float(weights["judge_bias"])
        self.bar = float(weights["bar"])
        self.version = f"{zlib.crc32(weights['judge'].tobytes()):08x}"

    def glance(self, words: Sequence[Word]) -> Floats:
        """What the n-grams alone say of each type."""
        hashed = grams(words)
        said: Floats = _sigmoid(self._grams[hashed].sum(0) / np.sqrt(max(len(hashed), 1)) + self._grams_bias)
        return said

    def impression(self, words: Sequence[Word], glance: Floats) -> Impression:
        """What all models on words say, given what `glance` said."""
        encoded = encode(words, self.vocabulary)
        results = [forward(net, self.vectors, encoded) for net in self._nets]
        shape = (len(MODALITIES), len(self.types))
        nets = np.mean([_sigmoid(out) for out, _ in results], axis=0).reshape(shape)
        weight = np.mean([share[:, : shape[1]] for _, share in results], axis=0)
        return Impression(nets, glance, weight)

    def weigh(
        self, words: Sequence[Word], findings: Sequence[Finding], spoken: frozenset[tuple[str, Modality]]
    ) -> dict[str, Opinion]:
        """An opinion on each type that a rule found or that the words suggest."""
        opinions = {}
        glance = self.glance(words)
        if not words or (not findings and glance.max() < GLANCE):
            return {}
        impression = self.impression(words, glance)
        for column, row in candidates(self.types, impression, findings, spoken):
            z = self._judge_bias + sum(self._judge.get(name, 0.0) * value for name, value in row.items())
            other = impression.nets[1:, column]
            best = int(other.argmax())
            instead = MODALITIES[1 + best] if other[best] >= INSTEAD else None
            kind, evidence = self.types[column], int(impression.weight[:, column].argmax())
            opinions[kind] = Opinion(kind, round(float(_sigmoid(z)), 3), instead, evidence)
        return opinions


def reconsider(findings: Sequence[Finding], opinions: Mapping[str, Opinion], bar: float) -> list[Finding]:
    """`findings` as the opinions have them; those of types on which there is none stay as they are.

    From `bar` on, a type has happened, if need be by its most trusted finding; below it, what the rules took as
    happened gets the likeliest other modality, or goes.
    """
    kept = []
    for kind in dict.fromkeys(f.candidate.rule.type for f in findings):
        own = [f for f in findings if f.candidate.rule.type == kind]
        opinion = opinions.get(kind)
        if opinion is None:
            kept += own
        elif opinion.probability >= bar:
            happened = [f for f in own if f.verdict.modality is Modality.HAPPENED]
            chosen = happened or [_turned(max(own, key=lambda f: f.confidence), Modality.HAPPENED)]
            kept += [replace(f, confidence=opinion.probability) for f in chosen]
        else:
            kept += [f for f in own if f.verdict.modality is not Modality.HAPPENED]
            if opinion.instead is not None:
                kept += [_turned(f, opinion.instead) for f in own if f.verdict.modality is Modality.HAPPENED]
    return kept


def _turned(finding: Finding, modality: Modality) -> Finding:
    root = finding.candidate.act.root
    cue = Cue(root, modality, f"second opinion: {finding.candidate.tree.words[root]}")
    return replace(finding, verdict=Verdict(modality, (*finding.verdict.cues, cue), firm=True))


def propose(opinion: Opinion, words: Sequence[Word], rule: Rule, version: str) -> Trigger:
    """A trigger of `rule`'s type that no rule found: the parties are the actors around the loudest word."""
    word = words[opinion.evidence]
    named = {
        other.mention.code: index
        for index, other in reversed(list(enumerate(words)))
        if other.mention is not None and other.field == word.field and not other.mention.qualifier
    }
    ranked = sorted(named, key=named.__getitem__)
    acting = [code for code in ranked if (mention := words[named[code]].mention) and mention.kind != "place"]
    before = [code for code in acting if named[code] <= opinion.evidence]
    source = next(iter(before or acting), None)
    after = [code for code in ranked if code != source and named[code] >= opinion.evidence]
    target = next(iter(after or [code for code in ranked if code != source]), None)
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


def forward(net: Mapping[str, Floats], vectors: Floats, item: Encoded) -> tuple[Floats, Floats]:
    """Logits of each (modality, type) and how much each word speaks for each."""
    hidden = np.concatenate(
        [vectors[item.vectors], net["stem"][item.stems], net["kind"][item.kinds], net["field"][item.fields]], axis=1
    )
    hidden = np.maximum(hidden @ net["w0"] + net["b0"], 0)
    for layer in ("1", "2"):
        padded = np.vstack([hidden, np.zeros((1, hidden.shape[1]), np.float32)])
        around = padded[item.near].reshape(len(hidden), -1)
        hidden = hidden + np.maximum(around @ net["w" + layer] + net["b" + layer], 0)
    attention = hidden @ net["query"]
    attention = np.exp(attention - attention.max(0))
    share = attention / attention.sum(0) * (hidden @ net["value"])
    return share.sum(0) + hidden.max(0) @ net["top"] + net["bias"], share


def _lines(packed: NDArray[np.uint8]) -> list[str]:
    return packed.tobytes().decode("utf-8").split("\n")


def vocabulary_of(weights: Mapping[str, Any]) -> tuple[list[str], Floats]:
    """The known words and their vectors, with one more for unknown words."""
    vectors = weights["vectors"].astype(np.float32) * weights["vector_scale"].astype(np.float32)[:, None]
    return _lines(weights["words"]), np.vstack([vectors, np.zeros((1, vectors.shape[1]), np.float32)])


def load_second_opinion(path: Path = WEIGHTS) -> SecondOpinion:
    """The models in the file `path`."""
    with np.load(path, allow_pickle=False) as weights:
        return SecondOpinion({key: weights[key] for key in weights.files})
