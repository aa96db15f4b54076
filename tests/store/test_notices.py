from __future__ import annotations

from tests.store.samples import DAY, MINUTE, NOW
from tocsin.model import Mute
from tocsin.store import Notice, Store


def test_a_notice_counts_up_until_it_is_cleared(store: Store) -> None:
    store.notices.put("channel:mail", "refused", now=NOW)
    store.notices.put("config", "settings.yaml:3: nope", now=NOW - MINUTE)
    store.notices.put("channel:mail", "timed out", now=NOW + MINUTE)

    assert store.notices.all() == [
        Notice("config", "settings.yaml:3: nope", NOW - MINUTE, NOW - MINUTE, 1),
        Notice("channel:mail", "timed out", NOW, NOW + MINUTE, 2),
    ]
    store.notices.clear("config")
    store.notices.clear("never was")
    assert [item.subject for item in store.notices.all()] == ["channel:mail"]


def test_a_small_fact_is_remembered(store: Store) -> None:
    assert store.notices.recall("last_sweep") == ""
    store.notices.remember("last_sweep", "one")
    store.notices.remember("last_sweep", "two")

    assert store.notices.recall("last_sweep") == "two"


def test_a_mute_holds_from_its_start_to_its_end(store: Store) -> None:
    mute = store.mutes.add(Mute({"watch": "korea"}, NOW, NOW + DAY, "ann", "holiday"), now=NOW)

    assert mute.id
    assert store.mutes.active(now=NOW) == [mute]
    assert store.mutes.active(now=NOW - MINUTE) == []
    assert store.mutes.active(now=NOW + DAY) == []
    assert store.mutes.since(NOW - DAY) == [mute]


def test_a_mute_is_undone_once(store: Store) -> None:
    mute = store.mutes.add(Mute({"watch": "korea"}, NOW, NOW + DAY, "ann"), now=NOW)

    assert store.mutes.undo(mute.id, who="bob", now=NOW + MINUTE)
    assert not store.mutes.undo(mute.id, who="bob", now=NOW + MINUTE)
    assert not store.mutes.undo(99, who="bob", now=NOW)
    assert store.mutes.active(now=NOW + MINUTE) == []
    assert [(act.who, act.act) for act in store.mutes.history(mute.id)] == [("ann", "mute"), ("bob", "unmute")]
