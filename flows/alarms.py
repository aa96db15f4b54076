"""Alarms: Tocsin tells by its own channels that something is wrong with itself."""

from __future__ import annotations

import datetime as dt

from alerts import policy
from tocsin.config.folder import Config
from tocsin.store import Decision, Store


def alarm(config: Config, store: Store, subject: str, reason: str, *, now: dt.datetime) -> None:
    """Queue an alarm about `subject` (`channel=desk`), at most one a day, to the channels that take alarms."""
    channels = {channel.id: channel for channel in config.channels}
    outcome = policy.alarm(subject, reason, channels=channels, now=now)
    if outcome.alert is not None:
        store.alerts.save_decisions([Decision(outcome.alert, outcome.deliveries)], evaluated=[])
