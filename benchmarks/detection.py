"""How good detection is, on labelled items.

    python benchmarks/detection.py [FOLDER ...]

Each FOLDER holds items.jsonl (id, title, summary, published) and labels.jsonl (id, labels: rows of type, modality,
source, target). Without one, the labelled sets beside the repository are taken, where they are there. Printed: the
figures of each set with 95 % bootstrap intervals over items, the types, a plain keyword list on the same items so that
the gain is seen, and what confidence is worth. The last line is one JSON object.

`happened` is judged as a set of types for each item; modality over the types found under any modality on both sides;
source and target over the `happened` types found on both sides whose label names one.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from extractors.language import load_language
from extractors.second_opinion.models import load_second_opinion
from extractors.triggers import Detector, Text
from tocsin.config.actors import read_actors
from tocsin.config.triggers import read_rules
from tocsin.model import Modality, Trigger

ROOT = Path(__file__).resolve().parents[1]
SETS = [ROOT.parent / "shared" / "eval" / name for name in ("dev", "more")]
RESAMPLES = 1_000
KEYWORDS = {
    "missile_test": r"missile test|test-fire|missile launch|fires? .{0,30}missile",
    "nuclear_test": r"nuclear test|nuclear device",
    "nuclear_advance": r"enrich|nuclear deal|centrifuge",
    "satellite_launch": r"launch\w* .{0,40}satellite|satellite launch",
    "sanctions_imposed": r"sanction|embargo",
    "sanctions_relief": r"(?:lift|eas)\w* .{0,30}sanctions",
    "sanctions_veto": r"veto\w* .{0,60}sanction",
    "un_veto": r"veto\w* .{0,60}(?:resolution|security council)",
    "arms_transfer": r"arms sale|military aid|(?:send|supply|deliver)\w* .{0,30}(?:weapons|tanks|missiles)",
    "troop_deployment": r"(?:deploy|send)\w* .{0,30}(?:troops|soldiers|warships?|forces)",
    "troop_withdrawal": r"(?:withdraw|pull)\w* .{0,30}(?:troops|forces|soldiers)",
    "security_pact": r"(?:defen[cs]e|security) (?:pact|treaty|agreement)|join\w* nato",
    "hostile_rhetoric": r"threaten|vows? .{0,20}(?:revenge|retaliat)",
    "border_incident": r"airspace|warning shots|seiz\w* .{0,20}(?:ship|tanker|vessel)",
    "armed_attack": r"attack|airstrike|bomb|shelling|kill",
    "military_exercise": r"military (?:exercise|drill)|war games?",
    "diplomatic_talks": r"\btalks\b|summit|\bmeets?\b|negotiat",
    "diplomatic_breakdown": r"expel\w* .{0,30}diplomat|talks (?:collapse|fail)|recall\w* .{0,20}ambassador",
    "peace_agreement": r"cease-?fire|truce|peace (?:deal|agreement)",
    "information_warfare": r"hack|cyber-?attack|disinformation|propaganda",
}
Row = tuple[str, str, str | None, str | None]


@dataclass
class Tally:
    """Counts of one item or of many."""

    hit: int = 0
    false: int = 0
    missed: int = 0
    pairs: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.hit += other.hit
        self.false += other.false
        self.missed += other.missed
        self.pairs += other.pairs

    @property
    def precision(self) -> float:
        return self.hit / max(1, self.hit + self.false)

    @property
    def recall(self) -> float:
        return self.hit / max(1, self.hit + self.missed)

    @property
    def f1(self) -> float:
        return 2 * self.hit / max(1, 2 * self.hit + self.false + self.missed)

    def share(self, name: str) -> float:
        return self.pairs[name, True] / max(1, self.pairs[name, True] + self.pairs[name, False])


def happened(rows: Iterable[Row]) -> set[str]:
    return {row[0] for row in rows if row[1] == "happened"}


def compare(gold: Sequence[Row], said: Sequence[Row]) -> Tally:
    """Tally of one item."""
    wanted, found = happened(gold), happened(said)
    tally = Tally(len(wanted & found), len(found - wanted), len(wanted - found))
    modalities: tuple[dict[str, set[str]], dict[str, set[str]]] = (defaultdict(set), defaultdict(set))
    for side, rows in zip(modalities, (gold, said), strict=True):
        for row in rows:
            side[row[0]].add(row[1])
    for kind in modalities[0].keys() & modalities[1].keys():
        tally.pairs["modality", modalities[0][kind] == modalities[1][kind]] += 1
    for name, column in (("source", 2), ("target", 3)):
        for kind in wanted & found:
            codes = [{row[column] for row in rows if row[:2] == (kind, "happened")} - {None} for rows in (gold, said)]
            if codes[0]:
                tally.pairs[name, bool(codes[0] & codes[1])] += 1
    if not gold:
        tally.pairs["false alarm", bool(found)] += 1
    return tally


def read(folder: Path) -> list[tuple[Text, list[Row]]]:
    labels = {}
    for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        labels[row["id"]] = [tuple(label) for label in row["labels"]]
    items = []
    for line in (folder / "items.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        published = dt.datetime.fromisoformat(row["published"]) if row["published"] else None
        items.append((Text(row["title"], row.get("summary") or "", published), labels[row["id"]]))
    return items


def judge(folder: Path, detector: Detector) -> dict[str, object]:
    items = read(folder)
    triggers = [found.triggers for found in detector.detect_many(text for text, _ in items)]
    said = [[(t.type, t.modality.value, t.source, t.target) for t in row] for row in triggers]
    per_item = [compare(gold, row) for (_, gold), row in zip(items, said, strict=True)]
    whole = total(per_item)
    rng = random.Random(20261124)
    samples = sorted(total(rng.choices(per_item, k=len(per_item))).f1 for _ in range(RESAMPLES))
    interval = samples[RESAMPLES // 40], samples[-RESAMPLES // 40 - 1]
    print(f"\n{folder.name}: {len(items)} items")
    macro = types(items, said)
    print(
        f"happened  P {whole.precision:.3f}  R {whole.recall:.3f}  F1 {whole.f1:.3f}"
        f" [{interval[0]:.3f} {interval[1]:.3f}]  macro F1 {macro:.3f}"
    )
    shares = {name: whole.share(name) for name in ("modality", "source", "target", "false alarm")}
    print("  ".join(f"{name} {share:.3f}" for name, share in shares.items()))
    plain = total(compare(gold, keywords(text)) for text, gold in items)
    print(f"keyword list: P {plain.precision:.3f}  R {plain.recall:.3f}  F1 {plain.f1:.3f}")
    worth(items, triggers)
    return {"set": folder.name, "precision": round(whole.precision, 4), "recall": round(whole.recall, 4),
            "f1": round(whole.f1, 4), "f1_interval": [round(x, 4) for x in interval],
            "keyword_f1": round(plain.f1, 4), **{name: round(share, 4) for name, share in shares.items()}}  # fmt: skip


def total(tallies: Iterable[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    return whole


def types(items: Sequence[tuple[Text, list[Row]]], said: Sequence[list[Row]]) -> float:
    """Prints the table of types; the mean F1 of those with at least 5 labels."""
    scores = []
    for kind in KEYWORDS:
        tally = total(
            compare([r for r in gold if r[0] == kind], [r for r in row if r[0] == kind])
            for (_, gold), row in zip(items, said, strict=True)
        )
        labelled = tally.hit + tally.missed
        if labelled or tally.false:
            print(
                f"  {kind:22} labelled {labelled:4}  P {tally.precision:.3f}  R {tally.recall:.3f}  F1 {tally.f1:.3f}"
            )
        if labelled >= 5:
            scores.append(tally.f1)
    return sum(scores) / max(1, len(scores))


def keywords(text: Text) -> list[Row]:
    """What one regular expression a type finds."""
    joined = f"{text.title} {text.summary}".lower()
    return [(kind, "happened", None, None) for kind, pattern in KEYWORDS.items() if re.search(pattern, joined)]


def worth(items: Sequence[tuple[Text, list[Row]]], triggers: Sequence[tuple[Trigger, ...]]) -> None:
    """Precision of `happened` triggers by confidence, and what recall is left where it reaches 0.9."""
    rows = [
        (trigger.confidence, trigger.type in happened(gold))
        for (_, gold), found in zip(items, triggers, strict=True)
        for trigger in found
        if trigger.modality is Modality.HAPPENED
    ]
    rows.sort(reverse=True)
    labelled = sum(len(happened(gold)) for _, gold in items)
    for low, high in ((0.8, 1.01), (0.65, 0.8), (0.5, 0.65), (0.0, 0.5)):
        inside = [right for confidence, right in rows if low <= confidence < high]
        if inside:
            share = sum(inside) / len(inside)
            print(f"  confidence {low:.2f}–{min(high, 1):.2f}: {len(inside):4} triggers, {share:.3f} right")
    best = None
    for count in range(1, len(rows) + 1):
        right = sum(hit for _, hit in rows[:count])
        if right / count >= 0.9 and (count == len(rows) or rows[count][0] < rows[count - 1][0]):
            best = (rows[count - 1][0], right / count, right / max(1, labelled))
    if best:
        print(f"  precision {best[1]:.3f} at confidence ≥ {best[0]:.2f} leaves recall {best[2]:.3f}")


def main() -> None:
    folders = [Path(argument) for argument in sys.argv[1:]] or [folder for folder in SETS if folder.exists()]
    if not folders:
        sys.exit("no labelled set is there; name a folder with items.jsonl and labels.jsonl")
    language = load_language()
    rules = read_rules(ROOT / "config", [])
    actors = read_actors(ROOT / "config", [])
    print(f"{dt.date.today()}  Python {platform.python_version()}  {language.name}  {len(rules)} rules")  # noqa: DTZ011
    for name, second in (("rules alone", None), ("with the second opinion", load_second_opinion())):
        print(f"== {name}")
        detector = Detector(rules, actors, language, second_opinion=second)
        print(json.dumps([judge(folder, detector) for folder in folders]))


if __name__ == "__main__":
    main()
