"""The maps of a watch: one of the region where most happened, one of the world where that is not all. Pure."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tocsin.config.places import Point
from tocsin.web.atlas import WIDTH, Frame, graticule, land
from tocsin.web.places import Spot

NEAR_KM = 1_600
"""A region is what lies within this of its middle."""
_LEAST = 10.0
"""Degrees of latitude that a region shows at least."""
_MARGIN = 1.25
_SHAPE = 0.72
"""Height of a region's map, its width being 1."""
_TALLEST = 60.0
_SMALLEST, _LARGEST = 3.5, 16.0
"""Units of a circle's radius."""
_LETTER, _LINE = 5.2, 10.0
"""Units that a letter of a label is wide and a label is high, where a screen is small."""


@dataclass(frozen=True, slots=True)
class Circle:
    """Events at one point: hollow where only the country or the party is known, not the place."""

    x: float
    y: float
    radius: float
    events: int
    name: str
    spot: Spot
    """The commonest of its point."""
    label: tuple[float, float, str] | None = None
    """Where the name stands and how it is anchored; None where there was no room for it."""

    @property
    def hollow(self) -> bool:
        """Whether the place itself is not known."""
        return self.spot.kind != "place"


@dataclass(frozen=True, slots=True)
class Map:
    """What is drawn of `frame`."""

    title: str
    frame: Frame
    land: str
    meridians: Sequence[float]
    parallels: Sequence[float]
    circles: Sequence[Circle]


@functools.lru_cache(maxsize=32)
def maps(spots: tuple[Spot, ...]) -> list[Map]:
    """The region around the point near which most happened and, where something happened elsewhere, the world."""
    counts: Counter[Point] = Counter()
    for spot in spots:
        if spot.at:
            counts[spot.at] += spot.events
    if not counts:
        return []
    middle = max(sorted(counts), key=lambda point: sum(counts[each] for each in _near(counts, point)))
    frame = region(_near(counts, middle))
    drawn = [_map("Region", frame, spots)]
    if any(frame.place(*point) is None for point in counts):
        drawn.append(_map("World", Frame(middle[1] - 180, 360, 78, -56, 35), spots))
    return drawn


def distance_km(one: Point, other: Point) -> float:
    """Along the great circle, by the haversine formula on a sphere of 6,371 km."""
    (north, east), (upper, right) = (tuple(map(math.radians, point)) for point in (one, other))
    half = math.sin((upper - north) / 2) ** 2
    half += math.cos(north) * math.cos(upper) * math.sin((right - east) / 2) ** 2
    return 2 * 6_371 * math.asin(min(1.0, math.sqrt(half)))


def _near(points: Iterable[Point], middle: Point) -> list[Point]:
    return [point for point in points if distance_km(point, middle) <= NEAR_KM]


def region(points: Sequence[Point]) -> Frame:
    """The frame that holds `points`, which lie within NEAR_KM of one of them, in whole degrees."""
    origin = points[0][1]
    easts = [origin + (east - origin + 180) % 360 - 180 for _, east in points]
    norths = [north for north, _ in points]
    north, east = (max(norths) + min(norths)) / 2, (max(easts) + min(easts)) / 2
    parallel = float(min(_TALLEST, max(-_TALLEST, round(north))))
    shrink = math.cos(math.radians(parallel))
    tall = max(_LEAST, _MARGIN * (max(norths) - min(norths)), _MARGIN * _SHAPE * (max(easts) - min(easts)) * shrink)
    tall = min(tall, _TALLEST)
    width = math.ceil(tall / _SHAPE / shrink)
    return Frame(round(east - width / 2), width, round(north + tall / 2), round(north - tall / 2), parallel)


def _map(title: str, frame: Frame, spots: Sequence[Spot]) -> Map:
    meridians, parallels = graticule(frame)
    return Map(title, frame, land(frame), meridians, parallels, _labelled(frame, list(_circles(frame, spots))))


def _circles(frame: Frame, spots: Sequence[Spot]) -> Iterator[Circle]:
    """One for each point and exactness, the largest first so that none hides another; areas are as events.

    `spots` come with the commonest first.
    """
    groups: dict[tuple[Point, bool], list[Spot]] = {}
    for spot in spots:
        if spot.at:
            groups.setdefault((spot.at, spot.kind == "place"), []).append(spot)
    most = max((sum(spot.events for spot in group) for group in groups.values()), default=1)
    counted = sorted(groups.items(), key=lambda item: -sum(spot.events for spot in item[1]))
    for (point, _), group in counted:
        at = frame.place(*point)
        events = sum(spot.events for spot in group)
        if at is not None:
            radius = round(max(_SMALLEST, _LARGEST * math.sqrt(events / most)), 1)
            yield Circle(*at, radius, events, group[0].name, group[0])


def _labelled(frame: Frame, circles: Sequence[Circle]) -> list[Circle]:
    """The circles with as many of their names as find room, those of the largest first."""
    taken = [
        (each.x - reach, each.y - reach, each.x + reach, each.y + reach)
        for each in circles
        for reach in (0.7 * each.radius,)  # as a square within it: a corner may be touched
    ]
    named: set[str] = set()
    found = []
    for circle in circles:
        label = None if circle.name in named else _room(frame, circle, taken)
        if label is not None:
            named.add(circle.name)
        found.append(replace(circle, label=label))
    return found


def _room(
    frame: Frame, circle: Circle, taken: list[tuple[float, float, float, float]]
) -> tuple[float, float, str] | None:
    """Where the circle's name fits, which is then taken."""
    wide, gap = _LETTER * len(circle.name), circle.radius + 2.5
    for x, y, anchor in (
        (circle.x + gap, circle.y, "start"),
        (circle.x - gap, circle.y, "end"),
        (circle.x, circle.y - gap - _LINE / 2, "middle"),
        (circle.x, circle.y + gap + _LINE / 2, "middle"),
    ):
        left = x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        box = (left, y - _LINE / 2, left + wide, y + _LINE / 2)
        inside = box[0] >= 0 and box[2] <= WIDTH and box[1] >= 0 and box[3] <= frame.height
        if inside and not any(_overlap(box, other) for other in taken):
            taken.append(box)
            return round(x, 1), round(y, 1), anchor
    return None


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
