from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.followups import followups
from alerts.hours import next_cron, quiet_until
from alerts.policy import Outcome, alarm, escalations, outcomes, resolved
from alerts.thresholds import Decision, evaluate
from tests.alerts.samples import DAY, HOUR, T0, alert, channel, event, threshold, watch
from tocsin.config.routing import QuietHours
from tocsin.config.watches import Watch
from tocsin.model import Alert, AlertKind, AlertState, DeliveryState, Event, Growth, Mute

DESK = channel("desk", "json://127.0.0.1:9/a", "json://127.0.0.1:9/b")
PHONE = channel("phone", "json://127.0.0.1:9/c")
CHANNELS = {"desk": DESK, "phone": PHONE}


def decisions(item: Watch, *events: Event) -> list[Decision]:
    return [
        decision
        for each in item.thresholds
        for decision in evaluate(each, events=events, prior=(), now=T0, watch=item.id)
    ]


def raised(item: Watch, *events: Event, prior: Sequence[Alert] = (), mutes: Sequence[Mute] = ()) -> list[Outcome]:
    found = outcomes(decisions(item, *events), item, prior=prior, mutes=mutes, channels=CHANNELS, now=T0)
    return [outcome for outcome in found if outcome.alert]


def queued(outcome: Outcome) -> list[tuple[str, int, dt.datetime]]:
    return [(each.channel, each.recipient, each.next_try_at) for each in outcome.deliveries]


def mute(**values: Any) -> Mute:
    return Mute(**{"matchers": {}, "starts_at": T0 - HOUR, "until": T0 + HOUR, "by": "ann", "id": 3, **values})


def test_an_alert_is_queued_once_for_each_recipient_of_each_route_that_fits() -> None:
    notify = ["desk", {"channel": "phone", "severity": {"gte": 7}}, {"channel": "desk", "digest": True}, "nowhere"]
    item = watch(notify=notify)
    (low,), (high,) = raised(item, event(severity=6)), raised(item, event(severity=7))
    assert queued(low) == [("desk", 0, T0), ("desk", 1, T0)]
    assert queued(high) == [("desk", 0, T0), ("desk", 1, T0), ("phone", 0, T0)]
    assert {each.state for each in high.deliveries} == {DeliveryState.QUEUED}
    assert {each.alert for each in high.deliveries} == {high.decision.id}


def test_a_threshold_may_route_elsewhere() -> None:
    item = watch(threshold(notify="phone"), notify="desk")
    assert [name for name, _, _ in queued(raised(item, event())[0])] == ["phone"]


def test_a_decision_that_does_not_fire_gives_its_reason() -> None:
    item = watch(threshold(where={"min_corroboration": 2}))
    (outcome,) = outcomes(decisions(item, event()), item, prior=(), mutes=(), channels=CHANNELS, now=T0)
    assert (outcome.alert, outcome.deliveries, outcome.reason) == (None, (), "1 of 2 independent publishers")


# inhibition and mutes


BIG = threshold(id="big", where={"severity": {"gte": 8}}, group_by="source")
SMALL = threshold(id="small", where={"severity": {"lt": 8}}, group_by="source")
RULE = {"by": "big", "hides": "small", "within": "6h", "equal": "source"}


def test_the_big_hides_the_small_of_its_group_in_the_same_sweep_and_for_a_while() -> None:
    item = watch(SMALL, BIG, inhibit=[RULE])
    found = {
        (each.decision.threshold, each.decision.group): each
        for each in raised(item, event(1), event(2, source="IR"), event(3, severity=9))
    }
    small = found["small", "source=KP"]
    assert small.deliveries == ()
    assert small.alert is not None and "; not sent: inhibited by big (" in small.alert.reason
    assert found["small", "source=IR"].deliveries
    assert found["big", "source=KP"].deliveries
    prior = [alert("b", threshold="big", group="source=KP", hours_ago=5)]
    assert raised(item, event(1), prior=prior)[0].deliveries == ()
    assert raised(item, event(1), prior=[replace(prior[0], fired_at=T0 - 7 * HOUR)])[0].deliveries
    assert raised(item, event(1, source="IR"), prior=prior)[0].deliveries


@pytest.mark.parametrize(
    ("matchers", "muted"),
    [
        ({"threshold": "t"}, True),
        ({"threshold": "u"}, False),
        ({"watch": "w", "source": "K*"}, True),
        ({"source": "KP", "target": "JP"}, False),
        ({"pair": "KP-KR"}, True),
        ({"type": "missile_*"}, True),
        ({"place": "Sea of Japan"}, True),
        ({"nosuch": "*"}, False),
    ],
)
def test_a_mute_holds_back_what_agrees_with_every_matcher(matchers: dict[str, str], muted: bool) -> None:
    (outcome,) = raised(watch(), event(target="KR", place="Sea of Japan"), mutes=[mute(matchers=matchers)])
    assert (outcome.deliveries == ()) is muted
    assert outcome.alert is not None
    assert ("muted by ann until 2026-11-02 07:00 UTC (mute 3)" in outcome.alert.reason) is muted


