"""One sweep: whatever is due now, from the feeds to the channels. No Prefect here; `flows.watch` wraps the steps.

Each step reads what the step before has committed and commits its own result. Nothing here judges: schedule, triggers
and links come from pure functions; this module carries them between the network and the store.

Any number of sweeps may run at once. They share the feeds by the leases of shards, each polling and detecting in what
nobody else has; linking, judging and sending are done by one at a time, in what all of them have found, so that events
and alerts are those of a single sweep.
"""

from __future__ import annotations

import asyncio
import atexit
import copy
import dataclasses
import datetime as dt
import functools
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from alerts.channels import Sender
from extractors.feeds import Parser
from extractors.fetch import Fetcher
from extractors.language import Language, load_language
from extractors.linking import gather, link
from extractors.matching import memory
from extractors.poll import PollResult, poll
from extractors.schedule import is_due
from extractors.triggers import Detector
from flows import evaluation, health, heartbeat, redetection, restoring, sending, shards
from flows.detecting import Reader, detector, rules_digest
from flows.fanout import FanOut, pool
from flows.holding import SWEEP, Hold, held
from flows.tally import Tally
from tocsin import failpoint
from tocsin.config.feeds import Feed
from tocsin.config.folder import Config
from tocsin.config.settings import FetchSettings
from tocsin.errors import LeaseError, StoreError
from tocsin.model import Alert, Article, Entry, Event, FeedState, Report, Trigger
from tocsin.store import Lease, Link, Store

logger = logging.getLogger("tocsin.sweep")

BATCH = 500
SHARED_BATCH = 2_000
"""Articles detected in at once where other processes help: enough work for twenty of them."""
ROWS = 500
"""Feeds and entries stored in one transaction: a commit costs more than what most polls bring."""
TRIES = 3
KEPT_OUT = "another sweep is under way"


@functools.cache
def _parser(settings: FetchSettings) -> Parser:
    """The parser processes of this process, kept from sweep to sweep: each takes half a second to start."""
    parser = Parser(settings)
    atexit.register(parser.close)
    return parser


class Step(Protocol):
    """A step of a sweep."""

    def __call__(self, *, now: dt.datetime) -> Tally: ...


def _as_it_is(name: str, step: Step) -> Step:
    return step


def _later(now: dt.datetime, started: float) -> dt.datetime:
    """`now`, moved on by what has passed since `started` (monotonic): leases run on while a sweep takes its time."""
    return now + dt.timedelta(seconds=time.monotonic() - started)


def never() -> bool:
    """The stop of a sweep that nobody stops."""
    return False


