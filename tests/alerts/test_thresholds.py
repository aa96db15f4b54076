from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.crossings import index
from alerts.spikes import windows
from alerts.thresholds import Decision, affected, evaluate, query
from tests.alerts.samples import DAY, HOUR, T0, alert, event, threshold
from tocsin.config.thresholds import Spike, Threshold
from tocsin.model import Alert, AlertKind, Event, Modality

LONG_AGO = T0 - 1000 * DAY


def judged(item: Threshold, *events: Event, prior: Sequence[Alert] = (), **more: Any) -> list[Decision]:
    more = {"now": T0, "watched_since": LONG_AGO, **more}
    return list(evaluate(item, events=events, prior=prior, watch="w", **more))


def fired(item: Threshold, *events: Event, **more: Any) -> list[Decision]:
    return [decision for decision in judged(item, *events, **more) if decision.fire]


def only(item: Threshold, *events: Event, **more: Any) -> Decision:
    (decision,) = judged(item, *events, **more)
    return decision


# where


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        ({}, True),
        ({"type": ["nuclear_test", "missile_test"]}, True),
        ({"type": "nuclear_test"}, False),
        ({"modality": "prospective"}, False),
        ({"source": "KP", "target": "JP"}, True),
        ({"source": "JP"}, False),
        ({"either": "JP"}, True),
        ({"either": ["US", "CN"]}, False),
        ({"pair": ["JP", "KP"]}, True),
        ({"pair": ["JP", "KR"]}, False),
        ({"place": "japan"}, True),
        ({"place": "Yellow Sea"}, False),
        ({"object": "ICBM"}, True),
        ({"object": "oil"}, False),
        ({"tags": ["asia"]}, True),
        ({"tags": ["europe"]}, False),
        ({"severity": {"gte": 6}}, True),
        ({"severity": {"lt": 6}}, False),
        ({"min_corroboration": 2}, True),
        ({"min_corroboration": 3}, False),
        ({"state_media": "ignore"}, True),
        ({"state_media": "only"}, False),
        ({"min_confidence": 0.9}, True),
        ({"min_confidence": 0.95}, False),
    ],
)
def test_every_key_of_where_decides(where: dict[str, Any], fits: bool) -> None:
    item = event(
        target="JP",
        place="Sea of Japan",
        object="Hwasong-17 ICBM",
        tags=frozenset({"asia"}),
        families=frozenset({"A", "B"}),
        confidence=0.9,
    )
    assert bool(fired(threshold(where=where), item)) is fits


@pytest.mark.parametrize(
    ("values", "where", "reason"),
    [
        ({}, {"min_corroboration": 2}, "1 of 2 independent publishers"),
        ({"state_media": True}, {"state_media": "ignore"}, "only state media carry it"),
        ({"backfill": True}, {}, "known from history alone"),
        ({"hours_ago": 49}, {}, "older than 2d"),
        ({"articles": ()}, {}, "withdrawn by its publishers"),
        ({}, {"severity": {"gt": 6}}, "severity 6 is not > 6"),
    ],
)
def test_an_event_that_is_wanted_but_does_not_fit_gives_the_reason(
    values: dict[str, Any], where: dict[str, Any], reason: str
) -> None:
    decision = only(threshold(where=where), event(**values))
    assert (decision.fire, decision.reason) == (False, reason)


# event


def test_each_new_event_alerts_once_with_its_reason() -> None:
    item = threshold(where={"source": "KP"})
    one, two = fired(item, event(1), event(2, state_media=True), event(3, source="IR"))
    assert one.reason == "missile_test happened, 1 independent publisher"
    assert two.reason == "missile_test happened, 1 independent publisher, state media"
    assert (one.version, one.severity, one.title) == (item.version, 6.0, "A title")
    assert one.id != two.id
    again = fired(item, event(1), event(2), prior=[one.alert(), two.alert()])
    assert again == []


def test_events_of_a_group_within_realert_go_into_the_next_alert() -> None:
    item = threshold(group_by="source", realert="6h")
    (first,) = fired(item, event(1))
    assert first.group == "source=KP"
    later = T0 + HOUR
    waiting = only(item, event(1), event(2), prior=[first.alert()], now=later)
    assert (waiting.fire, waiting.again_at) == (False, T0 + 6 * HOUR)
    assert "waits for realert until 2026-11-02 12:00 UTC" in waiting.reason
    (second,) = fired(item, event(1), event(2), event(3), prior=[first.alert()], now=T0 + 6 * HOUR)
    assert [each.id for each in second.events] == [2, 3]
    assert second.reason.startswith("2 new events: ")
    assert second.numbers["count"] == 2


