"""What a report says of where becomes a spot on a map, as exactly as it is known and no more."""

from __future__ import annotations

import datetime as dt

from tests.web.test_overview import DAY, NOW, event
from tocsin.config.actors import Actor, Actors
from tocsin.config.places import Places
from tocsin.model import Modality
from tocsin.web.places import Gazetteer, spots

KOREA, SINPO = (39.0, 125.8), (40.0, 128.2)
ACTORS = Actors(
    states={
        "KP": Actor(names=("North Korea", "DPRK"), capital=("Pyongyang",)),
        "KR": Actor(names=("South Korea",)),
    }
)
GAZETTEER = Gazetteer(Places(seats={"KP": KOREA}, places={"Sinpo": SINPO}), ACTORS)


def test_a_place_is_known_within_the_words_of_a_report() -> None:
    assert GAZETTEER.find("waters off Sinpo") == ("place", "", SINPO)
    assert GAZETTEER.find("SINPO") == ("place", "", SINPO)
    assert GAZETTEER.find("Sinpolis") == ("place", "", None)


def test_a_capital_lies_at_the_seat_and_a_country_is_less_exact() -> None:
    assert GAZETTEER.find("central Pyongyang") == ("place", "", KOREA)
    assert GAZETTEER.find("the DPRK") == ("country", "KP", KOREA)
    assert GAZETTEER.find("South Korea") == ("country", "KR", None)


def test_events_are_counted_where_they_were_and_else_told_apart_at_who_acted() -> None:
    known = [
        event(DAY, place="Sinpo"),
        event(2 * DAY, place="Sinpo"),
        event(DAY, place="DPRK"),
        event(DAY, place="North Korea"),
        event(DAY),
        event(DAY, source=None),
        event(DAY, source=None, target=None),
        event(DAY, modality=Modality.PROSPECTIVE, place="Sinpo"),
    ]

    found = [(spot.name, spot.kind, spot.events, spot.last_at, spot.at) for spot in spots(known, GAZETTEER)]

    at = NOW - DAY
    assert found == [
        ("North Korea", "country", 2, at, KOREA),
        ("Sinpo", "place", 2, at, SINPO),
        ("North Korea", "party", 1, at, KOREA),
        ("South Korea", "party", 1, at, None),
    ]


def test_without_any_places_everything_is_listed_and_nothing_drawn() -> None:
    (found,) = spots([event(dt.timedelta(0), place="Sinpo")], Gazetteer(Places(), Actors()))

    assert (found.name, found.at) == ("Sinpo", None)
