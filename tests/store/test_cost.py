"""The cost of a sweep follows what there is to do: no statement of an idle sweep reads a whole table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from tests.store.samples import DAY, LEASE, NOW, RULES, article, linked, sent
from tocsin.model import FeedState, Modality
from tocsin.store import Store
from tocsin.store.schema import metadata

QUESTIONS: dict[str, Callable[[Store], object]] = {
    "due feeds": lambda store: store.feeds.due(now=NOW, limit=9),
    "known keys": lambda store: store.feeds.known("kcna", ["a", "b"]),
    "undetected": lambda store: store.articles.undetected(rules=RULES, limit=9),
    "undetected of a shard": lambda store: store.articles.undetected(rules=RULES, limit=9, feeds=["kcna", "tass"]),
    "feeds of a shard": lambda store: store.feeds.all(among=["kcna", "tass"]),
    "unlinked": lambda store: store.triggers.unlinked(limit=9),
    "triggers of events": lambda store: store.triggers.of_events([1, 2]),
    "changed": lambda store: store.events.changed(limit=9),
    "shrunk": lambda store: store.events.shrunk(limit=9),
    "window by type": lambda store: store.events.window(since=NOW, types=["missile_test"]),
    "window by types": lambda store: store.events.window(since=NOW, types=["missile_test", "nuclear_test"]),
    "window by source": lambda store: store.events.window(since=NOW, sources=["KP"], modalities=[Modality.HAPPENED]),
    "window by both": lambda store: store.events.window(since=NOW, until=NOW + DAY, types=["x"], sources=["KP"]),
    "window": lambda store: store.events.window(since=NOW),
    "prior alerts": lambda store: store.alerts.prior(since=NOW, watch="korea", threshold="launches"),
    "prior alerts of a watch": lambda store: store.alerts.prior(since=NOW, watch="korea"),
    "resting on": lambda store: store.alerts.resting_on([1]),
    "claim": lambda store: store.outbox.claim(now=NOW, lease=LEASE, limit=9, holder="test"),
    "an alert": lambda store: store.alerts.detail("a1"),
    "articles between": lambda store: list(store.articles.between(NOW, NOW + DAY)),
}


def plans(store: Store, ask: Callable[[Store], object]) -> list[str]:
    """How the database goes about each statement of a question, a line a step."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, parameters))

    engines = {store.db.engine, store.db.reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    ask(store)
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
    assert asked

    def explain(connection: Connection) -> list[str]:
        if connection.dialect.name == "sqlite":
            found = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", given) for each, given in asked]
            return [row[3] for rows in found for row in rows]
        # With so few rows, reading all of them is the best plan; this asks whether there is another.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        found = [connection.exec_driver_sql(f"EXPLAIN {each}", given) for each, given in asked]
        return [row[0] for rows in found for row in rows]

    return store.db.write(explain)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_of_a_sweep_goes_by_an_index(store: Store, question: str) -> None:
    linked(store)

    whole = {f"SCAN {name}" for name in metadata.tables}
    for step in plans(store, QUESTIONS[question]):
        assert step not in whole
        assert "Seq Scan" not in step


def test_no_statement_sets_a_key_that_others_refer_to(store: Store) -> None:
    said: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(store.db.engine, "before_cursor_execute", note)
    sent(store)
    store.feeds.save_poll(FeedState("kcna", NOW + DAY), [article(77)])
    store.feeds.save_poll(FeedState("unknown", NOW + DAY))

    keys = {
        (key.column.table.name, key.column.name) for table in metadata.tables.values() for key in table.foreign_keys
    }
    assert ("feeds", "feed") in keys
    updates = [each for each in said if each.startswith("UPDATE")]
    assert any(each.startswith("UPDATE feeds") for each in updates)
    for table, column in keys:
        # SQLite then looks through all rows that refer to it: with the years, every article of the feed.
        setting = re.compile(rf"UPDATE {table} SET (.*, )?{column}\b", re.DOTALL)
        assert not [each for each in said if setting.match(each.partition("WHERE")[0])]
    upsert = next(each for each in said if each.startswith("INSERT INTO feeds") and "DO UPDATE" in each)
    assert not re.search(r"(SET |, )feed\b", upsert.partition("DO UPDATE")[2])
