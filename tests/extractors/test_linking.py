from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.linking import gather, link, merged
from extractors.voices import agency, likeness, signature
from tocsin.model import Article, Event, Evidence, Growth, Modality, Report, Trigger

T0 = dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC)
NOW = T0 + dt.timedelta(days=3)
ids = itertools.count(1)


def report(title: str, *, hours: float = 0, family: str = "", summary: str = "", **values: Any) -> Report:
    """A report of a missile test by North Korea, `hours` after `T0`, by a publisher of its own."""
    number = next(ids)
    at = T0 + dt.timedelta(hours=hours)
    house = family or f"Paper {number}"
    article = Article(
        feed=house,
        key=str(number),
        link="",
        title=title,
        summary=summary,
        published=at,
        first_seen=at,
        digest="",
        publisher=house,
        backfill=values.pop("backfill", False),
        id=number,
    )
    media = values.pop("state_media", "")
    trigger = Trigger(
        values.pop("type", "missile_test"),
        values.pop("modality", Modality.HAPPENED),
        values.pop("source", "KP"),
        values.pop("target", None),
        None,
        "rule",
        "v1",
        Evidence("title", 0, 4, title[:4]),
        article=number,
        id=number,
        **values,
    )
    return Report(trigger, article, state_media=media, family=house)


def events(*reports: Report, known: tuple[Event, ...] = ()) -> list[Event]:
    return [each.event for each in link(reports, known, now=NOW).links]


def stored(*reports: Report) -> Event:
    return replace(gather(reports, now=T0), id=7)


def test_reports_of_one_launch_are_one_event_of_independent_voices() -> None:
    (event,) = events(
        report("North Korea fires ballistic missile into sea", family="BBC"),
        report("Pyongyang launches missile toward Sea of Japan, Seoul says", hours=1, family="NHK"),
        report("Seoul: North fired projectile", hours=2, family="BBC"),
    )
    assert event.corroboration == 2
    assert event.families == {"BBC", "NHK"}
    assert event.title == "North Korea fires ballistic missile into sea"
    assert event.started_at == T0
    assert len(event.articles) == 3


def test_a_launch_the_next_day_is_a_second_event_and_its_reactions_join_it() -> None:
    first, second = events(
        report("North Korea fires ballistic missile into sea"),
        report("North Korea fires missile again", hours=25),
        report("Japan condemns North Korea's missile launch", hours=26),
    )
    assert len(first.articles) == 1
    assert len(second.articles) == 2


def test_the_acts_own_date_decides_where_it_is_told() -> None:
    monday, tuesday = dt.date(2026, 11, 2), dt.date(2026, 11, 3)
    late = report("North Korea fired missile on Monday", hours=40, occurred_on=monday)
    first, second = events(
        report("North Korea fires missile", occurred_on=monday),
        report("North Korea fires missile", hours=30, occurred_on=tuesday),
        late,
    )
    assert late.article.id in first.articles
    assert second.occurred_on == tuesday


def test_one_launch_with_two_dates_by_time_zone_is_one_event() -> None:
    (event,) = events(
        report("North Korea fires missile", occurred_on=dt.date(2026, 11, 3)),
        report("North Korea launches missile", hours=2, occurred_on=dt.date(2026, 11, 2)),
    )
    assert event.corroboration == 2


@pytest.mark.parametrize(
    ("title", "words", "events_found"),
    [
        ("Seoul and Beijing plan joint response to last week's North Korean nuclear test", "nuclear test", 1),
        ("UN widens sanctions following North Korea's latest nuclear test", "nuclear test", 1),
        ("North Korea conducts a nuclear test after last week's talks", "nuclear test", 2),
        ("North Korea tests a nuclear weapon", "tests a nuclear weapon", 2),
        ("North Korean nuclear test shakes the region", "nuclear test", 2),
    ],
)
def test_a_rare_act_that_is_referred_to_later_is_the_earlier_one(title: str, words: str, events_found: int) -> None:
    first = report("North Korea tests hydrogen bomb", type="nuclear_test")
    later = report(title, type="nuclear_test", hours=24 * 12)
    start = title.index(words)
    evidence = Evidence("title", start, start + len(words), words)
    later = replace(later, trigger=replace(later.trigger, evidence=evidence))
    assert len(events(first, later)) == events_found


@pytest.mark.parametrize(
    "other",
    [
        {"source": "RU"},
        {"type": "nuclear_test"},
        {"modality": Modality.PROSPECTIVE},
        {"hours": 100},
    ],
)
def test_another_actor_type_modality_or_time_is_another_event(other: dict[str, Any]) -> None:
    assert len(events(report("North Korea fires missile"), report("North Korea fires missile", **other))) == 2


