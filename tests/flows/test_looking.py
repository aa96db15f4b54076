"""The looks between two sweeps of a backtest come to an end, whatever a threshold asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alerts.thresholds import Decision, evaluate
from flows.backtest.archive import beat
from flows.backtest.looking import look
from tests.alerts.samples import threshold
from tests.newsroom import HOUR, MINUTE, NOW
from tocsin.store import Store

QUIET = threshold("silence")


def asks_for(ahead: dt.timedelta, looked: list[dt.datetime], *, now: dt.datetime, **seen: Any) -> Sequence[Decision]:
    """A judgement that never fires and wants to be looked at again `ahead`."""
    looked.append(now)
    return [Decision("w", QUIET.id, "1", "", "", False, "never", now, again_at=now + ahead)]


@pytest.mark.parametrize("ahead", [dt.timedelta(0), -HOUR])
def test_what_asks_to_be_looked_at_at_once_is_looked_at_by_the_next_sweep(ahead: dt.timedelta, tmp_path: Path) -> None:
    looked: list[dt.datetime] = []
    with Store.scratch(tmp_path) as store:
        found = look(
            QUIET,
            ("w", QUIET.id),
            store,
            events=(),
            at=NOW,
            until=NOW + 3 * MINUTE,
            ceil=partial(beat, every=MINUTE),
            watched_since=None,
            judge=lambda threshold, **seen: asks_for(ahead, looked, **seen),
        )

    assert looked == [NOW, NOW + MINUTE, NOW + 2 * MINUTE]
    assert not found.fires


def test_a_threshold_that_time_alone_may_cross_asks_for_a_later_look() -> None:
    for decision in evaluate(QUIET, events=(), prior=(), now=NOW):
        assert decision.again_at is not None
        assert decision.again_at > NOW
