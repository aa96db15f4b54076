"""A reader for tests that needs no language model: "Bakora fires a missile" is a missile test by Bakora."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from extractors.triggers import Detection
from tocsin.model import Article, Evidence, Modality, Trigger

_FIRES = re.compile(r"(\w+) (fires a missile|denies that it fired a missile)")
_DENIES = "denies that it fired a missile"


class Reader:
    """Finds at most one trigger in each title."""

    def detect_many(self, items: Sequence[Article]) -> Iterator[Detection]:
        """A detection for each article."""
        return (Detection(tuple(map(_trigger, _FIRES.finditer(item.title)))) for item in items)


def _trigger(found: re.Match[str]) -> Trigger:
    return Trigger(
        type="missile_test",
        modality=Modality.DENIED if found[2] == _DENIES else Modality.HAPPENED,
        source=found[1].upper(),
        target=None,
        object="missile",
        rule="missile_test",
        version="1",
        evidence=Evidence("title", found.start(2), found.end(2), found[2]),
        severity=6.0,
    )