def test_daily_acts_need_a_like_title_and_place() -> None:
    strike: dict[str, Any] = {"type": "armed_attack", "source": "RU", "target": "UA"}
    found = events(
        report("Russian missiles strike Kharkiv apartment block, killing six", place="Kharkiv", **strike),
        report("Six killed as Russian missiles hit Kharkiv apartment block", hours=2, place="Kharkiv", **strike),
        report("Russian drones strike Odesa port overnight", hours=3, place="Odesa", **strike),
        report("Russian missiles strike Kharkiv apartment block", hours=3, place="Kyiv", **strike),
    )
    assert [len(event.articles) for event in found] == [2, 1, 1]


def test_parties_of_talks_may_be_named_in_either_order() -> None:
    talks: dict[str, Any] = {"type": "diplomatic_talks"}
    (event,) = events(
        report("Trump and Kim meet at Hanoi summit", source="US", target="KP", **talks),
        report("Kim and Trump meet at summit in Hanoi", source="KP", target="US", hours=1, **talks),
    )
    assert event.corroboration == 2


def test_two_readings_of_one_act_in_one_article_are_one_event() -> None:
    attack = report("Officer killed in strike on Tyre", type="armed_attack", source="IL", target="LB")
    exchanged = replace(attack, trigger=replace(attack.trigger, source="LB", target="IL", id=next(ids)))
    other_source = replace(attack, trigger=replace(attack.trigger, source="US", id=next(ids)))
    other_target = replace(attack, trigger=replace(attack.trigger, target="SY", id=next(ids)))
    assert len(events(attack, exchanged)) == 1
    assert len(events(attack, other_source)) == 1
    assert len(events(attack, other_target)) == 2


def test_another_number_a_day_later_is_another_event_but_a_correction_within_hours_is_not() -> None:
    soon = events(
        report("North Korea fires two missiles", facts={"missiles": 2}),
        report("North Korea fires three missiles", hours=2, facts={"missiles": 3}),
    )
    assert [event.facts["missiles"] for event in soon] == [3]
    later = events(
        report("North Korea fires two missiles", facts={"missiles": 2}),
        report("North Korea fires three missiles", hours=15, facts={"missiles": 3}),
    )
    assert len(later) == 2


TEXT = (
    "North Korea fired a ballistic missile off its east coast on Monday, South Korea's military said, the latest in a "
    "string of launches by the nuclear-armed state that has alarmed its neighbours and the United States."
)


def test_wire_copy_is_one_voice_under_any_name() -> None:
    (event,) = events(
        report("North Korea fires missile off east coast", family="Reuters", summary=TEXT),
        report(
            "North Korea fires missile off its east coast", hours=1, family="The Star", summary=TEXT + " More soon."
        ),
        report("Missile launched by Pyongyang (Reuters)", hours=2, family="Herald"),
        report("Own word: what the launch by North Korea means", hours=3, family="Le Monde", summary="A test. A sign."),
    )
    assert event.families == {"Reuters", "Le Monde"}
    assert len(event.articles) == 4


@pytest.mark.parametrize(
    ("title", "summary", "expected"),
    [
        ("North fires missile - Reuters", "", "Reuters"),
        ("North fires missile", "SEOUL (AFP) - The North fired", "AFP"),
        ("AP exam results are out", "", ""),
    ],
)
def test_an_agency_is_credited_where_it_is_named(title: str, summary: str, expected: str) -> None:
    assert agency(report(title, summary=summary).article) == expected


def test_likeness_tells_an_edited_copy_from_another_text() -> None:
    other = (
        "A summit of leaders in Hanoi ended without an agreement on sanctions, the White House said on Thursday night."
    )
    assert likeness(signature(TEXT), signature(TEXT.replace("Monday", "Tuesday"))) > 0.6
    assert likeness(signature(TEXT), signature(other)) < 0.1
    assert likeness(signature(""), signature("")) == 0


def test_a_known_event_grows_and_says_how() -> None:
    known = stored(report("North Korea fires missile", severity=5, state_media="KP", family="KCNA"))
    assert known.state_media
    (grown,) = link(
        [report("North Korea fires missile 800 km", severity=7, facts={"range_km": 800}, hours=1)], [known], now=NOW
    ).grown
    assert grown.growth == {Growth.REPORT, Growth.SOURCE, Growth.SEVERITY, Growth.FACT}
    assert (grown.before, grown.event.id, grown.event.version) == (known, 7, 2)
    assert grown.event.severity == 7
    assert not grown.event.state_media
    assert grown.event.changed_at == NOW
    assert grown.event.gained["source"] == NOW.isoformat()


