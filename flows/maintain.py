"""The flow `maintain`: delete what the settings no longer keep, tidy and check the database."""

from __future__ import annotations

import datetime as dt
import os

from prefect import flow

from flows.opening import opened


@flow(name="maintain", persist_result=False)
def maintain(now: dt.datetime | None = None) -> str:
    """Nightly housekeeping, in small transactions, so that sweeps go on meanwhile."""
    moment = now or dt.datetime.now(dt.UTC)
    with opened(os.environ, now=moment) as sweep:
        before = moment - sweep.config.settings.keep_articles
        deleted = sum(sweep.store.maintenance.delete_articles(before=before))
        sweep.store.maintenance.optimise()
        problems = sweep.store.maintenance.check()
        if problems:
            sweep.store.notices.put("database", "; ".join(problems), now=moment)
        else:
            sweep.store.notices.clear("database")
        return f"{deleted} articles deleted; database {'; '.join(problems) or 'sound'}"
