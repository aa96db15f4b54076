"""From events to queued deliveries: fetch what thresholds need, let them judge, store it in one transaction."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from alerts import policy, repetition
from alerts.crossings import span
from alerts.followups import followups
from alerts.thresholds import Decision, EventQuery, affected, last_met, query
from alerts.thresholds import evaluate as judge
from flows.health import blind
from flows.restoring import told_until
from flows.tally import Tally
from tocsin.config.channels import Channel
from tocsin.config.folder import Config
from tocsin.config.thresholds import All, AnyOf, Threshold
from tocsin.config.watches import Watch
from tocsin.model import Alert, AlertState, Event, Mute
from tocsin.store import Decision as Queued
from tocsin.store import Store

logger = logging.getLogger("tocsin.evaluate")

BATCH = 500


def unheard(alerts: Sequence[Alert]) -> None:
    """What hears of new alerts where nobody listens."""


def evaluate(
    config: Config, store: Store, *, now: dt.datetime, tell: Callable[[Sequence[Alert]], None] = unheard
) -> Tally:
    """Judge every threshold that a changed event, a wait that is over, or time alone may cross; queue the alerts.

    `tell` hears of each batch of new alerts once it is committed. What it raises is logged and stops nothing.
    """
    count = 0
    while True:
        changed = store.events.changed(limit=BATCH, until=now)
        round_ = _Round(config, store, {event.id: event for event in changed}, now)
        outcomes = [outcome for watch in config.watches for outcome in round_.watch(watch)]
        queued = [Queued(each.alert, each.deliveries) for each in outcomes if each.alert is not None]
        new = store.alerts.save_decisions(queued, evaluated=changed, waits=round_.waits)
        count += len(new)
        _tell(tell, new)
        if len(changed) < BATCH:
            return Tally(alerts=count)


def _tell(tell: Callable[[Sequence[Alert]], None], alerts: Sequence[Alert]) -> None:
    if not alerts:
        return
    try:
        tell(alerts)
    except Exception:  # the alerts are committed; a listener can break nothing
        logger.exception("%d new alerts could not be announced; they are queued all the same", len(alerts))


@dataclass
class _Round:
    """One batch of changed events against all watches. `waits` says which thresholds must be judged again, and when."""

    config: Config
    store: Store
    changed: Mapping[int, Event]
    now: dt.datetime

    waits: dict[tuple[str, str], dt.datetime | None] = field(default_factory=dict)

    @cached_property
    def waiting(self) -> Mapping[tuple[str, str], dt.datetime]:
        """Watch and threshold of what waits, and until when."""
        return self.store.alerts.waits()

    @cached_property
    def watched_since(self) -> dt.datetime | None:
        """When anything was first seen."""
        return self.store.feeds.watched_since()

    @cached_property
    def resting(self) -> Sequence[Alert]:
        """The alerts that the changed events are part of."""
        return self.store.alerts.resting_on(self.changed)

    @cached_property
    def mutes(self) -> Sequence[Mute]:
        """Those that hold."""
        return self.store.mutes.active(now=self.now)

    @cached_property
    def told_until(self) -> dt.datetime | None:
        """Until when what happened may have been told, as far as a restored database knows."""
        return told_until(self.store, now=self.now)

    @cached_property
    def blind(self) -> Sequence[str]:
        """Feeds whose silence means nothing at present."""
        return blind(self.config, self.store, now=self.now)

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        """Channels by id."""
        return {channel.id: channel for channel in self.config.channels}

    def watch(self, watch: Watch) -> Iterator[policy.Outcome]:
        """What becomes of one watch's thresholds and of its earlier alerts."""
        judged = [each for each in watch.thresholds if each.generate and self._concerned(watch, each)]
        prior = self._prior(watch, judged) if judged else []
        decisions = [decision for threshold in judged for decision in self._judge(watch, threshold, prior)]
        told = [alert for alert in self.resting if alert.watch == watch.id]
        decisions += followups(watch, changed=self.changed, prior=told, now=self.now)
        if decisions:
            found = policy.outcomes(
                decisions, watch, prior=prior, mutes=self.mutes, channels=self.channels, now=self.now
            )
            until = self.told_until
            yield from found if until is None else (policy.doubted(each, until) for each in found)
        # Before the escalations, so that nobody is called to what is over.
        self._resolve(watch)
        yield from self._escalations(watch)

    def _prior(self, watch: Watch, judged: Sequence[Threshold]) -> list[Alert]:
        """The watch's alerts as far back as its thresholds, its cap and its inhibitions look."""
        reach = max([policy.HOUR, *(inhibit.within for inhibit in watch.inhibit)])
        since = min([self.now - reach, *(repetition.since(threshold, self.now) for threshold in judged)])
        return self.store.alerts.prior(since=since, watch=watch.id)

    def _escalations(self, watch: Watch) -> Iterator[policy.Outcome]:
        if not watch.escalation and not any(threshold.escalation for threshold in watch.thresholds):
            return
        opened = self.store.alerts.recent(limit=10_000, state=AlertState.OPEN, watch=watch.id)
        if opened:
            prior = self.store.alerts.prior(since=min(alert.fired_at for alert in opened), watch=watch.id)
            yield from policy.escalations(watch, open_alerts=opened, prior=prior, channels=self.channels, now=self.now)

    def _resolve(self, watch: Watch) -> None:
        """Close the alerts whose condition has not been met for `resolve_after`."""
        resolving = [threshold for threshold in watch.thresholds if threshold.resolve_after is not None]
        unresolved = self.store.alerts.unresolved(watch=watch.id) if resolving else []
        for threshold in resolving:
            assert threshold.resolve_after is not None
            before = self.now - threshold.resolve_after
            old = [alert for alert in unresolved if alert.threshold == threshold.id]
            old = [alert for alert in old if alert.fired_at <= before]
            if not old:
                continue
            met = self._last_met(watch, threshold, threshold.resolve_after)
            for id in policy.resolved(threshold, open_alerts=old, last_met=met, now=self.now):
                note = f"its condition was not met for {span(threshold.resolve_after)}"
                self.store.alerts.resolve(id, who=policy.OURSELVES, now=self.now, note=note)

    def _last_met(self, watch: Watch, threshold: Threshold, back: dt.timedelta) -> Mapping[str, dt.datetime]:
        parts = _parts(watch, threshold)
        asked = query(threshold, self.now, parts)
        asked = replace(asked, windows=tuple((start - back, end) for start, end in asked.windows))
        return last_met(
            threshold,
            events=self._events(asked),
            now=self.now,
            back=back,
            parts=parts,
            watched_since=self.watched_since,
            activity=self._activity(asked),
        )

    def _concerned(self, watch: Watch, threshold: Threshold) -> bool:
        again_at = self.waiting.get((watch.id, threshold.id))
        parts = _parts(watch, threshold)
        return affected(threshold, self.changed.values(), parts, now=self.now, again_at=again_at)

    def _judge(self, watch: Watch, threshold: Threshold, prior: Sequence[Alert]) -> Sequence[Decision]:
        parts = _parts(watch, threshold)
        asked = query(threshold, self.now, parts)
        decisions = judge(
            threshold,
            events=self._events(asked),
            prior=prior,
            now=self.now,
            watch=watch.id,
            parts=parts,
            watched_since=self.watched_since,
            activity=self._activity(asked),
            blind=self.blind,
        )
        times = [decision.again_at for decision in decisions if decision.again_at is not None]
        again_at = min(times, default=None)
        if again_at != self.waiting.get((watch.id, threshold.id)):
            self.waits[watch.id, threshold.id] = again_at
        return decisions

    def _activity(self, asked: EventQuery) -> Mapping[str, Sequence[dt.datetime]]:
        return {feed: self.store.articles.times(feed, since=asked.since) for feed in sorted(asked.feeds)}

    def _events(self, asked: EventQuery) -> list[Event]:
        events: dict[int, Event] = {}
        for start, end in asked.windows:
            found = self.store.events.window(
                since=start,
                until=end + dt.timedelta(microseconds=1),
                types=asked.types,
                modalities=asked.modalities,
                sources=asked.sources,
                targets=asked.targets,
                voices=False,
            )
            events.update((event.id, event) for event in found)
        return list(events.values())


def _parts(watch: Watch, threshold: Threshold) -> list[Threshold]:
    """The thresholds that an `all` or `any` names."""
    if not isinstance(threshold, All | AnyOf):
        return []
    return [part for part in map(watch.threshold, threshold.of) if part is not None]