def test_another_report_of_the_same_house_is_growth_of_no_other_kind() -> None:
    known = stored(report("North Korea fires missile", family="BBC"))
    (grown,) = link([report("North Korea's missile: what we know", hours=1, family="BBC")], [known], now=NOW).grown
    assert grown.growth == {Growth.REPORT}
    assert grown.event.corroboration == 1


def test_a_denial_is_an_event_of_its_own_and_growth_of_the_one_it_denies() -> None:
    known = stored(report("North Korea sends troops to Russia", type="troop_deployment", target="RU"))
    denial = report(
        "North Korea denies sending troops to Russia",
        type="troop_deployment",
        target="RU",
        modality=Modality.DENIED,
        hours=5,
    )
    links = link([denial], [known], now=NOW)
    (new,), (grown,) = links.new, links.grown
    assert new.event.modality is Modality.DENIED
    assert grown.growth == {Growth.DENIAL}
    assert grown.reports == ()
    assert grown.event.denials == (denial.article.id,)
    assert grown.event.articles == known.articles


def test_history_stays_history_until_a_live_report_joins() -> None:
    known = stored(report("North Korea fires missile", backfill=True))
    assert known.backfill
    (event,) = events(report("North Korea launches missile", hours=1), known=(known,))
    assert not event.backfill


def test_every_report_is_in_exactly_one_link() -> None:
    reports = [report(f"North Korea fires missile {n}", hours=n * 7, source=s) for n in range(8) for s in ("KP", "IR")]
    found = [each.trigger.id for item in link(reports, [], now=NOW).links for each in item.reports]
    assert sorted(found) == sorted(each.trigger.id for each in reports)


def test_merged_events_keep_the_earliest_identity_and_all_voices() -> None:
    one = stored(report("North Korea fires missile", family="BBC"))
    two = replace(gather([report("Launch by the North", hours=-2, family="NHK", place="Sinpo")], now=T0), id=9)
    event = merged([one, two], now=NOW)
    assert (event.id, event.started_at, event.place) == (9, two.started_at, "Sinpo")
    assert event.families == {"BBC", "NHK"}
    assert set(event.articles) == {*one.articles, *two.articles}
    assert event.version == 2


TITLES = [
    "North Korea fires missile",
    "North Korea fires ballistic missile into sea",
    "Japan condemns North Korean missile launch",
    "North Korea fires another missile",
    "North Korea denies firing missile",
    "Pyongyang missile lands near Japan (Reuters)",
]
MANY = [
    report(
        title,
        hours=hours,
        source=source,
        modality=Modality.DENIED if "denies" in title else Modality.HAPPENED,
        occurred_on=date,
        facts=facts,
    )
    for (title, hours), source, date, facts in zip(
        itertools.product(TITLES, (0, 9, 26, 50)),
        itertools.cycle(["KP", None, "KP", "RU", "KP"]),
        itertools.cycle([None, None, dt.date(2026, 11, 2), None, None, None, dt.date(2026, 11, 3)]),
        itertools.cycle([{}, {"missiles": 2}, {}, {}, {"missiles": 3}]),
        strict=False,
    )
]


@settings(max_examples=60)
@given(st.permutations(MANY))
def test_the_order_of_arrival_within_a_sweep_changes_nothing(reports: list[Report]) -> None:
    assert events(*reports) == events(*MANY)


@settings(max_examples=30)
@given(st.permutations([stored(item) for item in MANY[::3]]))
def test_the_order_of_the_open_events_changes_nothing(known: list[Event]) -> None:
    numbered = [replace(event, id=event.articles[0]) for event in known]
    expected = events(*MANY, known=tuple(sorted(numbered, key=lambda event: event.id)))
    found = events(*MANY, known=tuple(numbered))
    assert sorted(found, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize(
    ("text", "other", "parties", "count"),
    [
        ("A militant is killed in clashes with soldiers in Jenin", "clashes", ("IL", "PS"), 1),
        ("A militant is killed in Jenin. Soldiers clash with others in Gaza", "clash", ("IL", "PS"), 2),
        ("A militant is killed in Jenin and a strike hits Damascus", "strike", ("PIJ", "SY"), 2),
    ],
)
def test_one_sentence_that_tells_an_act_from_both_sides_is_one_event(
    text: str, other: str, parties: tuple[str, str], count: int
) -> None:
    one = report(text, type="armed_attack", source="PIJ", target="IL")
    found = []
    for word, (source, target) in (("killed", ("PIJ", "IL")), (other, parties)):
        start = text.index(word)
        evidence = Evidence("title", start, start + len(word), word)
        trigger = replace(one.trigger, id=next(ids), evidence=evidence, source=source, target=target)
        found.append(replace(one, trigger=trigger))
    assert len(events(*found)) == count
