"""Tries the frames of the rules on a tree: which acts stand there, with what objects and which parties.

A candidate keeps everything that speaks for it, so that a later judge (or an explanation) can weigh it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from extractors.actors import Mention
from extractors.lexicon import Lexicon, Span
from extractors.roles import Arguments, Cast, Party, arguments, phrase
from extractors.syntax import Tree
from tocsin.config.triggers import Frame, Rule

Tokenize = Callable[[str], tuple[str, ...]]
REACH = 5
APART = frozenset("; : after as before hours days ahead".split())
OWNERS = frozenset("its his their her country nation regime".split())
FINITE = ("VBD", "VBZ", "VBP", "MD")
CLAUSE_DEPS = frozenset({"relcl", "advcl", "ccomp", "parataxis", "conj"})


@dataclass(frozen=True, eq=False)
class CompiledFrame:
    """A frame with its word lists compiled."""

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


@dataclass(frozen=True, eq=False)
class Candidate:
    """An act that a frame matched, with its parties and how firmly they are tied to it.

    `link` is 1.0 where the object is an argument of the act, less where it only stands beside it.
    """

    rule: Rule
    version: str
    frame: Frame
    tree: Tree
    act: Span
    object: Span | None
    link: float
    source: Party | None
    target: Party | None


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


@dataclass(frozen=True, eq=False)
class Attempt:
    """One act word that a frame looked at: the candidate, or why there is none."""

    frame: CompiledFrame
    act: Span
    candidate: Candidate | None
    reason: str


class Reading:
    """One tree with its mentions, as the frames read it. Caches what several frames ask for."""

    def __init__(self, tree: Tree, mentions: Sequence[Mention], setting: Sequence[str] = ()) -> None:
        self.tree = tree
        self.cast = Cast(tree, mentions)
        self.setting = tuple(setting)
        self._spans: dict[int, list[Span]] = {}
        self._arguments: dict[int, Arguments] = {}
        self._reach: dict[int, frozenset[int]] = {}

    def spans(self, lexicon: Lexicon) -> list[Span]:
        """Spans of a lexicon, actors by `@` included."""
        key = id(lexicon)
        if key not in self._spans:
            found = lexicon.spans(self.tree) if lexicon.words or lexicon.literals else []
            if lexicon.special:
                found = sorted([*found, *self._actors(lexicon.special)], key=lambda span: span.start)
            self._spans[key] = found
        return self._spans[key]

    def _actors(self, special: set[str]) -> list[Span]:
        rows = []
        for mention in self.cast.mentions:
            kinds = built_in(mention)
            if not kinds.isdisjoint(special):
                inside = range(mention.start, mention.end)
                heads = [i for i in inside if self.tree.heads[i] not in inside or self.tree.heads[i] == i]
                rows.append(Span(mention.start, mention.end, (heads or [mention.start])[0]))
        return rows

    def arguments(self, act: int) -> Arguments:
        """Places around the act."""
        if act not in self._arguments:
            self._arguments[act] = arguments(self.tree, act)
        return self._arguments[act]

    def reach(self, act: int) -> frozenset[int]:
        """Tokens of all arguments of the act: the heads, their modifiers, their "of" phrases and coordinates."""
        if act not in self._reach:
            found: set[int] = set()
            queue = [index for row in self.arguments(act).values() for index in row]
            seen: set[int] = set()
            while queue:
                index = queue.pop()
                if index in seen:
                    continue
                seen.add(index)
                found.update(phrase(self.tree, index))
                queue += self.tree.kids(index, "conj", "appos")
                if self.tree.is_verb(index):
                    queue += self.tree.kids(index, "dobj", "xcomp")
                    queue += [obj for prep in self.tree.kids(index, "prep") for obj in self.tree.kids(prep, "pobj")]
            self._reach[act] = frozenset(found)
        return self._reach[act]

    def try_frame(self, frame: CompiledFrame) -> list[Attempt]:
        """Every place where the frame's act stands, each as a candidate or with the reason against it."""
        return [self._attempt(frame, act) for act in self.spans(frame.act)]

    def _attempt(self, frame: CompiledFrame, act: Span) -> Attempt:
        tree = self.tree
        if frame.frame.only:
            kind = "verb" if self._verbal(act.root) else "noun"
            if kind not in frame.frame.only:
                return Attempt(frame, act, None, f"the act is a {kind} here")
        doers = self._doers(act) if frame.subject else frozenset()
        if frame.subject and not self._stands_in(frame.subject, doers):
            return Attempt(frame, act, None, "no subject of the frame does the act")
        obj, link = None, 1.0
        if frame.object:
            obj, link = self._object(frame, act, doers)
            if obj is None:
                return Attempt(frame, act, None, "no object of the frame belongs to the act")
        sentence = tree.sentence(act.root)
        if frame.near and not any(
            span.start in sentence and not _overlap(span, act) for span in self.spans(frame.near)
        ):
            return Attempt(frame, act, None, "none of `near` stands in the sentence")
        barred = next((span for span in self.spans(frame.unless) if span.start in sentence), None)
        if barred is not None:
            return Attempt(frame, act, None, f"`unless` forbids {tree.text(range(barred.start, barred.end))}")
        against = self._against(frame, act, obj)
        if against is not None:
            return Attempt(frame, act, None, f"`without` forbids {tree.text(range(against.start, against.end))}")
        source, target = self._parties(frame, act, obj)
        if frame.frame.speech:
            speaker = self._speaker(act)
            if source is not None and source.sure and speaker is not None and speaker.code != source.code:
                return Attempt(frame, act, None, "somebody else says so")
            if source is None or not source.sure:
                source = speaker or source
            if source is not None and (target is None or target.code == source.code):
                target = self._anyone(act, avoid=source.code)
        missing = _missing(frame.frame, source, target, self.cast.mentions)
        if missing:
            return Attempt(frame, act, None, missing)
        rule = frame.rule
        return Attempt(
            frame, act, Candidate(rule, frame.version, frame.frame, tree, act, obj, link, source, target), ""
        )

    def _verbal(self, index: int) -> bool:
        """Whether a verb stands here; taggers take "US sanctions three firms" for a noun phrase."""
        tree = self.tree
        if tree.is_verb(index):
            return True
        after = tree.tags[index + 1] if index + 1 < len(tree) else ""
        before = self.cast.at(index - 1) if index else None
        named = before.kind != "people" if before else index > 0 and tree.tags[index - 1] in ("NN", "NNP", "NNPS")
        return named and tree.lower[index].endswith("s") and after in ("DT", "CD", "JJ", "NNP", "NNPS", "PRP$")

    def _object(self, frame: CompiledFrame, act: Span, doers: frozenset[int]) -> tuple[Span | None, float]:
        best: tuple[float, int, Span] | None = None
        reach = self.reach(act.root)
        for span in self.spans(frame.object):
            inside = act.end - act.start > 2 and act.start < span.start and span.end < act.end
            if (_overlap(span, act) and not inside) or span.start not in self.tree.sentence(act.root):
                continue
            if not doers.isdisjoint(range(span.start, span.end)):
                continue  # who does it is not what it is done to
            distance = min(abs(span.start - act.end + 1), abs(act.start - span.end + 1))
            link = 1.0 if not reach.isdisjoint(range(span.start, span.end)) else self._beside(act, span, distance)
            if link and (best is None or (-link, distance) < (best[0], best[1])):
                best = (-link, distance, span)
        return (best[2], -best[0]) if best else (None, 0.0)

    def _doers(self, act: Span) -> frozenset[int]:
        """Tokens of the phrases that do the act."""
        places = self.arguments(act.root)
        tokens: set[int] = set()
        for head in [*places.get("subject", ()), *places.get("modifier", ())]:
            tokens.update(self.tree.subtree(head, without=frozenset({"relcl", "acl"})))
        return frozenset(tokens)

    def _stands_in(self, lexicon: Lexicon, tokens: frozenset[int]) -> bool:
        return any(not tokens.isdisjoint(range(span.start, span.end)) for span in self.spans(lexicon))

    def _beside(self, act: Span, span: Span, distance: int) -> float:
        """Parses of headlines go wrong; an object right beside the act counts, but less."""
        if distance > REACH:
            return 0.0
        between = range(min(act.end, span.end), max(act.start, span.start))
        if any(self.tree.tags[i] in FINITE or self.tree.lower[i] in APART for i in between):
            return 0.0
        if self.tree.is_verb(act.root) and span.start > act.start:
            own = self.tree.kids(act.root, "dobj")
            if own and own[0] < span.start and span.root not in self.tree.subtree(own[0]):
                return 0.0
            if own and any(self.tree.deps[i] == "prep" and self.tree.lower[i] != "of" for i in between):
                return 0.0
        return 0.6

    def _against(self, frame: CompiledFrame, act: Span, obj: Span | None) -> Span | None:
        if not frame.without:
            return None
        bound = set(self.reach(act.root)) | set(range(act.start - 2, act.end + 2))
        if obj is not None:
            bound |= set(range(obj.start - 1, obj.end + 2)) | set(phrase(self.tree, obj.root))
        for span in self.spans(frame.without):
            inside = range(span.start, span.end)
            name = self.cast.at(span.start)
            hidden = (act.end - act.start <= 3 and all(act.start <= i < act.end for i in inside)) or (
                # "European Union" is no union: a word within a longer name does not count.
                name is not None and name.end - name.start > span.end - span.start
            )
            if not hidden and not bound.isdisjoint(inside) and self.tree.sents[span.start] == self.tree.sents[act.root]:
                return span
        return None

    def _parties(self, frame: CompiledFrame, act: Span, obj: Span | None) -> tuple[Party | None, Party | None]:
        places = self.arguments(act.root)
        if frame.rule.pair:
            return self._pair(frame, act, obj)
        venue = frozenset(frame.rule.venue)
        source = self._party(places, frame.source, acting=True, avoid=frozenset())
        target = self._party(places, frame.target, acting=False, avoid=venue | _codes(source))
        if source is None and obj is not None:
            source = self._party(self.arguments(obj.root), frame.source, acting=True, avoid=_codes(target))
        if target is None and obj is not None:
            target = self._party(self.arguments(obj.root), frame.target, acting=False, avoid=venue | _codes(source))
        if source is None and frame.source and self._owned(act):
            source = self._last_named(act)
        if source is None and frame.source:
            source = self._nearest(act, before=True, avoid=_codes(target))
        if target is None and frame.target:
            target = self._nearest(act, before=False, avoid=venue | _codes(source))
        return source, target

    def _speaker(self, act: Span) -> Party | None:
        """Who says it: the subject of the nearest verb above. "Kyiv says Moscow will strike" is Kyiv's warning."""
        for above in self.tree.ancestors(act.root):
            if self.tree.is_verb(above):
                speakers = self.cast.all_of(self.arguments(above).get("subject", ()), acting=True)
                if speakers:
                    return speakers[0]
        return None

    def _anyone(self, act: Span, *, avoid: str) -> Party | None:
        """The other actor of the sentence, for words that are aimed at somebody."""
        sentence = self.tree.sentence(act.root)
        rows = [m for m in self.cast.mentions if m.start in sentence and m.code != avoid and m.kind != "place"]
        rows.sort(key=lambda m: (abs(m.start - act.start), m.start))
        return Party(rows[0].code, rows[0].start, sure=False) if rows else None

    def _party(self, places: Arguments, order: Sequence[str], *, acting: bool, avoid: frozenset[str]) -> Party | None:
        for place in order:
            for party in self.cast.all_of(places.get(place, ()), acting=acting):
                if party.code not in avoid:
                    return self._first(party) if acting else party
        return None

    def _first(self, party: Party) -> Party:
        mention = self.cast.at(party.index)
        first = self.cast.first_in_row(mention) if mention else None
        return Party(first.code, first.start, party.sure) if first else party

    def _pair(self, frame: CompiledFrame, act: Span, obj: Span | None) -> tuple[Party | None, Party | None]:
        """The first two parties that act together; a place where they meet only counts where there is no other."""
        found: dict[str, Party] = {}
        roots = [act.root] if obj is None else [obj.root, act.root]
        for place in dict.fromkeys([*frame.source, *frame.target]):
            for root in roots:
                if place == "in" and len(found) > 1:
                    continue
                for party in self.cast.all_of(self.arguments(root).get(place, ()), acting=True):
                    if not self._venue(party.index, root):
                        found.setdefault(party.code, party)
        for head in self.arguments(act.root).get("modifier", ()):
            for mention in self.cast.inside(head):
                if self.cast.acting(mention) and not self._venue(mention.start, act.root):
                    found.setdefault(mention.code, Party(mention.code, mention.start))
        for before in (True, False):
            if len(found) < 2:
                nearest = self._nearest(act, before=before, avoid=frozenset(found))
                if nearest is not None:
                    found.setdefault(nearest.code, nearest)
        row = sorted(found.values(), key=lambda party: party.index)
        return (row[0] if row else None), (row[1] if len(row) > 1 else None)

    def _venue(self, index: int, noun: int) -> bool:
        """ "the Hanoi summit" was held there; in "Moscow-Hanoi talks" the two talk."""
        mention = self.cast.at(index)
        if mention is None or mention.kind != "capital" or mention.end != noun:
            return False
        return mention.start == 0 or self.tree.lower[mention.start - 1] not in ("-", "–", "and", "/", ",")

    def _owned(self, act: Span) -> bool:
        """ "its recent test", "the country's test": whoever was named last did it."""
        owners = self.tree.kids(act.root, "poss")
        return any(self.tree.lower[index] in OWNERS for index in owners)

    def _last_named(self, act: Span) -> Party | None:
        rows = [m for m in self.cast.mentions if m.end <= act.start and self.cast.acting(m)]
        return Party(rows[-1].code, rows[-1].start, sure=False) if rows else None

    def _nearest(self, act: Span, *, before: bool, avoid: frozenset[str]) -> Party | None:
        """The closest actor of the sentence on one side of the act, where the parse names none."""
        sentence = self.tree.sentence(act.root)
        rows = [m for m in self.cast.mentions if m.start in sentence and m.code not in avoid]
        if before:
            rows = [m for m in reversed(rows) if m.end <= act.start and self.cast.acting(m)]
            rows = [m for m in rows if not self.cast.located(m) and not self.cast.reacting(m)]
        else:
            rows = [m for m in rows if m.start >= act.end] or [m for m in rows if self.cast.located(m)]
        if not rows:
            return None
        found = Party(rows[0].code, rows[0].start, sure=False)
        return self._first(found) if before else found


def built_in(mention: Mention) -> frozenset[str]:
    """The built-in classes of words that a mention belongs to."""
    narrow = "$group" if mention.kind == "group" else "$leader" if mention.kind == "leader" else "$state"
    return frozenset({"$actor", narrow})


def _codes(party: Party | None) -> frozenset[str]:
    return frozenset({party.code} if party else ())


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _missing(frame: Frame, source: Party | None, target: Party | None, mentions: Sequence[Mention]) -> str:
    for need in frame.needs:
        if need == "source" and source is None:
            return "no actor in the role of the source"
        if need == "target" and target is None:
            return "no actor in the role of the target"
        if need == "actor" and not mentions:
            return "the text names no actor"
        if need == "two_actors" and len({mention.code for mention in mentions}) < 2:
            return "the text names fewer than two actors"
        if need == "group" and not any(mention.kind == "group" for mention in mentions):
            return "the text names no armed group"
    return ""
