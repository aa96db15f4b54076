"""The flow `report`: the last whole week as a file, and as a mail to whoever takes reports and has not got it."""

from __future__ import annotations

import datetime as dt
import os

from prefect import flow

from alerts.channels import Sender
from flows.opening import opened
from flows.reporting import report_week


@flow(name="report", persist_result=False)
def report(now: dt.datetime | None = None) -> str:
    """Send the report of the week to those who lack it; the result says where it lies."""
    moment = now or dt.datetime.now(dt.UTC)
    with opened(os.environ, now=moment) as sweep:
        sender = Sender(timeout=sweep.config.settings.send.timeout)
        return report_week(sweep.config, sweep.store, sender, now=moment, holder=sweep.holder)
