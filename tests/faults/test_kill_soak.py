"""K15 in short; `make soak` is the ten minutes."""

from __future__ import annotations

from tests.faults.soak import soak
from tests.newsroom import Room


def test_killed_at_random_nothing_is_lost_and_nothing_sent_twice_outside_the_window(room: Room) -> None:
    found = soak(room, seconds=12.0, seed=7)

    assert found.kills >= 3
    assert found.alerts > 10
    assert (found.lost, found.duplicates_outside_window) == (0, 0)
    assert found.duplicates <= 2 * found.kills
