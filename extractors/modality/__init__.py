"""Did it happen? Reads the words that govern an act, each with its syntactic scope, never a mere window.

The act is followed upwards through the parse. Its own auxiliaries, negations and adjectives speak first; then whatever
governs it: a verb or noun of planning, fearing or urging makes it prospective, one of denying makes it denied, one of
remembering makes it past, one of saying or condemning leaves it standing as a fact. Dates speak last.
"""

from extractors.modality.climb import describes, judge
from extractors.modality.verdict import Cue, CueKind, Verdict

__all__ = ["Cue", "CueKind", "Verdict", "describes", "judge"]
