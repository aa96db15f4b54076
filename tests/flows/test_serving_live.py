"""`tocsin serve` as it is run: scheduled sweeps really happen, survive kills, drain on SIGTERM and are resumed."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from flows.serving import free_port
from tests.faults.oracle import plant, secrets
from tests.newsroom import HOUR, MISSILE, NOISE, VETO, Room
from tocsin.model import DeliveryState

START_S = 300.0
"""A Prefect server needs some ten seconds of a free core to start, and a sweep four."""


def present() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def until(what: str, met: Callable[[], bool], log: Path, timeout_s: float = START_S) -> None:
    """Wait until `met`."""
    deadline = time.monotonic() + timeout_s
    while not met():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {timeout_s:.0f} s\n{log.read_text()[-4000:]}")
        time.sleep(0.2)


def descendants(pid: int) -> dict[int, str]:
    """Pids and command lines of all processes that `pid` has started, and those have."""
    parents: dict[int, tuple[int, str]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                parents[int(path.name)] = (parent, command)
    found: dict[int, str] = {}
    todo = [pid]
    while todo:
        parent = todo.pop()
        mine = {child: command for child, (of, command) in parents.items() if of == parent}
        found.update(mine)
        todo += mine
    return found


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    with suppress(OSError):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@contextmanager
def serving(room: Room, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`tocsin serve` in a session of its own; whatever is left of it is killed at the end."""
    environ = {**os.environ, **room.environ, "PREFECT_RUNNER_POLL_FREQUENCY": "2", "PREFECT_LOGGING_LEVEL": "DEBUG"}
    command = [str(Path(sys.executable).parent / "tocsin"), "serve"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output, start_new_session=True)
    family: dict[int, str] = {}
    try:
        yield process
    finally:
        family = descendants(process.pid)
        for pid in (process.pid, *family):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def stopped(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, a clean end, and nobody left behind."""
    family = descendants(process.pid)
    process.terminate()
    assert process.wait(300) == 0
    deadline = time.monotonic() + 60
    while any(map(alive, family)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert {pid: command for pid, command in family.items() if alive(pid)} == {}


def leak_slot(port: int, password: str) -> None:
    """Take the concurrency slot of the sweeps as a killed server leaves it: held by nobody."""
    url = f"http://127.0.0.1:{port}/api"
    login = {"Authorization": f"Basic {base64.b64encode(f'tocsin:{password}'.encode()).decode()}"}
    asked = urllib.request.Request(f"{url}/deployments/name/watch/tocsin", headers=login)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        limit = json.load(answer)["global_concurrency_limit"]["name"]
    body = json.dumps({"active_slots": 1}).encode()
    name, headers = urllib.parse.quote(limit), {"Content-Type": "application/json", **login}
    request = urllib.request.Request(f"{url}/v2/concurrency_limits/{name}", body, headers, method="PATCH")
    for _ in range(20):
        try:
            urllib.request.urlopen(request, timeout=30).close()
            return
        except urllib.error.HTTPError as busy:  # Prefect answers 503 while its database is busy
            busy.close()
            time.sleep(0.5)
    pytest.fail("Prefect stayed busy")


def announced(room: Room) -> set[str]:
    """Ids of the alerts in Prefect's stream of events."""
    password = (room.state / "prefect.key").read_text()
    login = {"Authorization": f"Basic {base64.b64encode(f'tocsin:{password}'.encode()).decode()}"}
    body = json.dumps({"filter": {"event": {"name": ["tocsin.alert"]}}}).encode()
    url = f"http://127.0.0.1:{room.settings['prefect_port']}/api/events/filter"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **login})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return {event["resource"]["prefect.resource.id"] for event in json.load(answer)["events"]}
    except urllib.error.HTTPError as busy:  # Prefect answers 503 while its database is busy
        busy.close()
        return set()


def nobody_else_is_served(port: int) -> None:
    """Neither another user of the machine nor a page in a browser on it: whoever could would run code as us."""
    page = {"Origin": "http://evil.example", "Content-Type": "application/json"}
    for path, body in (("flow_runs/filter", b"{}"), ("variables/", b'{"name": "x", "value": 1}')):
        for headers in (page, {**page, "Authorization": "Basic dG9jc2luOmd1ZXNz"}):
            request = urllib.request.Request(f"http://127.0.0.1:{port}/api/{path}", body, headers)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=10)
            assert refused.value.code == 401
            assert refused.value.headers["Access-Control-Allow-Origin"] not in ("*", "http://evil.example")
            refused.value.close()


def swept(room: Room) -> str:
    with room.store() as store:
        return store.notices.recall("swept_at")


def news(room: Room, title: str) -> None:
    """Publish an item, and let the time of the feed's next poll come."""
    room.press.papers["herald"].publish(title, at=present())
    with room.store() as store:
        state = store.feeds.get("herald")
        assert state is not None
        store.feeds.save_poll(replace(state, next_check_at=present()), [])


def delivered(room: Room, number: int) -> Callable[[], bool]:
    """Whether so many alerts have reached both receivers and are marked."""

    def check() -> bool:
        with room.store() as store:
            open_ = [*store.outbox.in_state(DeliveryState.QUEUED), *store.outbox.in_state(DeliveryState.CLAIMED)]
        return len(room.hooks.requests) >= number and len(room.mailbox.mails) >= number and not open_

    return check


def healthy(room: Room) -> bool:
    """Whether the dashboard answers that all is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{room.settings['web']['port']}/healthz", timeout=5) as answer:
            return bool(json.load(answer) == {"status": "ok"})
    except OSError:
        return False


@pytest.mark.timeout(3_000)
def test_scheduled_sweeps_happen_survive_kills_and_are_resumed(room: Room, tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    room.settings |= {"sweep_every": "5s", "prefect_port": free_port(), "web": {"port": free_port()}}
    plant(room)
    room.paper("herald").publish(NOISE, at=present() - HOUR)
    room.write().sweep(now=present() - HOUR)
    before = swept(room)

    with serving(room, log) as process:
        until("a first scheduled sweep", lambda: swept(room) != before, log)
        news(room, MISSILE)
        until("delivery of a scheduled run's alert", delivered(room, 1), log)
        told = {f"tocsin.alert.{id}" for id in room.hooked()}
        until("the alert in Prefect's events", lambda: announced(room) == told, log)

        family = descendants(process.pid)
        runner = next(pid for pid, command in family.items() if "flows.deployments" in command)
        server = next(pid for pid, command in family.items() if "prefect server" in command)
        dashboard = next(pid for pid, command in family.items() if "tocsin.web" in command)
        os.kill(runner, signal.SIGKILL)
        os.kill(server, signal.SIGKILL)
        os.kill(dashboard, signal.SIGKILL)
        news(room, VETO)
        until("delivery after kill -9 of server and runner", delivered(room, 2), log)
        until("the dashboard after its kill", lambda: healthy(room), log)
        again = swept(room)
        until("another sweep after the kills", lambda: swept(room) != again, log)
        stopped(process)

    last = swept(room)
    with serving(room, log) as process:
        until("a sweep after a second start", lambda: swept(room) != last, log)
        nobody_else_is_served(room.settings["prefect_port"])
        leak_slot(room.settings["prefect_port"], (room.state / "prefect.key").read_text())
        again = swept(room)
        until("a sweep although a slot leaked", lambda: swept(room) != again, log)
        stopped(process)

    assert len(room.hooked()) == len(set(room.hooked())) == 2
    assert len(room.mailbox.mails) == 2
    secrets(room, [log])
    assert "Traceback" not in "\n".join(line for line in log.read_text().splitlines() if "tocsin" in line)
