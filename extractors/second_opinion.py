"""A learned second opinion: given an item's words and what the rules found, how likely each type has happened.

Three small models, trained by `benchmarks/train_second_opinion.py` and kept in one file of weights:

1. `n-grams`: logistic regression on hashed stems and pairs of stems, actors replaced by their class;
2. `nets`: word vectors, two convolutions over the neighbours of each word, and an attention of its own for each
   (type, modality); the word it attends to most is the evidence of a proposal;
3. `judge`: logistic regression on the two above and on the rules' findings (frame, cues, ties, parties).

Only words are read, never a parse, so that the opinion is the same whatever the gate let through to the parser.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from extractors.actors import Mention
from extractors.modality import Cue, Verdict
from tocsin.config.triggers import Rule
from tocsin.model import Evidence, Modality, Trigger

if TYPE_CHECKING:
    from extractors.triggers import Finding

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]
Features = dict[str, float]

NAME = "second_opinion"
"""Stands for a rule's id in a trigger that no rule found."""
WEIGHTS = Path(__file__).with_suffix(".npz")
MODALITIES = (Modality.HAPPENED, Modality.PROSPECTIVE, Modality.DENIED, Modality.PAST)
BODIES = frozenset({"UN", "EU", "NATO", "IAEA", "G7"})
KINDS = ("", "name", "people", "capital", "leader", "body", "place", "group")
REACH = (-2, -1, 0, 1, 2)
"""Neighbours that a convolution sees, in words."""
MAX_WORDS = 110
STEMS, GRAMS = 4096, 1 << 15
FLOOR = 0.02
"""A type that no rule found is weighed only where the models on words give it at least this probability."""
INSTEAD = 0.3
"""Least probability of another modality for an act that has not happened to be kept under it."""
_SUFFIXES = ("ing", "ed", "es", "s", "ion", "ment")
_YEAR = re.compile(r"(?:19|20)\d\d")
_PARTS = re.compile(r"[-/']")
_ENTITY = re.compile(r"&(?:quot|amp|lt|gt|nbsp|#\d{2,5});")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of an item: where it stands and the actor it belongs to."""

    text: str
    field: str
    start: int
    mention: Mention | None = None

    @property
    def kind(self) -> int:
        """Class of the actor that the word names, 0 where it names none."""
        if self.mention is None:
            return 0
        if self.mention.code in BODIES:
            return 16
        return KINDS.index(self.mention.kind) + (8 if self.mention.qualifier else 0)


def sight(
    fields: Iterable[tuple[str, str]],
    tokenize: Callable[[str], tuple[str, ...]],
    find: Callable[[tuple[str, ...], tuple[str, ...]], Iterable[Mention]],
) -> tuple[Word, ...]:
    """The first words of the `fields` (name, text) of an item, each with the actor that `find` sees there."""
    words: list[Word] = []
    for field, text in fields:
        clean = _ENTITY.sub(lambda match: " " * len(match[0]), text)
        tokens = tokenize(clean)
        named = {
            index: mention
            for mention in find(tokens, tuple(token.lower().replace("’", "'") for token in tokens))
            for index in range(mention.start, mention.end)
        }
        at = 0
        for index, token in enumerate(tokens):
            at = clean.index(token, at)
            words.append(Word(token, field, at, named.get(index)))
            at += len(token)
    return tuple(words[:MAX_WORDS])


def stem(word: str) -> str:
    """A crude stem: what is left without a common ending."""
    if len(word) > 4:
        for suffix in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= 3:
                return word.removesuffix(suffix).rstrip("e")
        return word.rstrip("e")
    return word


def _hash(text: str, size: int) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % size


def grams(words: Sequence[Word]) -> list[int]:
    """Hashed stems and pairs of neighbouring stems; an actor is one stem, its class."""
    rows: dict[str, list[str]] = {}
    last: Mention | None = None
    for word in words:
        row = rows.setdefault(word.field, [])
        if word.mention is None:
            row.append(_plain(word.text))
        elif word.mention is not last:
            row.append(_actor(word.mention))
        last = word.mention
    found = set()
    for row in rows.values():
        found.update(row)
        found.update(f"{one} {other}" for one, other in zip(["^", *row], [*row, "$"], strict=True))
    return sorted({_hash(text, GRAMS) for text in found})


def _plain(text: str) -> str:
    text = text.lower().replace("’", "'")
    if any(char.isdigit() for char in text):
        return "#year" if _YEAR.fullmatch(text) else "#"
    return stem(text)


def _actor(mention: Mention) -> str:
    kind = "@group" if mention.kind == "group" else "@body" if mention.code in BODIES else "@state"
    return kind + ("-" if mention.qualifier else "")


@dataclass(frozen=True, eq=False)
class Encoded:
    """An item as the nets read it: one row of numbers for each word, and its neighbours (the last row is empty)."""

    vectors: Ints
    stems: Ints
    kinds: Ints
    fields: Ints
    near: Ints


def encode(words: Sequence[Word], vocabulary: Mapping[str, int]) -> Encoded:
    """`words` in numbers; `vocabulary` tells the row of a word's vector, with one more row for unknown words."""
    size = len(words)
    fields = np.array([word.field != "title" for word in words], dtype=np.intp)
    at = np.arange(size)[:, None] + np.array(REACH)
    inside = (at >= 0) & (at < size)
    near = np.where(inside & (fields[np.clip(at, 0, size - 1)] == fields[:, None]), at, size)
    return Encoded(
        np.array([_vector(word.text.lower().replace("’", "'"), vocabulary) for word in words], dtype=np.intp),
        np.array([_hash(stem(word.text.lower()), STEMS) for word in words], dtype=np.intp),
        np.array([word.kind for word in words], dtype=np.intp),
        fields,
        near.astype(np.intp),
    )


def _vector(word: str, vocabulary: Mapping[str, int]) -> int:
    if word in vocabulary:
        return vocabulary[word]
    if any(char.isdigit() for char in word):
        return vocabulary.get("#", len(vocabulary))
    return next((vocabulary[part] for part in reversed(_PARTS.split(word)) if part in vocabulary), len(vocabulary))


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

    def impression(self, words: Sequence[Word]) -> Impression:
        """What the words alone say."""
        hashed = grams(words)
        linear = self._grams[hashed].sum(0) / np.sqrt(max(len(hashed), 1)) + self._grams_bias
        encoded = encode(words, self.vocabulary)
        results = [forward(net, self.vectors, encoded) for net in self._nets]
        shape = (len(MODALITIES), len(self.types))
        nets = np.mean([_sigmoid(out) for out, _ in results], axis=0).reshape(shape)
        weight = np.mean([share[:, : shape[1]] for _, share in results], axis=0)
        return Impression(nets, _sigmoid(linear), weight)

    def weigh(
        self, words: Sequence[Word], findings: Sequence[Finding], spoken: frozenset[tuple[str, Modality]]
    ) -> dict[str, Opinion]:
        """An opinion on each type that a rule found or that the words suggest."""
        opinions = {}
        if not words:
            return {}
        impression = self.impression(words)
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
