"""One driver for all fault cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.driver import Driver


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """A process that forks sweeps which can be killed."""
    driver = Driver()
    yield driver
    driver.close()
