"""Tells a database that was put back from a backup, so that nobody is alerted a second time on what it has forgotten.

When the last sweep ended stands in the database, and in a file beside it that no backup of the database brings back. A
database that knows less than the file was restored: what happened until then may have been told already.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from flows.alarms import raise_alarm
from tocsin.config.folder import Config
from tocsin.keys import make_private
from tocsin.store import Store

SWEPT = "swept_at"
"""Key of the small fact when the last sweep ended."""
TOLD_UNTIL = "told_until"
"""Key of the small fact until when things may have been told that the database has forgotten."""
FILE = "swept_at"
AHEAD = dt.timedelta(hours=1)
"""No sweep that began so much later has ended before another: its clock was wrong."""
DOUBTFUL = dt.timedelta(days=7)
"""What is found so long after the restored time is no longer taken for what was told: feeds show no older items."""


def ended(config: Config, store: Store, *, now: dt.datetime) -> None:
    """A sweep of `now` has ended: first the database knows it, then the file.

    Where several sweep, one that began later may have ended before: its word stands, or the database would seem to
    have forgotten it. One that is far ahead had a clock that was set back since.
    """
    known = store.notices.recall(SWEPT)
    if known and now < dt.datetime.fromisoformat(known) <= now + AHEAD:
        return
    store.notices.remember(SWEPT, now.isoformat())
    make_private(config.state)
    fresh = config.state / f"{FILE}.new"
    fresh.write_text(now.isoformat(), encoding="utf-8")
    fresh.replace(config.state / FILE)


def look(config: Config, store: Store, *, now: dt.datetime) -> None:
    """Before a sweep: where the database was restored, remember what may have been told, and say so to the operator."""
    known, done = store.notices.recall(SWEPT), _read(config.state / FILE)
    if done is None or (known and dt.datetime.fromisoformat(known) >= done):
        return
    if store.notices.recall(TOLD_UNTIL) == done.isoformat():
        return
    store.notices.remember(TOLD_UNTIL, done.isoformat())
    behind = f"ends at {known}" if known else "is empty"
    reason = (
        f"the database {behind}, but sweeps ended until {done.isoformat()}: it was restored from a backup or replaced. "
        f"Alerts on what happened until then are held: `tocsin alerts list`, and `tocsin alerts send` where one is news"
    )
    raise_alarm(config, store, "database=restored", reason, now=now)


def told_until(store: Store, *, now: dt.datetime) -> dt.datetime | None:
    """Until when what happened may have been told already; None: everything that was told is known."""
    text = store.notices.recall(TOLD_UNTIL)
    until = dt.datetime.fromisoformat(text) if text else None
    return until if until is not None and now - until <= DOUBTFUL else None


def _read(path: Path) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None
