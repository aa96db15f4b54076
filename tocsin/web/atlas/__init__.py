"""The outlines of the world's countries, and a part of them drawn as one SVG path."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from typing import Any

Ring = Sequence[tuple[float, float]]
"""Corners of an outline as degrees east and north."""
WIDTH = 400
"""Units that a map is wide; a browser draws it as large as its window allows."""
_SPECK = 0.8
"""Units that a line goes at least before it turns, and that an island measures, on a map of a region."""
_BEYOND = 10
"""Units around a map where outlines are still followed; what lies further out is drawn along that edge, unseen."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a map shows, in degrees: an equirectangular projection, true to scale along `parallel`.

    `west` may be under -180, and the eastern edge over 180, where the map crosses that meridian.
    """

    west: float
    width: float
    north: float
    south: float
    parallel: float

    @property
    def across(self) -> float:
        """Units for a degree of longitude."""
        return WIDTH / self.width

    @property
    def down(self) -> float:
        """Units for a degree of latitude."""
        return self.across / math.cos(math.radians(self.parallel))

    @property
    def height(self) -> float:
        """Units that the map is high."""
        return round((self.north - self.south) * self.down, 1)

    def place(self, north: float, east: float) -> tuple[float, float] | None:
        """Units from the left and from the top, or None where the point lies outside."""
        x, y = (east - self.west) % 360 * self.across, (self.north - north) * self.down
        return (round(x, 1), round(y, 1)) if x <= WIDTH and 0 <= y <= self.height else None


@functools.lru_cache(maxsize=32)
def land(frame: Frame) -> str:
    """The countries in `frame` as the data of one SVG path."""
    speck = _SPECK if frame.width < 180 else 2 * _SPECK
    parts = []
    for (west, south, east, north), ring in _rings():
        wide = max((east - west) * frame.across, (north - south) * frame.down) >= speck
        if not wide or north < frame.south or south > frame.north:
            continue
        for turn in (-360, 0, 360):
            if west + turn <= frame.west + frame.width and east + turn >= frame.west:
                parts.append(_path(frame, ring, turn, speck))
    return "".join(parts)


def graticule(frame: Frame) -> tuple[list[float], list[float]]:
    """Where the meridians and the parallels of `frame` stand, in units from the left and from the top."""
    step = next((each for each in (5, 10, 30) if frame.width <= 8 * each), 60)
    meridians = range(math.ceil(frame.west / step) * step, math.ceil(frame.west + frame.width), step)
    parallels = range(math.ceil(frame.south / step) * step, math.ceil(frame.north), step)
    return (
        [round((each - frame.west) * frame.across, 1) for each in meridians],
        [round((frame.north - each) * frame.down, 1) for each in parallels],
    )


def _path(frame: Frame, ring: Ring, turn: float, speck: float) -> str:
    """A closed outline, relative from corner to corner; "" where it would be a speck."""
    kept: list[tuple[int, int]] = []
    for east, north in ring:
        x, y = (east + turn - frame.west) * frame.across, (frame.north - north) * frame.down
        x, y = min(max(x, -_BEYOND), WIDTH + _BEYOND), min(max(y, -_BEYOND), frame.height + _BEYOND)
        corner = (round(10 * x), round(10 * y))
        if kept and abs(corner[0] - kept[-1][0]) + abs(corner[1] - kept[-1][1]) < 10 * speck:
            continue
        if len(kept) > 1 and (kept[-2][0] == kept[-1][0] == corner[0] or kept[-2][1] == kept[-1][1] == corner[1]):
            kept.pop()  # one straight line, as along the edge
        kept.append(corner)
    if len(kept) < 3:
        return ""
    moves = " ".join(f"{_unit(b[0] - a[0])},{_unit(b[1] - a[1])}" for a, b in pairwise(kept))
    return f"M{_unit(kept[0][0])},{_unit(kept[0][1])}l{moves}z"


def _unit(tenths: int) -> str:
    return f"{tenths / 10:g}"


@functools.cache
def _rings() -> list[tuple[tuple[float, float, float, float], Ring]]:
    """Every outline with its western, southern, eastern and northern end."""
    found = []
    for ring in _decoded(json.loads((files("tocsin.web.atlas") / "countries-50m.json").read_bytes())):
        xs, ys = [x for x, _ in ring], [y for _, y in ring]
        found.append(((min(xs), min(ys), max(xs), max(ys)), ring))
    return found


def _decoded(topology: dict[str, Any]) -> Iterator[Ring]:
    """The outlines of a TopoJSON topology's countries: arcs as steps on a grid, an outline as arcs end to end."""
    arcs = [_arc(steps, topology["transform"]) for steps in topology["arcs"]]
    for country in topology["objects"]["countries"]["geometries"]:
        polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
        for ring in (ring for polygon in polygons for ring in polygon):
            yield _turned([point for at in ring for point in (arcs[at] if at >= 0 else arcs[~at][::-1])[1:]])


def _turned(ring: Ring) -> Ring:
    """`ring` in one piece: past the meridian of 180 degrees it goes on instead of jumping to the other edge."""
    turn, before = 0.0, ring[0][0]
    corners = []
    for east, north in ring:
        turn += 360 if east - before < -180 else -360 if east - before > 180 else 0
        before = east
        corners.append((east + turn, north))
    return corners


def _arc(steps: Sequence[Sequence[int]], transform: Mapping[str, Sequence[float]]) -> list[tuple[float, float]]:
    (width, height), (west, south) = transform["scale"], transform["translate"]
    x = y = 0
    points = []
    for step in steps:
        x, y = x + step[0], y + step[1]
        points.append((west + x * width, south + y * height))
    return points
