"""Events that an analyst merges and splits, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.samples import MINUTE, NOW, decision, detected, event, linked
from tocsin.errors import StoreError
from tocsin.model import Event
from tocsin.store import Act, Link, Store

LATER = NOW + MINUTE


def three(store: Store) -> list[Event]:
    """Three events of one article each."""
    detected(store, 3)
    pairs = store.triggers.unlinked(limit=9)
    links = [Link(replace(event(), articles=(item.id,)), (found.id,)) for found, item in pairs]
    return store.events.save_links(links)


def test_a_merge_moves_triggers_and_alerts_and_leaves_a_trail(store: Store) -> None:
    first, second, third = three(store)
    raised = [decision("a1", (second.id,)), decision("a2", (first.id, second.id, third.id))]
    store.alerts.save_decisions(raised, evaluated=[first, second, third])
    whole = replace(first, articles=(1, 2, 3), version=2)

    store.events.merge(whole, [second, third], who="ann", now=LATER, note="one launch")

    assert store.events.recent(limit=9) == [whole]
    assert len(store.triggers.of_events([first.id])[first.id]) == 3
    assert {alert.id: alert.events for alert in store.alerts.recent()} == {"a1": (first.id,), "a2": (first.id,)}
    assert store.events.history(first.id) == (
        Act(LATER, "ann", "merge", f"event:{first.id}", f"took in {second.id}, {third.id}: one launch"),
    )
    assert store.events.history(third.id)[0].note == f"is part of {first.id}: one launch"
    # Only the whole is judged again: of the others there is nothing to tell.
    assert store.events.changed(limit=9) == [whole]
    assert store.events.by_id([second.id])[second.id].articles == ()


def test_a_merge_over_an_event_that_grew_meanwhile_changes_nothing(store: Store) -> None:
    first, second, _ = three(store)
    store.events.save_links([Link(replace(second, version=2, title="grown"), ())])

    with pytest.raises(StoreError, match="another process changed") as caught:
        store.events.merge(replace(first, version=2), [second], who="ann", now=LATER)

    assert caught.value.retry
    assert store.events.by_id([first.id])[first.id] == first
    assert store.events.history(first.id) == ()


def test_a_split_makes_a_new_event_that_is_judged(store: Store) -> None:
    whole = linked(store, 3)
    store.alerts.save_decisions([decision("a1", (whole.id,))], evaluated=[whole])
    moved = [found.id for found, item in store.triggers.of_events([whole.id])[whole.id] if item.id == 3]

    left = replace(whole, articles=(1, 2), version=2)
    parted = store.events.split(left, replace(event(), articles=(3,)), moved, who="bob", now=LATER)

    assert [item.id for item, _ in store.triggers.of_events([parted.id])[parted.id]] == moved
    assert store.events.changed(limit=9) == [left, parted]
    assert store.alerts.resting_on([parted.id]) == []
    assert [act.note for act in store.events.history(parted.id)] == [f"was part of {whole.id}"]
    assert [act.note for act in store.events.history(whole.id)] == [f"gave up {parted.id}"]


def test_a_split_of_a_trigger_that_is_elsewhere_changes_nothing(store: Store) -> None:
    first, second, _ = three(store)
    theirs = [item.id for item, _ in store.triggers.of_events([second.id])[second.id]]

    with pytest.raises(StoreError):
        store.events.split(replace(first, version=2), event(), theirs, who="bob", now=LATER)

    assert len(store.events.recent(limit=9)) == 3


def test_recent_events_can_be_of_one_type(store: Store) -> None:
    saved = store.events.save_links([Link(event(), ()), Link(event(type="un_veto"), ()), Link(event(), ())])

    assert [item.id for item in store.events.recent(limit=9, type="un_veto")] == [saved[1].id]
    assert [item.id for item in store.events.recent(limit=2)] == [saved[2].id, saved[1].id]
