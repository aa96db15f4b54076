"""The schedule that Prefect is given."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import prefect
import pytest
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.utilities.importtools import import_object
from ruamel.yaml import YAML

from flows.deployments import deployments
from tocsin.config.settings import Settings

ROOT = Path(__file__).parents[2]
SETTINGS = Settings.model_validate(
    {
        "sweep_every": "90s",
        "digest_cron": "5 6 * * *",
        "report_cron": "9 8 * * *",
        "maintain_cron": "1 2 * * *",
        "timezone": "Asia/Seoul",
    }
)


def test_each_flow_has_the_schedule_of_the_settings() -> None:
    found = {each.flow_name: each for each in deployments(SETTINGS)}

    assert list(found) == ["watch", "digest", "report", "maintain"]
    (schedule,) = found["watch"].schedules or []
    assert isinstance(schedule.schedule, IntervalSchedule)
    assert schedule.schedule.interval == dt.timedelta(seconds=90)
    for name, cron in (("digest", "5 6 * * *"), ("report", "9 8 * * *"), ("maintain", "1 2 * * *")):
        (schedule,) = found[name].schedules or []
        assert isinstance(schedule.schedule, CronSchedule)
        assert (schedule.schedule.cron, schedule.schedule.timezone) == (cron, "Asia/Seoul")


@pytest.mark.parametrize("workers", [1, 3])
def test_every_deployment_is_active_and_sweeps_may_be_as_many_as_workers(workers: int) -> None:
    limits = {}
    for each in deployments(SETTINGS, workers=workers):
        assert each.paused is False
        limits[each.flow_name] = each.concurrency_limit
        assert each.concurrency_options is not None
        assert each.concurrency_options.collision_strategy == ConcurrencyLimitStrategy.CANCEL_NEW

    assert limits == {"watch": workers, "digest": 1, "report": 1, "maintain": 1}


def test_flows_take_nothing_that_could_be_a_secret() -> None:
    for each in deployments(SETTINGS):
        assert each.parameters == {}
        properties = (each._parameter_openapi_schema.properties if each._parameter_openapi_schema else {}) or {}
        assert set(properties) <= {"now"}


def test_prefect_yaml_says_what_tocsin_deploy_registers() -> None:
    document = YAML(typ="safe").load((ROOT / "prefect.yaml").read_text())
    written = {import_object(each["entrypoint"]).name: each for each in document["deployments"]}
    served = {each.flow_name: each for each in deployments(Settings())}

    assert document["prefect-version"] == prefect.__version__
    assert list(written) == list(served)
    for name, each in written.items():
        known = served[name]
        assert (each["name"], each["entrypoint"]) == (known.name, known.entrypoint)
        assert [Schedule(**given) for given in each["schedules"]] == [schedule(known)]
        assert known.concurrency_options is not None
        assert each["concurrency_limit"] == {
            "limit": known.concurrency_limit,
            "collision_strategy": known.concurrency_options.collision_strategy.value,
            "grace_period_seconds": known.concurrency_options.grace_period_seconds,
        }
        assert each["work_pool"] == {"name": "tocsin"}


def test_containers_of_a_pool_have_what_those_of_compose_have() -> None:
    document = YAML(typ="safe").load((ROOT / "prefect.yaml").read_text())
    variables = document["definitions"]["containers"]["job_variables"]
    worker = YAML(typ="safe").load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["worker"]

    assert variables["image"] == worker["image"]
    # The image's own entrypoint is `tocsin`, Prefect's command begins with `prefect`.
    assert variables["container_create_kwargs"]["entrypoint"] == ["prefect"]
    inside = {volume.partition(":")[2] for volume in variables["volumes"]}
    assert inside == {volume.partition(":")[2] for volume in worker["volumes"]}
    assert f"{variables['env']['TOCSIN_CONFIG']}:ro" in inside


def schedule(deployment: RunnerDeployment) -> Schedule:
    """The one schedule of a deployment as prefect.yaml would say it."""
    (given,) = deployment.schedules or []
    if isinstance(given.schedule, IntervalSchedule):
        return Schedule(interval=given.schedule.interval.total_seconds())
    assert isinstance(given.schedule, CronSchedule)
    return Schedule(cron=given.schedule.cron)


@dataclass(frozen=True)
class Schedule:
    """A line of prefect.yaml."""

    interval: float = 0
    cron: str = ""


def test_no_flow_file_is_named_like_a_package_or_a_module_of_python() -> None:
    """Prefect's path loader puts the flow's own folder first on sys.path."""
    import sys
    from importlib.metadata import packages_distributions

    names = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__"}

    assert names.isdisjoint(sys.stdlib_module_names)
    assert names.isdisjoint(packages_distributions())
