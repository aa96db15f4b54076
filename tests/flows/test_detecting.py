"""What "the same rules" means: whatever decides what is detected, learned weights included."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extractors.second_opinion.models import WEIGHTS, load_second_opinion, version_of
from flows.detecting import Rulebook, made, rules_digest
from tests.flows.backtests import CONFIG
from tests.newsroom import language
from tocsin.config.folder import Config
from tocsin.errors import SetupError

LEARNED: dict[str, Any] = {
    "vectors": np.arange(6, dtype=np.int8).reshape(2, 3),
    "net0.w0": np.ones((3, 3), np.float16),
    "bars": np.array([0.4, 0.6]),
}


def written(path: Path, **changed: Any) -> str:
    np.savez(path, **{**LEARNED, **changed})
    return version_of(path)


def asking(*, second_opinion: bool) -> Config:
    settings = CONFIG.settings
    detect = settings.detect.model_copy(update={"second_opinion": second_opinion})
    return dataclasses.replace(CONFIG, settings=settings.model_copy(update={"detect": detect}))


@pytest.mark.parametrize("name", LEARNED)
def test_the_version_of_the_weights_covers_each_array(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    before = written(path)

    assert written(path, **{name: LEARNED[name] + 1}) != before
    assert written(path, **{name: LEARNED[name].ravel()[:-1]}) != before
    assert written(path) == before
    np.savez_compressed(path, **LEARNED)
    assert version_of(path) == before


def test_other_weights_are_other_rules_where_they_are_asked(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    digests = {
        (asks, version): Rulebook.of(asking(second_opinion=asks), weights=path).digest()
        for bar in (0.4, 0.5)
        for version in (written(path, bars=np.array([bar])),)
        for asks in (True, False)
    }

    with_it = {digest for (asks, _), digest in digests.items() if asks}
    without = {digest for (asks, _), digest in digests.items() if not asks}
    assert (len(with_it), len(without), with_it & without) == (2, 1, set())


def test_the_shipped_weights_are_those_of_the_rules_in_force() -> None:
    config = asking(second_opinion=True)

    assert load_second_opinion().version == version_of(WEIGHTS) == Rulebook.of(config).learned
    assert rules_digest(config) == Rulebook.of(config).digest()


def test_a_machine_with_other_weights_refuses_to_detect_in_the_name_of_these_rules() -> None:
    book = dataclasses.replace(Rulebook.of(asking(second_opinion=True)), learned="0badf00d")

    with pytest.raises(
        SetupError, match=r"cannot detect: the second opinion: its weights here are [0-9a-f]{8}, and 0bad"
    ):
        made(book, language)
