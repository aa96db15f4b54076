"""Detection on the machines of a Dask cluster, by Prefect's DaskTaskRunner: a task run for each piece of work.

Prefect's extra for it is imported only where `detect.dask` asks for it.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.fanout import Answer, FanOut, detect_packed
from flows.sweep import Sweep
from tocsin.errors import SetupError

CONNECT_S = 10.0
"""For the scheduler to answer; then the sweep detects alone."""


@contextmanager
def on_dask(sweep: Sweep) -> Iterator[None]:
    """For the time of the block, `sweep` has its articles read on the cluster that `detect.dask` names, if any.

    `SetupError` where the extra is not installed. A cluster that does not answer is done without.
    """
    address = sweep.config.settings.detect.dask
    if not address:
        yield
        return
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        cause = "prefect-dask is not installed; run `make install-scale`"
        raise SetupError("cannot detect on Dask", subject=address, cause=cause) from error
    # Prefect sends the context along, and that of the task `collect` holds the open store, which cannot travel.
    of_flow = contextvars.copy_context()
    detect = task(name="detect", cache_policy=NO_CACHE, persist_result=False)(detect_packed)
    with DaskTaskRunner(address=address, client_kwargs={"timeout": CONNECT_S}) as runner:

        def submit(digest: str, rules: bytes, articles: bytes) -> Answer:
            parameters = {"digest": digest, "rules": rules, "articles": articles}
            answer: Answer = of_flow.copy().run(runner.submit, detect, parameters=parameters)
            return answer

        sweep.reader = FanOut(sweep.config, submit, lambda: sweep.detector)
        yield
