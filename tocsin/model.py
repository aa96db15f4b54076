"""The nouns of Tocsin, one frozen dataclass each, in the order in which the data passes through them.

    Entry ─▶ Article ─▶ Trigger ─▶ Event ─▶ Alert ─▶ Delivery

Config objects (Feed, Rule, Threshold, Channel, Watch) live in `tocsin.config`. All times are aware and in UTC. Ids are
those of the store: 0 stands for "not stored yet".
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist
from types import MappingProxyType
from typing import Literal, get_args

NO_FACTS: Mapping[str, int | float | str] = MappingProxyType({})


class Modality(StrEnum):
    """Whether the act took place, as the text has it (shared vocabulary with PLOVER's modality)."""

    HAPPENED = "happened"
    PROSPECTIVE = "prospective"
    DENIED = "denied"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed as parsed and cleaned: plain text, one-line title, http(s) link or "".

    `key` is the identity within the feed (guid, else link, else digest of the text); `digest` changes when the text
    does. `published` is None where the feed gives no usable date. `publisher` is the entry's own <source>, where an
    aggregator names one.
    """

    key: str
    link: str
    title: str
    summary: str
    published: dt.datetime | None
    digest: str
    publisher: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is remembered of a feed between two polls: validators, schedule and health."""

    feed: str
    next_check_at: dt.datetime
    etag: str = ""
    last_modified: str = ""
    body_digest: str = ""
    failures: int = 0
    last_error: str = ""
    last_error_at: dt.datetime | None = None
    last_success_at: dt.datetime | None = None
    last_new_at: dt.datetime | None = None
    first_success_at: dt.datetime | None = None
    moved_to: str = ""
    moved_count: int = 0
    gap_at: dt.datetime | None = None
    disabled: str = ""
    url_digest: str = ""
    """Of the configured address this state is about: another address starts afresh (the address may hold a secret)."""
    rhythm_s: float = 0.0
    """Seconds between two new entries as a moving mean; 0 while unknown."""
    lag_s: float = 0.0
    """Seconds from an entry's own date to our first sight of it, as a moving mean."""
    asked_s: float = 0.0
    """Least seconds between two polls that the feed itself asks for (ttl, syndication period)."""
    warning: str = ""
    """What is odd about the last body although it could be read: cut, too long, ids that change with each poll."""
    entry_digests: str = ""
    """Opaque: digests of the raw entries of the last body, so that only what is new is parsed."""


@dataclass(frozen=True, slots=True)
class Article:
    """One entry as stored. Identity: `feed` + `key`.

    `backfill` marks what the first poll of a feed brought: stored and detected, never alerted on. `seen_at` (event
    time) is min(published, first_seen).
    """

    feed: str
    key: str
    link: str
    title: str
    summary: str
    published: dt.datetime | None
    first_seen: dt.datetime
    digest: str
    publisher: str
    language: str = "en"
    backfill: bool = False
    id: int = 0

    @property
    def seen_at(self) -> dt.datetime:
        """Event time: when the world could first know of it."""
        return min(self.published, self.first_seen) if self.published else self.first_seen


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words a trigger rests on: `text` is `field` of the article from `start` to `end` (characters)."""

    field: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """One detected act in one article. Identity: article + rule + span.

    `type` is the rule's trigger type, `rule` its id, `version` a hash of the rule's content. `source`, `target` are
    actor codes (KP, US, UN, HAMAS …), `object` the thing moved or used, in the text's words. `occurred_on` is the act's
    own date where the text tells it, `place` where it names one, `facts` figures worth having (missiles, range_km …).
    """

    type: str
    modality: Modality
    source: str | None
    target: str | None
    object: str | None
    rule: str
    version: str
    evidence: Evidence
    confidence: float = 1.0
    severity: float = 0.0
    occurred_on: dt.date | None = None
    place: str | None = None
    facts: Mapping[str, int | float | str] = field(default_factory=lambda: NO_FACTS)
    article: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A trigger together with what linking and thresholds need to know of its article."""

    trigger: Trigger
    article: Article
    state_media: str = ""
    """Code of the state whose medium carried it, else ""."""
    family: str = ""
    """Publishers of one house are one family, hence one voice."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """One independent voice on an event: its family, title and first words, a MinHash signature of its text (hex)."""

    family: str
    title: str
    signature: str = ""
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One real-world occurrence, over all outlets that reported it.

    `started_at` is the event time of the first report, `changed_at` of the latest growth. `families` are the
    independent voices (len = corroboration), `voices` their texts, by which wire copy under another name is known;
    `state_media` is true while only state media carry it. `denials` are the articles that deny it, `gained` maps each
    kind of `Growth` to the ISO time when it last came. `version` grows with each change. An event whose last report was
    withdrawn has no articles.
    """

    type: str
    modality: Modality
    source: str | None
    target: str | None
    started_at: dt.datetime
    changed_at: dt.datetime
    title: str
    severity: float = 0.0
    object: str | None = None
    place: str | None = None
    occurred_on: dt.date | None = None
    families: frozenset[str] = frozenset()
    voices: tuple[Voice, ...] = ()
    articles: tuple[int, ...] = ()
    denials: tuple[int, ...] = ()
    gained: Mapping[str, int | float | str] = field(default_factory=lambda: NO_FACTS)
    state_media: bool = False
    backfill: bool = False
    tags: frozenset[str] = frozenset()
    confidence: float = 1.0
    facts: Mapping[str, int | float | str] = field(default_factory=lambda: NO_FACTS)
    version: int = 1
    id: int = 0

    @property
    def corroboration(self) -> int:
        """Number of independent publisher families that report it."""
        return len(self.families)


class Growth(StrEnum):
    """What an event gained when further reports joined it."""

    REPORT = "report"
    SOURCE = "source"
    SEVERITY = "severity"
    FACT = "fact"
    DENIAL = "denial"


class AlertKind(StrEnum):
    """What an alert says: a crossing, or a word about earlier alerts (named in `about`)."""

    ALERT = "alert"
    UPDATE = "update"
    CORRECTION = "correction"
    ESCALATION = "escalation"
    """Nobody has acknowledged the alert in `about`."""
    ALARM = "alarm"
    """Tocsin about itself: a dead channel, blind feeds."""


class AlertState(StrEnum):
    """Life of an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold crossed, with what made it cross. Identity: threshold + group + window.

    `id` is a digest of that identity, so a replay gives the same ids. `reason` is the formula with its numbers.
    """

    id: str
    watch: str
    threshold: str
    threshold_version: str
    group: str
    window: str
    fired_at: dt.datetime
    reason: str
    events: tuple[int, ...]
    severity: float = 0.0
    state: AlertState = AlertState.OPEN
    title: str = ""
    kind: AlertKind = AlertKind.ALERT
    about: tuple[str, ...] = ()
    """Ids of the alerts that an update, correction, escalation is about."""


@dataclass(frozen=True, slots=True)
class Mute:
    """While it lasts, alerts that agree with every matcher are recorded, but not sent.

    `matchers` maps watch, threshold, group, or a key of the group (source, target, pair, type, place) to a value, which
    may hold the wildcard `*`. Undone = `until` set to the time of undoing.
    """

    matchers: Mapping[str, str]
    starts_at: dt.datetime
    until: dt.datetime
    by: str
    comment: str = ""
    id: int = 0


class Judgement(StrEnum):
    """What a person found an alert or a trigger to be."""

    TRUE = "true"
    """The act took place as told, and was worth telling."""
    FALSE = "false"
    """There was no such act, or its parties or modality are wrong."""
    DUPLICATE = "duplicate"
    """True, and told before."""
    STALE = "stale"
    """True once, and told as if it were new."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `who` found, at `at`, of one alert or one trigger (exactly one of the two is given).

    Verdicts are only ever added; the last one on a subject stands.
    """

    value: Judgement
    who: str
    at: dt.datetime
    alert: str | None = None
    trigger: int | None = None
    note: str = ""
    id: int = 0


PrecisionOf = Literal["threshold", "rule", "publisher"]
PRECISION_OF: tuple[PrecisionOf, ...] = get_args(PrecisionOf)
"""What a precision can be of."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How many standing verdicts of each value concern `name`: a rule, a publisher, or a threshold as watch/threshold.

    A duplicate speaks against the threshold that let it through, but neither for nor against the rule that found it or
    the publisher who printed it: `by` says which of the three `name` is.
    """

    by: PrecisionOf
    name: str
    true: int = 0
    false: int = 0
    duplicate: int = 0
    stale: int = 0

    @property
    def judged(self) -> int:
        """Number of verdicts that the precision rests on."""
        return self.true + self.false + self.stale + (self.duplicate if self.by == "threshold" else 0)

    @property
    def value(self) -> float | None:
        """The share that was true; None before the first verdict."""
        return self.true / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the precision lies with a confidence of 95 %: Wilson's score interval, (0, 1) before the first verdict.

        E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209-212;
        as method 3 in R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872.
        """
        if not self.judged:
            return 0.0, 1.0
        n, share, z = self.judged, self.true / self.judged, NormalDist().inv_cdf(0.975)
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, centre - half), min(1.0, centre + half)


class DeliveryState(StrEnum):
    """Life of an outbox row."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alert to one channel and one recipient: a row of the outbox.

    Claimed rows carry a `token` (fencing: only its holder may mark the row) and a `lease_until`. `recipient` is the
    index of the address within the channel, never the address itself, which may hold a secret.
    """

    alert: str
    channel: str
    recipient: int
    state: DeliveryState
    next_try_at: dt.datetime
    attempts: int = 0
    lease_until: dt.datetime | None = None
    token: str = ""
    last_error: str = ""
    uncertain: bool = False
    sent_at: dt.datetime | None = None
    id: int = 0
