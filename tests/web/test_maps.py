"""The maps: what they show, that circles stand where they should, and that labels do not run into each other."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.test_overview import NOW
from tocsin.config.places import Point
from tocsin.web.atlas import WIDTH, Frame, graticule, land
from tocsin.web.maps import NEAR_KM, Circle, distance_km, maps, region
from tocsin.web.places import Kind, Spot

PYONGYANG, SEOUL, TOKYO, WASHINGTON, SUVA = (39.0, 125.8), (37.6, 127.0), (35.7, 139.7), (38.9, -77.0), (-18.1, 178.4)


def spot(name: str, at: Point | None, events: int = 1, kind: Kind = "place") -> Spot:
    return Spot(name, kind, "" if kind == "place" else "KP", events, NOW, at)


def test_the_region_is_where_most_happened_and_the_world_has_the_rest() -> None:
    spots = [spot("North Korea", PYONGYANG, 9, "party"), spot("Washington", WASHINGTON, 8), spot("Seoul", SEOUL, 3)]

    near, world = maps(tuple(spots))

    assert [circle.name for circle in near.circles] == ["North Korea", "Seoul"]
    assert [circle.name for circle in world.circles] == ["North Korea", "Washington", "Seoul"]
    assert [circle.hollow for circle in near.circles] == [True, False]
    assert near.circles[0].radius > near.circles[1].radius


def test_the_world_is_drawn_only_where_the_region_is_not_all_and_nothing_where_no_point_is_known() -> None:
    assert [each.title for each in maps((spot("Seoul", SEOUL), spot("Tokyo", TOKYO)))] == ["Region"]
    assert maps((spot("Nowhere", None),)) == []
    assert maps(()) == []


def test_one_point_has_one_circle_for_each_exactness() -> None:
    spots = [spot("United Nations", SEOUL, 2), spot("Council", SEOUL), spot("South Korea", SEOUL, 1, "country")]

    (found,) = maps(tuple(spots))

    assert [(circle.name, circle.events, circle.hollow) for circle in found.circles] == [
        ("United Nations", 3, False),
        ("South Korea", 1, True),
    ]


@given(
    st.tuples(st.floats(-75, 75), st.floats(-180, 180)),
    st.lists(st.tuples(st.floats(-8, 8), st.floats(-8, 8)), max_size=8),
)
def test_every_place_of_a_region_lies_in_its_frame(middle: Point, steps: list[tuple[float, float]]) -> None:
    others = [(middle[0] + up, (middle[1] + right + 180) % 360 - 180) for up, right in steps]
    points = [middle, *(point for point in others if distance_km(point, middle) <= NEAR_KM and abs(point[0]) <= 75)]

    frame = region(points)

    assert all(frame.place(*point) is not None for point in points)


def labels(circle: Circle) -> tuple[float, float, float, float] | None:
    if circle.label is None:
        return None
    x, y, anchor = circle.label
    wide = 5.2 * len(circle.name)
    left = {"start": x, "middle": x - wide / 2, "end": x - wide}[anchor]
    return left, y - 5, left + wide, y + 5


@given(st.lists(st.tuples(st.floats(34, 43), st.floats(124, 140)), min_size=1, max_size=30, unique=True))
def test_no_label_covers_another_or_leaves_the_map(points: list[Point]) -> None:
    found = maps(tuple(spot(f"Place {index}", point) for index, point in enumerate(points)))[0]

    boxes = [box for circle in found.circles if (box := labels(circle)) is not None]
    for left, top, right, bottom in boxes:
        assert left >= -0.1
        assert top >= -0.1
        assert right <= WIDTH + 0.1
        assert bottom <= found.frame.height + 0.1
    for one, other in combinations(boxes, 2):
        apart = one[2] <= other[0] + 0.2 or other[2] <= one[0] + 0.2 or one[3] <= other[1] + 0.2
        assert apart or other[3] <= one[1] + 0.2


def test_distances_are_those_of_the_globe() -> None:
    assert distance_km(PYONGYANG, SEOUL) == pytest.approx(188, abs=5)
    assert distance_km(PYONGYANG, WASHINGTON) == pytest.approx(11_050, rel=0.01)


def test_a_map_over_the_date_line_is_in_one_piece() -> None:
    frame = region([SUVA, (-13.8, -171.8)])

    left, right = frame.place(*SUVA), frame.place(-13.8, -171.8)

    assert frame.width < 30
    assert left is not None
    assert right is not None
    assert left[0] < right[0]


def corners(path: str) -> list[tuple[float, float]]:
    found = []
    for x, y, steps in re.findall(r"M(-?[\d.]+),(-?[\d.]+)l([^z]*)z", path):
        at = (float(x), float(y))
        found.append(at)
        for step in steps.split():
            right, down = map(float, step.split(","))
            at = (at[0] + right, at[1] + down)
            found.append(at)
    return found


def test_land_stays_about_its_frame_and_follows_the_coast() -> None:
    frame = Frame(113, 33, 48, 24, 36)

    path = land(frame)

    assert len(path) < 60_000
    assert all(-10.1 <= x <= WIDTH + 10.1 and -10.1 <= y <= frame.height + 10.1 for x, y in corners(path))
    busan = frame.place(35.2, 129.1)
    assert busan is not None
    assert min(abs(x - busan[0]) + abs(y - busan[1]) for x, y in corners(path)) < 4
    assert len(land(Frame(-35, 5, 3, -2, 0))) < 200  # the open Atlantic
    assert len(land(Frame(-53, 360, 78, -56, 35))) < 100_000


def test_lines_of_the_grid_are_few() -> None:
    for frame in (Frame(113, 33, 48, 24, 36), Frame(-53, 360, 78, -56, 35), Frame(170, 20, 5, -5, 0)):
        meridians, parallels = graticule(frame)
        assert 2 <= len(meridians) <= 9
        assert 1 <= len(parallels) <= 9
        assert all(0 <= each <= WIDTH for each in meridians)


def test_the_outlines_are_those_that_the_notice_tells_of() -> None:
    folder = files("tocsin.web.atlas")

    told = hashlib.sha256((folder / "countries-50m.json").read_bytes()).hexdigest()

    assert told in (folder / "NOTICE").read_text()