def test_group_wait_gathers_what_belongs_together() -> None:
    item = threshold(group_by="source", group_wait="2h")
    waiting = only(item, event(1, hours_ago=1))
    assert (waiting.fire, waiting.again_at) == (False, T0 + HOUR)
    (decision,) = fired(item, event(1, hours_ago=1), event(2, hours_ago=-0.5), now=T0 + HOUR)
    assert len(decision.events) == 2


def test_realert_doubles_and_falls_back() -> None:
    item = threshold(group_by="source", realert="1h", exponential_realert="4h")
    prior = [alert(f"a{n}", hours_ago=ago, group="source=KP", events=()) for n, ago in enumerate((4, 3, 1))]
    assert only(item, event(hours_ago=0.5), prior=prior).again_at == T0 + 3 * HOUR
    calm = [alert(f"a{n}", hours_ago=ago, group="source=KP", events=()) for n, ago in enumerate((40, 39, 0.5))]
    assert only(item, event(hours_ago=0.1), prior=calm).again_at == T0 + 0.5 * HOUR


# counts


def test_event_count_alerts_from_its_number_on_by_group() -> None:
    item = threshold("event_count", timespan="24h", condition={"gte": 2}, group_by=["pair"])
    found = judged(item, event(1), event(2, hours_ago=23, target="KR"), event(3, hours_ago=2, source="KR", target="KP"))
    assert [(decision.group, decision.fire) for decision in found] == [("pair=?-KP", False), ("pair=KP-KR", True)]
    assert found[1].reason == "2 events in 1d, ≥ 2"
    assert found[0].reason == "1 events in 1d, not ≥ 2"
    assert found[1].numbers == {"count": 2}


def test_the_window_is_open_at_its_start_and_the_future_is_not_seen() -> None:
    item = threshold("event_count", timespan="24h", condition={"gte": 1})
    assert fired(item, event(hours_ago=24)) == []
    assert fired(item, event(hours_ago=-0.1)) == []
    assert len(fired(item, event(hours_ago=0))) == 1


def test_a_count_that_lasts_alerts_again_only_on_a_newer_event_after_realert() -> None:
    item = threshold("event_count", timespan="24h", condition={"gte": 1}, realert="2h")
    (first,) = fired(item, event(1))
    prior = [first.alert()]
    assert only(item, event(1), prior=prior, now=T0 + 3 * HOUR).reason.startswith("alerted already: ")
    (second,) = fired(item, event(1), event(2, hours_ago=-1), prior=prior, now=T0 + 3 * HOUR)
    assert second.id != first.id


def test_an_absence_can_be_a_condition() -> None:
    item = threshold("event_count", timespan="24h", condition={"lte": 0})
    assert fired(item)[0].reason == "0 events in 1d, ≤ 0"


def test_value_count_counts_distinct_known_values() -> None:
    item = threshold("value_count", timespan="24h", field="target", condition={"gte": 2}, group_by="source")
    events = [event(1, target="JP"), event(2, target="JP"), event(3), event(4, target="KR")]
    (decision,) = fired(item, *events)
    assert decision.reason == "2 distinct values of target in 1d (JP, KR), ≥ 2"
    publishers = threshold("value_count", timespan="24h", field="publisher", condition={"gte": 3})
    assert fired(publishers, event(1, families=frozenset({"A", "B"})), event(2, families=frozenset({"C"})))


# score


def test_score_halves_with_age_and_knows_both_directions() -> None:
    up = threshold("score", half_life="24h", condition={"gte": 8}, group_by="pair")
    events = [event(1, hours_ago=24, severity=6, target="KR"), event(2, hours_ago=0, severity=6, target="KR")]
    assert index(events, DAY, T0) == pytest.approx(9)
    (decision,) = fired(up, *events)
    assert decision.reason == "index 9.0 (half-life 1d), ≥ 8"
    thaw = threshold("score", half_life="24h", condition={"lte": -5}, where={"either": "KP"})
    assert fired(thaw, event(1, hours_ago=0, severity=-6, type="diplomatic_talks"))


def test_score_can_judge_the_change() -> None:
    item = threshold("score", half_life="24h", over="24h", condition={"lte": -4})
    (decision,) = fired(item, event(1, hours_ago=24, severity=10))
    assert decision.reason == "index changed by -5.0 in 1d, 10.0 → 5.0, ≤ -4"
    assert decision.again_at == T0 + HOUR


# spike


