"""Whether a report is about an event, and which of many it is about.

Pure. An event is looked for among those of its type, modality and days that share two telling words of the title with
the report or, for rare acts, an actor: cost follows what is near, not what is open.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

from extractors.voices import COPY, LEAD, Words, likeness, overlap, signature, texts, words
from tocsin.model import Event, Growth, Modality, Report, Trigger

HOUR = dt.timedelta(hours=1)
FOLLOWED = 72 * HOUR
"""Nothing that is reported later than this is about the same occurrence."""

_DAY = 24 * HOUR
_RARE = {
    "missile_test": 21 * _DAY,
    "nuclear_test": 120 * _DAY,
    "satellite_launch": 30 * _DAY,
    "sanctions_veto": 30 * _DAY,
    "un_veto": 30 * _DAY,
}
"""Acts of which one party rarely does two at a time, so that who and when are enough; and how long they are referred to
("the recent nuclear test"): such a report is of the latest one, not of a new one."""
_SELDOM = frozenset(
    {
        "sanctions_imposed",
        "sanctions_relief",
        "security_pact",
        "nuclear_advance",
        "arms_transfer",
        "troop_withdrawal",
        "peace_agreement",
        "diplomatic_breakdown",
    }
)
"""Acts between the same two parties that are hardly twice in three days; of other types there may be several a day."""
_MUTUAL = frozenset({"diplomatic_talks", "security_pact", "peace_agreement", "military_exercise", "border_incident"})
"""Acts whose parties may be named in either order."""
_SUDDEN = frozenset({"missile_test", "nuclear_test", "satellite_launch", "armed_attack", "border_incident"})
"""Acts of a moment: a report a day later without reference to the first is of another one."""
_FRESH = 20 * HOUR
_TIME_ZONES = 14 * HOUR
_NOVEL = re.compile(r"\b(another|again|second|third|fourth|fifth|fresh|more|further|renewed|yet)\b", re.IGNORECASE)
_REACTION = re.compile(
    r"\b(condemn\w*|denounc\w*|slam\w*|protest\w*|respon\w+|react\w*|calls? for|urg\w+|emergency|security council|"
    r"analy\w+|explain\w*|what we know|aftermath|investigat\w+|confirm\w*)\b|"
    r"\b(after|over|following)\b.{0,40}\b(launch|test|strik|attack|fir|veto)",
    re.IGNORECASE,
)


# "North Korea's recent missile launch" speaks of an act, "North Korea conducts a nuclear test" tells it.
_NAMED = re.compile(
    r"\b(tests?|testing|launch|launches|launching|firing|explosion|blast|veto|vetoes)$|"
    r"^(launch|test|testing|firing)\w* of\b",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(conduct\w*|carr(y|ies|ied|ying) out|perform\w*|stag(e|es|ed)|hold|holds|held|announc\w*|claim\w*|detect\w*|"
    r"mak(e|es|ing)|made|cast|casts|us(e|es|ed) its)\b[^.]{0,30}$",
    re.IGNORECASE,
)
_END = re.compile(r"[.!?;]\s")
_EARLIER = re.compile(
    r"\b(recent|latest|last|previous|repeated|earlier|past|second|third|fourth|fifth|sixth|response to|following|after|"
    r"since|result of|over|regarding|resolution|sanctions)\b",
    re.IGNORECASE,
)


def memory(type: str) -> dt.timedelta:
    """How long ago an event of that type may have started for a report of now to be about it."""
    return _RARE.get(type, FOLLOWED)


def names(report: Report) -> bool:
    """Whether the report names an act ("the nuclear test") rather than telling it ("conducts a nuclear test")."""
    return bool(_NAMED.search(report.trigger.evidence.text)) and not _TOLD.search(_before(report))


def refers(report: Report) -> bool:
    """Whether the act that the report names is an earlier one: "condemns the recent nuclear test"."""
    return names(report) and bool(_EARLIER.search(_before(report)))


def _before(report: Report) -> str:
    """The words ahead of the evidence."""
    evidence = report.trigger.evidence
    text = report.article.summary if evidence.field == "summary" else report.article.title
    return text[max(0, evidence.start - 90) : evidence.start]


class Growing:
    """An event while reports are added to it: its state now, its state before (None: new), and what it gained.

    Most of the many open events are never looked at, so nothing is worked out, nor made, before it is asked for.
    """

    __slots__ = ("_actors", "_event", "_posted", "_texts", "before", "growth", "reports")

    def __init__(self, event: Event, before: Event | None) -> None:
        self._posted: frozenset[str] = frozenset()
        self.event = event
        self.before = before
        self.growth: frozenset[Growth] = frozenset()
        self.reports: tuple[Report, ...] = ()

    @property
    def event(self) -> Event:
        """State now."""
        return self._event

    @event.setter
    def event(self, event: Event) -> None:
        self._event = event
        self._actors: set[str] | None = None
        self._texts: tuple[Words, ...] | None = None

    @property
    def actors(self) -> set[str]:
        """Source and target, as far as they are known."""
        if self._actors is None:
            self._actors = _actors(self._event)
        return self._actors

    @property
    def texts(self) -> tuple[Words, ...]:
        """The words of its texts."""
        if self._texts is None:
            self._texts = texts(self._event)
        return self._texts

    def unposted(self) -> frozenset[str]:
        """Stems of its texts that were not asked for before."""
        first, *others = (text.wide for text in texts(self._event))
        stems = first.union(*others) if others else first
        fresh = stems - self._posted if self._posted else stems
        self._posted = stems | self._posted if self._posted else stems
        return fresh


class _Look:
    """A report with what every comparison asks of it."""

    __slots__ = ("actors", "place", "reach", "reacts", "renews", "report", "seen_at", "source", "target", "words")

    def __init__(self, report: Report) -> None:
        title = report.article.title
        self.report = report
        self.seen_at = report.article.seen_at
        self.words = words(title, report.article.summary[:LEAD])
        self.actors = _actors(report.trigger)
        self.source, self.target = report.trigger.source, report.trigger.target
        self.place = (report.trigger.place or "").casefold()
        refers_back = report.trigger.type in _RARE and refers(report)
        self.reach = memory(report.trigger.type) if refers_back else FOLLOWED
        self.reacts = names(report) or bool(_REACTION.search(title))
        self.renews = bool(_NOVEL.search(title))


class Open:
    """The open events, so indexed that a report is compared with few of them."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._waiting: dict[tuple[str, Modality], list[Event]] = defaultdict(list)
        self._kinds: dict[tuple[str, Modality], _Kind] = {}
        for event in events:
            # One that was merged into another has nobody left to tell of it: nothing is about it any more.
            if event.articles or event.families:
                self._waiting[event.type, event.modality].append(event)

    def add(self, item: Growing) -> None:
        """Take in an event that was found in this sweep, or one that grew."""
        self._kind(item.event.type, item.event.modality).add(item)

    def best(self, report: Report) -> Growing | None:
        """The event that `report` is about: the most alike, then the latest; None where it is of none."""
        look = _Look(report)
        kind = self._kind(report.trigger.type, report.trigger.modality)
        return _first([(score, item) for item in kind.near(look) if (score := _score(look, item)) is not None])

    def denied(self, report: Report) -> Growing | None:
        """The event that happened according to others and that `report` denies."""
        look = _Look(report)
        scored = [
            (alike, item)
            for item in self._kind(report.trigger.type, Modality.HAPPENED).near(look)
            if _roles_agree(look, item) and item.event.started_at <= look.seen_at
            if (alike := overlap(look.words, item.texts)) >= 0.2 or look.actors & item.actors
        ]
        return _first(scored)

    def _kind(self, type: str, modality: Modality) -> _Kind:
        key = (type, modality)
        if key not in self._kinds:
            items = [Growing(event, event) for event in self._waiting.pop(key, ())]
            self._kinds[key] = _Kind(items, rare=type in _RARE)
        return self._kinds[key]


