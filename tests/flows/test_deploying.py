"""`tocsin deploy` on a real Prefect server, and the files of deploy/ as far as they can be checked without Docker."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from flows.environment import KEY, prefect_environment
from flows.serving import free_port
from tests.newsroom import HOUR, MISSILE, NOISE, Room
from tests.scale.test_workers import LONG
from tocsin.cli import app
from tocsin.keys import kept_key

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text())
COMMANDS = set(getattr(typer.main.get_command(app), "commands", {}))


@contextmanager
def process(*command: str, environ: dict[str, str], log: Path) -> Iterator[int]:
    """The pid of a process that is ended with the block, with all that it starts."""
    with log.open("ab") as output:
        started = subprocess.Popen(command, env=environ, stdout=output, stderr=output, start_new_session=True)
    try:
        yield started.pid
    finally:
        for number, wait_s in ((signal.SIGTERM, 15), (signal.SIGKILL, 15)):
            with suppress(ProcessLookupError):
                os.killpg(started.pid, number)
            with suppress(subprocess.TimeoutExpired):
                started.wait(wait_s)


def answers(port: int) -> bool:
    with suppress(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5).close()
        return True
    return False


def until(met: Callable[[], bool], log: Path, timeout_s: float = 150) -> None:
    deadline = time.monotonic() + timeout_s
    while not met():
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        time.sleep(0.3)


@pytest.mark.skipif(not LONG, reason="a minute beside a Prefect server; `make scale` runs it")
def test_workers_of_a_pool_run_what_was_deployed(room: Room) -> None:
    now = dt.datetime.now(dt.UTC)
    room.settings["sweep_every"] = "5s"
    room.settings["prefect_port"] = port = free_port()
    paper = room.paper("herald").publish(NOISE, at=now - 2 * HOUR)
    room.write().sweep(now=now - HOUR)
    paper.publish(MISSILE, at=now)
    refused = room.tocsin("deploy")
    assert (refused.code, "/api/health; start it, or set PREFECT_API_URL" in refused.err) == (2, True), refused.err

    prefect = [sys.executable, "-m", "prefect"]
    home = prefect_environment(room.state, port=port, environ={}, key=kept_key(room.state / KEY))
    environ = {**os.environ, **home, "PREFECT_WORKER_QUERY_SECONDS": "2"}
    log = room.folder / "prefect.log"
    with process(*prefect, "server", "start", environ=environ, log=log):
        until(lambda: answers(port), log)
        stranger = {"PREFECT_API_URL": home["PREFECT_API_URL"], "PREFECT_API_AUTH_STRING": "tocsin:guessed"}
        refused = room.tocsin("deploy", environ=stranger)
        assert (refused.code, "it wants another password" in refused.err) == (2, True), refused.err
        assert room.tocsin("deploy").code == 0
        again = room.tocsin("deploy", "--pool", "tocsin")
        assert again.code == 0, again.err
        assert again.out.splitlines() == [
            f"{each}/tocsin: in pool tocsin" for each in ("watch", "digest", "report", "maintain")
        ]
        # The worker knows nothing of the configuration: the deployment does.
        with process(*prefect, "worker", "start", "--pool", "tocsin", environ=environ, log=log):
            until(lambda: len(room.hooked()) == len(room.mailed()) == 1, log)


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not here")
    text = (DEPLOY / "tocsin.service").read_text()
    assert "/srv/tocsin/.venv/bin/tocsin serve" in text
    unit = tmp_path / "tocsin.service"
    # The paths and the user of a server are not those of this machine.
    local = text.replace("/srv/tocsin/.venv/bin/tocsin", "/bin/true").replace("User=tocsin\nGroup=tocsin\n", "")
    unit.write_text(local)
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert "tocsin.service" not in done.stderr, done.stderr
    unit.write_text(local.replace("Restart=on-failure", "Restrat=on-failure"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert "Restrat" in done.stderr, "it would say so"


def test_the_unit_ends_later_than_the_supervisor_drains() -> None:
    from flows.serving import DRAIN_S

    (timeout,) = re.findall(r"^TimeoutStopSec=(\d+)$", (DEPLOY / "tocsin.service").read_text(), re.MULTILINE)
    assert int(timeout) > DRAIN_S + 30
    assert COMPOSE["services"]["worker"]["stop_grace_period"] == "3m"


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_a_service_of_compose_names_only_what_there_is(name: str) -> None:
    service = COMPOSE["services"][name]

    assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
    for volume in service.get("volumes", []):
        source = volume.partition(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    build = service.get("build")
    assert build is None or (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    words = " ".join(service.get("entrypoint", ["tocsin", *service.get("command", [])]))
    ours = service["image"] == "tocsin" and "prefect" not in words
    named = set(re.findall(r"\btocsin (\w+)", words))
    assert named <= COMMANDS
    assert bool(named) == ours


def test_s08_compose_publishes_nothing_but_on_loopback_and_holds_no_secret() -> None:
    for service in COMPOSE["services"].values():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
        for key, value in service.get("environment", {}).items():
            if key.endswith(("PASSWORD", "DATABASE")):
                assert "${DB_PASSWORD:?" in value
    ours = [each for each in COMPOSE["services"].values() if each["image"] == "tocsin"]
    assert len(ours) == 4
    assert all(each["read_only"] and each["cap_drop"] == ["ALL"] for each in ours)


def test_compose_itself_takes_the_file() -> None:
    known = shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=60)
    if not known or known.returncode:
        pytest.skip("docker compose is not here")
    environ = {**os.environ, "DB_PASSWORD": "x", "PREFECT_PASSWORD": "y", "WORKERS": "3"}
    command = ["docker", "compose", "-f", str(DEPLOY / "compose.yaml"), "config", "--format", "json"]
    done = subprocess.run(command, env=environ, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["services"]["worker"]["scale"] == 3


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_has_every_package_and_runs_as_nobody_special() -> None:
    known = {"FROM", "ARG", "ENV", "WORKDIR", "RUN", "COPY", "USER", "VOLUME", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in instructions()} <= known
    copied = [rest.split() for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    sources = {each for words in copied for each in words[:-1] if not each.startswith("--")}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])

    assert all((ROOT / each).exists() for each in sources)
    assert sources <= kept
    assert packages <= sources
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= sources
    assert not any(fnmatch(".env", each) or each in ("state", ".git") for each in kept)
    users = [rest for word, rest in instructions() if word == "USER"]
    assert users == ["tocsin"]


@pytest.mark.parametrize(("extra", "brings"), [("", "prefect"), ("scale", "prefect-dask"), ("parquet", "pyarrow")])
def test_the_image_is_built_from_the_lock_of_its_extra(extra: str, brings: str) -> None:
    copied = {each for word, rest in instructions() if word == "COPY" for each in rest.split()}
    (install,) = (rest for _, rest in instructions() if "--require-hashes" in rest)
    shown = re.sub(r"^\S+ -m pip", "echo", install)
    done = subprocess.run(["sh", "-c", shown], env={"EXTRA": extra}, capture_output=True, text=True, timeout=20)
    lock = done.stdout.split()[-1]
    pinned = re.findall(r"^(\S+)==", (ROOT / lock).read_text(), re.MULTILINE)

    assert ("ARG", 'EXTRA=""') in instructions()
    assert lock in copied
    assert {brings, "spacy", "hatchling"} <= set(pinned)
    assert COMPOSE["services"]["worker"]["build"]["args"] == {"EXTRA": "${EXTRA:-}"}


def test_the_manual_installs_the_unit_that_there_is() -> None:
    text = (ROOT / "docs" / "operate.md").read_text()
    section = text.partition("### On a server, for good")[2].partition("###")[0]
    commands = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    script = "\n".join(commands).replace("<address of this repository>", "https://example.org/tocsin.git")
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    unit = (DEPLOY / "tocsin.service").read_text()
    (home,) = re.findall(r"^WorkingDirectory=(\S+)$", unit, re.MULTILINE)
    assert f"git clone https://example.org/tocsin.git {home} " in script
    assert f"EnvironmentFile=-{'/etc/tocsin.env'}" in unit and "/etc/tocsin.env" in script
    assert f"ReadWritePaths={home}/state" in unit and "tocsin state" in script
