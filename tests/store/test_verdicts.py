from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert

from tests.store.samples import DAY, NOW, RULES, alerted, decision, linked, polled, trigger
from tocsin.errors import StoreError
from tocsin.model import Judgement, Precision, Trigger, Verdict
from tocsin.store import Act, Store
from tocsin.store.schema import verdicts


def verdict(value: str, *, alert: str | None = None, trigger: int | None = None, who: str = "ann") -> Verdict:
    return Verdict(Judgement(value), who, NOW, alert, trigger)


def triggers(store: Store) -> list[Trigger]:
    return [found for found, _ in store.triggers.of_events([1])[1]]


def test_a_verdict_is_kept_with_who_and_when_and_stands_in_the_alerts_history(store: Store) -> None:
    alerted(store)
    given = replace(verdict("false", alert="a1"), note="a film")

    stored = store.verdicts.add(given)
    assert stored == replace(given, id=1)
    assert store.verdicts.list() == (stored,)
    detail = store.alerts.detail("a1")
    assert detail is not None
    assert detail.history == (Act(NOW, "ann", "verdict false", "a1", "a film"),)


def test_the_last_verdict_on_a_subject_stands_and_the_others_stay(store: Store) -> None:
    alerted(store)
    first, second = triggers(store)[:2]
    for given in (
        verdict("true", alert="a1"),
        verdict("false", alert="a1", who="bob"),
        verdict("true", trigger=first.id),
        replace(verdict("stale", trigger=second.id), at=NOW + DAY),
    ):
        store.verdicts.add(given)

    assert [item.value.value for item in store.verdicts.list()] == ["stale", "true", "false", "true"]
    assert [item.value.value for item in store.verdicts.list(standing=True)] == ["stale", "true", "false"]
    assert [item.who for item in store.verdicts.list(alert="a1")] == ["bob", "ann"]
    assert [item.value.value for item in store.verdicts.list(trigger=first.id)] == ["true"]
    assert [item.trigger for item in store.verdicts.list(since=NOW + DAY)] == [second.id]
    assert len(store.verdicts.list(until=NOW + DAY, limit=2)) == 2


def test_said_twice_it_is_kept_once(store: Store) -> None:
    alerted(store)
    first = store.verdicts.add(verdict("true", alert="a1"))

    assert store.verdicts.add(replace(verdict("true", alert="a1"), at=NOW + DAY)) == first
    assert store.verdicts.list() == (first,)
    store.verdicts.add(verdict("true", alert="a1", who="bob"))
    assert len(store.verdicts.list()) == 2


def test_a_verdict_on_nothing_is_not_written(store: Store) -> None:
    alerted(store)

    assert store.verdicts.add(verdict("true", alert="unknown")) is None
    assert store.verdicts.add(verdict("true", trigger=999)) is None
    for neither_or_both in (verdict("true"), verdict("true", alert="a1", trigger=1)):
        with pytest.raises(ValueError, match="on an alert or on a trigger"):
            store.verdicts.add(neither_or_both)
    assert store.verdicts.list() == ()


def test_the_database_itself_refuses_a_verdict_on_nothing(store: Store) -> None:
    with pytest.raises(StoreError, match="ck_verdicts_subject"):
        store.db.write(lambda c: c.execute(insert(verdicts), {"value": "true", "who": "ann", "at": NOW}))


def test_a_verdict_on_an_alert_counts_once_for_each_thing_it_concerns(store: Store) -> None:
    alerted(store)
    store.verdicts.add(verdict("true", alert="a1"))

    assert store.verdicts.precision("threshold") == (Precision("threshold", "korea/launches", true=1),)
    assert store.verdicts.precision("rule") == (Precision("rule", "missile_test/fires", true=1),)
    assert store.verdicts.precision("publisher") == (Precision("publisher", "Example", true=1),)
    assert store.verdicts.precision("rule", since=NOW + DAY) == ()


def test_a_triggers_own_verdict_goes_before_that_of_its_alert(store: Store) -> None:
    alerted(store)
    first = triggers(store)[0]
    store.verdicts.add(verdict("true", alert="a1"))
    store.verdicts.add(verdict("false", trigger=first.id))

    assert store.verdicts.precision("rule") == (Precision("rule", "missile_test/fires", true=1, false=1),)
    assert store.verdicts.precision("threshold") == (Precision("threshold", "korea/launches", true=1),)
    assert [(given.value, found.id == first.id) for given, found, _ in store.verdicts.examples()] == [
        (Judgement.FALSE, True),
        (Judgement.TRUE, False),
        (Judgement.TRUE, False),
    ]


def test_a_trigger_that_no_alert_rests_on_can_be_judged(store: Store) -> None:
    polled(store, 2)
    read = store.articles.undetected(rules=RULES, limit=2)
    other = replace(trigger(read[1].id), rule="strike/hits")
    store.triggers.save_detection(read, [trigger(read[0].id), other], rules=RULES, now=NOW)
    by_rule = {found.rule: (found, text) for found, text in store.triggers.unlinked(limit=9)}
    for found, _ in by_rule.values():
        store.verdicts.add(verdict("stale", trigger=found.id))

    assert [item.name for item in store.verdicts.precision("rule")] == ["missile_test/fires", "strike/hits"]
    given = store.verdicts.list(trigger=by_rule["strike/hits"][0].id)[0]
    assert store.verdicts.examples(rule="strike/hits") == ((given, *by_rule["strike/hits"]),)


def test_one_trigger_under_two_alerts_is_one_example_for_each_verdict(store: Store) -> None:
    found = linked(store, 1)
    store.alerts.save_decisions([decision("a1", (found.id,)), decision("a2", (found.id,))], evaluated=[found])
    store.verdicts.add(verdict("true", alert="a1"))
    store.verdicts.add(verdict("duplicate", alert="a2"))

    assert store.verdicts.precision("rule") == (Precision("rule", "missile_test/fires", true=1, duplicate=1),)
    assert store.verdicts.precision("threshold") == (Precision("threshold", "korea/launches", true=1, duplicate=1),)


def test_a_duplicate_speaks_against_the_threshold_alone() -> None:
    assert Precision("threshold", "korea/launches", true=1, duplicate=1).value == 0.5
    assert Precision("rule", "missile_test/fires", true=1, duplicate=1).value == 1.0
    assert Precision("publisher", "Example", duplicate=1).value is None


@pytest.mark.parametrize(
    ("true", "judged", "low", "high"),
    [
        # Newcombe (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_the_interval_is_wilsons(true: int, judged: int, low: float, high: float) -> None:
    found = Precision("rule", "r", true=true, false=judged - true).interval

    assert found == pytest.approx((low, high), abs=5e-5)


def test_before_the_first_verdict_nothing_is_known() -> None:
    assert Precision("rule", "r").interval == (0.0, 1.0)
