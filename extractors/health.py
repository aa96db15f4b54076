"""How a feed does, in words: pure, from its state. Silence is told from calm, and trouble from both."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from extractors.schedule import words
from tocsin.config.feeds import Feed
from tocsin.model import FeedState

FAILING_AFTER = dt.timedelta(hours=6)
"""A feed that has given nothing usable for so long raises an alarm."""
MANY_FAILURES = 6
"""The same for a feed that has never given anything."""
OVERDUE_AFTER = dt.timedelta(hours=2)
"""A feed that nobody has polled for so long after its time tells of the watch, not of the feed."""
QUIET_RHYTHMS = 12
"""A feed is silent against its rhythm after so many usual pauses …"""
SHORTEST_QUIET = dt.timedelta(days=1)
"""… and no sooner than this; …"""
LONGEST_QUIET = dt.timedelta(days=30)
"""… after a month at the latest, …"""
SPARSE_RHYTHMS = 6
"""… unless it publishes so seldom that a month is nothing: then after so many of its pauses."""
GAP_SHOWN = dt.timedelta(days=2)


class Condition(StrEnum):
    """From well to worst."""

    WELL = "well"
    WAITING = "waiting"
    ODD = "odd"
    QUIET = "quiet"
    OVERDUE = "overdue"
    FAILING = "failing"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Health:
    """The condition of one feed and what it rests on. `alarm`: an operator should hear of it."""

    feed: str
    condition: Condition
    words: str

    @property
    def alive(self) -> bool:
        """Whether what the feed carries reaches the watch: only then does silence mean calm."""
        return self.condition in (Condition.WELL, Condition.ODD, Condition.QUIET)

    @property
    def alarm(self) -> bool:
        """Whether an operator should hear of it."""
        return self.condition in (Condition.QUIET, Condition.OVERDUE, Condition.FAILING, Condition.GONE)


def judge(state: FeedState, feed: Feed, *, now: dt.datetime, failing_after: dt.timedelta = FAILING_AFTER) -> Health:
    """The health of `feed`; the worst thing that can be said of it counts."""
    condition, text = _trouble(state, feed, now, failing_after) or _oddity(state, now) or (Condition.WELL, _well(state))
    return Health(feed.id, condition, text)


def _trouble(
    state: FeedState, feed: Feed, now: dt.datetime, failing_after: dt.timedelta
) -> tuple[Condition, str] | None:
    if state.disabled:
        return Condition.GONE, state.disabled
    last = state.last_success_at
    late = now - max(state.next_check_at, last or state.next_check_at)
    if late > OVERDUE_AFTER + feed.interval.max:
        return Condition.OVERDUE, f"was due {words(late)} ago and nobody polled it"
    if state.failures or (state.last_error and last is None):
        since = f"last success {words(now - last)} ago" if last else "never answered yet"
        text = f"{state.last_error} ({since}, failed {state.failures} times)"
        long = now - last >= failing_after if last else state.failures >= MANY_FAILURES
        return (Condition.FAILING if long else Condition.WAITING), text
    if last is None:
        return Condition.WAITING, "not polled yet"
    if now - last >= failing_after + feed.interval.max:
        return Condition.FAILING, f"{state.last_error or 'no success'} (last success {words(now - last)} ago)"
    return None


def _oddity(state: FeedState, now: dt.datetime) -> tuple[Condition, str] | None:
    if state.rhythm_s and state.last_new_at:
        usual = dt.timedelta(seconds=state.rhythm_s)
        quiet = now - state.last_new_at
        if quiet > min(max(QUIET_RHYTHMS * usual, SHORTEST_QUIET), max(LONGEST_QUIET, SPARSE_RHYTHMS * usual)):
            return Condition.QUIET, f"nothing new for {words(quiet)}, against {words(usual)} as a rule"
    if state.warning:
        return Condition.ODD, state.warning
    if state.gap_at and now - state.gap_at < GAP_SHOWN:
        ago = words(now - state.gap_at)
        return Condition.ODD, f"gap possible {ago} ago: nothing in common with the poll before it"
    return None


def _well(state: FeedState) -> str:
    rhythm = f"new about every {words(dt.timedelta(seconds=state.rhythm_s))}" if state.rhythm_s else "rhythm unknown"
    lag = f", seen {words(dt.timedelta(seconds=state.lag_s))} after it was published" if state.lag_s else ""
    return rhythm + lag
