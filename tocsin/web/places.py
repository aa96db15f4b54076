"""Where events are drawn: at the place that a report named, else, told apart, at the seat of who acted. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from alerts.fitting import UNKNOWN
from tocsin.config.actors import Actors
from tocsin.config.places import Places, Point
from tocsin.model import Event, Modality

MOST = 500
"""Spots of a watch: reports have countless words for places."""
Kind = Literal["place", "country", "party"]
"""What is known of where: the place itself, the country only, or no more than who acted."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One line of the places of a watch, and where its circle stands: at `at` (degrees north, east), None nowhere.

    `actor` is the country or the party whose seat that is.
    """

    name: str
    kind: Kind
    actor: str
    events: int
    last_at: dt.datetime
    at: Point | None


class Gazetteer:
    """What names of places mean: those of places.yaml, capitals of actors.yaml, and, less exactly, its countries."""

    def __init__(self, places: Places, actors: Actors) -> None:
        self.seats = places.seats
        self.titles = actors.titles
        self._places: dict[str, Point] = {}
        self._countries: dict[str, str] = {}
        for code, actor in actors.states.items():
            seat = places.seats.get(code)
            if seat is not None:
                self._places.update((name.casefold(), seat) for name in actor.capital)
            self._countries.update((name.casefold(), code) for name in actor.names)
        self._places.update((name.casefold(), point) for name, point in places.places.items())
        self._place_in, self._country_in = _any_of(self._places), _any_of(self._countries)

    def find(self, text: str) -> tuple[Kind, str, Point | None]:
        """How exactly `text` is known, the code of a country, and where: "waters off Sinpo" means Sinpo."""
        if found := self._place_in.search(text):
            return "place", "", self._places[found[0].casefold()]
        if found := self._country_in.search(text):
            code = self._countries[found[0].casefold()]
            return "country", code, self.seats.get(code)
        return "place", "", None


def _any_of(names: Mapping[str, object]) -> re.Pattern[str]:
    """Any of `names` as whole words, the longest first; nothing where there is none."""
    listed = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{listed})(?!\w)" if listed else r"(?!)", re.IGNORECASE)


def spots(events: Iterable[Event], gazetteer: Gazetteer) -> list[Spot]:
    """The MOST spots where most was reported to have happened; what names neither a place nor a party is nowhere."""
    counts: dict[tuple[str, Kind, str, Point | None], list[dt.datetime]] = {}
    for event, key in _placed(events, gazetteer):
        counts.setdefault(key, []).append(event.started_at)
    found = [Spot(name, kind, actor, len(times), max(times), at) for (name, kind, actor, at), times in counts.items()]
    return sorted(found, key=lambda spot: (-spot.events, spot.name, spot.kind))[:MOST]


def _placed(
    events: Iterable[Event], gazetteer: Gazetteer
) -> Iterator[tuple[Event, tuple[str, Kind, str, Point | None]]]:
    for event in events:
        party = event.source or event.target
        if event.modality is not Modality.HAPPENED:
            continue
        if event.place and event.place != UNKNOWN:
            kind, actor, at = gazetteer.find(event.place)
            yield event, (gazetteer.titles.get(actor, event.place), kind, actor, at)
        elif party and party != UNKNOWN:
            yield event, (gazetteer.titles.get(party, party), "party", party, gazetteer.seats.get(party))