def weekly(weeks: int, per_week: int = 1, *, first: int = 1, **values: Any) -> list[Event]:
    return [
        event(week * 100 + n, hours_ago=168 * week + 1 + n, **values)
        for week in range(first, weeks + first)
        for n in range(per_week)
    ]


def test_a_spike_is_many_times_what_the_same_hours_of_earlier_weeks_brought() -> None:
    item = threshold("spike", timespan="24h", spike_height=3, min_count=3)
    many = [event(n, hours_ago=1 + n) for n in range(1, 4)]
    (decision,) = fired(item, *many, *weekly(8))
    assert decision.reason == "3 events where 1.0 were to be expected from 8 weeks (season × 1.00), 3 times more" or (
        decision.reason == "3 events where 1.0 were to be expected from 8 weeks, 3 times more"
    )
    assert fired(item, *many, *weekly(8, 2)) == []


def test_a_busy_weekday_is_no_spike() -> None:
    item = threshold("spike", timespan="24h", spike_height=2, min_count=3)
    today = [event(n, hours_ago=1 + n) for n in range(1, 5)]
    assert fired(item, *today, *weekly(8, 4)) == []


def test_a_busy_season_is_no_spike() -> None:
    item = threshold("spike", timespan="24h", spike_height=3, min_count=3)
    today = [event(n, hours_ago=1 + n) for n in range(1, 4)]
    a_year_ago = [event(9000 + n, hours_ago=364 * 24 + shift * 168 + 1 + n) for shift in (-1, 0, 1) for n in range(3)]
    assert fired(item, *today, *weekly(8))
    assert fired(item, *today, *weekly(8), *a_year_ago) == []


def test_a_fall_is_a_spike_down() -> None:
    item = threshold("spike", timespan="24h", spike_type="down", min_count=3, spike_height=3)
    decision = only(item, *weekly(8, 3))
    assert decision.fire
    assert decision.reason.startswith("0 events where 3.0 were to be expected")


def test_no_spike_without_history() -> None:
    item = threshold("spike", timespan="24h")
    decision = only(item, *[event(n) for n in range(1, 9)], watched_since=T0 - 5 * DAY)
    assert (decision.fire, decision.reason) == (False, "only 5 of 28 days of history were watched")


def test_history_from_backfill_is_a_baseline_and_no_spike() -> None:
    item = threshold("spike", timespan="24h", min_count=3)
    many = [event(n, hours_ago=1 + n) for n in range(1, 4)]
    assert fired(item, *many, *weekly(8, 2, backfill=True)) == []


# temporal


STEPS = [{"type": "diplomatic_breakdown"}, {"type": "missile_test"}]


def test_temporal_wants_each_step_in_any_order_for_one_pair() -> None:
    item = threshold("temporal", timespan="7d", steps=STEPS, group_by="source")
    walkout = event(1, hours_ago=5, type="diplomatic_breakdown")
    (decision,) = fired(item, event(2, hours_ago=50), walkout)
    assert [each.id for each in decision.events] == [2, 1]
    assert decision.reason == "all 2 steps within 7d in any order"
    found = judged(item, event(2, source="IR"), walkout)
    assert [each.reason for each in found] == [
        "step 1 of 2 is missing within 7d",
        "step 2 of 2 is missing within 7d",
    ]


def test_temporal_ordered_wants_the_order_and_nothing_between() -> None:
    item = threshold("temporal_ordered", timespan="7d", steps=STEPS, without={"type": "diplomatic_talks"})
    walkout, test = event(1, hours_ago=50, type="diplomatic_breakdown"), event(2, hours_ago=5)
    assert fired(item, walkout, test)[0].reason == "all 2 steps within 7d in this order"
    assert fired(item, event(1, hours_ago=2, type="diplomatic_breakdown"), test) == []
    talks = event(3, hours_ago=20, type="diplomatic_talks")
    assert only(item, walkout, talks, test).reason == "the 2 steps do not come in this order, or are undone between"
    assert fired(item, walkout, event(3, hours_ago=60, type="diplomatic_talks"), test)


def test_one_event_is_not_two_steps() -> None:
    item = threshold("temporal", timespan="7d", steps=[{"source": "KP"}, {"type": "missile_test"}])
    assert fired(item, event(1)) == []
    assert len(fired(item, event(1), event(2))) == 1


def test_a_sequence_alerts_once() -> None:
    item = threshold("temporal_ordered", timespan="7d", steps=STEPS)
    events = [event(1, hours_ago=50, type="diplomatic_breakdown"), event(2, hours_ago=5)]
    (first,) = fired(item, *events)
    assert fired(item, *events, prior=[first.alert()], now=T0 + DAY) == []


# new_value and silence