@dataclass
class Sweep:
    """The steps over one configuration and one store.

    `language` loads the model, only when there is something to read; with a `reader`, it reads instead of the rules'
    detector. `tell` hears of new alerts once they are committed. `stop` is asked between two sends.
    """

    config: Config
    store: Store
    language: Callable[[str], Language] = load_language
    sender: Sender | None = None
    reader: Reader | None = None
    tell: Callable[[Sequence[Alert]], None] = evaluation.unheard
    stop: Callable[[], bool] = never
    jitter: Callable[[], float] = random.random
    holder: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    only: Collection[str] | None = None
    """Ids of the feeds that are polled and detected in; None: all."""

    @cached_property
    def feeds(self) -> Mapping[str, Feed]:
        """The feeds that are polled, by id."""
        return {feed.id: feed for feed in self.config.feeds if feed.enabled}

    @cached_property
    def rules(self) -> str:
        """Digest of all that decides what is detected."""
        return rules_digest(self.config)

    @cached_property
    def detector(self) -> Detector:
        """The detector of the configured rules."""
        return detector(self.config, self.language)

    @cached_property
    def _reader(self) -> Reader:
        """Who reads, as the settings have it."""
        processes = self.config.settings.detect.processes
        if self.reader is not None or processes == 1:
            return self.reader or self.detector
        return FanOut(self.config, pool(processes).submit, lambda: self.detector)

    def steps(self) -> tuple[tuple[str, Step], ...]:
        """The steps in order, by name."""
        return ("collect", self.collect), ("link", self.link), ("evaluate", self.evaluate), ("send", self.send)

    def run(
        self,
        *,
        now: dt.datetime,
        wrap: Callable[[str, Step], Step] = _as_it_is,
        clock: Callable[[], dt.datetime] | None = None,
    ) -> Tally:
        """All steps in order, but what other sweeps are doing; `wrap` may dress each, as a Prefect task say.

        With a `clock`, what is done for all sweeps is done as of then: others may have seen news after `now`.
        """
        started = time.monotonic()
        if self.stop():
            return Tally(skipped="stopped before collect")
        total = wrap("collect", self.collect)(now=now)
        while True:
            with held(self.store, SWEEP, holder=self.holder, now=_later(now, started)) as hold:
                if hold is None:
                    return dataclasses.replace(total, skipped=total.skipped or KEPT_OUT)
                done = self._conclude(hold, wrap, now=clock() if clock else now)
            total = dataclasses.replace(total + done, skipped=total.skipped or done.skipped)
            # What others detected meanwhile they have left to whoever had the lease.
            if done.skipped or not self.store.triggers.unlinked(limit=1):
                return total

    def _conclude(self, hold: Hold, wrap: Callable[[str, Step], Step], *, now: dt.datetime) -> Tally:
        """The steps that one sweep at a time does, for all."""
        restoring.look(self.config, self.store, now=now)
        # Not the sending: what was sent is to be marked as sent, whoever has the lease by then.
        under = self._under(hold.lease)
        redetection.go_on(under, now=now)
        total = Tally()
        for name, step in (("link", under.link), ("evaluate", under.evaluate), ("send", self.send)):
            if self.stop():
                return dataclasses.replace(total, skipped=f"stopped before {name}")
            try:
                total += wrap(name, step)(now=now)
            except LeaseError:
                logger.warning("another sweep took over in the midst of %s", name)
            if hold.lost():
                return dataclasses.replace(total, skipped=f"another sweep took over after {name}")
        restoring.ended(self.config, self.store, now=now)
        heartbeat.beat(self.config, self.store, self._sender, now=now)
        return total

    def _under(self, lease: Lease, only: Collection[str] | None = None) -> Sweep:
        """This sweep, of the feeds `only`, writing for as long as nobody else has `lease`."""
        same = copy.copy(self)
        same.store, same.only = self.store.under(lease), only
        return same

    def read(self, *, now: dt.datetime) -> Tally:
        """From new articles to events."""
        return self.detect(now=now) + self.link(now=now)

    # --- collect -----------------------------------------------------------------------------------------------------

    def collect(self, *, now: dt.datetime) -> Tally:
        """Poll and detect in the feeds of each shard that no other sweep has."""
        self.store.feeds.ensure(self.feeds, now=now)
        total = None
        with closing(self._shards(now)) as free:
            for shard in free:
                total = total or Tally()
                try:
                    total += shard.poll(now=now)
                    if self.stop():
                        break
                    total += shard.detect(now=now)
                except LeaseError as error:
                    logger.warning("%s, and does the work", error)
        return Tally(skipped=KEPT_OUT) if total is None else total

    def _shards(self, now: dt.datetime) -> Generator[Sweep]:
        """This sweep over one shard after the other, each held meanwhile, until others have what is left."""
        started = time.monotonic()
        left = shards.divided(self.store.feeds.ids(), self.config.settings.shards)
        while left and not self.stop():
            with held(self.store, *left, holder=self.holder, now=_later(now, started)) as hold:
                if hold is None:
                    return
                yield self._under(hold.lease, left.pop(hold.lease.name))

    # --- poll --------------------------------------------------------------------------------------------------------

    def poll(self, *, now: dt.datetime) -> Tally:
        """Fetch, parse and store every feed that is due, those longest overdue first."""
        states = sorted(self.store.feeds.all(among=self.only), key=lambda state: state.next_check_at)
        pairs = [(self.feeds[state.feed], state) for state in states if state.feed in self.feeds]
        pairs = [(feed, state) for feed, state in pairs if is_due(state, feed, now=now)]
        return asyncio.run(self._poll(pairs, now)) if pairs else Tally()

    async def _poll(self, pairs: Sequence[tuple[Feed, FeedState]], now: dt.datetime) -> Tally:
        settings = self.config.settings.fetch
        total = Tally()
        failpoint.reach("before_request")
        parser, known = _parser(settings), self.store.feeds.known
        batch: list[PollResult] = []
        rows = 0
        async with Fetcher(settings) as fetcher:
            results = poll(pairs, fetcher, parser, known, settings=settings, now=now, jitter=self.jitter)
            async for result in results:
                failpoint.reach("after_response")
                batch.append(result)
                rows += 1 + len(result.entries)
                if rows >= ROWS:
                    total += self._save(batch, now)
                    batch, rows = [], 0
        return total + self._save(batch, now)

    def _save(self, results: Sequence[PollResult], now: dt.datetime) -> Tally:
        """Store what polls brought; each feed's entries, validators and next check stand or fall together."""
        polls = []
        for result in results:
            feed = self.feeds[result.feed]
            entries = [article(entry, feed, now, backfill=result.backfill) for entry in result.entries]
            polls.append((result.state, entries))
            if result.error is not None:
                logger.warning("feed %s: %s; %s", feed.id, result.error, result.reason, extra={"feed": feed.id})
        counts = self.store.feeds.save_polls(polls)
        return Tally(
            feeds=len(results),
            failed_feeds=sum(result.error is not None for result in results),
            articles=sum(each.new for each in counts),
            edited=sum(each.edited for each in counts),
        )

    # --- detect ------------------------------------------------------------------------------------------------------

    def detect(self, *, now: dt.datetime) -> Tally:
        """Detect triggers in every article that waits for it; one that a rule fails on is set aside with the error."""
        count, settings = 0, self.config.settings.detect
        limit = SHARED_BATCH if settings.processes > 1 or settings.dask else BATCH
        while articles := self.store.articles.undetected(rules=self.rules, limit=limit, feeds=self.only):
            count += self._detect(articles, now)
        return Tally(triggers=count)

    def _detect(self, articles: Sequence[Article], now: dt.datetime) -> int:
        found: list[Trigger] = []
        aside: list[tuple[Article, str]] = []
        for each, detection in zip(articles, self._reader.detect_many(articles), strict=True):
            found += [dataclasses.replace(trigger, article=each.id) for trigger in detection.triggers]
            if detection.errors:
                aside.append((each, "; ".join(detection.errors)))
        count = self.store.triggers.save_detection(articles, found, rules=self.rules, now=now)
        for each, error in aside:
            logger.error("article %s was set aside: %s", each.id, error, extra={"article": each.id, "feed": each.feed})
            self.store.articles.set_aside(each, error, rules=self.rules)
        return count

    # --- link --------------------------------------------------------------------------------------------------------

    def link(
        self, *, now: dt.datetime, articles: Collection[int] | None = None, events: Collection[int] | None = None
    ) -> Tally:
        """Put every trigger that is in no event yet into one, and gather events anew that lost a report.

        With `articles` and `events` (ids), only the triggers of these and only these events.
        """
        count = tries = 0
        while True:
            try:
                for event in self.store.events.shrunk(limit=BATCH, among=events):
                    self._gather(event, now)
                reports = [self._report(*pair) for pair in self.store.triggers.unlinked(limit=BATCH, articles=articles)]
                if not reports:
                    return Tally(events=count)
                count += self._link(reports, now)
            except StoreError as error:
                tries += 1
                if not error.retry or tries >= TRIES:
                    raise

    def _gather(self, event: Event, now: dt.datetime) -> None:
        """The event as the reports that it has left tell it; one without any is kept, empty, for the correction."""
        reports = [self._report(*pair) for pair in self.store.triggers.of_events([event.id])[event.id]]
        left = gather(reports, now=now) if reports else dataclasses.replace(event, articles=())
        self.store.events.save_shrunk(
            dataclasses.replace(
                left,
                id=event.id,
                version=event.version + 1,
                changed_at=now,
                gained=event.gained,
                denials=event.denials,
            )
        )

    def _link(self, reports: Sequence[Report], now: dt.datetime) -> int:
        earliest = min(report.article.seen_at for report in reports)
        opened = [
            event
            for type in sorted({report.trigger.type for report in reports})
            for event in self.store.events.window(since=earliest - memory(type), types={type})
        ]
        links = link(reports, opened, now=now)
        self.store.events.save_links(
            [Link(each.event, tuple(report.trigger.id for report in each.reports)) for each in links.links]
        )
        return len(links.new)

    def _report(self, trigger: Trigger, article: Article) -> Report:
        return reported(trigger, article, self.feeds)

    # --- evaluate and send -------------------------------------------------------------------------------------------

    def evaluate(self, *, now: dt.datetime) -> Tally:
        """Judge thresholds and queue what is to be told."""
        judged = evaluation.evaluate(self.config, self.store, now=now, tell=self.tell)
        return judged + health.alarm(self.config, self.store, now=now)

    @property
    def _sender(self) -> Sender:
        return self.sender or Sender(timeout=self.config.settings.send.timeout)

    def send(self, *, now: dt.datetime) -> Tally:
        """Send what is due in the outbox."""
        return sending.send(self.config, self.store, self._sender, now=now, holder=self.holder, stop=self.stop)


def reported(trigger: Trigger, article: Article, feeds: Mapping[str, Feed]) -> Report:
    """The trigger with what its feed says of its publisher."""
    feed = feeds.get(article.feed)
    if feed is None:
        return Report(trigger, article)
    return Report(trigger, article, feed.state_media, feed.family, feed.tags)


def article(entry: Entry, feed: Feed, now: dt.datetime, *, backfill: bool) -> Article:
    """The article that `entry` of `feed` becomes when it is first seen at `now`."""
    return Article(
        feed=feed.id,
        key=entry.key,
        link=entry.link,
        title=entry.title,
        summary=entry.summary,
        published=entry.published,
        first_seen=now,
        digest=entry.digest,
        publisher=entry.publisher or feed.publisher,
        language=entry.language or feed.language,
        backfill=backfill,
    )
