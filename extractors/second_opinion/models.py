"""The trained models and what they say of an item."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.findings import Finding
from extractors.second_opinion.casting import Cast
from extractors.second_opinion.features import GLANCE, MODALITIES, Floats, Impression, candidates, sigmoid
from extractors.sight import Encoded, Word, encode, grams
from tocsin.model import Modality

WEIGHTS = Path(__file__).with_name("weights.npz")
WORD = re.compile(r"[^\W\d_]+")
INSTEAD = 0.2
"""Least probability of another modality for an act that has not happened to be kept under it."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """On one type: how likely the item tells it in each of `MODALITIES`; `evidence` is the word that says so most.

    From `bar` on, the type counts as happened.
    """

    kind: str
    probabilities: tuple[float, ...]
    evidence: int
    bar: float

    @property
    def probability(self) -> float:
        """How likely it has happened."""
        return self.probabilities[0]

    @property
    def holds(self) -> bool:
        """Whether it counts as happened."""
        return self.probability >= self.bar

    @property
    def instead(self) -> Modality | None:
        """The likeliest other modality; None where the type seems not to be in the text at all."""
        best = max(range(1, len(MODALITIES)), key=self.probabilities.__getitem__)
        return MODALITIES[best] if self.probabilities[best] >= INSTEAD else None

    def of(self, modality: Modality) -> float:
        """How likely the item tells it so."""
        return self.probabilities[MODALITIES.index(modality)]


class Glimpse(Enum):
    """What becomes of an item whose words were summed up."""

    HOPELESS = "no act of a known type can be in it: the rules for them are not tried"
    PLAIN = "it is looked at if a rule finds something"
    WORTH = "it is looked at whether or not a rule finds anything"


class SecondOpinion:
    """The trained models. `bars` holds the probability from which on each type counts as happened.

    `version` names the file that the weights come from, see `version_of`.
    """

    def __init__(self, weights: Mapping[str, Any], version: str = "unsaved") -> None:
        self.version = version
        self.types: tuple[str, ...] = tuple(_lines(weights["types"]))
        words, self.vectors = vocabulary_of(weights)
        self.vocabulary = {word: index for index, word in enumerate(words)}
        self._net = net_of(weights, "net.")
        self._grams: Floats = weights["grams"].astype(np.float32) * weights["grams_scale"].astype(np.float32)
        self._grams_bias: Floats = weights["grams_bias"].astype(np.float32)
        self._judge: Floats = weights["judge"]
        self._judge_row = {name: row for row, name in enumerate(_lines(weights["judge_names"]))}
        self._judge_bias: Floats = weights["judge_bias"]
        self._glimpse: dict[str, int] = dict(
            zip(_lines(weights["glimpse_words"]), weights["glimpse"].tolist(), strict=True)
        )
        self._hopeless, self._least = int(weights["glimpse_hopeless"]), int(weights["glimpse_least"])
        self.cast = Cast(*(_regression(weights, role) for role in ("source", "target")))
        self.bars: tuple[float, ...] = tuple(weights["bars"].tolist())

    def glimpse(self, text: str) -> Glimpse:
        """What `text`, in lower case, is worth at first sight.

        Told in microseconds, by the sum of what its words speak for an act of any type.
        """
        words = set(WORD.findall(text))
        spoken = sum(self._glimpse.get(word, 0) for word in words)
        if not words or spoken < self._hopeless:
            return Glimpse.HOPELESS
        return Glimpse.WORTH if spoken >= self._least else Glimpse.PLAIN

    def glance(self, words: Sequence[Word]) -> Floats:
        """What the n-grams alone say of each type."""
        hashed = grams(words)
        said: Floats = sigmoid(self._grams[hashed].sum(0) / np.sqrt(max(len(hashed), 1)) + self._grams_bias)
        return said

    def impression(self, words: Sequence[Word], glance: Floats) -> Impression:
        """What all models on words say, given what `glance` said."""
        logits, share = forward(self._net, self.vectors, encode(words, self.vocabulary))
        kinds = len(self.types)
        return Impression(sigmoid(logits).reshape(len(MODALITIES), kinds), glance, share[:, :kinds])

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
            known = {self._judge_row[name]: value for name, value in row.items() if name in self._judge_row}
            z = np.array(list(known.values()), np.float32) @ self._judge[list(known)] + self._judge_bias
            said = tuple(round(float(p), 3) for p in sigmoid(z))
            kind, loudest = self.types[column], int(impression.weight[:, column].argmax())
            opinions[kind] = Opinion(kind, said, loudest, self.bars[column])
        return opinions


def forward(net: Mapping[str, Floats], vectors: Floats, item: Encoded) -> tuple[Floats, Floats]:
    """Logits of each (modality, type) and how much each word speaks for each."""
    hidden = np.concatenate(
        [vectors[item.vectors], net["stem"][item.stems], net["kind"][item.kinds], net["field"][item.fields]], axis=1
    )
    hidden = np.maximum(hidden @ net["w0"] + net["b0"], 0)
    for layer, near in enumerate(item.near, start=1):
        padded = np.vstack([hidden, np.zeros((1, hidden.shape[1]), np.float32)])
        around = padded[near].reshape(len(hidden), -1)
        hidden = hidden + np.maximum(around @ net[f"w{layer}"] + net[f"b{layer}"], 0)
    attention = hidden @ net["query"]
    attention = np.exp(attention - attention.max(0))
    share = attention / attention.sum(0) * (hidden @ net["value"])
    return share.sum(0) + hidden.max(0) @ net["top"] + net["bias"], share


def net_of(weights: Mapping[str, Any], prefix: str) -> dict[str, Floats]:
    """The arrays of the net whose names start with `prefix`, by the rest of their names."""
    return {key.removeprefix(prefix): weights[key].astype(np.float32) for key in weights if key.startswith(prefix)}


def _lines(packed: NDArray[np.uint8]) -> list[str]:
    return packed.tobytes().decode("utf-8").split("\n")


def _regression(weights: Mapping[str, Any], role: str) -> dict[str, float]:
    """Weights by the name of the feature; the bias under the empty name."""
    names = _lines(weights[f"{role}_names"])
    return dict(zip(names, weights[role].tolist(), strict=True)) | {"": float(weights[f"{role}_bias"])}


def vocabulary_of(weights: Mapping[str, Any]) -> tuple[list[str], Floats]:
    """The known words and their vectors, with one more for unknown words."""
    vectors = weights["vectors"].astype(np.float32) * weights["vector_scale"].astype(np.float32)[:, None]
    return _lines(weights["words"]), np.vstack([vectors, np.zeros((1, vectors.shape[1]), np.float32)])


def load_second_opinion(path: Path = WEIGHTS) -> SecondOpinion:
    """The models in the file `path`."""
    with np.load(path, allow_pickle=False) as weights:
        return SecondOpinion({key: weights[key] for key in weights.files}, version_of(path))


def version_of(path: Path = WEIGHTS) -> str:
    """Digest of all arrays in the file `path`, by the sums that the file keeps of them: nothing is loaded."""
    with zipfile.ZipFile(path) as file:
        sums = sorted(f"{member.filename} {member.CRC:08x}" for member in file.infolist())
    return f"{zlib.crc32(' '.join(sums).encode()):08x}"
