"""`tocsin redetect`: what changed rules find in articles that were read before, without an alert on any of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flows.holding import SWEEP, held
from flows.sweep import Sweep
from tocsin.errors import StoreError
from tocsin.model import Article, Trigger

BATCH = 250


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
        ids = [article.id for article in batch]
        read = sweep.store.articles.read_under(mark, ids) | sweep.store.articles.read_under(sweep.rules, ids)
        unread = [article for article in batch if article.id not in read]
        if unread:
            yield unread


def _batch(sweep: Sweep, articles: Sequence[Article], rule: str, now: dt.datetime) -> Redetected:
    store = sweep.store
    before = store.triggers.of_articles([article.id for article in articles])
    found = [trigger for trigger in before if rule and trigger.rule != rule]
    aside: list[tuple[Article, str]] = []
    for article, detection in zip(articles, (sweep.reader or sweep.detector).detect_many(articles), strict=True):
        fresh = [trigger for trigger in detection.triggers if not rule or trigger.rule == rule]
        found += [dataclasses.replace(trigger, article=article.id) for trigger in fresh]
        if detection.errors:
            aside.append((article, "; ".join(detection.errors)))
    new = store.triggers.save_detection(articles, found, rules=_mark(sweep, rule), now=now, history=True)
    for article, error in aside:
        store.articles.set_aside(article, error, rules=sweep.rules)
    sweep.link(now=now)
    _hush(sweep, now)
    gone = {_span(trigger) for trigger in before} - {_span(trigger) for trigger in found}
    return Redetected(len(articles), new, len(gone))


def _hush(sweep: Sweep, now: dt.datetime) -> None:
    """Mark what changed as judged."""
    while changed := sweep.store.events.changed(limit=BATCH):
        sweep.store.alerts.save_decisions([], evaluated=changed)


def _span(trigger: Trigger) -> tuple[object, ...]:
    evidence = trigger.evidence
    return trigger.article, trigger.rule, evidence.field, evidence.start, evidence.end


def _add(one: Redetected, other: Redetected) -> Redetected:
    return Redetected(one.articles + other.articles, one.new + other.new, one.withdrawn + other.withdrawn)
