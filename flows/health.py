"""What the feeds' health means for the watch: which are blind, and when an operator must hear of it."""

from __future__ import annotations

import datetime as dt

from extractors.health import Health, judge
from flows.alarms import raise_alarm
from flows.tally import Tally
from tocsin.config.folder import Config
from tocsin.store import Store

SHOWN = 10
FEEDS = "feeds"
"""Group of the alarm about feeds."""
TOLD = "feeds told of"
"""Key of the small fact which feeds the operator was told of."""


def health(config: Config, store: Store, *, now: dt.datetime) -> list[Health]:
    """The health of every feed that is polled, in the order of the configuration."""
    states = {state.feed: state for state in store.feeds.all()}
    feeds = [feed for feed in config.feeds if feed.enabled and feed.id in states]
    return [judge(states[feed.id], feed, now=now) for feed in feeds]


def blind(config: Config, store: Store, *, now: dt.datetime) -> list[str]:
    """Ids of the feeds whose silence means nothing at present."""
    return [each.feed for each in health(config, store, now=now) if not each.alive]


def alarm(config: Config, store: Store, *, now: dt.datetime) -> Tally:
    """Tell the operator of feeds that fail, are gone, or are silent against their rhythm: once, when one joins them.

    At most once a day; what is told of stays in `tocsin status` and is told again only after it was well.
    """
    ill = {each.feed: each.words for each in health(config, store, now=now) if each.alarm}
    told = set(filter(None, store.notices.recall(TOLD).split(",")))
    count = 0
    if not ill.keys() <= told:
        lines = [f"{feed}: {words}" for feed, words in list(ill.items())[:SHOWN]]
        more = f"; and {len(ill) - SHOWN} more" if len(ill) > SHOWN else ""
        reason = f"{len(ill)} of {len(config.feeds)} feeds tell nothing; {'; '.join(lines)}{more}"
        count = raise_alarm(config, store, FEEDS, reason, now=now)
    known = ill.keys() if count else told & ill.keys()
    if known != told:
        store.notices.remember(TOLD, ",".join(sorted(known)))
    return Tally(alerts=count)
