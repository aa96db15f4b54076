"""The virtual clock: an archive through link, thresholds, policy and outbox, at the moments at which something is due.

A live watch sweeps each minute, and most of its sweeps change nothing. Here those are left out: the clock stops where
articles with triggers came, where a threshold, an escalation or a delivery waits for its time, and nowhere else.
"""

from __future__ import annotations

import datetime as dt
import heapq
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path

from alerts import policy
from alerts.channels import Sender
from alerts.fitting import concerns
from alerts.messages import Message
from flows import evaluation, sending
from flows.backtest.archive import Archive, beat, key
from flows.backtest.looking import Wait, look, skippable
from flows.backtest.outcome import Outcome, Post
from flows.backtest.reading import Read
from flows.sweep import Sweep, never
from tocsin.config.channels import Channel
from tocsin.config.folder import Config
from tocsin.config.thresholds import Silence
from tocsin.model import Alert, AlertKind, Article, Event, FeedState
from tocsin.store import Store

NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)
AFTER = dt.timedelta(days=1)
"""The watch goes on for so long after the last article, so that what waits is told."""
MEMORY = Path("/dev/shm")
ROOM = 2**30
"""Bytes: ten years of news take less."""
EVERYTHING = 10_000_000

Tick = Callable[[dt.datetime], None]
"""Hears the virtual time."""


@dataclass
class Tape(Sender):
    """Takes every message and sends none."""

    now: dt.datetime
    posts: list[Post] = field(default_factory=list)

    def send(self, channel: Channel, recipient: int, message: Message) -> None:
        """Write it down."""
        self.posts.append(Post(self.now, channel.id))


def play(
    config: Config, archive: Archive, read: Read, *, every: dt.timedelta, tick: Tick = lambda now: None
) -> Outcome:
    """What the watch of `config`, sweeping at multiples of `every`, would have done with `archive`.

    All feeds are taken to have been read throughout, nobody to have muted or acknowledged anything.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-backtest-", dir=_memory()) as folder,
        Store.scratch(Path(folder)) as store,
    ):
        watch = _Watch(config, store, archive, read, every)
        watch.run(tick)
        return _outcome(watch)


def _memory() -> str | None:
    """A folder in memory, where a commit costs a tenth; None, for the usual one, where there is not room enough."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return str(MEMORY) if roomy else None


