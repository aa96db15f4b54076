"""`config/places.yaml`: where places lie on the map of the dashboard."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tocsin.config.loader import Strict, read_yaml, validate
from tocsin.errors import Problem

Point = tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]]
"""Degrees north and degrees east."""


class Places(Strict):
    """All of `places.yaml`."""

    seats: dict[str, Point] = Field(default_factory=dict)
    """Code of an actor → its capital or headquarters."""
    places: dict[str, Point] = Field(default_factory=dict)
    """Any other place, by a name that reports use."""


def read_places(folder: Path, problems: list[Problem], *, actors: Container[str] | None) -> Places:
    """Places of `folder`/places.yaml, none where there is no such file; adds what is wrong with it to `problems`.

    `actors` are the codes that can have a seat; None where they are not known.
    """
    path = folder / "places.yaml"
    if not path.exists():
        return Places()
    document = read_yaml(path, problems, root=folder.parent)
    places = validate(Places, document, problems) if document else None
    if document is None or places is None:
        return Places()
    for code in places.seats:
        if actors is not None and code not in actors:
            problems.append(document.problem(("seats", code), "is no code of an actor", "a code of actors.yaml"))
    return places
