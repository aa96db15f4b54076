"""`tocsin redetect`: what changed rules find in articles that were read before, without an alert on any of it.

Other processes may poll and detect meanwhile. So only what hangs on the articles that are read again is linked and
marked as judged here, and they are noted down first: whoever links next after a kill does the rest, before all else.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.holding import SWEEP, held
from tocsin.errors import StoreError
from tocsin.model import Article, Trigger

if TYPE_CHECKING:
    from flows.sweep import Sweep

BATCH = 250
_UNDER_WAY = "redetecting"
"""Key of the small fact which articles are being read again, and which events rest on them."""


@dataclass(frozen=True, slots=True)
class Redetected:
    """How many articles were read again, how many triggers are new, how many stand no longer."""

    articles: int = 0
    new: int = 0
    withdrawn: int = 0


def redetect(
    sweep: Sweep,
    *,
    since: dt.datetime,
    until: dt.datetime,
    now: dt.datetime,
    rule: str = "",
    advance: Callable[[int], None] = lambda count: None,
) -> Redetected:
    """Read the articles first seen in [since, until) again that other rules than those of now have read.

    With `rule`, only its triggers change. What is new becomes history: linked, shown, known to baselines, never alerted
    on; alerts on what is withdrawn get no correction. What waited before is judged first, as in a sweep. Killed, it can
    be started again. `StoreError` (with `retry`) where a sweep is under way.
    """
    with held(sweep.store, SWEEP, holder=sweep.holder, now=now) as hold:
        if hold is None:
            raise StoreError("cannot redetect", subject="the store", cause="a sweep is under way", retry=True)
        sweep = dataclasses.replace(sweep, store=sweep.store.under(hold.lease))
        go_on(sweep, now=now)
        sweep.read(now=now)
        sweep.evaluate(now=now)
        total = Redetected()
        for batch in _unread(sweep, since, until, _mark(sweep, rule)):
            total = _add(total, _batch(sweep, batch, rule, now))
            advance(len(batch))
            if hold.lost():
                raise StoreError("cannot redetect", subject="the store", cause="a sweep took over", retry=True)
        return total


def _mark(sweep: Sweep, rule: str) -> str:
    """What is noted of an article as that which it was read under; one rule alone is not all of them."""
    return f"{sweep.rules} {rule}" if rule else sweep.rules


def _unread(sweep: Sweep, since: dt.datetime, until: dt.datetime, mark: str) -> Iterator[Sequence[Article]]:
    articles = list(sweep.store.articles.between(since, until))
    for start in range(0, len(articles), BATCH):
        batch = articles[start : start + BATCH]
        # What was never read, or edited since, is news, and left to a sweep.
        old = sweep.store.articles.read_otherwise({mark, sweep.rules}, [article.id for article in batch])
        if old:
            yield [article for article in batch if article.id in old]


def _batch(sweep: Sweep, articles: Sequence[Article], rule: str, now: dt.datetime) -> Redetected:
    store = sweep.store
    ids = [article.id for article in articles]
    before = store.triggers.of_articles(ids)
    found = [trigger for trigger in before if rule and trigger.rule != rule]
    aside: list[tuple[Article, str]] = []
    for article, detection in zip(articles, (sweep.reader or sweep.detector).detect_many(articles), strict=True):
        fresh = [trigger for trigger in detection.triggers if not rule or trigger.rule == rule]
        found += [dataclasses.replace(trigger, article=article.id) for trigger in fresh]
        if detection.errors:
            aside.append((article, "; ".join(detection.errors)))
    events = sorted(set(store.triggers.events_of(ids).values()))
    store.notices.remember(_UNDER_WAY, json.dumps({"articles": ids, "events": events}))
    new = store.triggers.save_detection(articles, found, rules=_mark(sweep, rule), now=now, history=True)
    for article, error in aside:
        store.articles.set_aside(article, error, rules=sweep.rules)
    go_on(sweep, now=now)
    gone = {_span(trigger) for trigger in before} - {_span(trigger) for trigger in found}
    return Redetected(len(articles), new, len(gone))


def go_on(sweep: Sweep, *, now: dt.datetime) -> None:
    """Link what is under way, and mark the events that it touched as judged; nothing where nothing is."""
    noted = sweep.store.notices.recall(_UNDER_WAY)
    if not noted:
        return
    articles, events = (json.loads(noted)[name] for name in ("articles", "events"))
    sweep.link(now=now, articles=articles, events=events)
    touched = {*events, *sweep.store.triggers.events_of(articles).values()}
    sweep.store.alerts.save_decisions([], evaluated=list(sweep.store.events.by_id(touched).values()))
    sweep.store.notices.forget(_UNDER_WAY)


def _span(trigger: Trigger) -> tuple[object, ...]:
    evidence = trigger.evidence
    return trigger.article, trigger.rule, evidence.field, evidence.start, evidence.end


def _add(one: Redetected, other: Redetected) -> Redetected:
    return Redetected(one.articles + other.articles, one.new + other.new, one.withdrawn + other.withdrawn)