class _Watch:
    """A watch in a temporary store. Its channels' rates are those of a watch that sweeps each minute."""

    def __init__(self, config: Config, store: Store, archive: Archive, read: Read, every: dt.timedelta) -> None:
        self.config, self.store, self.archive, self.read, self.every = config, store, archive, read, every
        thresholds = [threshold for watch in config.watches for threshold in watch.thresholds]
        self.sweep = Sweep(config, store, reader=read)
        # Without feeds none of them can be blind.
        self.sighted = replace(config, feeds=())
        self.arrivals = deque((at, list(each)) for at, each in groupby(archive.articles, lambda a: a.first_seen))
        self.end = (self.arrivals[-1][0] if self.arrivals else NEVER - AFTER) + AFTER
        self.watched_since = min(archive.watched_since.values(), default=None)
        self.looked_at = skippable(config.watches)
        # Whose articles are counted as well. Of other feeds, what tells nothing is never looked at again.
        self.counted = {feed for threshold in thresholds if isinstance(threshold, Silence) for feed in threshold.feeds}
        self.moving: dict[int, Event] = {}
        self.escalations: list[dt.datetime] = []
        self.tape = Tape(dt.datetime.min.replace(tzinfo=dt.UTC))

    def run(self, tick: Tick) -> None:
        """From the first article to a day after the last."""
        if not self.arrivals:
            return
        now = self.arrivals[0][0]
        feeds = sorted({*self.archive.watched_since, *(article.feed for article in self.archive.articles)})
        self.store.feeds.ensure(feeds, now=now)
        self.store.feeds.save_polls([(self._state(feed, now), ()) for feed in feeds])
        while now <= self.end:
            self._arrive(now)
            self._judge(now)
            tick(now)
            now = self._next(now)
        while (due := self.store.outbox.next_due()) is not None:
            now = self._ceil(due, now)
            self._send(now)

    def _arrive(self, now: dt.datetime) -> None:
        """Store what came until `now`, and link what it tells."""
        if not self.arrivals or self.arrivals[0][0] > now:
            return
        by_feed: dict[str, list[Article]] = {}
        while self.arrivals and self.arrivals[0][0] <= now:
            for article in self.arrivals.popleft()[1]:
                if article.feed in self.counted or self._tells(article):
                    by_feed.setdefault(article.feed, []).append(replace(article, id=0))
        if not by_feed:
            return
        self.store.feeds.save_polls([(self._state(feed, now), items) for feed, items in by_feed.items()])
        self.sweep.read(now=now)
        for event in self.store.events.changed(limit=EVERYTHING):
            self.moving.pop(event.id, None)
            if any(concerns(threshold.where, event) for threshold in self.looked_at.values()):
                self.moving[event.id] = event

    def _state(self, feed: str, now: dt.datetime) -> FeedState:
        return FeedState(feed, now, first_success_at=self.archive.watched_since.get(feed, now))

    def _judge(self, now: dt.datetime) -> None:
        while self.escalations and self.escalations[0] <= now:
            heapq.heappop(self.escalations)
        evaluation.evaluate(self.sighted, self.store, now=now, tell=self._escalate)
        due = self.store.outbox.next_due()
        if due is not None and due <= now:
            self._send(now)

    def _send(self, now: dt.datetime) -> None:
        self.tape.now = now
        sending.send(self.sighted, self.store, self.tape, now=now, holder="backtest", stop=never)

    def _escalate(self, alerts: Sequence[Alert]) -> None:
        """Remember when somebody else must hear of them."""
        watches = {watch.id: watch for watch in self.config.watches}
        for alert in alerts:
            watch = watches.get(alert.watch)
            threshold = watch.threshold(alert.threshold) if watch else None
            if watch and threshold and alert.kind is AlertKind.ALERT:
                for step in watch.escalations(threshold):
                    heapq.heappush(self.escalations, alert.fired_at + step.after)

    def _next(self, now: dt.datetime) -> dt.datetime:
        """When something is to be done again."""
        arrival = next((at for at, articles in self.arrivals if self._tell(articles)), NEVER)
        sent = self.store.outbox.next_due()
        waits = dict(self.store.alerts.waits())
        looks = {wait: waits.pop(wait) for wait in self.looked_at if wait in waits}
        due = [*waits.values(), *self.escalations[:1], *([sent] if sent else [])]
        soonest = min([arrival, *(self._ceil(at, now) for at in due)])
        return self._look(looks, now, soonest)

    def _look(self, looks: Mapping[Wait, dt.datetime], now: dt.datetime, until: dt.datetime) -> dt.datetime:
        """The first look that raises something, else `until`; what was looked at meanwhile is written down."""
        later: dict[Wait, dt.datetime] = {}
        for wait, at in looks.items():
            found = look(
                self.looked_at[wait],
                wait,
                self.store,
                events=self.moving.values(),
                at=at,
                until=min(until, self.end),
                ceil=partial(self._ceil, now=now),
                watched_since=self.watched_since,
            )
            later[wait] = found.at
            if found.fires:
                until = self._ceil(found.at, now)
        if later != looks:
            self.store.alerts.save_decisions([], evaluated=[], waits=later)
        return until

    def _tell(self, articles: Sequence[Article]) -> bool:
        return any(map(self._tells, articles))

    def _tells(self, article: Article) -> bool:
        return bool(self.read.detections[key(article)].triggers)

    def _ceil(self, due: dt.datetime, now: dt.datetime) -> dt.datetime:
        """The sweep that does what is `due`, after the one of `now`."""
        return beat(max(due, now + dt.timedelta(microseconds=1)), self.every)


def _outcome(watch: _Watch) -> Outcome:
    store, archive = watch.store, watch.archive
    stored = {article.id: article for article in store.articles.between(*_ALWAYS)}
    events = sorted(store.events.recent(limit=EVERYTHING), key=lambda event: (event.started_at, event.id))
    alerts = [alert for alert in store.alerts.recent(limit=EVERYTHING) if alert.watch != policy.OURSELVES]
    return Outcome(
        config=watch.config,
        archive=archive,
        triggers={at: found.triggers for at, found in watch.read.detections.items() if found.triggers},
        events={event.id: event for event in events},
        reports={event.id: _reports(event, stored) for event in events},
        alerts=tuple(sorted(alerts, key=lambda alert: (alert.fired_at, alert.id))),
        posts=tuple(watch.tape.posts),
    )


_ALWAYS = (dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC))


def _reports(event: Event, stored: dict[int, Article]) -> tuple[Article, ...]:
    found = [stored[id] for id in event.articles]
    return tuple(sorted(found, key=lambda article: (article.seen_at, article.feed, article.key)))
