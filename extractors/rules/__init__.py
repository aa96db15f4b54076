"""Tries the frames of the rules on a tree: which acts stand there, with what objects and which parties.

A rule is compiled once. A reading is one tree with its actors, which every frame asks; an attempt is one act that a
frame looked at, with the candidate or the reason why there is none. A candidate keeps everything that speaks for it, so
that a later judge (or an explanation) can weigh it again.
"""

from extractors.rules.attempts import Attempt, Candidate, attempts
from extractors.rules.compiled import CompiledFrame, CompiledRule, compile_rule
from extractors.rules.reading import Reading, built_in

__all__ = ["Attempt", "Candidate", "CompiledFrame", "CompiledRule", "Reading", "attempts", "built_in", "compile_rule"]