def _first(scored: list[tuple[float, Growing]]) -> Growing | None:
    best = max(scored, key=lambda entry: (entry[0], entry[1].event.started_at, entry[1].event.id), default=None)
    return best[1] if best else None


class _Kind:
    """The open events of one type and modality, by telling word and, if rare, by actor, and by day of their start."""

    def __init__(self, items: Iterable[Growing], *, rare: bool) -> None:
        self._rare = rare
        self._by_stem: dict[tuple[str, int], list[Growing]] = defaultdict(list)
        self._by_actor: dict[tuple[str, int], dict[Growing, None]] = defaultdict(dict)
        for item in items:
            self.add(item)

    def add(self, item: Growing) -> None:
        """Take in an event, or what it gained since."""
        day = item.event.started_at.toordinal()
        for stem in item.unposted():
            self._by_stem[stem, day].append(item)
        if self._rare:
            for actor in item.actors:
                self._by_actor[actor, day][item] = None

    def near(self, look: _Look) -> Iterable[Growing]:
        """Events within about the report's reach that may be about the same, each once."""
        today = look.seen_at.toordinal()
        days = range(today - look.reach.days, today + FOLLOWED.days + 1)
        postings = [
            self._by_stem[stem, day] for day in days for stem in look.words.wide if (stem, day) in self._by_stem
        ]
        shared = Counter(chain.from_iterable(postings))
        found = {item: None for item, count in shared.items() if count >= 2}
        for day in days if self._rare else ():
            for actor in look.actors:
                found.update(self._by_actor.get((actor, day), {}))
        return found


