"""When to poll a feed next, and what its state becomes: pure, with the reason in words.

Between the bounds of its `interval` a feed is polled twice as often as it publishes. What it asks for itself (ttl,
Cache-Control) is honoured up to the upper bound. Errors back off to a bound, but never to never; only a server that
says "gone for good" ends the polling, with an alarm.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from tocsin.config.feeds import Feed
from tocsin.errors import FetchError, TocsinError
from tocsin.model import FeedState

MAX_BACK_OFF = dt.timedelta(hours=6)
MAX_WAIT = dt.timedelta(hours=24)
"""No answer of a server, however it asks for it, puts a feed off for longer."""
NETWORK_DOWN_PAUSE = dt.timedelta(minutes=1)
JITTER = 0.1
_SPACED = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a poll that went well brought. `changed` is false where the body is the one of the last time.

    `asked_s` is None where the feed itself was not read. `dates` are those of all entries, to judge the rhythm of a
    feed at first sight; `lags_s` the ages of the new ones. `common` says that something in the body was known, which
    shows that a new address carries the same feed.
    """

    changed: bool
    etag: str = ""
    last_modified: str = ""
    body_digest: str = ""
    entry_digests: str = ""
    moved_to: str = ""
    max_age_s: float = 0.0
    asked_s: float | None = None
    new: int = 0
    common: bool = True
    gap: bool = False
    incomplete: bool = False
    warning: str = ""
    dates: tuple[dt.datetime, ...] = ()
    lags_s: tuple[float, ...] = ()


class Scheduled(NamedTuple):
    """The next state of a feed, and why it is polled when it is."""

    state: FeedState
    reason: str


def begin(state: FeedState, feed: Feed) -> FeedState:
    """`state` as it applies to the feed's configured address: afresh where that has changed."""
    digest = hashlib.blake2b(feed.url.encode(), digest_size=8).hexdigest()
    if state.url_digest in ("", digest):
        return replace(state, url_digest=digest) if state.url_digest != digest else state
    return FeedState(feed=state.feed, next_check_at=state.next_check_at, url_digest=digest)


def address(feed: Feed, state: FeedState, *, follow_after: int) -> str:
    """Where to poll: the configured address, or the one it has moved to for good."""
    return state.moved_to if state.moved_to and state.moved_count >= follow_after else feed.url


def is_due(state: FeedState, feed: Feed, *, now: dt.datetime) -> bool:
    """Whether to poll now. A time that no decision can have set (the clock was put back) does not count."""
    if state.disabled or not feed.enabled:
        return False
    longest = feed.interval.max if not state.failures else max(MAX_WAIT, feed.interval.max)
    return state.next_check_at <= now or state.next_check_at > now + longest * (1 + 2 * JITTER)


def after_success(
    state: FeedState, feed: Feed, outcome: Outcome, *, now: dt.datetime, jitter: float, follow_after: int
) -> Scheduled:
    """The state after a poll that went well. `jitter` in [0, 1) spreads feeds that were polled together."""
    rhythm_s = _rhythm_s(state, outcome, now)
    last_new_at = now if outcome.new else state.last_new_at
    asked_s = state.asked_s if outcome.asked_s is None else outcome.asked_s
    quiet_s = max((now - last_new_at).total_seconds(), 0.0) if last_new_at else 0.0
    interval, reason = _interval(feed, rhythm_s, quiet_s, asked_s, outcome.max_age_s)
    moved_to, moved_count = _moved(state, outcome, follow_after)
    scheduled = replace(
        state,
        next_check_at=_later(now, interval, jitter),
        failures=0,
        last_error="",
        last_success_at=now,
        first_success_at=state.first_success_at or (None if outcome.incomplete else now),
        last_new_at=last_new_at,
        rhythm_s=rhythm_s,
        lag_s=_lag_s(state, outcome),
        asked_s=asked_s,
        moved_to=moved_to,
        moved_count=moved_count,
        gap_at=now if outcome.gap else state.gap_at,
        disabled="",
        # A body that was cut must come again whole, so what it came with is not kept.
        etag="" if outcome.incomplete else outcome.etag,
        last_modified="" if outcome.incomplete else outcome.last_modified,
        body_digest="" if outcome.incomplete else outcome.body_digest,
        entry_digests=outcome.entry_digests if outcome.changed else state.entry_digests,
        warning=outcome.warning if outcome.changed else state.warning,
    )
    return Scheduled(scheduled, reason)


