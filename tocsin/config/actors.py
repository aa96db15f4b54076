"""`config/actors.yaml`: who can act, under which names, and the code a trigger gives them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from tocsin.config.loader import Strict, read_yaml, validate
from tocsin.errors import Problem

Names = tuple[str, ...]


class Actor(Strict):
    """A state, a body of states or an armed group, and everything that stands for it in a text."""

    names: Names
    """The actor itself. Names match as written; those of up to four capitals match in capitals only."""
    people: Names = ()
    """Its people, as a noun or an adjective: North Korean, North Koreans."""
    capital: Names = ()
    """Cities that stand for the government."""
    leaders: Names = ()
    bodies: Names = ()
    """Forces, ministries, agencies and state media."""
    places: Names = ()
    """Where something happens, never who does it."""


class Nickname(Strict):
    """Names that mean an actor only where one of the words `with` stands in the item too."""

    code: str
    names: Names
    with_: Names = Field(alias="with")


class Actors(Strict):
    """All of `actors.yaml`; the key of each actor is its code."""

    states: dict[str, Actor] = Field(default_factory=dict)
    bodies: dict[str, Actor] = Field(default_factory=dict)
    groups: dict[str, Actor] = Field(default_factory=dict)
    nicknames: tuple[Nickname, ...] = ()

    @property
    def titles(self) -> dict[str, str]:
        """Code → name, for people."""
        kinds = (self.states, self.bodies, self.groups)
        return {code: actor.names[0] for kind in kinds for code, actor in kind.items() if actor.names}


def read_actors(folder: Path, problems: list[Problem]) -> Actors:
    """Actors of `folder`/actors.yaml; adds what is wrong with it to `problems`."""
    path = folder / "actors.yaml"
    document = read_yaml(path, problems, root=folder.parent)
    actors = validate(Actors, document, problems) if document else None
    if document is None or actors is None:
        return Actors()
    kinds = {code: kind for kind in ("states", "bodies", "groups") for code in getattr(actors, kind)}
    for kind in ("states", "bodies", "groups"):
        for code in getattr(actors, kind):
            if kinds[code] != kind:
                problems.append(document.problem((kind, code), "is the code of two actors", "each code once"))
    for index, nickname in enumerate(actors.nicknames):
        if nickname.code not in kinds:
            at = ("nicknames", index, "code")
            problems.append(document.problem(at, f"{nickname.code} is no code of an actor", "a code that stands above"))
    return actors
