"""Poll feeds: fetch, parse, tell what is new, schedule. All of a sweep at once, one bad feed never in another's way.

Nothing is stored here: each result carries entries and the feed's next state, to be stored in one transaction.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from extractors import schedule
from extractors.documents.rows import unpack
from extractors.feeds import ParsedFeed, Parser
from extractors.fetch import Fetcher, FetchResult
from extractors.novelty import Novelty, judge, to_look_up
from extractors.schedule import Outcome
from tocsin.config.addresses import parse_address
from tocsin.config.feeds import Feed
from tocsin.config.settings import FetchSettings
from tocsin.errors import FetchError, ParseError, TocsinError
from tocsin.model import Entry, FeedState

logger = logging.getLogger("tocsin.poll")

Known = Callable[[str, Sequence[str]], Mapping[str, str]]
"""Of a feed and keys of entries: key → digest of those that are stored."""
_MAX_LAG = dt.timedelta(days=7)
_SIGN_OF_NO_NETWORK = 3


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll of one feed brought: `state` and `entries` belong into one transaction.

    `entries` are the new and the edited ones; one that comes back after a while may be among them, which the store
    tells by its key. `backfill` marks the first poll of a feed: stored, never alerted on.
    `reason` says in words why the next poll is when it is.
    """

    feed: str
    state: FeedState
    reason: str
    entries: tuple[Entry, ...] = ()
    backfill: bool = False
    new: int = 0
    edited: int = 0
    gap: bool = False
    warnings: tuple[str, ...] = ()
    error: TocsinError | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """A changed body, parsed."""

    feed: Feed
    state: FeedState
    fetched: FetchResult
    parsed: ParsedFeed


@dataclass(frozen=True, slots=True)
class _Poller:
    fetcher: Fetcher
    parser: Parser
    known: Known
    settings: FetchSettings
    now: dt.datetime
    jitter: Callable[[], float]

    async def read(self, feed: Feed, state: FeedState) -> PollResult | _Read:
        """Fetch and parse one feed. What can go wrong with it is a result; a changed body is yet to be judged."""
        state = schedule.begin(state, feed)
        try:
            return await self._read(feed, state)
        except (FetchError, ParseError) as error:
            return self._failed(feed, state, error)
        except Exception as unexpected:  # one bad feed stops no other; it is logged and tried again
            logger.exception("unexpected error while polling feed %s", feed.id, extra={"feed": feed.id})
            return self._failed(feed, state, FetchError(feed.id, f"unexpected error ({type(unexpected).__name__})"))

    async def _read(self, feed: Feed, state: FeedState) -> PollResult | _Read:
        follow_after = self.settings.follow_move_after
        where = schedule.address(feed, state, follow_after=follow_after)
        fetched = await self.fetcher.fetch(feed, state, address=where)
        if not fetched.changed:
            return self._succeeded(feed, state, _unchanged(fetched))
        parsed = await self.parser.parse(
            fetched.body,
            subject=feed.id,
            content_type=fetched.content_type,
            url=fetched.url,
            seen=state.entry_digests,
        )
        return _Read(feed, state, fetched, parsed)

    def finish(self, read: _Read) -> PollResult:
        """What is new in what was read. An error of `known` is not the feed's and goes up to the caller."""
        seen = unpack(read.state.entry_digests)
        keys = to_look_up(read.parsed, seen)
        known = self.known(read.feed.id, keys) if keys else {}
        novelty = judge(read.parsed, seen, known, now=self.now)
        return self._succeeded(read.feed, read.state, _changed(read, novelty, self.now), novelty)

    def _succeeded(self, feed: Feed, state: FeedState, outcome: Outcome, novelty: Novelty | None = None) -> PollResult:
        scheduled = schedule.after_success(
            state,
            feed,
            outcome,
            now=self.now,
            jitter=self.jitter(),
            follow_after=self.settings.follow_move_after,
        )
        if novelty is None:
            return PollResult(feed.id, *scheduled)
        return PollResult(
            feed.id,
            *scheduled,
            entries=novelty.fresh,
            backfill=state.first_success_at is None,
            new=novelty.new,
            edited=novelty.edited,
            gap=outcome.gap,
            warnings=(outcome.warning,) if outcome.warning else (),
        )

    def _failed(self, feed: Feed, state: FeedState, error: TocsinError) -> PollResult:
        scheduled = schedule.after_error(state, feed, error, now=self.now, jitter=self.jitter())
        return PollResult(feed.id, *scheduled, error=error)

    def no_network(self, result: PollResult, before: FeedState) -> PollResult:
        """`result` as the failure of the network that it was, not of the feed."""
        scheduled = schedule.after_network_down(before, now=self.now, jitter=self.jitter())
        return replace(result, state=scheduled.state, reason=scheduled.reason)


