"""docs/operate.md names nothing that is not there. `make operate` follows it on a clean Debian."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.operate.commands import DOCUMENT, ROOT, blocks, commands
from tocsin.cli import app

TOCSIN = Path(sys.executable).parent / "tocsin"


def named(program: str) -> list[list[str]]:
    """Commands of that program, without their path; each once."""
    found = [words for words in commands() if Path(words[0]).name == program]
    return [list(words) for words in dict.fromkeys(tuple(words[1:]) for words in found)]


def test_every_block_is_found() -> None:
    assert len(blocks()) >= 8
    assert any("make install" in block.script for block in blocks())


@pytest.mark.parametrize("words", named("tocsin"), ids=" ".join)
def test_every_command_and_option_of_tocsin_exists(words: list[str]) -> None:
    path = [word for word in words if re.fullmatch(r"[a-z][a-z-]*(\|[a-z-]+)*", word)]
    group, acts = path[:1], (path[1].split("|") if len(path) > 1 else [""])

    for act in acts:
        asked = [*group, *([act] if act else [])]
        done = CliRunner().invoke(app, [*asked, "--help"])
        if done.exit_code and len(asked) > 1:  # the second word was an argument, such as the id of a channel
            done = CliRunner().invoke(app, [*group, "--help"])
        assert done.exit_code == 0, done.output
        for option in (word for word in words if word.startswith("--")):
            assert option in done.output


def test_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert {words[0] for words in named("make") if words} <= targets


def test_every_file_of_the_tree_exists() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    links = [DOCUMENT.parent / link for link in re.findall(r"\]\(([^)#:]+)", text)]
    copied = [ROOT / words[1] for words in named("cp") for words in [["", *words]]]

    assert copied
    assert [path for path in (*links, *copied) if not path.exists()] == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_one(tmp_path: Path) -> None:
    unit = (ROOT / "deploy" / "tocsin.service").read_text(encoding="utf-8")
    # It verifies that the program exists, which it does only where Tocsin is installed.
    (tmp_path / "tocsin.service").write_text(unit.replace("/srv/tocsin/.venv/bin/tocsin", str(TOCSIN)), "utf-8")

    done = subprocess.run(["systemd-analyze", "verify", tmp_path / "tocsin.service"], capture_output=True, text=True)

    assert [line for line in done.stderr.splitlines() if "tocsin.service" in line] == []
