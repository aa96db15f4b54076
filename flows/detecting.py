"""Who detects: the detector of the rules in force, made once a process, because it takes some seconds to make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from extractors.language import Language, load_language
from extractors.second_opinion.models import load_second_opinion
from extractors.triggers import Detection, Detector
from tocsin.config.actors import Actors
from tocsin.config.folder import Config
from tocsin.config.settings import DetectSettings
from tocsin.config.triggers import Rule
from tocsin.model import Article

_ELSEWHERE = {"processes", "dask"}
"""Settings that say where detection is done, not what it finds."""

_detectors: dict[tuple[str, Callable[[str], Language]], Detector] = {}
"""The detector of the latest rules, by their digest and the way to their language."""


class Reader(Protocol):
    """Finds triggers in articles."""

    def detect_many(self, items: Sequence[Article], /) -> Iterator[Detection]:
        """A detection for each article, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All that decides what is detected, and nothing that is secret."""

    rules: tuple[Rule, ...]
    actors: Actors
    settings: DetectSettings

    @classmethod
    def of(cls, config: Config) -> Self:
        """That of `config`."""
        return cls(config.rules, config.actors, config.settings.detect)

    def digest(self) -> str:
        """Changes when anything does that could change what is detected."""
        parts = [f"{rule.id}@{rule.version}" for rule in self.rules]
        parts += [self.actors.model_dump_json(), self.settings.model_dump_json(exclude=_ELSEWHERE)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def rules_digest(config: Config) -> str:
    """Digest of all that decides what is detected: rules, actors and the settings of detection."""
    return Rulebook.of(config).digest()


def detector(config: Config, language: Callable[[str], Language] = load_language) -> Detector:
    """The detector of the configured rules; loads the language model where nothing in this process has."""
    book = Rulebook.of(config)
    return known(book.digest(), language) or made(book, language)


def known(digest: str, language: Callable[[str], Language] = load_language) -> Detector | None:
    """The detector of the rulebook with this digest, if this process has made it."""
    return _detectors.get((digest, language))


def made(book: Rulebook, language: Callable[[str], Language] = load_language) -> Detector:
    """A new detector, which `known` knows from now on instead of the one before."""
    settings = book.settings
    loaded = language(settings.model)
    second = load_second_opinion() if settings.second_opinion else None
    _detectors.clear()
    made = Detector(book.rules, book.actors, loaded, max_chars=settings.max_chars, second_opinion=second)
    _detectors[book.digest(), language] = made
    return made
