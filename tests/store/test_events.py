from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.samples import DAY, MINUTE, NOW, detected, event, linked
from tocsin.errors import StoreError
from tocsin.model import Event, Modality
from tocsin.store import Link, Store


def test_an_event_comes_back_as_it_was(store: Store) -> None:
    saved = store.events.save_links([Link(event(), ())])

    assert saved == [replace(event(), id=saved[0].id)]
    assert store.events.by_id([saved[0].id, 99]) == {saved[0].id: saved[0]}
    assert store.events.changed(limit=9) == saved


def test_new_and_grown_events_are_saved_in_one_go_and_keep_their_order(store: Store) -> None:
    detected(store, 3)
    ids = [item.id for item, _ in store.triggers.unlinked(limit=9)]
    old = store.events.save_links([Link(event(), (ids[0],))])[0]
    grown = replace(old, severity=9.0, version=2, changed_at=NOW + MINUTE)

    links = [Link(event(source="US"), (ids[1],)), Link(grown, (ids[2],)), Link(event(source="JP"), ())]
    saved = store.events.save_links(links)

    assert [item.source for item in saved] == ["US", "KP", "JP"]
    assert len({item.id for item in saved}) == 3
    assert store.events.by_id([item.id for item in saved]) == {item.id: item for item in saved}
    assert [item.id for item, _ in store.triggers.of_events([old.id])[old.id]] == [ids[0], ids[2]]


def test_an_event_that_grew_meanwhile_is_not_overwritten(store: Store) -> None:
    old = linked(store, 1)
    store.events.save_links([Link(replace(old, version=2, title="first"), ())])

    with pytest.raises(StoreError, match="another process changed the same events") as caught:
        store.events.save_links([Link(event(source="US"), ()), Link(replace(old, version=2, title="late"), ())])
    assert caught.value.retry
    assert [item.title for item in store.events.window(since=NOW - DAY)] == ["first"]


def test_a_trigger_that_was_linked_meanwhile_stays_where_it_is(store: Store) -> None:
    old = linked(store, 1)
    member = store.triggers.of_events([old.id])[old.id][0][0]

    with pytest.raises(StoreError, match="another process changed the same events"):
        store.events.save_links([Link(event(source="US"), (member.id,))])
    assert store.events.window(since=NOW - DAY) == [old]


def test_a_window_is_cut_by_time_type_modality_and_actors(store: Store) -> None:
    kinds = [
        event(started_at=NOW - DAY),
        event(started_at=NOW),
        event(type="sanctions_imposed", source="US"),
        replace(event(source=None), modality=Modality.DENIED, target="KP"),
    ]
    before, missile, sanctions, denied = store.events.save_links([Link(kind, ()) for kind in kinds])

    def window(**filters: object) -> list[Event]:
        return store.events.window(**{"since": NOW, **filters})  # type: ignore[arg-type]

    assert window() == [missile, sanctions, denied]
    assert window(since=NOW - DAY, until=NOW) == [before]
    assert window(types=["missile_test"]) == [missile, denied]
    assert window(types=["missile_test", "sanctions_imposed"], sources=["US", "KP"]) == [missile, sanctions]
    assert window(modalities=[Modality.DENIED, Modality.PAST]) == [denied]
    assert window(modalities=[Modality.DENIED]) == [denied]
    assert window(targets={"KP"}) == [denied]
    assert window(sources=["US"], voices=False) == [replace(sanctions, voices=())]


def test_an_event_is_judged_once_for_each_version(store: Store) -> None:
    old = linked(store, 1)
    store.alerts.save_decisions([], evaluated=[old])
    assert store.events.changed(limit=9) == []

    grown = store.events.save_links([Link(replace(old, version=2), ())])[0]
    store.alerts.save_decisions([], evaluated=[old])
    assert store.events.changed(limit=9) == [grown]
    store.alerts.save_decisions([], evaluated=[grown])
    assert store.events.changed(limit=9) == []
