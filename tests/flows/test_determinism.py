"""The same articles, in whatever order they arrived within a sweep, give the same events and the same alerts."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.evaluation import evaluate
from flows.sweep import Sweep
from tests.faults.reading import Reader
from tests.newsroom import HOUR, MINUTE, NOW
from tests.store.samples import article
from tocsin.config.folder import load
from tocsin.config.thresholds import KINDS
from tocsin.config.watches import Watch
from tocsin.model import Article, FeedState
from tocsin.store import Store, schema

CONFIG = load(Path(__file__).parents[2] / "config", {})
THRESHOLDS = (
    {"id": "each", "type": "event", "where": {"type": "missile_test"}},
    {"id": "two", "type": "event_count", "where": {"type": "missile_test"}, "timespan": "1d", "condition": {"gte": 2}},
    {"id": "first", "type": "new_value", "where": {"type": "missile_test"}, "field": "source", "timespan": "1d"},
)
WATCH = Watch(
    id="w", title="W", thresholds=tuple(KINDS[str(t["type"])].model_validate({"title": "T", **t}) for t in THRESHOLDS)
)
PAST = NOW - 48 * HOUR


def told(articles: list[Article], url: str = "") -> tuple[object, ...]:
    """Events and alerts of one sweep over articles that arrived in this order, without their numbers in the store."""
    config = replace(CONFIG, feeds=(), watches=(WATCH,), channels=())
    with tempfile.TemporaryDirectory() as folder, Store.open(url, Path(folder)) as store:
        for table in reversed(schema.metadata.sorted_tables) if url else ():
            store.db.write(lambda c, table=table: c.execute(table.delete()))
        state = FeedState("kcna", NOW, first_success_at=PAST, last_success_at=NOW)
        store.feeds.ensure(["kcna"], now=PAST)
        store.feeds.save_poll(state, articles)
        Sweep(config, store, reader=Reader()).read(now=NOW)
        evaluate(config, store, now=NOW)
        found = store.db.read(lambda c: c.exec_driver_sql("select id, key from articles").all())
        key = {row[0]: row[1] for row in found}
        events = {event.id: event for event in store.events.recent(limit=99)}
        names = {id: tuple(sorted(key[each] for each in event.articles)) for id, event in events.items()}
        alerts = [(a.threshold, a.group, a.severity, tuple(names[e] for e in a.events)) for a in store.alerts.recent()]
        facts = [
            (names[e.id], e.source, e.title, e.started_at, e.corroboration, e.modality, len(e.denials))
            for e in events.values()
        ]
        return sorted(facts), sorted(alerts)


@st.composite
def batches(draw: st.DrawFn) -> list[Article]:
    """Some articles on a few acts, at times that often agree."""
    found = []
    for number in range(draw(st.integers(2, 7))):
        name = draw(st.sampled_from(["Bakora", "Dolumi"]))
        act = draw(
            st.sampled_from(["fires a missile", "fires a missile, reports say", "denies that it fired a missile"])
        )
        at = NOW - draw(st.sampled_from([10, 10, 30, 600])) * MINUTE
        publisher = draw(st.sampled_from(["Herald", "Post"]))
        text = f"{name} {act}"
        found.append(replace(article(number, text=text, first_seen=NOW), published=at, publisher=publisher))
    return found


@given(articles=batches(), data=st.data())
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_the_order_of_arrival_changes_nothing(database: str, articles: list[Article], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(articles))

    assert told(shuffled, database) == told(articles)
