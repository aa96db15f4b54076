"""Trains `extractors/second_opinion/weights.npz` and prints what it gains.

    python benchmarks/train_second_opinion.py [--judge-only] [--out FILE]

Reads the labelled sets of ../shared/eval (one half of dev and all of more), labels/*.jsonl beside this file (ids and
labels; the texts come from ../shared/news) and, for word vectors, all texts of ../shared/news but those held out,
beside what `general_vectors.npz` knows of each word. Ends at once, with a word, where ../shared is absent. The same
input gives the same weights on the same machine.

Held out, never trained on: the half of dev whose ids have an odd SHA-256, and all labels but train.jsonl and
written.jsonl. The latter are items that we wrote ourselves, texts and all, for what news tells too seldom: only the
nets learn from them; whoever says how likely an act is, or who does it, learns from news alone.

Five nets are trained, each blind to a fifth of the items, so that the judge learns from what nets say about items that
they have not seen. One net ships: it learns from the labels and from what the five say together, of these items and of
unlabelled ones (distillation), at a third of their cost. The line-ups for parties learn from every labelled act. Rules
that have changed want a new judge: run this with --judge-only, which takes a few minutes, not forty, and needs the
five nets, which the last whole run left in .cache/.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from gold import LAST_WORD, SHARED, WRITTEN, Row, read_news
from labelled import FOLDS, Item, Sets, make_item, observe, read_sets
from learners import LENGTH, logistic, sparse, train_net, word_vectors

from extractors.findings import settle, type_of
from extractors.forms import fold
from extractors.language import Language, load_language
from extractors.second_opinion.casting import Scene, Stage, as_target, lineup, scene_of
from extractors.second_opinion.features import (
    MODALITIES,
    Features,
    Floats,
    Impression,
    candidates,
    sigmoid,
)
from extractors.second_opinion.models import WEIGHTS, WORD, SecondOpinion, forward, net_of, vocabulary_of
from extractors.sight import GRAMS, Encoded, Ints, encode, grams
from extractors.triggers import Detector
from tocsin.config.actors import read_actors
from tocsin.config.triggers import read_rules
from tocsin.errors import Problem
from tocsin.model import Trigger

ROOT = Path(__file__).parent.parent
BAR, BARS = 0.4, {"armed_attack": 0.5}
"""The probability from which on a type counts as happened. Most items that fire without a label do so for the
commonest type, which can afford a higher bar; the rare ones lose more by a miss."""
KNOWN = 10
"""Least number of items in which a type happened, for a model of it."""
OFTEN = 4
"""Least number of rows that a feature must stand in."""
GLIMPSED = 0.25
"""Share of all texts that are worth a closer look, which costs a millisecond or two each; ours is much of the world's
news: of general agency news it is an eighth."""
HOPELESS = 0.01
"""Share of the labelled items with an act that may be given up at first sight, to spare a seventh of what is parsed."""
GLIMPSE_PENALTY, GRAMS_PENALTY, JUDGE_PENALTY, CAST_PENALTY = 1.0, 0.05, 5.0, 2.0
DISTILLED, DISTILLED_EPOCHS = 160, 10
TRUST = 0.5
"""What an item that we wrote counts beside one of news: it was written to be hard, and is terser than news."""
NETS = ROOT / ".cache" / "nets_of_the_folds.npz"
Weights = dict[str, Any]
Net = dict[str, Floats]


def packed(lines: Sequence[str]) -> Any:
    """`lines` as the file of weights holds them."""
    return np.frombuffer("\n".join(lines).encode("utf-8"), dtype=np.uint8)


def as_bytes(matrix: Floats, scale: Floats) -> Any:
    """`matrix` in steps of `scale`, one byte each."""
    return np.clip(np.rint(matrix / scale), -127, 127).astype(np.int8)


def wanted(items: Sequence[Item], types: Sequence[str]) -> Floats:
    """One column for each (modality, type)."""
    names = [(kind, modality.value) for modality in MODALITIES for kind in types]
    return np.array([[name in item.labels for name in names] for item in items], dtype=np.float32)


def learn_nets(items: Sequence[Item], types: tuple[str, ...], vectors: Floats, words: list[str]) -> list[Net]:
    """One net for each fold, which has not seen the items of that fold."""
    encoded, target, fold, trust = encoded_of(items, words), wanted(items, types), fold_of(items), trust_of(items)
    nets = []
    for number in range(FOLDS):
        seen = np.flatnonzero(fold != number)
        nets.append(train_net([encoded[i] for i in seen], target[seen], trust[seen], vectors, number))
        say(f"net {number} trained")
    return nets


def trust_of(items: Sequence[Item]) -> Floats:
    """What each item counts."""
    return np.array([TRUST if item.id.startswith(WRITTEN) else 1 for item in items], dtype=np.float32)


def together(nets: Sequence[Net], vectors: Floats, items: Sequence[Encoded]) -> Floats:
    """What `nets` say of each (modality, type), on average."""
    said = [np.mean([sigmoid(forward(net, vectors, item)[0]) for net in nets], axis=0) for item in items]
    return np.array(said, dtype=np.float32)


def learn_from_nets(
    items: Sequence[Item], written: Sequence[Item], others: Sequence[Item], types: tuple[str, ...],
    nets: Sequence[Net], vectors: Floats, words: list[str],
) -> Weights:  # fmt: skip
    """The glimpse, which is of news alone, and the net that ships: it has learnt what `nets` say.

    Of a labelled item speaks the net that has not seen it, and counts half, the labels half. Of the `others`, which
    have no labels, all nets speak, of those items that most seem to tell of an act.
    """
    labelled = [*items, *written]
    encoded, more = encoded_of(labelled, words), encoded_of(others, words)
    said = together(nets, vectors, more)
    weights = learn_glimpse(items, written, others, said, types)
    most = np.argsort(-said[:, : len(types)].max(axis=1), kind="stable")[: int(GLIMPSED * len(others))]
    unseen = np.vstack([together([nets[i.fold]], vectors, [e]) for i, e in zip(labelled, encoded, strict=True)])
    target = np.vstack([(wanted(labelled, types) + unseen) / 2, said[most]])
    trust = np.concatenate([trust_of(labelled), np.ones(len(most), np.float32)])
    both = [*encoded, *(more[index] for index in most)]
    net = train_net(both, target, trust, vectors, FOLDS, hidden=DISTILLED, epochs=DISTILLED_EPOCHS)
    say(f"one net distilled from {len(nets)}, with {len(most)} items without labels")
    return weights | {f"net.{name}": value.astype(np.float16) for name, value in net.items()}


def keep_nets(nets: Sequence[Net]) -> None:
    """Leaves `nets` for `kept_nets`."""
    NETS.parent.mkdir(exist_ok=True)
    np.savez(NETS, **{f"{number}.{name}": value for number, net in enumerate(nets) for name, value in net.items()})


def kept_nets() -> list[Net]:
    """The nets that the last whole run trained. Ends where there are none."""
    if not NETS.exists():
        raise SystemExit(f"no nets in {NETS}: run once without --judge-only")
    with np.load(NETS) as stored:
        return [net_of(stored, f"{number}.") for number in range(FOLDS)]


def learn_glimpse(
    items: Sequence[Item], written: Sequence[Item], others: Sequence[Item], said: Floats, types: tuple[str, ...]
) -> Weights:
    """How much each word speaks for an act of any type, the least sum at which a text is looked at, and the sum below
    which it is hopeless.

    Learnt from the labels, and from what the nets `said` of the `others`, which have none. What we wrote has its say on
    words that news seldom uses, but the sums are those of news.
    """
    told = np.vstack([wanted([*written, *items], types), said])[:, : len(types)]
    told = (1 - np.prod(1 - told, axis=1, keepdims=True)).astype(np.float32)
    texts = [fold(f"{item.text.title} {item.text.summary}") for item in (*written, *items, *others)]
    table, names = numbered([dict.fromkeys(sorted(set(WORD.findall(text))), 1.0) for text in texts], often=20)
    learnt, _ = logistic(sparse(table), told, len(names), GLIMPSE_PENALTY)
    spoken = as_bytes(learnt[:, 0], np.abs(learnt).max() / 127).astype(int)
    sums = np.array([sum(spoken[n] for n in row) for row in table[len(written) :]])
    told = told[len(written) :]
    acts = np.array([bool(item.labels) for item in items])
    hopeless = int(np.quantile(sums[: len(items)][acts], HOPELESS))
    say(f"hopeless below {hopeless}: {np.mean(sums < hopeless):.2f} of the texts")
    for share in (GLIMPSED / 2, GLIMPSED):
        least = np.quantile(sums, 1 - share)
        say(f"{share:.2f} of the texts glimpsed hold {told[sums >= least].sum() / told.sum():.3f} of the acts")
    heard = np.flatnonzero(spoken)
    return {
        "glimpse_words": packed([names[n] for n in heard]),
        "glimpse": spoken[heard].astype(np.int8),
        "glimpse_least": np.array(int(np.quantile(sums, 1 - GLIMPSED))),
        "glimpse_hopeless": np.array(hopeless),
    }


def learn_grams(items: Sequence[Item], types: tuple[str, ...]) -> tuple[Weights, Floats]:
    """Weights of the model on n-grams, and what it says of every item when it has not seen it."""
    target, fold, hashed = wanted(items, types)[:, : len(types)], fold_of(items), [grams(item.words) for item in items]
    table = [dict.fromkeys(row, len(row) ** -0.5) for row in hashed]
    said = np.zeros_like(target)
    for number in range(FOLDS):
        seen, unseen = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        linear, bias = logistic(sparse([table[i] for i in seen]), target[seen], GRAMS, GRAMS_PENALTY)
        said[unseen] = sigmoid(sparse([table[i] for i in unseen]).times(linear) + bias)
    linear, bias = logistic(sparse(table), target, GRAMS, GRAMS_PENALTY)
    scale = np.abs(linear).max(0) / 127 + 1e-9
    return {"grams": as_bytes(linear, scale), "grams_scale": scale, "grams_bias": bias}, said


def impressions_of(
    items: Sequence[Item], nets: Sequence[Net], types: tuple[str, ...], said: Floats, vectors: Floats, words: list[str]
) -> list[Impression]:
    """What the models on words say of each item, each by those that have not seen it."""
    found = []
    for item, encoded, line in zip(items, encoded_of(items, words), said, strict=True):
        logits, share = forward(nets[item.fold], vectors, encoded)
        found.append(Impression(sigmoid(logits).reshape(len(MODALITIES), len(types)), line, share[:, : len(types)]))
    return found


def encoded_of(items: Sequence[Item], words: list[str]) -> list[Encoded]:
    vocabulary = {word: index for index, word in enumerate(words)}
    return [encode(item.words, vocabulary) for item in items]


def known_types(items: Sequence[Item]) -> tuple[str, ...]:
    """Types of which enough has happened to learn from; of the others, the rules alone judge."""
    counts = Counter(kind for item in items for kind, modality in item.labels if modality == "happened")
    return tuple(sorted(kind for kind, count in counts.items() if count >= KNOWN))


def fold_of(items: Sequence[Item]) -> Ints:
    return np.array([item.fold for item in items], dtype=np.intp)


def learn_judge(items: Sequence[Item], impressions: Sequence[Impression], types: tuple[str, ...]) -> Weights:
    """Weights of the judge, and the bar of each type."""
    rows, truth, folds, columns = [], [], [], []
    for item, impression in zip(items, impressions, strict=True):
        for column, row in candidates(types, impression, item.findings, item.spoken):
            rows.append(row)
            truth.append([(types[column], modality.value) in item.labels for modality in MODALITIES])
            folds.append(item.fold)
            columns.append(column)
    table, names = numbered(rows)
    target, fold = np.array(truth, dtype=np.float32), np.array(folds)
    said = np.zeros_like(target)
    for number in range(FOLDS):
        seen, unseen = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        w, b = logistic(sparse([table[i] for i in seen]), target[seen], len(names), JUDGE_PENALTY)
        said[unseen] = sigmoid(sparse([table[i] for i in unseen]).times(w) + b)
    total = sum(sum(modality == "happened" for _, modality in item.labels) for item in items)
    w, b = logistic(sparse(table), target, len(names), JUDGE_PENALTY)
    bars = np.array([BARS.get(kind, BAR) for kind in types])
    fires = said[:, 0] >= bars[np.array(columns)]
    at_bars(fires, target[:, 0], total)
    calibration(said[:, 0], target[:, 0])
    return {"judge_names": packed(names), "judge": w, "judge_bias": b, "bars": bars}


def numbered(rows: Sequence[Features], often: int = OFTEN) -> tuple[list[dict[int, float]], list[str]]:
    """`rows` by number of feature, and the names of the features; rare ones are left out."""
    counts = Counter(name for row in rows for name in row)
    names = sorted(name for name, count in counts.items() if count >= often)
    at = {name: index for index, name in enumerate(names)}
    return [{at[name]: value for name, value in row.items() if name in at} for row in rows], names


def learn_cast(items: Sequence[Item], impressions: Sequence[Impression], types: tuple[str, ...]) -> Weights:
    """Weights of the line-ups: one row for each actor around each labelled act that the rules or the nets see."""
    table: dict[str, list[tuple[Features, bool]]] = {"source": [], "target": []}
    for item, impression in zip(items, impressions, strict=True):
        for kind in sorted({kind for kind, _ in item.labels}):
            sources = {source for other, _, source, _ in item.rows if other == kind}
            targets = {target for other, _, _, target in item.rows if other == kind}
            known = next((source for other, _, source, _ in item.rows if other == kind), None)
            for code, row in lineup(scene(item, kind, impression, types)).items():
                table["source"].append((row, code in sources))
                if code not in sources:
                    table["target"].append((as_target(row, known, code), code in targets))
    weights: Weights = {}
    for role, pairs in table.items():
        numbers, names = numbered([row for row, _ in pairs])
        truth = np.array([[right] for _, right in pairs], dtype=np.float32)
        w, b = logistic(sparse(numbers), truth, len(names), CAST_PENALTY)
        weights |= {f"{role}_names": packed(names), role: w[:, 0], f"{role}_bias": b[0]}
        say(f"{role}: {len(pairs)} actors, {len(names)} features")
    return weights


def scene(item: Item, kind: str, impression: Impression, types: tuple[str, ...]) -> Scene:
    """Where the act of type `kind` stands in `item`: as the rules have it, or as the nets do."""
    own = [finding for finding in item.findings if type_of(finding) == kind]
    if own:
        return scene_of(max(settle(own), key=lambda finding: finding.confidence), Stage(item.words))
    loudest = int(impression.weight[:, types.index(kind)].argmax()) if kind in types else 0
    return Scene(kind, Stage(item.words), item.words[loudest].field, item.words[loudest].start)


def at_bars(fires: Any, truth: Floats, total: int) -> None:
    """Prints the cross-validated figures of what `fires`."""
    right = float(truth[fires].sum())
    precision, recall = right / fires.sum(), right / total
    say(f"cross-validated: P {precision:.3f} R {recall:.3f} F1 {2 * right / (fires.sum() + total):.3f}")


def calibration(said: Floats, truth: Floats) -> None:
    """Prints what probabilities turn out to be."""
    for low in (0.0, 0.2, 0.4, 0.6, 0.8, 0.9):
        inside = (said >= low) & (said < (0.2 + low if low < 0.8 else low + 0.1 if low < 0.9 else 1.01))
        if inside.any():
            say(f"said {said[inside].mean():.2f}  was {truth[inside].mean():.2f}  of {inside.sum()}")


def figures(items: Sequence[Item], said: Sequence[Sequence[Trigger]]) -> str:
    """Precision, recall and F1 of happened, with the 95 % interval of F1 over resampled items, and of what was found
    on both sides the shares with the right modality, source and target."""
    counts = []
    shares: dict[str, list[bool]] = {"modality": [], "source": [], "target": []}
    for item, triggers in zip(items, said, strict=True):
        told = [(t.type, t.modality.value, t.source, t.target) for t in triggers]
        want, have = ({row[0] for row in rows if row[1] == "happened"} for rows in (item.rows, told))
        counts.append((len(want & have), len(have), len(want)))
        for kind in {row[0] for row in item.rows} & {row[0] for row in told}:
            one, other = ({row[1] for row in rows if row[0] == kind} for rows in (item.rows, told))
            shares["modality"].append(one == other)
        for name, role in (("source", 2), ("target", 3)):
            for kind in want & have:
                one, other = ({r[role] for r in rows if r[:2] == (kind, "happened")} for rows in (item.rows, told))
                if one - {None}:
                    shares[name].append(not (one - {None}).isdisjoint(other))
    table = np.array(counts)
    right, told_, true = table.sum(0)
    random = np.random.default_rng(0)
    samples = [table[random.integers(0, len(table), len(table))].sum(0) for _ in range(1000)]
    low, high = np.percentile([2 * r / (t + u) for r, t, u in samples], [2.5, 97.5])
    f1 = f"P {right / told_:.3f} R {right / true:.3f} F1 {2 * right / (told_ + true):.3f} [{low:.3f} {high:.3f}]"
    return " ".join([f1, *(f"{name} {np.mean(row):.3f}" for name, row in shares.items())])


def say(line: str) -> None:
    print(f"{time.process_time():5.0f} s  {line}", flush=True)


def measure(sets: Sets, detector: Detector, judged: Detector) -> None:
    """Prints the figures of the held-out items without and with the second opinion."""
    for name, items in sets.held.items():
        if name in LAST_WORD:
            continue
        texts = [item.text for item in items]
        for label, which in (("rules", detector), ("with the second opinion", judged)):
            said = [detection.triggers for detection in which.detect_many(texts)]
            say(f"{name} ({len(items)}), {label}: {figures(items, said)}")


def learn_vectors(news: dict[str, Row], held: set[str], language: Language) -> Weights:
    """Word vectors from all texts of `news` that are not `held` out."""
    texts = (f"{row['title']}\n{row.get('summary') or ''}"[:1500] for row in news.values() if row["id"] not in held)
    words, neighbours = word_vectors(texts, language.tokenize)
    vectors = np.hstack([neighbours, general_vectors(words)])
    scale = (np.abs(vectors).max(1) / 127 + 1e-9).astype(np.float16)
    whole = as_bytes(vectors, scale.astype(np.float32)[:, None])
    say(f"{len(words)} word vectors")
    return {"words": packed(words), "vectors": whole, "vector_scale": scale}


def general_vectors(words: Sequence[str]) -> Floats:
    """What `general_vectors.py` knows of each word, at the length of our own vectors; nothing for words it lacks."""
    with np.load(Path(__file__).with_name("general_vectors.npz")) as stored:
        known = {word: row for row, word in enumerate(stored["words"].tobytes().decode("utf-8").split("\n"))}
        vectors = stored["vectors"].astype(np.float32) / 127 * LENGTH
    unknown = np.zeros(vectors.shape[1], np.float32)
    return np.array([vectors[known[word]] if word in known else unknown for word in words])


def train(language: Language, out: Path, kept: Weights | None) -> None:
    """Trains on everything there is and writes `out`.

    Where weights are `kept`, their vectors and nets stay as they are.
    """
    problems: list[Problem] = []
    rules, actors = read_rules(ROOT / "config", problems), read_actors(ROOT / "config", problems)
    plain = Detector(rules, actors, language)
    news = read_news()
    sets = read_sets(news)
    held = {item.id for items in sets.held.values() for item in items}
    weights = kept or learn_vectors(news, held, language)
    words, vectors = vocabulary_of(weights)
    items = [item for item in observe(sets.train, plain) if item.words]
    written = [replace(item, words=plain.sight(item.text)) for item in sets.written]
    types = known_types(items)
    say(f"{len(items)} items of news to learn from, and {len(written)} that we wrote")
    if kept is None:
        nets = learn_nets([*items, *written], types, vectors, words)
        keep_nets(nets)
        known = held | {item.id for item in sets.train}
        others = [make_item(row, ()) for row in news.values() if row["id"] not in known]
        others = [replace(item, words=plain.sight(item.text)) for item in others]
        others = [item for item in others if item.words]
        weights |= learn_from_nets(items, written, others, types, nets, vectors, words)
    else:
        nets = kept_nets()
    on_grams, said = learn_grams(items, types)
    weights |= on_grams
    impressions = impressions_of(items, nets, types, said, vectors, words)
    weights |= learn_judge(items, impressions, types) | learn_cast(items, impressions, types)
    weights |= {"types": packed(types)}
    np.savez_compressed(out, **weights)
    say(f"{out.name}: {out.stat().st_size / 1e6:.2f} MB")
    measure(sets, plain, Detector(rules, actors, language, second_opinion=SecondOpinion(weights)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the second opinion.")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--judge-only", action="store_true", help="keep the models on words: for when rules changed")
    arguments = parser.parse_args()
    if not (SHARED / "eval" / "dev" / "labels.jsonl").exists():
        print("nothing to train on: ../shared is absent")
        return
    kept = None
    if arguments.judge_only:
        with np.load(WEIGHTS) as stored:
            kept = {key: stored[key] for key in stored.files}
    train(load_language(), arguments.out, kept)


if __name__ == "__main__":
    main()
