"""The detector of a configuration, made once a process: it takes two seconds to make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from extractors.language import Language, load_language
from extractors.second_opinion.models import load_second_opinion
from extractors.triggers import Detection, Detector
from tocsin.config.folder import Config
from tocsin.model import Article

_detectors: dict[tuple[str, Callable[[str], Language]], Detector] = {}
"""The detector of the latest rules, by their digest and the way to their language."""


class Reader(Protocol):
    """Finds triggers in articles."""

    def detect_many(self, items: Sequence[Article], /) -> Iterator[Detection]:
        """A detection for each article, in order."""
        ...


def rules_digest(config: Config) -> str:
    """Digest of all that decides what is detected: rules, actors and the settings of detection."""
    parts = [f"{rule.id}@{rule.version}" for rule in config.rules]
    parts += [config.actors.model_dump_json(), config.settings.detect.model_dump_json()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def detector(config: Config, language: Callable[[str], Language] = load_language) -> Detector:
    """The detector of the configured rules; loads the language model where nothing in this process has."""
    key = (rules_digest(config), language)
    if key not in _detectors:
        settings = config.settings.detect
        loaded = language(settings.model)
        _detectors.clear()
        second = load_second_opinion() if settings.second_opinion else None
        max_chars = settings.max_chars
        _detectors[key] = Detector(config.rules, config.actors, loaded, max_chars=max_chars, second_opinion=second)
    return _detectors[key]
