"""`tocsin serve`: a Prefect server on loopback, the runner of the scheduled flows, the dashboard: all watched children.

Prefect is the clock here, not the ledger: whatever dies is started again, and what it was about lies in the database.
Nothing here imports prefect, so that the supervisor stays small and its children get their environment first.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from flows.environment import prepare
from tocsin.errors import SetupError
from tocsin.keys import make_private

logger = logging.getLogger("tocsin.serve")

SERVER_START_S = 180.0
DRAIN_S = 120.0
_LONGEST_PAUSE_S = 60.0
_STEADY_AFTER_S = 300.0


@dataclass(slots=True)
class Child:
    """A process to keep alive: started again with a growing pause when it ends by itself.

    It leads a group, so that what it has started itself ends with it.
    """

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    next_start_at: float = 0.0
    failures: int = 0
    quiet: bool = False
    environ: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start the process in a session of its own, so that a Ctrl-C reaches the supervisor alone."""
        self.started_at = time.monotonic()
        output = subprocess.DEVNULL if self.quiet else None
        self.process = subprocess.Popen(
            self.command, start_new_session=True, env={**os.environ, **self.environ}, stdout=output, stderr=output
        )
        logger.info("%s started: pid %s", self.name, self.process.pid)

    def tend(self) -> None:
        """Start the process again if it has ended and its pause is over."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.next_start_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        steady = now - self.started_at > _STEADY_AFTER_S
        self.failures = 1 if steady else self.failures + 1
        pause = min(_LONGEST_PAUSE_S, 2.0**self.failures)
        logger.error("%s ended with code %s; next start in %.0f s", self.name, code, pause)
        self._signal(signal.SIGTERM)
        self.process, self.next_start_at = None, now + pause

    def stop(self, timeout_s: float) -> None:
        """Ask the process to end, and end it with all that it has started after `timeout_s`."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            logger.error("%s did not end within %.0f s: killed", self.name, timeout_s)
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to what is left of the process's group."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


def server_child(*, quiet: bool = False) -> Child:
    """Prefect's own server, as configured by the environment."""
    return Child("prefect server", [sys.executable, "-m", "prefect", "server", "start"], quiet=quiet)


def runner_child() -> Child:
    """The process that registers the deployments and runs what Prefect schedules."""
    return Child("flow runner", [sys.executable, "-m", "flows.deployments"])


def web_child() -> Child:
    """The dashboard."""
    return Child("dashboard", [sys.executable, "-m", "tocsin.web"])


@contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold the lock of `state`: SetupError with the pid of the holder where another process has it."""
    make_private(state)
    path = state / "serve.lock"
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            pid = handle.read().strip() or "unknown"
            raise SetupError(
                "cannot serve", subject=str(state), cause=f"process {pid} already serves this state folder"
            ) from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def wait_until_healthy(child: Child, *, stop: threading.Event, timeout_s: float = SERVER_START_S) -> bool:
    """True once the Prefect API answers; False when told to stop. SetupError if the server dies or stays silent."""
    url = os.environ["PREFECT_API_URL"].rstrip("/") + "/health"
    deadline = time.monotonic() + timeout_s
    while not stop.wait(0.25):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            pass
        if child.process is not None and child.process.poll() is not None:
            raise SetupError(
                "cannot serve", subject="prefect server", cause="it ended while starting; see its log above"
            )
        if time.monotonic() > deadline:
            raise SetupError("cannot serve", subject="prefect server", cause=f"no answer at {url} in {timeout_s:.0f} s")
    return False


def demand_server() -> None:
    """SetupError where no Prefect server answers at PREFECT_API_URL."""
    url = os.environ["PREFECT_API_URL"].rstrip("/") + "/health"
    try:
        with urllib.request.urlopen(url, timeout=10):
            pass
    except (urllib.error.URLError, OSError) as error:
        cause = f"no answer at {url}; start it, or set PREFECT_API_URL"
        raise SetupError("cannot deploy", subject="prefect server", cause=cause, retry=True) from error


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refuse_taken_port(port: int) -> None:
    """SetupError where something else already listens on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SetupError(
                "cannot serve",
                subject=f"127.0.0.1:{port}",
                cause="the port is taken; set `prefect_port` in config/settings.yaml to a free one",
            ) from error


def serve(state: Path, *, port: int, web: bool = False) -> None:
    """Run server, runner and, with `web`, the dashboard until SIGTERM or SIGINT.

    Then the dashboard is stopped, the runner drained, and the server stopped last.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    own_server = not os.environ.get("PREFECT_API_URL")
    with only_one(state):
        if own_server:
            refuse_taken_port(port)
        prepare(state, port=port)
        _tend(state, own_server=own_server, web=web, stop=stop)


def _tend(state: Path, *, own_server: bool, web: bool, stop: threading.Event) -> None:
    server, runner, dashboard = server_child(), runner_child(), web_child()
    children = [*([server] if own_server else []), runner, *([dashboard] if web else [])]
    if own_server:
        # Only the holder of the lock may free the concurrency slots that a killed predecessor left behind.
        runner.environ["TOCSIN_FREE_SLOTS"] = "1"
    try:
        if own_server:
            server.start()
            if not wait_until_healthy(server, stop=stop):
                return
        logger.info("serving the flows of %s; Prefect at %s", state, os.environ["PREFECT_API_URL"])
        while not stop.wait(0.5):
            for child in children:
                child.tend()
    finally:
        dashboard.stop(10.0)
        logger.info("stopping: draining the running sweep")
        runner.stop(DRAIN_S)
        if own_server:
            server.stop(30.0)
