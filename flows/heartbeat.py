"""A sign of life for somebody outside: who must hear that the watch is dead cannot be told by the watch itself."""

from __future__ import annotations

import datetime as dt
import logging

from alerts.channels import Sender
from tocsin.config.folder import Config
from tocsin.errors import SendError
from tocsin.store import Store

logger = logging.getLogger("tocsin.heartbeat")

SUBJECT = "heartbeat"
"""Subject of the notice that it is not taken."""
INTERVALS = 2
"""A watch none of whose feeds was read within so many of their intervals is as good as dead."""


def beat(config: Config, store: Store, sender: Sender, *, now: dt.datetime) -> bool:
    """Tell the service that `heartbeat` names that the watch lives; whether it did.

    It is not told where nothing was polled for two intervals; where a sweep never ends nobody gets here. What the
    service answers stops nothing: it stands in `tocsin status`.
    """
    if not config.settings.heartbeat:
        store.notices.clear(SUBJECT)
        return False
    if not _reading(config, store, now):
        logger.error("no heartbeat: no feed was read within %d of its intervals", INTERVALS)
        return False
    try:
        sender.ping(config.settings.heartbeat)
    except SendError as error:
        store.notices.put(SUBJECT, error.cause, now=now)
        return False
    store.notices.clear(SUBJECT)
    return True


def _reading(config: Config, store: Store, now: dt.datetime) -> bool:
    """Whether any feed was read lately."""
    reach = {feed.id: INTERVALS * feed.interval.max for feed in config.feeds if feed.enabled}
    return any(
        state.last_success_at is not None and now - state.last_success_at <= reach[state.feed]
        for state in store.feeds.all()
        if state.feed in reach
    )
