"""The labelled items that the second opinion is trained and measured on."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gold import WRITTEN, Row, read_gold

from extractors.findings import Finding
from extractors.sight import Word
from extractors.triggers import Detector, Text
from tocsin.model import Modality

FOLDS = 5
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
    """What is trained on, news and items that we wrote, and what is only measured."""

    train: list[Item] = field(default_factory=list)
    written: list[Item] = field(default_factory=list)
    held: dict[str, list[Item]] = field(default_factory=dict)


def make_item(row: Row, labels: Iterable[Sequence[Any]]) -> Item:
    published = dt.datetime.fromisoformat(row["published"].replace("Z", "+00:00")) if row.get("published") else None
    if published is not None and published.tzinfo is None:
        published = published.replace(tzinfo=dt.UTC)
    text = Text(row["title"] or "", row.get("summary") or "", published)
    return Item(row["id"], text, tuple((kind, modality, source, target) for kind, modality, source, target in labels))


def read_sets(news: dict[str, Row]) -> Sets:
    """All labelled items, split."""
    gold, held = read_gold(news)
    train = [make_item(row, labels) for row, labels in gold]
    return Sets(
        [item for item in train if not item.id.startswith(WRITTEN)],
        [item for item in train if item.id.startswith(WRITTEN)],
        {name: [make_item(row, labels) for row, labels in gold] for name, gold in held.items()},
    )


def observe(items: list[Item], detector: Detector) -> list[Item]:
    """`items` with what the rules find in them and with their words."""
    seen = []
    for item, found in zip(items, detector.detect_many([item.text for item in items]), strict=True):
        spoken = frozenset((t.type, t.modality) for t in found.triggers)
        words = detector.sight(item.text)
        seen.append(Item(item.id, item.text, item.rows, words, found.findings, spoken))
    return seen
