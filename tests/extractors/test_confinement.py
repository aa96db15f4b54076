"""Code that took over the parser process (S05) finds no secret there, and reaches nothing but its two pipes."""

from __future__ import annotations

import json
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from extractors.feeds import Parser
from tests.extractors.test_feeds import PATIENT, item, parse, rss

# What somebody would try who can run code of his own in there. `2` is closed first, so that the limit on open files,
# which counts numbers, would let one more be opened.
TAKEN_OVER = """
import ctypes, json, os, resource, signal, socket, sys
from extractors.documents.worker import lock_in
port, secret, parent = int(sys.argv[1]), sys.argv[2], os.getppid()
libc = ctypes.CDLL(None, use_errno=True)
lock_in(192_000_000)
os.close(2)

def connect():
    socket.socket().connect(("127.0.0.1", port))

def peek():
    if libc.process_vm_readv(parent, None, 0, None, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "no")

tries = {
    "connect": connect,
    "file of the state": lambda: open(secret).read(),
    "environment of the parent": lambda: open(f"/proc/{parent}/environ").read(),
    "memory of the parent": peek,
    "file to write": lambda: os.open(secret + ".new", os.O_WRONLY | os.O_CREAT),
    "list of the folder": lambda: os.listdir(os.path.dirname(secret)),
    "link": lambda: os.symlink(secret, secret + ".link"),
    "another program": lambda: os.execv("/bin/true", ["true"]),
    "another process": os.fork,
    "signal to the parent": lambda: os.kill(parent, 0),
    "higher limits": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99)),
}
told = {"environ": dict(os.environ)}
for name, attempt in tries.items():
    try:
        told[name] = f"did it: {attempt()!r}"
    except (OSError, ValueError):
        told[name] = "refused"
os.write(1, json.dumps(told).encode())
"""

linux = pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="seccomp is Linux's, and its filter knows two architectures",
)


@linux
def test_s05_code_that_took_over_the_parser_reaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_CANARY", "canary")
    secret = tmp_path / "web.key"
    secret.write_text("canary")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        code = f"import sys; sys.path[:] = {sys.path!r}\n{TAKEN_OVER}"
        done = subprocess.run(
            [sys.executable, "-I", "-c", code, str(server.getsockname()[1]), str(secret)],
            env={},
            cwd="/",
            capture_output=True,
            timeout=240,
        )
        told = json.loads(done.stdout)
        with pytest.raises(TimeoutError):
            server.accept()

    assert not any("canary" in value or "CANARY" in name for name, value in told.pop("environ").items())
    assert set(told.values()) == {"refused"}, told
    assert [path.name for path in tmp_path.iterdir()] == ["web.key"]


@linux
def test_the_parser_process_is_confined_so_and_still_parses() -> None:
    before = children()
    with Parser(PATIENT) as own:
        assert len(parse(own, rss(item(1))).entries) == 1
        (pid,) = children() - before
        status = Path(f"/proc/{pid}/status").read_text()
    assert "Seccomp:\t2\n" in status
    assert "NoNewPrivs:\t1\n" in status


def children() -> set[int]:
    """Pids of the processes that this one has started."""
    return {int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}
