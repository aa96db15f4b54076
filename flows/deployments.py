"""The schedule: every flow as a Prefect deployment, and the runner that serves them.

`python -m flows.deployments` is the runner child of `tocsin serve`. `prefect.yaml` names the same entrypoints for
those who run work pools.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from prefect import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate, WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.runner import Runner
from prefect.schedules import Cron, Interval, Schedule
from prefect.types.entrypoint import EntrypointType

from flows.digest import digest
from flows.maintain import maintain
from flows.report import report
from flows.watch import watch
from tocsin.config.folder import find_folder, load_or_last_good
from tocsin.config.settings import Settings
from tocsin.errors import SetupError

logger = logging.getLogger("tocsin.serve")

SLOTS_EVERY_S = 10.0
UNAUTHORIZED = 401


def at_most(runs: int) -> ConcurrencyLimitConfig:
    """So many runs at a time. One more is dropped: those under way, or the next one, do whatever is due."""
    return ConcurrencyLimitConfig(
        limit=runs, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW, grace_period_seconds=60
    )


def deployments(settings: Settings, *, workers: int = 1) -> list[RunnerDeployment]:
    """A deployment for each flow, with the schedule of `settings`; active, whatever an earlier stop left behind.

    A sweep that takes longer than `sweep_every` is joined by the next, up to one for each of the `workers`.
    """
    schedules: list[tuple[object, Schedule, int]] = [
        (watch, Interval(settings.sweep_every), workers),
        (digest, Cron(settings.digest_cron, timezone=settings.timezone), 1),
        (report, Cron(settings.report_cron, timezone=settings.timezone), 1),
        (maintain, Cron(settings.maintain_cron, timezone=settings.timezone), 1),
    ]
    return [
        flow.to_deployment(  # type: ignore[attr-defined]
            name="tocsin",
            schedule=schedule,
            paused=False,
            concurrency_limit=at_most(runs),
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for flow, schedule, runs in schedules
    ]


async def register(served: Sequence[RunnerDeployment], *, pool: str, config: str) -> list[str]:
    """Register `served` with the work pool `pool`, made as one of processes where there is none.

    `config` is where the workers find the folder of the configuration. The names of the deployments. `SetupError` where
    the server wants another password.
    """
    async with get_client() as client:
        try:
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        except ObjectAlreadyExists:
            pass
        except PrefectHTTPStatusError as error:
            if error.response.status_code != UNAUTHORIZED:
                raise
            cause = "it wants another password; set PREFECT_API_AUTH_STRING"
            raise SetupError("cannot deploy", subject="prefect server", cause=cause) from error
    names = []
    for each in served:
        each.job_variables = {"env": {"TOCSIN_CONFIG": config}}
        await each.aapply(work_pool_name=pool)
        names.append(f"{each.flow_name}/{each.name}")
    return names


async def free_slots(names: Sequence[str]) -> None:
    """Give back the concurrency slots of deployments `names` ("flow/deployment") that a killed process still holds.

    Only for the one runner of a server: it would let runs of another runner overlap.
    """
    async with get_client() as client:
        for name in names:
            try:
                deployment = await client.read_deployment_by_name(name)
                limit = deployment.global_concurrency_limit
                if limit is not None and limit.active_slots:
                    await client.update_global_concurrency_limit(
                        limit.name, GlobalConcurrencyLimitUpdate(active_slots=0)
                    )
            except ObjectNotFound:
                continue


class Draining(Runner):
    """Prefect's runner, but on SIGTERM it starts no more runs, hands the signal on to those under way and waits.

    Prefect's own way is to end at once and to kill a run that takes longer than half a minute: in the midst of a send.
    """

    def handle_sigterm(self, *_args: object, **_kwargs: object) -> None:
        """Called by the signal; the event loop does the rest."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._drain)

    async def tend_slots(self, names: Sequence[str]) -> None:
        """Free slots that are taken although no run is under way, for as long as the runner lives.

        A server that is killed never hears that a run ended, and would refuse all others for five minutes.
        """
        idle = False
        while True:
            await asyncio.sleep(SLOTS_EVERY_S)
            was_idle, idle = idle, not self._process_manager.flow_run_ids()
            if was_idle and idle:
                try:
                    await free_slots(names)
                except Exception as error:  # the server may be away; there is another look
                    logger.info("cannot look after concurrency slots: %s", type(error).__name__)

    def _drain(self) -> None:
        self.stopping = True
        handles = [self._process_manager.get(run) for run in self._process_manager.flow_run_ids()]
        for pid in [handle.pid for handle in handles if handle and handle.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self._loops_task_group.cancel_scope.cancel()


async def run(served: Sequence[RunnerDeployment], *, free: bool) -> None:
    """Register `served` and run what Prefect schedules until SIGTERM; `free`: no other runner uses this server."""
    names = [f"{each.flow_name}/{each.name}" for each in served]
    if free:
        await free_slots(names)
    runner = Draining(pause_on_shutdown=False, limit=len(served))
    for each in served:
        await runner.aadd_deployment(each)
    tending = asyncio.create_task(runner.tend_slots(names)) if free else None
    await runner.start()
    if tending:
        tending.cancel()


def main() -> None:
    """The runner child of `tocsin serve`."""
    config = load_or_last_good(find_folder(os.environ), os.environ).config
    asyncio.run(run(deployments(config.settings), free=bool(os.environ.get("TOCSIN_FREE_SLOTS"))))


if __name__ == "__main__":
    main()
