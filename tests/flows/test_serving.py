"""The supervisor's parts: children kept alive, one at a time on a state folder, ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import serving
from flows.serving import Child, free_port, only_one, refuse_taken_port, wait_until_healthy
from tests.newsroom import Room
from tocsin.errors import SetupError


@pytest.fixture
def sleeper() -> Iterator[Child]:
    child = Child("sleeper", ["sleep", "60"])
    yield child
    child.stop(5)


def ended(child: Child) -> None:
    assert child.process is not None
    child.process.kill()
    child.process.wait()


def test_a_child_that_ends_is_started_again_after_a_pause_that_grows(sleeper: Child) -> None:
    sleeper.tend()
    first = sleeper.process
    assert first is not None
    pauses = []
    for _ in range(3):
        ended(sleeper)
        before = time.monotonic()
        sleeper.tend()
        assert sleeper.process is None
        pauses.append((before, sleeper.next_start_at, time.monotonic()))
        sleeper.tend()
        assert sleeper.process is None
        sleeper.next_start_at = 0.0
        sleeper.tend()
        assert sleeper.process is not None

    for pause, (before, start, after) in zip((2, 4, 8), pauses, strict=True):
        assert before + pause <= start <= after + pause
    assert sleeper.process.pid != first.pid


def test_a_child_that_ran_for_long_counts_its_failures_anew(sleeper: Child) -> None:
    sleeper.tend()
    sleeper.failures, sleeper.started_at = 5, time.monotonic() - 301
    ended(sleeper)

    sleeper.tend()

    assert sleeper.failures == 1


def test_the_longest_pause_is_a_minute(sleeper: Child) -> None:
    sleeper.tend()
    sleeper.failures = 40
    ended(sleeper)

    sleeper.tend()

    assert 55 < sleeper.next_start_at - time.monotonic() <= 60


def test_a_child_that_does_not_listen_is_killed_with_what_it_started(tmp_path: Path) -> None:
    inner = tmp_path / "pid"
    forever = "while :; do sleep 1; done"
    script = f"trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {inner}; {forever}' & {forever}"
    child = Child("deaf", ["sh", "-c", script])
    child.start()
    while not inner.exists() or not inner.read_text().strip():
        time.sleep(0.02)

    child.stop(0.3)

    deadline = time.monotonic() + 60
    path = Path("/proc") / inner.read_text().strip() / "stat"
    while path.exists() and ") Z" not in path.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not path.exists() or ") Z" in path.read_text()


def test_what_a_dead_child_has_started_is_asked_to_end(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f"sh -c 'trap \"touch {told}; exit\" TERM; touch {told}.ready; while :; do sleep 0.05; done' & wait"
    child = Child("parent", ["sh", "-c", script])
    child.start()
    while not told.with_suffix(".ready").exists():
        time.sleep(0.02)
    ended(child)

    child.tend()

    deadline = time.monotonic() + 60
    while not told.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert told.exists()


def test_the_second_on_a_state_folder_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    with only_one(tmp_path / "state"):
        with pytest.raises(SetupError) as refused, only_one(tmp_path / "state"):
            pytest.fail("both run")
        assert f"process {os.getpid()} already serves this state folder" in str(refused.value)

    with only_one(tmp_path / "state"):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from flows.serving import only_one\n"
        "with only_one(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(SetupError, match=f"process {process.pid} "), only_one(tmp_path):
        pass
    process.kill()
    process.wait()
    process.stdout.close()

    with only_one(tmp_path):
        pass


def test_a_taken_port_is_named_with_the_setting_to_change() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError) as refused:
            refuse_taken_port(port)

    assert str(refused.value) == (
        f"cannot serve: 127.0.0.1:{port}: the port is taken; set `prefect_port` in config/settings.yaml to a free one"
    )
    refuse_taken_port(free_port())


def test_a_server_that_ends_while_starting_or_stays_silent_is_an_error(
    sleeper: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    sleeper.start()
    with pytest.raises(SetupError, match="no answer at http"):
        wait_until_healthy(sleeper, stop=threading.Event(), timeout_s=0.3)
    stop = threading.Event()
    stop.set()
    assert not wait_until_healthy(sleeper, stop=stop)
    ended(sleeper)
    with pytest.raises(SetupError, match="it ended while starting"):
        wait_until_healthy(sleeper, stop=threading.Event())


def test_the_second_serve_exits_with_the_pid_of_the_first(room: Room) -> None:
    room.write()
    with only_one(room.state):
        done = room.tocsin("serve")

    assert done.code == 2
    assert f"process {os.getpid()} already serves this state folder" in done.err


def test_draining_takes_longer_than_a_send() -> None:
    assert serving.DRAIN_S > 75
