"""The labelled items as they lie on disk, split into what is trained on and what is only measured. Needs no package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHARED = Path(__file__).parents[2] / "shared"
LABELS = Path(__file__).parent / "labels"
HELD = {name: name for name in ("fresh", "unseen", "korea", "last", "late")} | {"check": "annotated"}
"""Files of labels that nothing is trained on, and what the figures on them are called. `korea` holds items that name
the North."""
LAST_WORD = {"last", "late"}
"""Held-out sets that are scored once the choices are made."""
WRITTEN = "written"
"""The file of items that we wrote ourselves, texts and all; its name opens their ids."""
Row = dict[str, Any]
Gold = list[tuple[Row, list[list[Any]]]]
"""Items of news, each with its labels: type, modality, source, target."""


def rows(path: Path) -> Iterator[Row]:
    """Objects of a file with one JSON object a line."""
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def read_news() -> dict[str, Row]:
    """Every item of ../shared/news by its id."""
    return {row["id"]: row for path in sorted((SHARED / "news").glob("*.jsonl")) for row in rows(path)}


def in_check(identity: str) -> bool:
    """Whether an item of dev belongs to the half that nobody reads."""
    return int(hashlib.sha256(identity.encode()).hexdigest(), 16) % 2 == 1


def read_gold(news: dict[str, Row]) -> tuple[Gold, dict[str, Gold]]:
    """What is trained on, and what is held out under the names of its figures."""
    train: Gold = []
    held: dict[str, Gold] = {"check": [], **{name: [] for name in HELD.values()}}
    for name in ("dev", "more"):
        labels = {row["id"]: row["labels"] for row in rows(SHARED / "eval" / name / "labels.jsonl")}
        for row in rows(SHARED / "eval" / name / "items.jsonl"):
            (held["check"] if name == "dev" and in_check(row["id"]) else train).append((row, labels[row["id"]]))
    for path in sorted(LABELS.glob("*.jsonl")):
        target = held[HELD[path.stem]] if path.stem in HELD else train
        for row in rows(path):
            item = row if "title" in row else news.get(row["id"])
            if item is not None:
                target.append((item, row["labels"]))
    return train, held