def test_new_value_is_the_first_in_its_span() -> None:
    item = threshold("new_value", timespan="90d", field="source", where={"type": "missile_test"})
    (decision,) = fired(item, event(1, hours_ago=24 * 30), event(2), event(3, source="IR"))
    assert decision.group == "source=IR"
    assert decision.reason == "source IR is the first in 90d"
    young = only(item, event(3, source="IR"), watched_since=T0 - 10 * DAY)
    assert young.reason == "source IR is the first in 90d, but only 10 of 90 days were watched"


def test_a_value_known_from_history_is_not_new() -> None:
    item = threshold("new_value", timespan="90d", field="source")
    assert fired(item, event(1, hours_ago=24 * 80, backfill=True), event(2)) == []


def test_silence_is_longer_than_the_usual_pause() -> None:
    item = threshold("silence", factor=4, min_events=5)
    daily = [event(n, hours_ago=24 * n + 24 * 4) for n in range(6)]
    before = only(item, *daily, now=T0 - HOUR)
    assert (before.fire, before.again_at) == (False, T0)
    decision = only(item, *daily)  # a look at that very moment must not put it off to the same moment
    assert decision.fire
    assert decision.reason == "nothing for 4.0 d, usual pause 24.0 h, silence from 4.0 d"
    assert fired(item, *daily, now=T0 + DAY, prior=[decision.alert()]) == []
    again = [event(n, hours_ago=-24 * n - 24) for n in range(10, 14)]
    assert len(fired(item, *daily, *again, now=T0 + 20 * DAY, prior=[decision.alert()])) == 1
    assert only(item, event()).reason == "1 of 5 needed to know its rhythm"


def test_silence_of_a_feed_is_not_claimed_while_it_is_blind() -> None:
    item = threshold("silence", feeds="kcna")
    activity = {"kcna": [T0 - 10 * DAY - n * HOUR for n in range(10)]}
    decision = only(item, activity=activity)
    assert (decision.fire, decision.group) == (True, "feed=kcna")
    blind = only(item, activity=activity, blind=["kcna"])
    assert not blind.fire
    assert "not judged, because these feeds could not be read: kcna" in blind.reason
    assert query(item, T0).feeds == {"kcna"}


# all and any


def test_all_and_any_combine_thresholds() -> None:
    test = threshold(id="test", where={"type": "missile_test"})
    talk = threshold("event_count", id="talk", where={"type": "hostile_rhetoric"}, timespan="24h", condition={"gte": 2})
    both = threshold("all", of=["test", "talk"], timespan="5d")
    either = threshold("any", of=["test", "talk"], timespan="5d")
    events = [event(1, hours_ago=100), event(2, type="hostile_rhetoric"), event(3, type="hostile_rhetoric")]
    (decision,) = fired(both, *events, parts=[test, talk])
    assert decision.reason == "2 of 2 parts hold (test, talk)"
    assert [each.id for each in decision.events] == [1, 2, 3]
    assert only(both, *events[:2], parts=[test, talk]).reason == "1 of 2 parts hold (test)"
    assert fired(either, events[0], parts=[test, talk])
    asked = query(both, T0, [test, talk])
    assert asked.types == {"missile_test", "hostile_rhetoric"}
    assert asked.since == T0 - 5 * DAY


def test_all_matches_groups_where_all_group_alike() -> None:
    parts = [threshold(id=type, where={"type": type}, group_by="pair") for type in ("missile_test", "hostile_rhetoric")]
    both = threshold("all", of=["missile_test", "hostile_rhetoric"], timespan="5d", group_by="pair")
    test = event(1, target="KR")
    assert fired(both, test, event(2, type="hostile_rhetoric", target="US"), parts=parts) == []
    assert fired(both, test, event(2, type="hostile_rhetoric", target="KR"), parts=parts)[0].group == "pair=KP-KR"


# query, affected, determinism


def test_query_asks_for_no_more_than_is_judged() -> None:
    asked = query(threshold(where={"type": "missile_test", "source": "KP"}), T0)
    assert (asked.types, asked.sources, asked.modalities) == ({"missile_test"}, {"KP"}, {Modality.HAPPENED})
    assert asked.windows == ((T0 - 2 * DAY, T0),)
    steps = query(threshold("temporal", timespan="7d", steps=[{"type": "a", "source": "KP"}, {"type": "b"}]), T0)
    assert (steps.types, steps.sources) == ({"a", "b"}, frozenset())
    spike = threshold("spike", timespan="1h", baseline="14d")
    assert isinstance(spike, Spike)
    spans = windows(spike, T0)
    assert spans[0] == (T0 - HOUR, T0) and spans[1] == (T0 - 7 * DAY - HOUR, T0 - 7 * DAY)
    assert all(end - start == HOUR for start, end in spans)


