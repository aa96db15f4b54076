"""The schedule that Prefect is given."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.utilities.importtools import import_object
from ruamel.yaml import YAML

from flows.deployments import deployments
from tocsin.config.settings import Settings

ROOT = Path(__file__).parents[2]
SETTINGS = Settings.model_validate(
    {"sweep_every": "90s", "digest_cron": "5 6 * * *", "maintain_cron": "1 2 * * *", "timezone": "Asia/Seoul"}
)


def test_each_flow_has_the_schedule_of_the_settings() -> None:
    found = {each.flow_name: each for each in deployments(SETTINGS)}

    assert list(found) == ["watch", "digest", "maintain"]
    (schedule,) = found["watch"].schedules or []
    assert isinstance(schedule.schedule, IntervalSchedule)
    assert schedule.schedule.interval == dt.timedelta(seconds=90)
    for name, cron in (("digest", "5 6 * * *"), ("maintain", "1 2 * * *")):
        (schedule,) = found[name].schedules or []
        assert isinstance(schedule.schedule, CronSchedule)
        assert (schedule.schedule.cron, schedule.schedule.timezone) == (cron, "Asia/Seoul")


def test_every_deployment_is_active_and_runs_one_at_a_time() -> None:
    for each in deployments(SETTINGS):
        assert each.paused is False
        limit = each.concurrency_limit
        strategy = each.concurrency_options.collision_strategy if each.concurrency_options else None
        if isinstance(limit, ConcurrencyLimitConfig):
            limit, strategy = limit.limit, limit.collision_strategy
        assert limit == 1
        assert strategy == ConcurrencyLimitStrategy.CANCEL_NEW


def test_flows_take_nothing_that_could_be_a_secret() -> None:
    for each in deployments(SETTINGS):
        assert each.parameters == {}
        properties = (each._parameter_openapi_schema.properties if each._parameter_openapi_schema else {}) or {}
        assert set(properties) <= {"now"}


def test_prefect_yaml_names_the_same_flows() -> None:
    written = YAML(typ="safe").load((ROOT / "prefect.yaml").read_text())["deployments"]

    served = deployments(Settings())
    assert {each["entrypoint"] for each in written} == {each.entrypoint for each in served}
    for each in written:
        assert import_object(each["entrypoint"]).name in {one.flow_name for one in served}
        assert each["concurrency_limit"]["collision_strategy"] == "CANCEL_NEW"


def test_no_flow_file_is_named_like_a_package_or_a_module_of_python() -> None:
    """Prefect's path loader puts the flow's own folder first on sys.path."""
    import sys
    from importlib.metadata import packages_distributions

    names = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__"}

    assert names.isdisjoint(sys.stdlib_module_names)
    assert names.isdisjoint(packages_distributions())