async def poll(
    feeds: Iterable[tuple[Feed, FeedState]],
    fetcher: Fetcher,
    parser: Parser,
    known: Known,
    *,
    settings: FetchSettings,
    now: dt.datetime,
    jitter: Callable[[], float] = random.random,
) -> AsyncIterator[PollResult]:
    """A result for each of `feeds`, as it comes in.

    At most `settings.concurrency` feeds are under way at the same time, from the first byte to the last entry. Where
    no server at all could be reached, the network is down: then no feed is held to have failed.
    """
    poller = _Poller(fetcher, parser, known, settings, now, jitter)
    pairs = list(feeds)
    before = {feed.id: state for feed, state in pairs}
    results: asyncio.Queue[PollResult | _Read] = asyncio.Queue()
    slots = asyncio.Semaphore(settings.concurrency)

    async def run(turns: deque[tuple[Feed, FeedState]]) -> None:
        while turns:
            feed, state = turns.popleft()
            async with slots:
                results.put_nowait(await poller.read(feed, state))

    held: list[PollResult] | None = []
    # Not a TaskGroup: it would wrap what the caller's `known` raises.
    tasks = [
        asyncio.create_task(run(turns)) for turns in _by_host(pairs) for _ in range(min(settings.per_host, len(turns)))
    ]
    try:
        for _ in pairs:
            read = await results.get()
            result = poller.finish(read) if isinstance(read, _Read) else read
            if held is not None and isinstance(result.error, FetchError) and not result.error.reached:
                held.append(result)
                continue
            for earlier in held or ():
                yield earlier
            held = None
            yield result
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    down = _no_network([before[result.feed] for result in held or ()])
    for result in held or ():
        yield poller.no_network(result, before[result.feed]) if down else result


def _by_host(pairs: Iterable[tuple[Feed, FeedState]]) -> Iterable[deque[tuple[Feed, FeedState]]]:
    """Feeds in the order given, apart by host, so that those of a slow one do not take up the slots of the others."""
    hosts: dict[str, deque[tuple[Feed, FeedState]]] = {}
    for feed, state in pairs:
        try:
            host = parse_address(feed.url).host or ""
        except ValueError:
            host = ""
        hosts.setdefault(host, deque()).append((feed, state))
    return hosts.values()


def _no_network(states: Sequence[FeedState]) -> bool:
    """Whether feeds none of which could be reached tell of the network: several, most of them well until now."""
    well = sum(not state.failures for state in states)
    return len(states) >= _SIGN_OF_NO_NETWORK and 2 * well >= len(states)


def _unchanged(fetched: FetchResult) -> Outcome:
    return Outcome(
        changed=False,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        body_digest=fetched.digest,
        moved_to=fetched.moved_to,
        max_age_s=fetched.max_age_s,
    )


def _changed(read: _Read, novelty: Novelty, now: dt.datetime) -> Outcome:
    fetched, parsed = read.fetched, read.parsed
    dates = tuple(entry.published for entry in parsed.entries if entry.published and entry.published <= now)
    lags = [now - entry.published for entry in novelty.fresh if entry.published]
    return Outcome(
        changed=True,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        body_digest=fetched.digest,
        entry_digests=novelty.rows.packed(),
        moved_to=fetched.moved_to,
        max_age_s=fetched.max_age_s,
        asked_s=parsed.asked_s,
        new=novelty.new,
        common=novelty.common,
        gap=bool(parsed.entries) and not novelty.common and read.state.last_new_at is not None,
        incomplete=parsed.incomplete,
        warning="; ".join((*parsed.warnings, *novelty.warnings)),
        dates=dates,
        lags_s=tuple(lag.total_seconds() for lag in lags if dt.timedelta(0) <= lag <= _MAX_LAG),
    )
