"""What `train_second_opinion.py` learns with: word vectors, the small nets and logistic regressions, all in NumPy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from extractors.second_opinion.features import MODALITIES, Floats
from extractors.sight import REACH, STEMS, STEPS, WORD_KINDS, Encoded, Ints

SEED = 20261124
LENGTH = 4
"""Of every word vector."""
VOCABULARY, VECTOR, WINDOW = 15_000, 64, 5
HIDDEN, STEM, KIND, FIELD = 96, 16, 16, 4
LAYERS = range(1, len(STEPS) + 1)
"""Numbers of the convolutions."""
EPOCHS, BATCH, RATE, DECAY, DROP, HIDE, OTHERS = 13, 32, 2e-3, 0.02, 0.3, 0.1, 0.5
"""`DROP` is the share of activations and `HIDE` of words left out; `OTHERS` what modalities but happened count."""


def word_vectors(texts: Iterable[str], tokenize: Callable[[str], Sequence[str]]) -> tuple[list[str], Floats]:
    """Vocabulary and vectors: singular vectors of the positive mutual information of neighbouring words."""
    tokens: list[str] = []
    for text in texts:
        for word in tokenize(text):
            tokens.append("#" if any(c.isdigit() for c in word) else word.lower().replace("’", "'"))
        tokens += [""] * WINDOW
    counts = Counter(token for token in tokens if token and "\n" not in token)
    words = [word for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:VOCABULARY]]
    at = {word: index for index, word in enumerate(words)}
    sequence = np.array([at.get(token, -1) for token in tokens], dtype=np.int64)
    together = np.zeros((len(words), len(words)), np.float32)
    for distance in range(1, WINDOW + 1):
        one, other = sequence[:-distance], sequence[distance:]
        both = (one >= 0) & (other >= 0)
        np.add.at(together.reshape(-1), one[both] * len(words) + other[both], np.float32(1 / distance**0.6))
    together += together.T.copy()
    rows_, smooth = together.sum(1, keepdims=True), together.sum(0) ** 0.75
    with np.errstate(divide="ignore", invalid="ignore"):
        np.log(together / rows_ / (smooth / smooth.sum()), out=together)
    np.maximum(np.nan_to_num(together, copy=False, neginf=0.0), 0, out=together)
    return words, _singular(together)


def _singular(matrix: Floats) -> Floats:
    basis = np.random.default_rng(SEED).standard_normal((len(matrix), VECTOR + 16)).astype(np.float32)
    for _ in range(4):
        basis, _ = np.linalg.qr(matrix @ (matrix.T @ basis))
    left, strength, _ = np.linalg.svd(basis.T @ matrix, full_matrices=False)
    vectors = (basis @ left)[:, :VECTOR] * np.sqrt(strength[:VECTOR])
    return np.asarray(vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9) * LENGTH, dtype=np.float32)


class Adam:
    """The usual optimiser, with decoupled decay of weight matrices and clipped gradients."""

    def __init__(self, weights: dict[str, Floats], decay: float) -> None:
        self.weights, self._decay, self._steps = weights, decay, 0
        self._mean = {name: np.zeros_like(w) for name, w in weights.items()}
        self._square = {name: np.zeros_like(w) for name, w in weights.items()}

    def step(self, gradients: dict[str, Floats], rate: float) -> None:
        self._steps += 1
        norm = float(np.sqrt(sum(float((g * g).sum()) for g in gradients.values())))
        for name, gradient in gradients.items():
            g = gradient * min(1.0, 1 / (norm + 1e-9))
            self._mean[name] = 0.9 * self._mean[name] + 0.1 * g
            self._square[name] = 0.98 * self._square[name] + 0.02 * g * g
            mean = self._mean[name] / (1 - 0.9**self._steps)
            square = self._square[name] / (1 - 0.98**self._steps)
            decay = self._decay * self.weights[name] if self.weights[name].ndim == 2 else 0.0
            self.weights[name] -= rate * (mean / (np.sqrt(square) + 1e-6) + decay)


@dataclass(frozen=True, eq=False)
class Batch:
    """Several items as one row of words."""

    item: Encoded
    starts: Ints
    owner: Ints


def batch(items: Sequence[Encoded]) -> Batch:
    sizes = np.array([len(item.stems) for item in items])
    starts, total = np.concatenate([[0], np.cumsum(sizes)[:-1]]), int(sizes.sum())
    near = [np.where(i.near < len(i.stems), i.near + s, total) for i, s in zip(items, starts, strict=True)]

    def joined(name: str) -> Ints:
        return np.concatenate([getattr(item, name) for item in items])

    item = Encoded(joined("vectors"), joined("stems"), joined("kinds"), joined("fields"), np.concatenate(near, axis=1))
    return Batch(item, starts, np.repeat(np.arange(len(items)), sizes))


def fresh_net(random: np.random.Generator, vector: int, outputs: int, hidden: int) -> dict[str, Floats]:
    def normal(height: int, width: int, spread: float) -> Floats:
        return (random.standard_normal((height, width)) * spread).astype(np.float32)

    inputs, around = vector + STEM + KIND + FIELD, len(REACH) * hidden
    net = {"stem": normal(STEMS, STEM, 0.1), "kind": normal(WORD_KINDS, KIND, 0.3), "field": normal(2, FIELD, 0.3)}
    net |= {"w0": normal(inputs, hidden, (1.5 / inputs) ** 0.5), "b0": np.zeros(hidden, np.float32)}
    for layer in LAYERS:
        net |= {f"w{layer}": normal(around, hidden, around**-0.5), f"b{layer}": np.zeros(hidden, np.float32)}
    net |= {name: normal(hidden, outputs, 0.05) for name in ("query", "value", "top")}
    return net | {"bias": np.full(outputs, -4, np.float32)}


class Scatter:
    """Adds rows of values into the places that `index` names, repeated ones included; faster than np.add.at."""

    def __init__(self, index: Ints) -> None:
        self._order = np.argsort(index, kind="stable")
        ranked = index[self._order]
        self._first = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._places = ranked[self._first]

    def add(self, into: Floats, values: Floats) -> None:
        into[self._places] += np.add.reduceat(values[self._order], self._first, axis=0)


def gradients(
    net: dict[str, Floats], vectors: Floats, b: Batch, wanted: Floats, worth: Floats, random: np.random.Generator
) -> dict[str, Floats]:
    """Gradients of the cross-entropy on one batch, with dropout; mirrors `extractors.second_opinion.forward`."""
    item, owner, starts = b.item, b.owner, b.starts
    known = random.random(len(owner)) > HIDE

    def kept(shape: tuple[int, ...]) -> Floats:
        return (random.random(shape, dtype=np.float32) > DROP) / np.float32(1 - DROP)

    row = np.where(known, item.vectors, len(vectors) - 1)
    parts = [vectors[row], net["stem"][item.stems] * known[:, None], net["kind"][item.kinds], net["field"][item.fields]]
    inputs = np.concatenate(parts, axis=1).astype(np.float32)
    masks = [kept(inputs.shape)]
    inputs = inputs * masks[0]
    active = [inputs @ net["w0"] + net["b0"]]
    hidden, seen = np.maximum(active[0], 0), [inputs]
    for layer in LAYERS:
        padded = np.vstack([hidden, np.zeros((1, hidden.shape[1]), np.float32)])
        masks.append(kept((len(hidden), len(REACH) * hidden.shape[1])))
        seen.append(padded[item.near[layer - 1]].reshape(len(hidden), -1) * masks[-1])
        active.append(seen[-1] @ net[f"w{layer}"] + net[f"b{layer}"])
        hidden = hidden + np.maximum(active[-1], 0)
    attention = hidden @ net["query"]
    attention = np.exp(attention - np.maximum.reduceat(attention, starts, axis=0)[owner])
    attention /= np.add.reduceat(attention, starts, axis=0)[owner]
    value, top = hidden @ net["value"], np.maximum.reduceat(hidden, starts, axis=0)
    pooled = np.add.reduceat(attention * value, starts, axis=0)
    logits = pooled + top @ net["top"] + net["bias"]
    error = ((1 / (1 + np.exp(-logits)) - wanted) * worth / len(wanted)).astype(np.float32)

    out = {"bias": error.sum(0), "top": top.T @ error}
    highest = hidden == top[owner]
    d_hidden = highest * (error @ net["top"].T / np.add.reduceat(highest.astype(np.float32), starts, axis=0))[owner]
    d_value, d_query = error[owner] * attention, error[owner] * attention * (value - pooled[owner])
    out |= {"value": hidden.T @ d_value, "query": hidden.T @ d_query}
    d_hidden = d_hidden + d_value @ net["value"].T + d_query @ net["query"].T
    for layer in reversed(LAYERS):
        inner = d_hidden * (active[layer] > 0)
        out |= {f"w{layer}": seen[layer].T @ inner, f"b{layer}": inner.sum(0)}
        around = (inner @ net[f"w{layer}"].T * masks[layer]).reshape(-1, hidden.shape[1])
        back = np.zeros((len(hidden) + 1, hidden.shape[1]), np.float32)
        Scatter(item.near[layer - 1].reshape(-1)).add(back, around)
        d_hidden = d_hidden + back[:-1]
    inner = d_hidden * (active[0] > 0)
    out |= {"w0": inputs.T @ inner, "b0": inner.sum(0)}
    d_inputs = inner @ net["w0"].T * masks[0]
    at = vectors.shape[1]
    for name, index, width in (("stem", item.stems, STEM), ("kind", item.kinds, KIND), ("field", item.fields, FIELD)):
        piece = d_inputs[:, at : at + width] * (known[:, None] if name == "stem" else 1)
        out[name] = np.zeros_like(net[name])
        Scatter(index).add(out[name], piece)
        at += width
    return out


def train_net(
    items: Sequence[Encoded], wanted: Floats, trust: Floats, vectors: Floats, seed: int, *, hidden: int = HIDDEN,
    epochs: int = EPOCHS,
) -> dict[str, Floats]:  # fmt: skip
    """A net fitted to `wanted`, one column for each (modality, type); `trust` tells what each item counts."""
    random = np.random.default_rng([SEED, seed])
    net = fresh_net(random, vectors.shape[1], wanted.shape[1], hidden)
    worth = np.full(wanted.shape[1], OTHERS, np.float32)
    worth[: wanted.shape[1] // len(MODALITIES)] = 1
    adam, steps, step = Adam(net, DECAY), epochs * -(-len(items) // BATCH), 0
    for _ in range(epochs):
        order = random.permutation(len(items))
        for first in range(0, len(items), BATCH):
            chosen, done = order[first : first + BATCH], step / steps
            counts = trust[chosen, None] * worth
            found = gradients(net, vectors, batch([items[i] for i in chosen]), wanted[chosen], counts, random)
            adam.step(found, RATE * min(1, done * 10 + 0.01) * (1 - done) + 1e-5)
            step += 1
    return net


@dataclass(frozen=True, eq=False)
class Sparse:
    """Rows of (column, value), one after another."""

    columns: Ints
    values: Floats
    starts: Ints

    def times(self, weights: Floats) -> Floats:
        return np.add.reduceat(weights[self.columns] * self.values[:, None], self.starts, axis=0)


def sparse(table: Sequence[dict[int, float]]) -> Sparse:
    """`table` as one; empty rows get a zero in column 0."""
    filled = [row or {0: 0.0} for row in table]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in filled])[:-1]]).astype(np.intp)
    columns = np.array([column for row in filled for column in row], dtype=np.intp)
    return Sparse(columns, np.array([v for row in filled for v in row.values()], dtype=np.float32), starts)


def logistic(x: Sparse, wanted: Floats, size: int, penalty: float, steps: int = 150) -> tuple[Floats, Floats]:
    """Weights and biases of one logistic regression for each column of `wanted`, with a quadratic penalty."""
    weights = {"w": np.zeros((size, wanted.shape[1]), np.float32), "b": np.full(wanted.shape[1], -3, np.float32)}
    owner = np.repeat(np.arange(len(wanted)), np.diff([*x.starts, len(x.columns)]))
    columns = Scatter(x.columns)
    mean = {name: np.zeros_like(w) for name, w in weights.items()}
    square = {name: np.zeros_like(w) for name, w in weights.items()}
    for step in range(1, steps + 1):
        error = 1 / (1 + np.exp(-np.clip(x.times(weights["w"]) + weights["b"], -30, 30))) - wanted
        back = penalty * weights["w"]
        columns.add(back, error[owner] * x.values[:, None])
        for name, g in (("w", back), ("b", error.sum(0))):
            mean[name] = 0.9 * mean[name] + 0.1 * g
            square[name] = 0.99 * square[name] + 0.01 * g * g
            pace = 0.1 * (1 - step / (steps + 1)) / (1 - 0.9**step)
            weights[name] -= pace * mean[name] / (np.sqrt(square[name] / (1 - 0.99**step)) + 1e-6)
    return weights["w"], weights["b"]
