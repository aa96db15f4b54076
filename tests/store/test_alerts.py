from __future__ import annotations

import datetime as dt
from dataclasses import replace

from tests.store.samples import DAY, MINUTE, NOW, alerted, decision, event, linked
from tocsin.model import AlertKind, AlertState, DeliveryState
from tocsin.store import Act, Link, Store


def test_an_alert_is_stored_with_its_deliveries_and_explains_itself(store: Store) -> None:
    found = linked(store, 2)
    other = store.events.save_links([Link(event(source="US"), ())])[0]
    wanted = decision("a1", (other.id, found.id))
    wanted = replace(wanted, alert=replace(wanted.alert, kind=AlertKind.UPDATE, about=("a0",)))

    assert store.alerts.save_decisions([wanted], evaluated=[found, other]) == [wanted.alert]
    detail = store.alerts.detail("a1")
    assert detail is not None
    assert detail.alert == wanted.alert
    assert detail.events == (other, found)
    assert [item.article for item, _ in detail.reports[found.id]] == list(found.articles)
    assert detail.reports[other.id] == []
    assert [(item.channel, item.recipient, item.state) for item in detail.deliveries] == [
        ("mail", 0, DeliveryState.QUEUED),
        ("chat", 0, DeliveryState.QUEUED),
    ]
    assert store.alerts.detail("unknown") is None


def test_the_same_alert_is_raised_once_and_delivered_once(store: Store) -> None:
    found = linked(store)
    first = decision("a1", (found.id,))
    store.alerts.save_decisions([first], evaluated=[])
    same_id = decision("a1", (found.id,), channels=("mail", "another"))
    same_window = replace(decision("a2", (found.id,)), alert=replace(first.alert, id="a2"))
    new = decision("a3", (found.id,), channels=("mail",))

    assert store.alerts.save_decisions([same_id, same_window, new, new], evaluated=[]) == [new.alert]
    assert [alert.id for alert in store.alerts.prior(since=NOW)] == ["a1", "a3"]
    assert len(store.outbox.in_state(DeliveryState.QUEUED)) == 3


def test_the_same_threshold_id_in_two_watches_is_two_thresholds(store: Store) -> None:
    found = linked(store)
    first = decision("a1", (found.id,))
    other = replace(decision("a2", (found.id,)), alert=replace(first.alert, id="a2", watch="taiwan"))

    assert store.alerts.save_decisions([first, other], evaluated=[]) == [first.alert, other.alert]


def test_prior_alerts_are_found_by_time_watch_threshold_and_group(store: Store) -> None:
    found = linked(store)
    times = {"a": NOW - DAY, "b": NOW, "c": NOW + MINUTE}
    for name, time in times.items():
        wanted = decision(name, (found.id,))
        alert = replace(wanted.alert, fired_at=time, threshold="other" if name == "c" else "launches")
        store.alerts.save_decisions([replace(wanted, alert=alert)], evaluated=[])

    def prior(since: dt.datetime, **filters: str) -> list[str]:
        return [alert.id for alert in store.alerts.prior(since=since, **filters)]

    assert prior(NOW - DAY) == ["a", "b", "c"]
    assert prior(NOW) == ["b", "c"]
    assert prior(NOW - DAY, watch="korea", threshold="launches") == ["a", "b"]
    assert prior(NOW - DAY, watch="korea", threshold="launches", group="b") == ["b"]
    assert prior(NOW, watch="taiwan") == []
    assert store.alerts.prior(since=NOW)[0].events == (found.id,)


def test_the_alerts_that_rest_on_an_event_are_found(store: Store) -> None:
    first = linked(store)
    second = store.events.save_links([Link(event(source="US"), ())])[0]
    raised = [decision("a1", (first.id, second.id)), decision("a2", (second.id,))]
    store.alerts.save_decisions(raised, evaluated=[])

    assert store.alerts.resting_on({first.id: first}) == [raised[0].alert]
    assert store.alerts.resting_on([first.id, second.id]) == [item.alert for item in raised]
    assert store.alerts.resting_on([]) == []


def test_recent_alerts_come_newest_first(store: Store) -> None:
    alerted(store)
    later = decision("a2", ())
    store.alerts.save_decisions([replace(later, alert=replace(later.alert, fired_at=NOW + DAY))], evaluated=[])
    store.alerts.acknowledge("a1", who="ann", now=NOW)

    assert [alert.id for alert in store.alerts.recent()] == ["a2", "a1"]
    assert [alert.id for alert in store.alerts.recent(limit=1)] == ["a2"]
    assert [alert.id for alert in store.alerts.recent(since=NOW + MINUTE)] == ["a2"]
    assert [alert.id for alert in store.alerts.recent(until=NOW + DAY)] == ["a1"]
    assert [alert.id for alert in store.alerts.recent(state=AlertState.ACKNOWLEDGED)] == ["a1"]
    assert store.alerts.recent(watch="taiwan") == []


def test_the_life_of_an_alert_leaves_a_trail(store: Store) -> None:
    alerted(store)

    assert store.alerts.acknowledge("a1", who="ann", now=NOW, note="on it")
    assert not store.alerts.acknowledge("a1", who="bob", now=NOW)
    assert store.alerts.resolve("a1", who="bob", now=NOW + MINUTE)
    assert not store.alerts.resolve("a1", who="ann", now=NOW)
    assert not store.alerts.acknowledge("a1", who="ann", now=NOW)
    assert not store.alerts.resolve("unknown", who="ann", now=NOW)

    detail = store.alerts.detail("a1")
    assert detail is not None
    assert detail.alert.state is AlertState.RESOLVED
    assert detail.history == (
        Act(NOW, "ann", "acknowledge", "a1", "on it"),
        Act(NOW + MINUTE, "bob", "resolve", "a1", ""),
    )