def test_a_mute_that_is_over_or_not_begun_holds_nothing_back() -> None:
    matchers = {"threshold": "t"}
    over = mute(matchers=matchers, until=T0)
    ahead = mute(matchers=matchers, starts_at=T0 + HOUR, until=T0 + DAY)
    assert raised(watch(), event(), mutes=[over, ahead])[0].deliveries


# quiet hours, caps, digests


def quiet(start: str, end: str, zone: str = "Asia/Seoul", **values: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "zone": zone, **values}


def test_quiet_hours_hold_until_their_end_and_lose_nothing() -> None:
    seoul = T0.astimezone(ZoneInfo("Asia/Seoul"))
    assert seoul.hour == 15
    item = watch(quiet_hours=quiet("14:00", "17:30"))
    (outcome,) = raised(item, event())
    assert queued(outcome) == [("desk", 0, T0 + 2.5 * HOUR), ("desk", 1, T0 + 2.5 * HOUR)]
    assert outcome.reason == "queued for 2, 2 of them held until 2026-11-02 08:30 UTC at the latest"
    grave = watch(quiet_hours=quiet("14:00", "17:30", unless={"gte": 6}))
    assert queued(raised(grave, event())[0])[0][2] == T0


def test_a_route_may_have_quiet_hours_of_its_own() -> None:
    item = watch(notify=["desk", {"channel": "phone", "quiet_hours": quiet("15:00", "16:00")}])
    assert queued(raised(item, event())[0]) == [("desk", 0, T0), ("desk", 1, T0), ("phone", 0, T0 + HOUR)]


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-11-02T21:59", None),
        ("2026-11-02T22:00", "2026-11-03T07:00"),
        ("2026-11-03T06:59", "2026-11-03T07:00"),
        ("2026-11-03T07:00", None),
    ],
)
def test_quiet_hours_may_pass_midnight(at: str, end: str | None) -> None:
    zone = ZoneInfo("Europe/Berlin")
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=zone).astimezone(dt.UTC)
    hours = QuietHours.model_validate(quiet("22:00", "07:00", "Europe/Berlin"))
    expected = dt.datetime.fromisoformat(end).replace(tzinfo=zone).astimezone(dt.UTC) if end else moment
    assert quiet_until(hours, moment) == expected


def test_quiet_hours_follow_daylight_saving() -> None:
    hours = QuietHours.model_validate(quiet("22:00", "07:00", "Europe/Berlin"))
    spring = dt.datetime(2026, 3, 28, 22, tzinfo=dt.UTC)
    autumn = dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC)
    assert quiet_until(hours, spring) == dt.datetime(2026, 3, 29, 5, tzinfo=dt.UTC)
    assert quiet_until(hours, autumn) == dt.datetime(2026, 10, 25, 6, tzinfo=dt.UTC)


def test_cron_is_due_once_where_the_clock_skips_or_repeats_the_hour() -> None:
    zone = "Europe/Berlin"
    spring, due = dt.datetime(2026, 3, 28, 12, tzinfo=dt.UTC), []
    for _ in range(3):
        spring = next_cron("30 2 * * *", zone, spring)
        due.append(spring)
    assert due == [
        dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 30, 0, 30, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 31, 0, 30, tzinfo=dt.UTC),
    ]
    autumn, days = dt.datetime(2026, 10, 24, 12, tzinfo=dt.UTC), []
    for _ in range(3):
        autumn = next_cron("30 2 * * *", zone, autumn)
        days.append(autumn.astimezone(ZoneInfo(zone)).date().day)
    assert days == [25, 26, 27]


def test_what_exceeds_the_hourly_cap_waits_for_the_digest() -> None:
    item = watch(max_per_hour=2, digest={"cron": "0 7 * * *", "zone": "UTC"})
    prior = [alert("p", threshold="t", hours_ago=0.5), alert("old", hours_ago=2), alert("x", watch="other")]
    first, second = raised(item, event(1), event(2), prior=prior)
    assert queued(first)[0][2] == T0
    assert queued(second)[0][2] == T0 + HOUR


def test_a_digest_route_waits_and_quiet_hours_count_from_the_digest() -> None:
    item = watch(notify=[{"channel": "phone", "digest": True}], digest={"cron": "0 7 * * *"})
    assert queued(raised(item, event())[0]) == [("phone", 0, T0 + HOUR)]
    late = watch(
        notify=[{"channel": "phone", "digest": True}],
        digest={"cron": "0 7 * * *"},
        quiet_hours=quiet("06:30", "08:00", "UTC"),
    )
    assert queued(raised(late, event())[0]) == [("phone", 0, T0 + 2 * HOUR)]


# escalation, resolution, alarms


