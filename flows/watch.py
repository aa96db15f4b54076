"""The flow `watch`: one sweep, each step a Prefect task. Scheduled every minute or so; it does whatever is due."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Sequence

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.announcing import announce, leave_table
from flows.cluster import on_dask
from flows.opening import opened
from flows.sweep import Step
from tocsin.model import Alert


@flow(name="watch", persist_result=False)
async def watch(now: dt.datetime | None = None) -> str:
    """Poll, detect, evaluate and send what is due; `now` is for a replay. The result says what was done.

    Asynchronous for Prefect only, whose synchronous flows take a second longer; the sweep runs in a thread.
    """
    moment = now or dt.datetime.now(dt.UTC)
    raised: list[Alert] = []

    def tell(alerts: Sequence[Alert]) -> None:
        raised.extend(alerts)
        announce(alerts)

    with opened(os.environ, now=moment) as sweep, on_dask(sweep):
        sweep.tell = tell
        tally = await asyncio.to_thread(sweep.run, now=moment, wrap=_as_task, clock=None if now else _clock)
    await leave_table(tally, raised)
    return str(tally)


def _clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _as_task(name: str, step: Step) -> Step:
    return task(name=name, cache_policy=NO_CACHE, persist_result=False)(step)
