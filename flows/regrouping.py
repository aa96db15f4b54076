"""What an analyst puts right by hand: two events that are one, and one that is two."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence

from extractors.linking import gather, merged
from flows.sweep import reported
from tocsin.config.folder import Config
from tocsin.errors import StoreError
from tocsin.model import Event
from tocsin.store import Store


def merge(store: Store, ids: Sequence[int], *, who: str, now: dt.datetime, note: str = "") -> Event:
    """One event of several of one type and modality; it keeps the id of the earliest, and what was told of any.

    `StoreError` where the events cannot be one, or changed meanwhile (with `retry`).
    """
    events = _existing(store, ids)
    kinds = {f"{event.type}, {event.modality}" for event in events}
    if len(events) < 2 or len(kinds) > 1:
        cause = f"they are of different kinds ({'; '.join(sorted(kinds))})" if len(kinds) > 1 else "name two or more"
        raise _refused(store, "merge", ids, cause)
    first = min(events, key=lambda event: (event.started_at, event.id))
    whole = dataclasses.replace(merged(events, now=now), version=first.version + 1)
    store.events.merge(whole, [event for event in events if event.id != first.id], who=who, now=now, note=note)
    return whole


def split(
    config: Config, store: Store, id: int, articles: Collection[int], *, who: str, now: dt.datetime, note: str = ""
) -> tuple[Event, Event]:
    """The event as the reports that stay tell it, and a new one of those in `articles`, which may alert by itself.

    `StoreError` where no report would stay or go, or the event changed meanwhile (with `retry`).
    """
    event = _existing(store, [id])[0]
    feeds = {feed.id: feed for feed in config.feeds}
    reports = [reported(*pair, feeds) for pair in store.triggers.of_events([id])[id]]
    going = [report for report in reports if report.article.id in set(articles)]
    staying = [report for report in reports if report.article.id not in set(articles)]
    if not going or not staying or {report.article.id for report in going} != set(articles):
        known = ", ".join(str(article) for article in event.articles)
        raise _refused(store, "split", [id], f"name some, but not all, of its articles: {known}")
    left = dataclasses.replace(
        gather(staying, now=now), id=id, version=event.version + 1, gained=event.gained, denials=event.denials
    )
    triggers = [report.trigger.id for report in going]
    return left, store.events.split(left, gather(going, now=now), triggers, who=who, now=now, note=note)


def _existing(store: Store, ids: Sequence[int]) -> list[Event]:
    known = store.events.by_id(ids)
    missing = [id for id in ids if id not in known or not known[id].articles]
    if missing:
        raise _refused(
            store, "find", missing, "there is no such event, or it is part of another; see `tocsin events list`"
        )
    return list(known.values())


def _refused(store: Store, what: str, ids: Sequence[int], cause: str) -> StoreError:
    return StoreError(f"cannot {what} events", subject=", ".join(map(str, ids)), cause=cause)