def test_an_alert_that_nobody_acknowledges_goes_to_the_next_channel_once() -> None:
    item = watch(escalation=[{"after": "30m", "notify": "phone"}, {"after": "2h", "notify": "desk"}])

    def told(*open_alerts: Alert, prior: Sequence[Alert] = ()) -> list[Outcome]:
        return list(escalations(item, open_alerts=open_alerts, prior=prior, channels=CHANNELS, now=T0))

    assert told(alert(hours_ago=0.4)) == []
    (first,) = told(alert(hours_ago=0.6))
    assert [each.channel for each in first.deliveries] == ["phone"]
    assert first.alert is not None
    assert (first.alert.kind, first.alert.about) == (AlertKind.ESCALATION, ("a1",))
    assert first.reason.startswith("nobody has acknowledged it for 36 minutes; ")
    assert told(alert(hours_ago=0.6), prior=[first.alert]) == []
    assert len(told(alert(hours_ago=3))) == 2
    assert told(alert(hours_ago=3, state=AlertState.ACKNOWLEDGED)) == []
    assert told(alert(hours_ago=3, reason="x; not sent: muted by ann")) == []
    assert told(alert(hours_ago=3, kind=AlertKind.CORRECTION)) == []


def test_an_alert_resolves_when_its_condition_was_not_met_for_long_enough() -> None:
    item = threshold(resolve_after="6h", group_by="source")
    old = [
        alert("a", hours_ago=7, group="source=KP"),
        alert("b", hours_ago=7, group="source=IR"),
        alert("c", hours_ago=2),
    ]
    assert resolved(item, open_alerts=old, last_met={"source=IR": T0 - HOUR}, now=T0) == ("a",)
    assert resolved(threshold(), open_alerts=old, last_met={}, now=T0) == ()


def test_an_alarm_goes_to_the_channels_that_take_them_and_never_to_the_dead_one() -> None:
    pager = channel("pager", alarms=True)
    everyone = {**CHANNELS, "pager": pager}
    outcome = alarm("channel=desk", "550 no such user", channels=everyone, now=T0)
    assert [each.channel for each in outcome.deliveries] == ["pager"]
    assert outcome.alert is not None and outcome.alert.kind is AlertKind.ALARM
    assert [each.channel for each in alarm("channel=desk", "x", channels=CHANNELS, now=T0).deliveries] == ["phone"]
    again = alarm("channel=desk", "another reason", channels=everyone, now=T0 + HOUR)
    assert again.decision.id == outcome.decision.id
    assert alarm("channel=desk", "x", channels=everyone, now=T0 + DAY).decision.id != outcome.decision.id


# follow-ups


def gained(*kinds: Growth, hours_ago: float = 0.5, **values: Any) -> Event:
    at = (T0 - hours_ago * HOUR).isoformat()
    return event(gained=dict.fromkeys(map(str, kinds), at), **values)


def told(item: Watch, changed: Event, *prior: Alert) -> list[Decision]:
    return list(followups(item, changed={changed.id: changed}, prior=prior or (alert(hours_ago=1),), now=T0))


def test_those_who_got_an_alert_hear_that_it_was_denied_once_and_where_it_went() -> None:
    item = watch()
    denied = gained(Growth.DENIAL, denials=(99,))
    (decision,) = told(item, denied)
    assert (decision.kind, decision.about, decision.reason) == (
        AlertKind.CORRECTION,
        ("a1",),
        "it is denied by 1 report",
    )
    (outcome,) = outcomes([decision], item, prior=(), mutes=(), channels=CHANNELS, now=T0)
    assert [each.channel for each in outcome.deliveries] == ["desk", "desk"]
    assert outcome.alert is not None
    assert told(item, denied, alert(hours_ago=1), outcome.alert) == []


def test_a_withdrawn_event_is_corrected() -> None:
    (decision,) = told(watch(), event(articles=()))
    assert decision.reason == "its reports were withdrawn or changed"


@pytest.mark.parametrize(
    ("changed", "item", "prior"),
    [
        (gained(Growth.DENIAL, denials=(99,)), watch(correct=False), alert(hours_ago=1)),
        (gained(Growth.DENIAL, denials=(99,), hours_ago=2), watch(), alert(hours_ago=1)),
        (gained(Growth.DENIAL, denials=(99,)), watch(), alert(hours_ago=1, reason="x; not sent: muted")),
        (gained(Growth.SOURCE), watch(), alert(hours_ago=1)),
        (gained(Growth.SOURCE, hours_ago=2), watch(threshold(realert_on="source")), alert(hours_ago=1)),
    ],
)
def test_no_word_where_it_is_not_wanted_or_was_known_or_nobody_was_told(
    changed: Event, item: Watch, prior: Alert
) -> None:
    assert told(item, changed, prior) == []


def test_a_new_fact_is_an_update_where_wanted_and_each_only_once() -> None:
    item = watch(threshold(realert_on=["source", "fact"]))
    changed = gained(Growth.SOURCE, Growth.FACT)
    (decision,) = told(item, changed)
    assert decision.kind is AlertKind.UPDATE
    assert decision.reason == "another independent publisher reports it; a new fact is known"
    assert told(item, changed, alert(hours_ago=1), decision.alert()) == []
    later = gained(Growth.SOURCE, hours_ago=-1)
    assert len(followups(item, changed={1: later}, prior=[alert(hours_ago=1), decision.alert()], now=T0 + DAY)) == 1
