"""What is said on the modality of an act: a verdict, and the cues that made it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tocsin.model import Modality


class CueKind(StrEnum):
    """How a word speaks on the modality. The values are shown to analysts and are features of the second opinion."""

    NEGATED = "negated by"
    MODAL = "modal"
    HEADLINE = "headline future"
    HEDGED = "hedged by"
    OLD = "dated by"
    SOON = "time"
    CONDITION = "condition"
    QUESTION = "asked"
    DATE = "dated"
    DENIED = "denied by"
    RULED_OUT = "ruled out by"
    CALLED_OFF = "called off by"
    BANNED = "banned by"
    NOT_DONE = "not done"
    NOT_SAID = "not so said"
    WISHED = "wished or feared"
    ORDERED = "ordered"
    PLANNED = "purpose or plan"
    PURPOSE = "purpose"
    ANNOUNCED = "announced"
    CONSIDERED = "considered"
    TALKED = "talked about"
    AHEAD = "before it"
    TOWARDS = "on the way to it"
    OR_ELSE = "or else"
    WHOEVER = "whoever does it"
    REMEMBERED = "remembered by"
    TRIED = "tried"
    LONG_AFTER = "long after it"
    DESCRIBED = "only described"
    SECOND_OPINION = "second opinion"


@dataclass(frozen=True, slots=True)
class Cue:
    """A word that spoke on the modality: its token, what it says, and how."""

    index: int
    modality: Modality
    kind: CueKind
    word: str

    @property
    def why(self) -> str:
        """The cue in words: "modal: may"."""
        return f"{self.kind}: {self.word}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The modality with the cues that made it."""

    modality: Modality
    cues: tuple[Cue, ...] = ()
    firm: bool = True
    """Whether the text asserts it; a bare noun ("the talks") gives way to what the item says elsewhere."""

    @property
    def why(self) -> str:
        """The cues in words."""
        return "; ".join(cue.why for cue in self.cues) or "by default"
