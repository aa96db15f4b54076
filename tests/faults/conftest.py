"""One driver for all fault cases, and commands that run inside the test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import run
from tests.faults.driver import Driver

__all__ = ["driver", "run"]


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """A process that forks sweeps which can be killed."""
    driver = Driver()
    yield driver
    driver.close()
