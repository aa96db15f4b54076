"""Shards: the parts into which `shards` of settings.yaml divides the feeds, so that several workers share them.

Whoever has the lease of a shard polls its feeds and detects in their articles. A feed is in the same shard in every
process; workers that do not agree on the number of shards ask a feed twice, and store it once.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

from flows.holding import SWEEP, held
from tocsin.store import Store


def names(count: int) -> list[str]:
    """The leases of `count` shards."""
    return [f"shard {number} of {count}" for number in range(1, count + 1)]


def divided(feeds: Collection[str], count: int) -> dict[str, Collection[str] | None]:
    """Lease → ids of the feeds in its shard; None stands for all feeds, where there is but one shard."""
    leases = names(count)
    if count == 1:
        return {leases[0]: None}
    parts: dict[str, list[str]] = {lease: [] for lease in leases}
    for feed in feeds:
        parts[leases[zlib.crc32(feed.encode()) % count]].append(feed)
    return dict(parts)


@contextmanager
def undisturbed(store: Store, count: int, *, holder: str, now: dt.datetime) -> Iterator[bool]:
    """For the time of the block no sweep polls, detects, links or sends; False where one is under way."""
    with ExitStack() as stack:
        leases = (*names(count), SWEEP)
        holds = (stack.enter_context(held(store, lease, holder=holder, now=now)) for lease in leases)
        yield all(hold is not None for hold in holds)
