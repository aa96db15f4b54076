"""What the overview computes is what alerts are made of."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.crossings import index
from tocsin.model import Event, Modality
from tocsin.web.overview import PAIRS, series, steps, timeline

DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def event(
    age: dt.timedelta = DAY,
    severity: float = 5.0,
    source: str | None = "KP",
    target: str | None = "KR",
    modality: Modality = Modality.HAPPENED,
    place: str | None = None,
) -> Event:
    at = NOW - age
    return Event("missile_test", modality, source, target, at, at, "A test", severity, place=place, articles=(1,))


@given(
    st.lists(st.tuples(st.integers(0, 100 * 24), st.floats(-10, 10)), min_size=1, max_size=30), st.sampled_from([7, 90])
)
def test_the_index_drawn_is_the_one_that_thresholds_judge(events: list[tuple[int, float]], days: int) -> None:
    known = [event(dt.timedelta(hours=age), severity) for age, severity in events]
    times = steps(NOW - days * DAY, NOW)

    (found,) = series(known, 7 * DAY, times)

    assert found.pair == "KP-KR"
    assert list(found.points) == pytest.approx([index(known, 7 * DAY, time) for time in times], abs=0.001)


def test_only_what_happened_between_two_known_parties_is_drawn_and_the_wildest_pairs() -> None:
    others = [event(source=f"A{number}", severity=float(number)) for number in range(1, 9)]
    unknown = [event(target=None), event(source=None), event(target="KP"), event(modality=Modality.DENIED)]

    found = series([*others, *unknown], 7 * DAY, steps(NOW - 7 * DAY, NOW))

    assert [each.pair for each in found] == [f"A{number}-KR" for number in range(8, 8 - PAIRS, -1)]


def test_times_end_now_and_are_few() -> None:
    for days in (7, 30, 90, 365):
        times = steps(NOW - days * DAY, NOW)
        assert (times[0], times[-1]) == (NOW - days * DAY, NOW)
        assert len(times) <= 366


def test_a_pair_whose_index_reads_as_nothing_is_not_drawn() -> None:
    found = [series([event(severity=severity)], 7 * DAY, steps(NOW - 7 * DAY, NOW))[0].flat for severity in (0.01, -2)]

    assert found == [True, False]


def test_events_are_counted_by_day() -> None:
    days = [NOW.date() - 2 * DAY, NOW.date() - DAY, NOW.date()]
    known = [event(DAY), event(DAY), event(dt.timedelta(0)), event(9 * DAY), event(DAY, modality=Modality.PROSPECTIVE)]

    assert timeline(known, days) == {"missile_test": [0, 2, 1]}
