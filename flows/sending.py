"""The step from the outbox to the channels: claim, commit, send, mark; one channel never waits for another."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

from alerts.channels import Sender
from alerts.evidence import Evidence
from alerts.links import verdict_link
from alerts.messages import Message, Renderer, plain
from flows.alarms import raise_alarm
from flows.health import blind
from flows.tally import Tally
from tocsin import failpoint
from tocsin.config.channels import Channel
from tocsin.config.folder import Config
from tocsin.config.settings import WebSettings
from tocsin.errors import SendError
from tocsin.model import Alert, Delivery
from tocsin.store import Store

logger = logging.getLogger("tocsin.send")

CLAIMED = 60
"""Most deliveries of a channel that one sweep takes."""
HELD = dt.timedelta(minutes=15)
"""Deliveries to one recipient that are later than this go out as one digest."""
FIRST_PAUSE = dt.timedelta(seconds=30)
LONGEST_PAUSE = dt.timedelta(hours=1)


def send(
    config: Config,
    store: Store,
    sender: Sender,
    *,
    now: dt.datetime,
    holder: str,
    stop: Callable[[], bool],
) -> Tally:
    """Send what is due, oldest first. What fails is tried again later or, after `give_up_after`, dead with an alarm."""
    claimed = store.outbox.claim(now=now, lease=config.settings.send.lease, limit=CLAIMED, holder=holder)
    if not claimed:
        return Tally()
    channels = {channel.id: channel for channel in config.channels}
    by_channel: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in claimed:
        by_channel[delivery.channel].append(delivery)
    templates = config.folder / "templates"
    renderer = Renderer(
        templates=templates if templates.is_dir() else None,
        names=config.actors.titles,
        link=config.settings.send.link or _alerts_page(config.settings.web),
        verdict_link=partial(verdict_link, address=config.settings.web.address, secret=config.settings.web.secret),
    )
    post = _Post(config, store, sender, renderer, channels, now, stop)
    with ThreadPoolExecutor(len(by_channel), thread_name_prefix="send") as threads:
        tallies = threads.map(post.channel, by_channel, by_channel.values())
        return sum(tallies, Tally())


@dataclass(frozen=True)
class _Post:
    """One sweep's sending."""

    config: Config
    store: Store
    sender: Sender
    renderer: Renderer
    channels: Mapping[str, Channel]
    now: dt.datetime
    stop: Callable[[], bool]

    @cached_property
    def blind(self) -> Sequence[str]:
        """Titles of the feeds that cannot be read at present, so that no message claims more calm than was seen."""
        titles = {feed.id: feed.title for feed in self.config.feeds}
        return [titles[feed] for feed in blind(self.config, self.store, now=self.now)]

    def channel(self, name: str, deliveries: Sequence[Delivery]) -> Tally:
        """Send the `deliveries` of one channel until it fails for a reason that the others would meet too."""
        channel = self.channels.get(name)
        if channel is None:
            return self._all_dead(deliveries, f"channel {name!r} is no longer configured")
        started = time.monotonic()
        patience_s = self.config.settings.send.lease.total_seconds() / 2
        total = Tally()
        bundles = self._bundles(channel, deliveries)
        for position, bundle in enumerate(bundles):
            sent = total.sent + total.failed
            out_of_time = time.monotonic() - started > patience_s
            if self.stop() or out_of_time or sent >= self._most(channel):
                self._release(bundles[position:])
                break
            tally, goes_on = self._bundle(channel, bundle)
            total += tally
            if not goes_on:
                self._release(bundles[position + 1 :])
                break
        return total

    def _most(self, channel: Channel) -> int:
        """Most deliveries of `channel` in one sweep, so that sweeps in quick succession keep to its rate too."""
        share = min(1.0, self.config.settings.sweep_every / dt.timedelta(minutes=1))
        return max(1, int(channel.per_minute * share))

    def _bundles(self, channel: Channel, deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
        """What goes out as one message: each delivery alone, those that are late as one digest for each recipient."""
        alerts = {delivery.alert: self._alert(delivery.alert) for delivery in deliveries}
        late: dict[int, list[Delivery]] = defaultdict(list)
        bundles: list[list[Delivery]] = []
        for delivery in deliveries:
            detail = alerts[delivery.alert]
            is_late = self.now - detail[0].fired_at > HELD if detail else False
            if is_late and channel.family != "webhook" and not delivery.uncertain:
                late[delivery.recipient].append(delivery)
            else:
                bundles.append([delivery])
        return [*late.values(), *bundles]

    def _bundle(self, channel: Channel, bundle: Sequence[Delivery]) -> tuple[Tally, bool]:
        """Send one message and mark its deliveries; whether the channel is worth another try in this sweep."""
        bundle = self._held(bundle)
        if not bundle:
            return Tally(), True
        first = bundle[0]
        if first.uncertain and channel.on_uncertain == "hold":
            return self._all_dead(bundle, "it may have been sent; held for a person (on_uncertain: hold)"), True
        if first.uncertain:
            said = "alert %s to %s: uncertain whether it was sent; sending again"
            logger.warning(said, first.alert, channel.id, extra={"alert": first.alert, "channel": channel.id})
        try:
            self.sender.send(channel, first.recipient, self._message(channel, bundle))
        except SendError as error:
            return self._failed(channel, bundle, error), not error.retry
        failpoint.reach("after_send")
        for delivery in bundle:
            if not self.store.outbox.sent(delivery, now=self.now):
                said = "alert %s to %s: sent, but its claim was lost meanwhile"
                logger.warning(said, delivery.alert, channel.id, extra={"alert": delivery.alert, "channel": channel.id})
        self.store.notices.clear(f"channel:{channel.id}")
        return Tally(sent=len(bundle)), True

    def _held(self, bundle: Sequence[Delivery]) -> Sequence[Delivery]:
        """What of `bundle` is still to be sent by this sender: a step of the clock ends claims in the midst of it."""
        held = self.store.outbox.held(bundle)
        for lost in [delivery for delivery in bundle if delivery not in held]:
            said = "alert %s to %s: its claim was lost before it was sent; another sender has it"
            logger.warning(said, lost.alert, lost.channel, extra={"alert": lost.alert, "channel": lost.channel})
        return held

    def _failed(self, channel: Channel, bundle: Sequence[Delivery], error: SendError) -> Tally:
        self.store.notices.put(f"channel:{channel.id}", error.cause, now=self.now)
        logger.error("channel %s: %s", channel.id, error.cause, extra={"alert": bundle[0].alert, "channel": channel.id})
        if error.uncertain and channel.on_uncertain == "hold":
            return self._all_dead(bundle, f"it may have been sent ({error.cause}); held for a person")
        given_up = [each for each in bundle if not error.retry or self._too_old(each)]
        for delivery in bundle:
            if delivery not in given_up:
                next_try_at = self.now + pause(delivery.attempts, error.retry_after_s)
                self.store.outbox.failed(delivery, error=error.cause, next_try_at=next_try_at)
        if given_up:
            self._all_dead(given_up, error.cause)
        return Tally(failed=len(bundle))

    def _too_old(self, delivery: Delivery) -> bool:
        detail = self._alert(delivery.alert)
        return detail is None or self.now - detail[0].fired_at > self.config.settings.send.give_up_after

    def _all_dead(self, deliveries: Sequence[Delivery], reason: str) -> Tally:
        """Give up for good, and say so by the channels that take alarms."""
        for delivery in deliveries:
            self.store.outbox.dead(delivery, error=reason)
        channel = deliveries[0].channel
        self.store.notices.put(f"channel:{channel}", reason, now=self.now)
        raise_alarm(
            self.config, self.store, f"channel={channel}", f"{len(deliveries)} not sent: {reason}", now=self.now
        )
        return Tally(failed=len(deliveries))

    def _release(self, bundles: Sequence[Sequence[Delivery]]) -> None:
        for bundle in bundles:
            for delivery in bundle:
                self.store.outbox.release(delivery)

    def _message(self, channel: Channel, bundle: Sequence[Delivery]) -> Message:
        """The message of a bundle; plain words where the templates fail on it."""
        pairs = [pair for pair in (self._alert(delivery.alert) for delivery in bundle) if pair is not None]
        who = f"{channel.id}/{bundle[0].recipient}"
        try:
            if len(pairs) > 1:
                return self.renderer.digest(pairs, channel.family, now=self.now, who=who)
            return self.renderer.alert(*pairs[0], channel.family, now=self.now, who=who)
        except Exception:  # an alert that no template can render is told all the same
            id = pairs[0][0].id
            said = "alert %s cannot be rendered for %s; sent in plain words"
            logger.exception(said, id, channel.id, extra={"alert": id, "channel": channel.id})
            words = [plain(alert, channel.family) for alert, _ in pairs]
            return dataclasses.replace(words[0], body="\n\n".join(message.body for message in words))

    def _alert(self, id: str) -> tuple[Alert, Evidence] | None:
        """An alert with its evidence, as the store has it."""
        detail = self.store.alerts.detail(id)
        if detail is None:
            return None
        threshold = self._description(detail.alert)
        return detail.alert, Evidence(detail.events, detail.reports, threshold, blind=self.blind)

    def _description(self, alert: Alert) -> str:
        for watch in self.config.watches:
            threshold = watch.threshold(alert.threshold) if watch.id == alert.watch else None
            if threshold is not None:
                return threshold.description
        return ""


def _alerts_page(web: WebSettings) -> str:
    """Where the dashboard shows the alert `{id}`, "" where there is no dashboard."""
    return f"{web.address.rstrip('/')}/alerts/{{id}}" if web.address else ""


def pause(attempts: int, retry_after_s: float | None) -> dt.timedelta:
    """The wait after the `attempts`-th failed try: doubling from half a minute to an hour, or what was asked."""
    doubled = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 10)) if attempts > 0 else FIRST_PAUSE
    asked = dt.timedelta(seconds=min(retry_after_s or 0.0, 86_400.0))
    return max(doubled, asked)
