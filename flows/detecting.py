"""Who detects: the detector of the rules in force, made once a process, because it takes some seconds to make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from extractors.language import Language, load_language
from extractors.second_opinion.models import WEIGHTS, load_second_opinion, version_of
from extractors.triggers import Detection, Detector
from tocsin.config.actors import Actors
from tocsin.config.folder import Config
from tocsin.config.settings import DetectSettings
from tocsin.config.triggers import Rule
from tocsin.errors import SetupError
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
    learned: str
    """Version of the weights of the second opinion, "" where it is not asked."""

    @classmethod
    def of(cls, config: Config, *, weights: Path = WEIGHTS) -> Self:
        """That of `config`, with the second opinion of the file `weights`."""
        settings = config.settings.detect
        return cls(config.rules, config.actors, settings, version_of(weights) if settings.second_opinion else "")

    def digest(self) -> str:
        """Changes when anything does that could change what is detected."""
        parts = [f"{rule.id}@{rule.version}" for rule in self.rules]
        parts += [self.actors.model_dump_json(), self.settings.model_dump_json(exclude=_ELSEWHERE), self.learned]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def rules_digest(config: Config) -> str:
    """Digest of all that decides what is detected: rules, actors, the settings of detection, and what was learned."""
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
    if second is not None and second.version != book.learned:
        cause = f"its weights here are {second.version}, and {book.learned} where the rules come from; install the same"
        raise SetupError("cannot detect", subject="the second opinion", cause=cause)
    _detectors.clear()
    made = Detector(book.rules, book.actors, loaded, max_chars=settings.max_chars, second_opinion=second)
    _detectors[book.digest(), language] = made
    return made
