"""The flow `digest`: send what was held for this hour, and write the day's report."""

from __future__ import annotations

import datetime as dt
import os

from prefect import flow

from flows.opening import opened
from flows.reporting import write_report


@flow(name="digest", persist_result=False)
def digest(now: dt.datetime | None = None) -> str:
    """Send held deliveries, those of one recipient as one message; the result says where the report of the day lies."""
    moment = now or dt.datetime.now(dt.UTC)
    with opened(os.environ, now=moment) as sweep:
        sent = sweep.send(now=moment)
        report = write_report(sweep.config, sweep.store, since=moment - dt.timedelta(days=1), until=moment)
        return f"{sent.sent} sent, {sent.failed} not sent; report at {report}"
