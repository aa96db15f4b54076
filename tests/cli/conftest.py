"""Commands run inside the test process: what they print, and how they end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.newsroom import Done, Room
from tocsin.cli import main

Run = Callable[..., Done]


@pytest.fixture
def run(room: Room, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the room, whose configuration is written first."""
    room.write()
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str) -> Done:
        for name, value in room.environ.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capfd.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return command
