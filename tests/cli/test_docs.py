"""Every command, option and setting stands in the documentation, and nothing that does not exist does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from ruamel.yaml import YAML

from tocsin.cli import app
from tocsin.config.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    parts = getattr(command, "commands", None)
    if parts is None:
        yield " ".join(path), command
    else:
        for name, part in parts.items():
            yield from commands(part, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(app)))
SECTION = re.compile(r"^### `tocsin ([^`]+)`\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = dict(SECTION.findall((DOCS / "cli.md").read_text()))


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_and_argument_of_a_command_stands_in_its_section(name: str) -> None:
    items = re.findall(r"^- (.*?):", SECTIONS.get(name, ""), re.MULTILINE)
    words = set(re.findall(r"`(--[a-z-]+|[A-Z]+)\b", "".join(items)))
    expected = {
        max(each.opts, key=len) if each.param_type_name == "option" else each.name.upper()
        for each in COMMANDS[name].params
    }

    assert words == expected


def test_the_options_of_the_program_itself_are_documented() -> None:
    head = (DOCS / "cli.md").read_text().partition("\n## ")[0]
    params = typer.main.get_command(app).params
    for option in [option for each in params for option in each.opts]:
        assert f"`{option}" in head


def keys(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every key of settings.yaml."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from keys(info.annotation, f"{path}{name}.")
        else:
            yield f"{path}{name}"


ROWS = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*?) \|", (DOCS / "settings.md").read_text(), re.MULTILINE))


def test_every_setting_stands_in_its_table_and_no_other() -> None:
    assert set(ROWS) == set(keys(Settings))


def test_every_default_is_the_one_of_the_code() -> None:
    written: dict[str, Any] = {}
    for key, shown in ROWS.items():
        section, _, name = key.rpartition(".")
        plain = {"empty": "", "none": []}
        value = plain[shown] if shown in plain else YAML(typ="safe").load(shown.strip("`"))
        (written.setdefault(section, {}) if section else written)[name] = value

    assert Settings.model_validate(written) == Settings()
