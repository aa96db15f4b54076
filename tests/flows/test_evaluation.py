from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

import pytest

from flows.evaluation import evaluate
from tests.alerts.samples import DAY, HOUR, T0, channel, event, threshold, watch
from tocsin.config.folder import Config, load
from tocsin.config.watches import Watch
from tocsin.model import AlertKind, AlertState, Event
from tocsin.store import Link, Store

ROOT = Path(__file__).parents[2]


def config(*watches: Watch) -> Config:
    base = load(ROOT / "config", os.environ)
    return replace(base, watches=watches, channels=(channel("desk"), channel("phone")))


def saved(store: Store, *events: Event) -> list[Event]:
    return store.events.save_links([Link(replace(each, id=0, articles=(1,)), ()) for each in events])


def alerts(store: Store) -> list[tuple[str, AlertKind, AlertState]]:
    return [(each.threshold, each.kind, each.state) for each in reversed(store.alerts.recent())]


def test_an_event_is_judged_once_and_its_alert_is_queued(store: Store) -> None:
    item = config(watch(threshold(where={"source": "KP"})))
    saved(store, event())
    assert evaluate(item, store, now=T0).alerts == 1
    assert evaluate(item, store, now=T0 + HOUR).alerts == 0
    (alert,) = store.alerts.recent()
    assert [each.channel for each in store.outbox.of_alert(alert.id)] == ["desk"]


def test_what_waits_for_realert_is_told_when_the_wait_is_over_without_any_new_event(store: Store) -> None:
    item = config(watch(threshold(group_by="source", realert="6h")))
    saved(store, event())
    assert evaluate(item, store, now=T0).alerts == 1
    saved(store, event(hours_ago=-1))
    assert evaluate(item, store, now=T0 + 2 * HOUR).alerts == 0
    assert evaluate(item, store, now=T0 + 5 * HOUR).alerts == 0
    assert evaluate(item, store, now=T0 + 6 * HOUR).alerts == 1


def test_silence_alerts_when_it_becomes_silence_without_any_event(store: Store) -> None:
    item = config(watch(threshold("silence", min_events=3, factor=2)))
    saved(store, *(event(hours_ago=24 * n + 1) for n in range(4)))
    assert evaluate(item, store, now=T0).alerts == 0
    assert evaluate(item, store, now=T0 + 46 * HOUR).alerts == 0
    assert evaluate(item, store, now=T0 + 48 * HOUR).alerts == 1
    assert evaluate(item, store, now=T0 + 60 * HOUR).alerts == 0


def test_an_alert_resolves_by_itself_and_who_did_it_is_recorded(store: Store) -> None:
    item = config(watch(threshold(resolve_after="3d", timespan="1d"), threshold(id="stays")))
    saved(store, event())
    evaluate(item, store, now=T0)
    evaluate(item, store, now=T0 + 2 * DAY)
    assert {state for _, _, state in alerts(store)} == {AlertState.OPEN}
    evaluate(item, store, now=T0 + 4 * DAY)
    assert {name: state for name, _, state in alerts(store)} == {
        "t": AlertState.RESOLVED,
        "stays": AlertState.OPEN,
    }
    resolved = next(each for each in store.alerts.recent() if each.threshold == "t")
    detail = store.alerts.detail(resolved.id)
    assert detail is not None
    assert [(act.who, act.note) for act in detail.history] == [("tocsin", "its condition was not met for 3d")]


@pytest.mark.parametrize(
    ("lasting", "days"),
    [
        # Three within a week: the first leaves the window after 6.9 days, and two days later it is over.
        ({"type": "event_count", "condition": {"gte": 3}, "timespan": "7d"}, 6.9),
        # 18 points halve every four days: under 9 after some four days.
        ({"type": "score", "condition": {"gte": 9}, "half_life": "4d"}, 4.0),
    ],
)
def test_an_alert_stays_open_while_its_condition_holds_and_then_for_as_long_as_is_said(
    lasting: dict[str, object], days: float, store: Store
) -> None:
    item = config(watch(threshold(**lasting, resolve_after="2d", realert="30d")))
    saved(store, *(event(hours_ago=n) for n in (1, 2, 2.4)))
    evaluate(item, store, now=T0)
    assert [state for _, _, state in alerts(store)] == [AlertState.OPEN]
    evaluate(item, store, now=T0 + (days - 0.3) * DAY)
    evaluate(item, store, now=T0 + (days + 1.9 - 0.3) * DAY)
    assert [state for _, _, state in alerts(store)] == [AlertState.OPEN]
    evaluate(item, store, now=T0 + (days + 2.3) * DAY)
    assert [state for _, _, state in alerts(store)] == [AlertState.RESOLVED]


def test_an_event_that_waits_for_realert_keeps_the_alert_of_its_group_open(store: Store) -> None:
    item = config(watch(threshold(resolve_after="3d", timespan="1d", group_by="source", realert="10d")))
    saved(store, event())
    evaluate(item, store, now=T0)
    saved(store, event(hours_ago=-36))
    evaluate(item, store, now=T0 + 2 * DAY)
    evaluate(item, store, now=T0 + 4 * DAY)
    assert {state for _, _, state in alerts(store)} == {AlertState.OPEN}
    evaluate(item, store, now=T0 + 5 * DAY)
    assert {state for _, _, state in alerts(store)} == {AlertState.RESOLVED}


def test_an_alert_that_nobody_acknowledges_is_escalated_once(store: Store) -> None:
    item = config(watch(escalation=[{"after": "30m", "notify": "phone"}]))
    saved(store, event())
    for minutes in (0, 20, 40, 60):
        evaluate(item, store, now=T0 + dt.timedelta(minutes=minutes))
    assert [kind for _, kind, _ in alerts(store)] == [AlertKind.ALERT, AlertKind.ESCALATION]


def test_an_alert_that_is_over_when_it_would_escalate_resolves_and_calls_nobody(store: Store) -> None:
    steps = [{"after": "4d", "notify": "phone"}]
    resolving = threshold(id="over", resolve_after="3d", timespan="1d")
    item = config(watch(resolving, threshold(id="lasts"), escalation=steps))
    saved(store, event())
    evaluate(item, store, now=T0)
    evaluate(item, store, now=T0 + 5 * DAY)

    told = {(each.threshold, each.kind, each.state) for each in store.alerts.recent()}
    assert told == {
        ("over", AlertKind.ALERT, AlertState.RESOLVED),
        ("lasts", AlertKind.ALERT, AlertState.OPEN),
        ("lasts", AlertKind.ESCALATION, AlertState.OPEN),
    }
    assert evaluate(item, store, now=T0 + 6 * DAY).alerts == 0
