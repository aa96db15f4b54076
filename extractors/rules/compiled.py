"""Rules with their word lists compiled, made once for all items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extractors.lexicon import Lexicon
from extractors.syntax import Tokenize
from tocsin.config.triggers import Frame, Rule


@dataclass(frozen=True, eq=False)
class CompiledFrame:
    """A frame with its word lists compiled; `source` and `target` are its own places, else its rule's."""

    rule: Rule
    version: str
    frame: Frame
    act: Lexicon
    object: Lexicon
    subject: Lexicon
    near: Lexicon
    without: Lexicon
    unless: Lexicon
    source: tuple[str, ...]
    target: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CompiledRule:
    """A rule with its frames compiled and what must not stand in the item."""

    rule: Rule
    version: str
    frames: tuple[CompiledFrame, ...]
    unless: Lexicon
    past: Lexicon


def compile_rule(rule: Rule, tokenize: Tokenize) -> CompiledRule:
    """`rule` with every word list turned into forms."""

    def lexicon(words: Sequence[str]) -> Lexicon:
        return Lexicon(rule.expand(tuple(words)), tokenize)

    version = rule.version
    frames = tuple(
        CompiledFrame(
            rule,
            version,
            frame,
            lexicon(frame.act),
            lexicon(frame.object),
            lexicon(frame.subject),
            lexicon(frame.near),
            lexicon(frame.without),
            lexicon(frame.unless),
            frame.source if frame.source is not None else rule.source,
            frame.target if frame.target is not None else rule.target,
        )
        for frame in rule.frames
    )
    return CompiledRule(rule, version, frames, lexicon(rule.unless), lexicon(rule.past))
