"""The labelled items that the second opinion is trained and measured on."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extractors.findings import Finding
from extractors.sight import Word
from extractors.triggers import Detector, Text
from tocsin.model import Modality

SHARED = Path(__file__).parents[2] / "shared"
FOLDS = 5
HELD = {"check": "annotated", "fresh": "fresh"}
"""Files of labels that nothing is trained on, and what the figures on them are called. `fresh` is for the last word: it
is scored once the choices are made."""
Label = tuple[str, str, str | None, str | None]


@dataclass(frozen=True, eq=False)
class Item:
    """A labelled item, read by the rules and by the models' own eyes."""

    id: str
    text: Text
    rows: tuple[Label, ...]
    words: tuple[Word, ...] = ()
    findings: tuple[Finding, ...] = ()
    spoken: frozenset[tuple[str, Modality]] = frozenset()

    @property
    def labels(self) -> frozenset[tuple[str, str]]:
        """Its (type, modality) pairs."""
        return frozenset((kind, modality) for kind, modality, _, _ in self.rows)

    @property
    def fold(self) -> int:
        return zlib.crc32(self.id.encode()) % FOLDS


@dataclass(frozen=True, eq=False)
class Sets:
    """What is trained on and what is only measured."""

    train: list[Item] = field(default_factory=list)
    held: dict[str, list[Item]] = field(default_factory=dict)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a file with one JSON object a line."""
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def in_check(identity: str) -> bool:
    """Whether an item of dev belongs to the half that nobody reads."""
    return int(hashlib.sha256(identity.encode()).hexdigest(), 16) % 2 == 1


def make_item(row: dict[str, Any], labels: Iterable[Sequence[Any]]) -> Item:
    published = dt.datetime.fromisoformat(row["published"].replace("Z", "+00:00")) if row.get("published") else None
    if published is not None and published.tzinfo is None:
        published = published.replace(tzinfo=dt.UTC)
    text = Text(row["title"] or "", row.get("summary") or "", published)
    return Item(row["id"], text, tuple((kind, modality, source, target) for kind, modality, source, target in labels))


def read_sets(news: dict[str, dict[str, Any]]) -> Sets:
    """All labelled items, split."""
    sets = Sets(held={"check": [], **{name: [] for name in HELD.values()}})
    for name in ("dev", "more"):
        labels = {row["id"]: row["labels"] for row in rows(SHARED / "eval" / name / "labels.jsonl")}
        for row in rows(SHARED / "eval" / name / "items.jsonl"):
            held = name == "dev" and in_check(row["id"])
            (sets.held["check"] if held else sets.train).append(make_item(row, labels[row["id"]]))
    for path in sorted((Path(__file__).parent / "labels").glob("*.jsonl")):
        target = sets.held[HELD[path.stem]] if path.stem in HELD else sets.train
        target += [make_item(news[row["id"]], row["labels"]) for row in rows(path) if row["id"] in news]
    return sets


def observe(items: list[Item], detector: Detector) -> list[Item]:
    """`items` with what the rules find in them and with their words."""
    seen = []
    for item, found in zip(items, detector.detect_many([item.text for item in items]), strict=True):
        spoken = frozenset((t.type, t.modality) for t in found.triggers)
        words = detector.sight(item.text)
        seen.append(Item(item.id, item.text, item.rows, words, found.findings, spoken))
    return seen
