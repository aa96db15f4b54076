"""Alarms: Tocsin tells by its own channels that something is wrong with itself."""

from __future__ import annotations

import datetime as dt

from alerts import policy
from tocsin.config.folder import Config
from tocsin.store import Decision, Store

DAY = dt.timedelta(days=1)


def raise_alarm(config: Config, store: Store, subject: str, reason: str, *, now: dt.datetime) -> int:
    """Queue an alarm about `subject` (`channel=desk`) to the channels that take alarms; the number of new ones, 0 or 1.

    There is at most one a day for each subject; where it was raised already nothing is written.
    """
    channels = {channel.id: channel for channel in config.channels}
    outcome = policy.alarm(subject, reason, channels=channels, now=now)
    told = store.alerts.prior(since=now - DAY, watch=policy.OURSELVES, group=subject)
    if outcome.alert is None or outcome.alert.id in {alert.id for alert in told}:
        return 0
    return len(store.alerts.save_decisions([Decision(outcome.alert, outcome.deliveries)], evaluated=[]))