def _actors(of: Trigger | Event) -> set[str]:
    return {actor for actor in (of.source, of.target) if actor}


def _score(look: _Look, item: Growing) -> float | None:
    """How well the report fits the event, None where it cannot be about it."""
    if look.report.trigger.article in item.event.articles and (_same_parties(look, item) or _same_words(look, item)):
        return 3.0
    if not _roles_agree(look, item) or not _places_agree(look, item.event):
        return None
    event, trigger = item.event, look.report.trigger
    alike, shared = overlap(look.words, item.texts), len(look.actors & item.actors)
    placed = bool(look.place and event.place and event.type not in _RARE)
    if alike < min(0.2, needed := _needed(event, shared) - (0.15 if placed else 0)):
        return None
    gap = abs(look.seen_at - event.started_at)
    if gap > look.reach:
        return None
    if alike >= needed and _dates_agree(look, event, gap) and _numbers_agree(look, event, gap):
        same_day = trigger.occurred_on is not None and trigger.occurred_on == event.occurred_on
        if look.reach > FOLLOWED:
            return 1.0  # what is referred to is the latest, however it was told
        return alike + shared + same_day - 0.5 * (gap / FOLLOWED)
    if gap > 2 * _FRESH or (trigger.occurred_on and event.occurred_on) or alike < 0.2:
        return None
    mine = signature(f"{look.report.article.title} {look.report.article.summary}")
    return alike if any(likeness(mine, each.signature) >= COPY for each in event.voices) else None


def _needed(event: Event, shared: int) -> float:
    """How alike the titles must be: less, the rarer the act and the more of its actors agree."""
    if event.type in _RARE:
        return (0.34, 0.0, 0.0)[shared]
    return (0.5, 0.34, 0.17)[shared] if event.type in _SELDOM else (0.6, 0.45, 0.34)[shared]


def _same_parties(look: _Look, item: Growing) -> bool:
    """Whether two triggers of one article tell one act twice: roles exchanged, or the same act upon the same party."""
    return look.actors == item.actors or (look.target is not None and look.target == item.event.target)


def _same_words(look: _Look, item: Growing) -> bool:
    """Whether one sentence tells it twice with roles that cross: "militants are killed in clashes with soldiers"."""
    mine = look.report
    return any(
        (mine.trigger.source or "") == other.trigger.target or (mine.trigger.target or "") == other.trigger.source
        for other in item.reports
        if other.trigger.article == mine.trigger.article and _one_sentence(mine, other)
    )


def _one_sentence(one: Report, other: Report) -> bool:
    first, second = sorted((one.trigger.evidence, other.trigger.evidence), key=lambda evidence: evidence.start)
    text = one.article.summary if first.field == "summary" else one.article.title
    return first.field == second.field and not _END.search(text[first.end : second.start])


def _roles_agree(look: _Look, item: Growing) -> bool:
    event = item.event
    if event.type in _MUTUAL:
        return look.actors <= item.actors or item.actors <= look.actors
    if look.source and event.source and look.source != event.source:
        return False
    return not (look.target and event.target and look.target != event.target) or event.type in _RARE


def _places_agree(look: _Look, event: Event) -> bool:
    if not look.place or not event.place or event.type in _RARE or event.type in _SELDOM:
        return True
    theirs = event.place.casefold()
    return look.place in theirs or theirs in look.place


def _dates_agree(look: _Look, event: Event, gap: dt.timedelta) -> bool:
    mine, theirs = look.report.trigger.occurred_on, event.occurred_on
    if mine and theirs:
        # The same hour has two dates in Pyongyang and in Washington.
        return mine == theirs or (abs((mine - theirs).days) == 1 and gap <= _TIME_ZONES)
    if mine:
        return -1 <= (event.started_at.date() - mine).days <= 2
    if theirs:
        return -1 <= (look.seen_at.date() - theirs).days <= 2
    if look.reacts:
        return True
    if look.renews and gap > 8 * HOUR and not _NOVEL.search(event.title):
        return False
    return gap <= _FRESH or event.type not in _SUDDEN


def _numbers_agree(look: _Look, event: Event, gap: dt.timedelta) -> bool:
    """First counts are corrected within hours; a day later another number is another occurrence."""
    mine = look.report.trigger.facts
    if gap < 12 * HOUR or not mine or look.reacts:
        return True
    return all(event.facts[name] == mine[name] for name in mine.keys() & event.facts.keys())