def after_error(state: FeedState, feed: Feed, error: TocsinError, *, now: dt.datetime, jitter: float) -> Scheduled:
    """The state after a poll that failed: later and later, at most `MAX_BACK_OFF` apart, or as the server asks."""
    status = error.status if isinstance(error, FetchError) else None
    asked_s = error.retry_after_s if isinstance(error, FetchError) else None
    failures = state.failures + 1
    wait = min(feed.interval.min * 2 ** min(failures - 1, 20), max(MAX_BACK_OFF, feed.interval.max))
    times = "once" if failures == 1 else f"{failures} times in a row"
    reason = f"failed {times}: next try in {words(wait)}"
    if asked_s and asked_s > wait.total_seconds():
        wait = min(dt.timedelta(seconds=asked_s), MAX_WAIT)
        reason = f"its server asks to wait {words(wait)}"
    moved = bool(state.moved_to and state.moved_count)
    gone = status == 410 and not moved
    return Scheduled(
        replace(
            state,
            next_check_at=_later(now, wait, jitter),
            failures=failures,
            last_error=error.cause,
            last_error_at=now,
            moved_count=0,
            disabled=f"{error.cause}; remove it from feeds.yaml or give its new address" if gone else state.disabled,
        ),
        "gone for good: not polled any more" if gone else reason,
    )


def after_network_down(state: FeedState, *, now: dt.datetime, jitter: float) -> Scheduled:
    """The state after a sweep in which no server could be reached: not the feed's fault, so tried again soon."""
    return Scheduled(
        replace(
            state,
            next_check_at=_later(now, NETWORK_DOWN_PAUSE, 10 * jitter),
            last_error="the network is down: no feed's server could be reached",
            last_error_at=now,
        ),
        "the network is down: next try soon",
    )


@functools.lru_cache(maxsize=1_024)
def words(span: dt.timedelta) -> str:
    """A span as a person says it: `45s`, `17m`, `2h 30m`, `3d 4h`."""
    seconds = round(span.total_seconds())
    for unit, size, smaller, small in (("d", 86_400, "h", 3_600), ("h", 3_600, "m", 60), ("m", 60, "s", 1)):
        if seconds >= size:
            rest = seconds % size // small
            fine = rest and seconds < 10 * size
            return f"{seconds // size}{unit} {rest}{smaller}" if fine else f"{seconds // size}{unit}"
    return f"{seconds}s"


def ago(moment: dt.datetime | None, now: dt.datetime) -> str:
    """`moment` as people say it: "3 min ago"."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    tense = "ago" if seconds >= 0 else "from now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{abs(seconds) / size:.0f} {unit} {tense}"
    return f"{abs(seconds):.0f} s {tense}"


def _interval(
    feed: Feed, rhythm_s: float, quiet_s: float, asked_s: float, max_age_s: float
) -> tuple[dt.timedelta, str]:
    low, high = feed.interval.min, feed.interval.max
    expected_s = max(rhythm_s, quiet_s / 2)
    own = min(max(dt.timedelta(seconds=expected_s / 2), low), high)
    asked = min(dt.timedelta(seconds=max(asked_s, max_age_s)), high)
    rhythm = f"it publishes about every {words(dt.timedelta(seconds=expected_s))}" if expected_s else "rhythm unknown"
    if asked > own:
        return asked, f"every {words(asked)}: it asks for that ({rhythm})"
    return own, f"every {words(own)}: {rhythm} (bounds {words(low)} to {words(high)})"


def _later(now: dt.datetime, span: dt.timedelta, jitter: float) -> dt.datetime:
    return now + span * (1 + JITTER * jitter)


def _rhythm_s(state: FeedState, outcome: Outcome, now: dt.datetime) -> float:
    if not outcome.new:
        return state.rhythm_s
    if not state.rhythm_s or state.last_new_at is None:
        return _spacing_s(outcome.dates) or state.rhythm_s
    sample_s = max((now - state.last_new_at).total_seconds(), 1.0) / outcome.new
    weight = 0.5 if sample_s < state.rhythm_s else 0.3  # quicker to notice a burst than its end
    return (1 - weight) * state.rhythm_s + weight * sample_s


def _spacing_s(dates: Sequence[dt.datetime]) -> float:
    """The usual time between two of the newest entries, 0 where there is none to tell."""
    newest = sorted(dates, reverse=True)[:_SPACED]
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(newest)]
    return float(median(gaps)) if gaps else 0.0


def _lag_s(state: FeedState, outcome: Outcome) -> float:
    if not outcome.lags_s or state.first_success_at is None:
        return state.lag_s
    sample_s = float(median(outcome.lags_s))
    return sample_s if not state.lag_s else 0.7 * state.lag_s + 0.3 * sample_s


def _moved(state: FeedState, outcome: Outcome, follow_after: int) -> tuple[str, int]:
    """Where the feed says it has moved, and how many polls in a row said so and carried known entries."""
    followed = bool(state.moved_to) and state.moved_count >= follow_after
    if not outcome.moved_to:
        return (state.moved_to, state.moved_count) if followed else ("", 0)
    if not outcome.common:
        return outcome.moved_to, 0
    return outcome.moved_to, state.moved_count + 1 if outcome.moved_to == state.moved_to else 1
