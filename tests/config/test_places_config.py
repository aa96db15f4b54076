"""`config/places.yaml`: shipped whole, and refused in words where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.config.actors import read_actors
from tocsin.config.places import Places, read_places
from tocsin.errors import Problem

SHIPPED = Path("config")


def read(folder: Path, text: str) -> tuple[Places, list[str]]:
    problems: list[Problem] = []
    (folder / "places.yaml").write_text(text)
    return read_places(folder, problems, actors={"KP"}), [str(problem) for problem in problems]


def test_every_state_that_is_shipped_has_a_seat() -> None:
    problems: list[Problem] = []
    actors = read_actors(SHIPPED, problems)

    places = read_places(SHIPPED, problems, actors=actors.titles)

    assert problems == []
    assert set(actors.states) <= set(places.seats)


def test_a_folder_without_the_file_has_no_places(tmp_path: Path) -> None:
    assert read_places(tmp_path, [], actors=None) == Places()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seats: {XX: [1, 2]}\n", "seats.XX: is no code of an actor; a code of actors.yaml"),
        ("places: {Sunan: [91, 2]}\n", "places.Sunan"),
        ("places: {Sunan: [39, 181]}\n", "places.Sunan"),
        ("places: {Sunan: [39]}\n", "places.Sunan"),
        ("towns: {}\n", "towns"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    places, problems = read(tmp_path, text)

    assert len(problems) == 1
    assert f"places.yaml:1: {said}" in problems[0]
    assert places.places == {}
