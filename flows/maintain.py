"""The flow `maintain`: delete what the settings no longer keep, tidy and check the database."""

from __future__ import annotations

import datetime as dt
import os

from prefect import flow

from flows.opening import opened
from tocsin import logs
from tocsin.config.settings import Settings
from tocsin.store.retention import Retention


@flow(name="maintain", persist_result=False)
def maintain(now: dt.datetime | None = None) -> str:
    """Nightly housekeeping, in small transactions, so that sweeps go on meanwhile."""
    moment = now or dt.datetime.now(dt.UTC)
    with opened(os.environ, now=moment) as sweep:
        if sweep.config.log_file:
            logs.turn_over(sweep.config.log_file, keep=sweep.config.settings.log.keep)
        done = thin(sweep.store.retention, sweep.config.settings, now=moment)
        sweep.store.maintenance.optimise()
        problems = sweep.store.maintenance.check()
        if problems:
            sweep.store.notices.put("database", "; ".join(problems), now=moment)
        else:
            sweep.store.notices.clear("database")
        return f"{done}; database {'; '.join(problems) or 'sound'}"


def thin(retention: Retention, settings: Settings, *, now: dt.datetime) -> str:
    """Delete what is older than `settings` keep, and say how much."""
    # Events first: their articles have no trigger afterwards.
    events = sum(retention.delete_events(before=now - settings.keep_events))
    articles = sum(retention.delete_articles(before=now - settings.keep_articles))
    bodies = sum(retention.clear_bodies(before=now - settings.keep_bodies))
    audit = sum(retention.delete_audit(before=now - settings.keep_audit))
    return f"{events} events, {articles} articles, {audit} audit lines deleted; {bodies} bodies emptied"