def test_a_threshold_is_judged_only_when_an_event_of_its_kind_or_the_time_may_change_it() -> None:
    item = threshold(where={"source": "KP"})
    assert affected(item, [event()], now=T0)
    assert not affected(item, [event(source="IR")], now=T0)
    assert affected(item, [], now=T0, again_at=T0)
    assert not affected(item, [], now=T0, again_at=T0 + HOUR)
    assert affected(threshold("all", of=["a", "b"]), [event()], [item], now=T0)


@pytest.mark.parametrize(
    ("item", "by_time"),
    [
        (threshold("silence"), True),
        (threshold("score", half_life="1d", condition={"gte": 5}), False),
        (threshold("score", half_life="1d", condition={"lte": -5}), True),
        (threshold("score", half_life="1d", over="1d", condition={"gte": 5}), True),
        (threshold("spike", timespan="1d"), False),
        (threshold("spike", timespan="1d", spike_type="down"), True),
        (threshold("event_count", timespan="1d", condition={"gte": 5}), False),
        (threshold("event_count", timespan="1d", condition={"lt": 1}), True),
    ],
)
def test_what_time_alone_may_change_says_when_to_look_again(item: Threshold, by_time: bool) -> None:
    assert affected(item, [], now=T0) is by_time
    looks = [decision.again_at for decision in judged(item, *weekly(9))]
    assert all(looks) is by_time or not looks
    if by_time:
        assert judged(item)[0].again_at is not None
        assert not affected(item, [], now=T0, again_at=T0 + HOUR)


def test_silence_looks_again_when_it_would_be_silence() -> None:
    item = threshold("silence", factor=4, min_events=5)
    daily = [event(n, hours_ago=24 * n) for n in range(6)]
    assert only(item, *daily).again_at == T0 + 4 * DAY
    part = only(threshold("any", of=["t", "u"], timespan="9d"), *daily, parts=[item])
    assert part.again_at == T0 + 4 * DAY


def test_alerts_of_other_watches_and_corrections_do_not_count_as_prior() -> None:
    others = [alert(watch="other"), alert(kind=AlertKind.CORRECTION)]
    assert len(fired(threshold(), event(1), prior=others)) == 1


EVENTS = [
    event(n, hours_ago=hours, source=source, target=target, type=type, severity=severity)
    for n, (hours, source, target, type, severity) in enumerate(
        [
            (1, "KP", "KR", "missile_test", 6),
            (1, "KP", "KR", "hostile_rhetoric", 4),
            (5, "KP", None, "missile_test", 6),
            (9, "US", "KP", "diplomatic_talks", -3),
            (30, "KP", "US", "diplomatic_breakdown", 3),
            (47, "RU", "KP", "arms_transfer", 5),
        ],
        start=1,
    )
]
ITEMS = [
    threshold(id="a"),
    threshold(id="b", group_by=["source"], realert="6h"),
    threshold("event_count", id="c", timespan="2d", condition={"gte": 2}, group_by=["pair"]),
    threshold("score", id="d", half_life="1d", condition={"gte": 1}, group_by=["pair"]),
    threshold("temporal_ordered", id="e", timespan="2d", steps=[{"type": "arms_transfer"}, {"type": "missile_test"}]),
]


@settings(max_examples=50)
@given(st.permutations(EVENTS))
def test_the_order_of_events_changes_no_decision(events: list[Event]) -> None:
    for item in ITEMS:
        assert judged(item, *events) == judged(item, *EVENTS)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 72 * 60), min_size=1, max_size=12), st.integers(5, 240))
def test_judging_often_or_seldom_loses_no_event(minutes: list[int], every: int) -> None:
    """Sweeps at any rhythm: each event that stays in the window long enough is in exactly one alert."""
    item = threshold(group_by=["source"], realert="3h", timespan="12h")
    events = [event(n, hours_ago=-m / 60) for n, m in enumerate(minutes, 1)]
    prior: list[Alert] = []
    for step in range(0, 90 * 60, every):
        now = T0 + dt.timedelta(minutes=step)
        known = [each for each in events if each.started_at <= now]
        prior += [decision.alert() for decision in fired(item, *known, prior=prior, now=now)]
    told = sorted(id for each in prior for id in each.events)
    assert told == [each.id for each in sorted(events, key=lambda each: each.id)]
    times = sorted(each.fired_at for each in prior)
    assert all(later - earlier >= 3 * HOUR for earlier, later in pairwise(times))
