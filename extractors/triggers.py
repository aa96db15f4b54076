"""The public entry of detection: rules, actors and a language make a `Detector`; an article makes a `Detection`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from extractors import examples
from extractors.actors import ActorIndex, Mention
from extractors.findings import Finding, acts, as_trigger, confidence, settle, type_of
from extractors.forms import fold
from extractors.gate import Gate, Names
from extractors.language import Language
from extractors.modality import Cue, CueKind, Verdict, describes, judge
from extractors.recognise import is_english
from extractors.roles import Party
from extractors.rules import Attempt, Candidate, CompiledFrame, Reading, attempts, compile_rule
from extractors.second_opinion.casting import Stage
from extractors.second_opinion.models import Glimpse, Opinion, SecondOpinion
from extractors.second_opinion.verdicts import propose, reconsider
from extractors.segments import OPINION, Segment, cut, lower_common
from extractors.sieve import Row, likely
from extractors.sight import Word, sight
from extractors.syntax import Tree
from tocsin.config.actors import Actors
from tocsin.config.triggers import Rule
from tocsin.errors import Problem
from tocsin.model import Modality, Trigger

CHUNK = 512
WORD = re.compile(r"\w+")
Segments = tuple[tuple[Segment, tuple[CompiledFrame, ...]], ...]
SKIPPED_LANGUAGE = "language"


class DetectInput(Protocol):
    """What detection reads of an item; an Article has it."""

    @property
    def title(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def published(self) -> dt.datetime | None: ...


@dataclass(frozen=True, slots=True)
class Text:
    """A `DetectInput` made by hand."""

    title: str
    summary: str = ""
    published: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """What one item gave. `skipped` says why it was not read ("language"), `errors` what went wrong in which rule."""

    triggers: tuple[Trigger, ...] = ()
    skipped: str = ""
    errors: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    """The second opinion on each type that it weighed."""


@dataclass(frozen=True, eq=False)
class Explained:
    """One segment: its parse, the actors in it, every act that a frame looked at, and the rules the gate let in."""

    tree: Tree
    mentions: tuple[Mention, ...]
    attempts: tuple[Attempt, ...]
    gate: frozenset[str]


@dataclass(frozen=True, eq=False)
class Explanation:
    """A detection with everything that led to it."""

    detection: Detection
    segments: tuple[Explained, ...]
    hopeless: frozenset[str] = frozenset()
    """Types of which the second opinion saw at first sight that no act can be in the text."""

    def why_not(self, kind: str) -> list[str]:
        """Reasons why triggers of type `kind` did not come out, in plain words; empty where one did as `happened`."""
        if any(t.type == kind and t.modality is Modality.HAPPENED for t in self.detection.triggers):
            return []
        if self.detection.skipped:
            return [f"the item was not read: {self.detection.skipped}"]
        if kind in self.hopeless:
            return ["the words of the item speak so much against an act that the second opinion lets no rule try"]
        reasons = [
            f"{a.frame.frame.name or a.frame.rule.id}: “{s.tree.text(range(a.act.start, a.act.end))}”: {a.reason}"
            for s in self.segments
            for a in s.attempts
            if a.frame.rule.type == kind and a.candidate is None
        ]
        judged = [
            f"{f.candidate.frame.name}: read as {f.verdict.modality} ({f.verdict.why})"
            for f in self.detection.findings
            if f.candidate.rule.type == kind
        ]
        judged += [
            f"the second opinion gives it {o.probability:.2f}" for o in self.detection.opinions if o.kind == kind
        ]
        return judged + reasons or ["no act of such a rule stands in the text"]


@dataclass(frozen=True, eq=False)
class _Item:
    """An item on its way: its segments with the frames that each may match."""

    published: dt.date | None = None
    words: tuple[str, ...] = ()
    context: frozenset[str] = frozenset()
    """Its words in lower case, which tell whom a nickname means."""
    barred: frozenset[str] = frozenset()
    """Rules whose `unless` stands in it."""
    opinion: bool = False
    """Whether its title says that it is a comment."""
    segments: Segments = ()
    text: DetectInput | None = None
    worth: bool = False
    """Whether its words are worth a second opinion even where no rule finds anything."""
    hopeless: frozenset[str] = frozenset()
    """Types of which the second opinion sees at first sight that no act can be in it."""
    skipped: str = ""
    errors: tuple[str, ...] = ()


class Detector:
    """Detects triggers in items. Pure but for the parse; the same input gives the same output in any order or batch.

    `max_chars` cuts titles and summaries. `gated=False` parses everything: slower, with the same result.
    `second_opinion` weighs again what the rules found, and may see what they missed; only types that have a rule.
    """

    def __init__(
        self, rules: Sequence[Rule], actors: Actors, language: Language, *, max_chars: int = 4000, gated: bool = True,
        second_opinion: SecondOpinion | None = None,
    ) -> None:  # fmt: skip
        self.rules = tuple(sorted(rules, key=lambda rule: rule.id))
        self._language = language
        self._compiled = {rule.id: compile_rule(rule, language.tokenize) for rule in self.rules}
        self.gate = Gate(list(self._compiled.values()))
        self._actors = ActorIndex(actors, language.tokenize)
        self._names = Names(self._actors.aliases())
        self._max_chars = max_chars
        self._gated = gated
        self._second_opinion = second_opinion
        self._words = frozenset(
            form
            for rule in self._compiled.values()
            for frame in rule.frames
            for form in (*frame.act.literals, *frame.object.literals)
        )

    def detect(self, text: DetectInput) -> Detection:
        """Triggers of one item."""
        return next(self.detect_many([text]))

    def detect_many(self, items: Iterable[DetectInput]) -> Iterator[Detection]:
        """One Detection for each item, in order. An item that raises comes back with the error and stops nothing."""
        source = iter(items)
        while chunk := list(islice(source, CHUNK)):
            prepared = [self._set_up(item) for item in chunk]
            trees = self._language.parse(segment for item in prepared for segment, _ in item.segments)
            for item in prepared:
                yield self._detect(item, [next(trees) for _ in item.segments])

    def explain(self, text: DetectInput) -> Explanation:
        """Everything that was tried on one item, whatever the gate says."""
        prepared = self._prepare(text, gated=False)
        trees = tuple(self._language.parse(segment for segment, _ in prepared.segments))
        readings = []
        for tree, (segment, frames) in zip(trees, prepared.segments, strict=True):
            reading = Reading(tree, self._actors.mentions(tree, prepared.context))
            tried = tuple(attempt for frame in frames for attempt in attempts(frame, reading))
            passed = frozenset(frame.rule.id for frame in self.gate.frames(fold(segment.text)))
            readings.append(Explained(tree, reading.cast.mentions, tried, passed))
        return Explanation(self._detect(prepared, trees), tuple(readings), prepared.hopeless)

    def check_examples(self) -> list[Problem]:
        """What the rules' own examples show to be wrong, as problems at the line of the example."""
        return [problem for rule in self.rules for problem in examples.check(rule, self.detect)]

    def _set_up(self, item: DetectInput) -> _Item:
        """`_prepare`, with an item that cannot be read set aside under the error it raised."""
        try:
            return self._prepare(item)
        except Exception as error:  # one bad item stops no other; it comes back with its error
            return _Item(errors=(f"item: {type(error).__name__}: {error}",))

    def _prepare(self, item: DetectInput, *, gated: bool | None = None) -> _Item:
        gated = self._gated if gated is None else gated
        title, summary = self._fields(item)
        published = item.published.date() if item.published else None
        if not is_english(f"{title} {summary}"):
            return _Item(published, skipped=SKIPPED_LANGUAGE)
        worth, hopeless = self._glimpsed(f"{title} {summary}")
        frames = {"title": self._let(title, hopeless), "summary": self._let(summary, hopeless)}
        if gated and not any(frames.values()):
            return _Item(published, text=item, worth=worth, hopeless=hopeless)
        context = frozenset(WORD.findall(fold(f"{title} {summary}")))
        if gated:
            # A title or summary that cannot match needs no cutting; it still gives the context.
            parts = cut(title if frames["title"] else "", summary if frames["summary"] else "", self._recase)
            tried = ((part, self._possible(part, frames[part.field], context)) for part in parts)
            segments = tuple((part, possible) for part, possible in tried if possible)
        else:
            segments = tuple((part, tuple(self.gate.all_frames())) for part in cut(title, summary, self._recase))
        words = self._language.tokenize(f"{title} . {summary}") if segments else ()
        barred = self._barred(words) if segments else frozenset()
        if gated and barred:
            segments = _without(segments, barred)
        comment = bool(OPINION.search(title))
        return _Item(published, words, context, barred, comment, segments, item, worth, hopeless)

    def _glimpsed(self, text: str) -> tuple[bool, frozenset[str]]:
        """Whether `text` is worth a second opinion in any case, and the types of which no act can be in it."""
        model = self._second_opinion
        if model is None:
            return False, frozenset()
        seen = model.glimpse(fold(text))
        return seen is Glimpse.WORTH, frozenset(model.types) if seen is Glimpse.HOPELESS else frozenset()

    def _let(self, text: str, hopeless: frozenset[str]) -> list[CompiledFrame]:
        """Frames that may match somewhere in a title or a summary, as far as its characters tell."""
        folded = fold(text)
        if not self.gate.lets(folded, named=self._names.may_stand_in(text)):
            return []
        return likely([f for f in self.gate.frames(folded) if f.rule.type not in hopeless], folded)

    def _fields(self, item: DetectInput) -> tuple[str, str]:
        """Title and summary as they are read: cut, and without lone surrogates."""
        return _readable(item.title[: self._max_chars]), _readable(item.summary[: self._max_chars])

    def _barred(self, words: tuple[str, ...]) -> frozenset[str]:
        """Rules whose `unless` stands among the words of an item."""
        row = tuple(map(fold, words))
        known = frozenset(row)
        return frozenset(name for name, rule in self._compiled.items() if rule.unless.within(row, known))

    def _possible(
        self, segment: Segment, frames: list[CompiledFrame], context: frozenset[str]
    ) -> tuple[CompiledFrame, ...]:
        """Those of `frames` that may match in the segment: first by its characters, then by its words and actors."""
        if not (segment.caseless or self._names.may_stand_in(segment.original)):
            frames = self.gate.nameless(frames)
        frames = likely(frames, fold(segment.text))
        if not frames:
            return ()
        words = tuple(segment.original[start:end] for start, end in self._language.spans(segment.text))
        lower = tuple(map(fold, words))
        mentions = tuple(self._actors.find(words, lower, context, caseless=segment.caseless))
        return Row(lower, mentions).frames(frames)

    def sight(self, item: DetectInput) -> tuple[Word, ...]:
        """The item's words as the second opinion reads them."""
        title, summary = self._fields(item)

        def find(words: tuple[str, ...], lower: tuple[str, ...]) -> Iterator[Mention]:
            return self._actors.find(words, lower, frozenset(WORD.findall(" ".join(lower))))

        published = item.published.date() if item.published else None
        return sight((("title", title), ("summary", summary)), self._language.tokenize, find, published)

    def _opinions(self, findings: list[Finding], words: tuple[Word, ...]) -> dict[str, Opinion]:
        """What the second opinion says of each type, if it is wanted."""
        if self._second_opinion is None or not words:
            return {}
        spoken = frozenset((type_of(f), f.verdict.modality) for f in settle(findings))
        return self._second_opinion.weigh(words, findings, spoken)

    def _reconsidered(self, findings: list[Finding], opinions: dict[str, Opinion], stage: Stage) -> list[Finding]:
        """`findings` with the modality and the parties that the second opinion gives them, if it is wanted."""
        model = self._second_opinion
        if model is None or not stage.words:
            return findings
        last = {word.field: word.start for word in stage.words}

        def seen(finding: Finding) -> bool:
            """Long items are seen by their first words only; further on the rules alone speak."""
            tree = finding.candidate.tree
            return tree.starts[finding.candidate.act.root] <= last.get(tree.field, -1)

        judged = reconsider([f for f in findings if seen(f)], opinions)
        return [*(model.cast.recast(f, stage) for f in acts(judged)), *(f for f in findings if not seen(f))]

    def _proposed(self, findings: list[Finding], opinions: dict[str, Opinion], stage: Stage) -> list[Trigger]:
        """Triggers of types that no rule found, where the second opinion is above its bar."""
        model, found = self._second_opinion, {type_of(f) for f in findings}
        rules = {rule.type: rule for rule in reversed(self.rules)}
        return [
            propose(opinion, stage, rules[kind], model.cast, model.version)
            for kind, opinion in sorted(opinions.items())
            if model is not None and opinion.holds and kind not in found and kind in rules
        ]

    def _recase(self, title: str) -> str:
        spans = self._language.spans(title)
        words = tuple(title[start:end] for start, end in spans)
        lower = tuple(map(fold, words))
        names = [(spans[m.start][0], spans[m.end - 1][1]) for m in self._actors.find(words, lower, frozenset(lower))]

        def keep(start: int, end: int) -> bool:
            return any(start < stop and begin < end for begin, stop in names)

        return lower_common(title, keep, lambda word: word in self._words or self._language.common(word))

    def _detect(self, item: _Item, trees: Sequence[Tree]) -> Detection:
        if item.skipped:
            return Detection(skipped=item.skipped)
        findings: list[Finding] = []
        errors = list(item.errors)
        for tree, (_, frames) in zip(trees, item.segments, strict=True):
            reading = Reading(tree, self._actors.mentions(tree, item.context))
            for frame in frames:
                try:
                    tried = attempts(frame, reading)
                    findings += [self._judge(each.candidate, item) for each in tried if each.candidate is not None]
                except Exception as error:  # one bad rule stops no other; it is named in the detection
                    errors.append(f"{frame.rule.id}: {type(error).__name__}: {error}")
        findings = [f for f in findings if f.verdict.firm or not f.candidate.frame.asserted or f.verdict.cues]
        findings = [f for f in findings if f.candidate.rule.id not in item.barred and type_of(f) not in item.hopeless]
        findings = [self._placed(f, item) for f in findings]
        wanted = self._second_opinion is not None and (findings or item.worth)
        words = self.sight(item.text) if wanted and item.text is not None else ()
        opinions, stage = self._opinions(findings, words), Stage(words)
        proposed = self._proposed(findings, opinions, stage)
        settled = settle(self._reconsidered(findings, opinions, stage))
        triggers = (*map(as_trigger, settled), *proposed)
        return Detection(triggers, "", tuple(errors), tuple(findings), tuple(opinions.values()))

    def _judge(self, candidate: Candidate, item: _Item) -> Finding:
        frame, rule = candidate.frame, candidate.rule
        verdict = judge(
            candidate.tree,
            candidate.act.root,
            default=frame.modality or rule.modality,
            decision=rule.decision if frame.decision is None else frame.decision,
            published=item.published,
        )
        words = candidate.tree.lower
        sentence = candidate.tree.sentence(candidate.act.root)
        if verdict.modality is Modality.HAPPENED and self._compiled[rule.id].past.within(
            words[sentence.start : sentence.stop]
        ):
            verdict = Verdict(Modality.PAST, verdict.cues)
        if frame.attribute and verdict.modality is Modality.HAPPENED and describes(candidate.tree, candidate.act.root):
            root = candidate.act.root
            verdict = Verdict(frame.attribute, (Cue(root, frame.attribute, CueKind.DESCRIBED, words[root]),))
        if frame.speech and verdict.modality is Modality.PROSPECTIVE:
            verdict = Verdict(Modality.HAPPENED, verdict.cues)
        return Finding(candidate, verdict, confidence(candidate, item.opinion), item.opinion, item.published)

    def _placed(self, finding: Finding, item: _Item) -> Finding:
        """Where the sentence names no target, rules with `setting` take the first other actor of the item."""
        candidate = finding.candidate
        if candidate.target is not None or not candidate.rule.setting:
            return finding
        lower = tuple(fold(word) for word in item.words)
        source = candidate.source.code if candidate.source else None
        for mention in self._actors.find(item.words, lower, item.context, caseless=candidate.tree.caseless):
            if mention.code not in (source, *candidate.rule.venue) and not mention.qualifier:
                target = Party(mention.code, -1, sure=False)
                return replace(finding, candidate=replace(candidate, target=target))
        return finding


def _without(segments: Segments, barred: frozenset[str]) -> Segments:
    """`segments` without the frames of `barred` rules."""
    kept = ((segment, tuple(f for f in frames if f.rule.id not in barred)) for segment, frames in segments)
    return tuple((segment, frames) for segment, frames in kept if frames)


def _readable(text: str) -> str:
    """`text` without lone surrogates, at the same length."""
    return text.encode("utf-8", "replace").decode("utf-8")
