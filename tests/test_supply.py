"""What is installed is what was locked: by hash, listed for others, and asked about at an advisory service."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from flows.serving import free_port

ROOT = Path(__file__).parents[1]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)


def pinned(lock: Path) -> dict[str, str]:
    """Name → version of everything in a lock."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in _PINNED.findall(lock.read_text())}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.name))
def test_every_locked_package_has_its_hash_and_one_version(lock: Path) -> None:
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert "==" in entry and "--hash=sha256:" in entry, entry[:80]
    ours, base = pinned(lock), pinned(ROOT / "requirements.lock")
    shared = ours.keys() & base.keys()
    assert {name: ours[name] for name in shared} == {name: base[name] for name in shared}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The Makefile's own command, with what is installed taken for granted."""
    command = ["make", "-s", "-o", "dev", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)


needs_tools = pytest.mark.skipif(not (ROOT / ".venv" / "bin" / "pip-audit").exists(), reason="run `make dev` first")


@needs_tools
def test_the_bill_of_materials_lists_every_locked_package() -> None:
    done = make("sbom")
    assert done.returncode == 0, done.stderr

    bill = json.loads((ROOT / "sbom.json").read_text())
    (ROOT / "sbom.json").unlink()
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "tocsin")
    listed = {re.sub(r"[-_.]+", "-", each["name"]).lower(): each["version"] for each in bill["components"]}
    assert listed == pinned(ROOT / "requirements.lock")
    assert all(each["purl"].startswith("pkg:pypi/") for each in bill["components"])


@contextmanager
def advisories(vulnerable: str) -> Iterator[str]:
    """The address of a service that knows of one vulnerable package, or of none."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            package = {"name": asked["package"]["name"], "ecosystem": "PyPI"}
            known = {
                "id": "PYSEC-1",
                "summary": "bad",
                "affected": [{"package": package, "versions": [asked["version"]], "ranges": []}],
            }
            body = json.dumps({"vulns": [known]} if package["name"] == vulnerable else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()
    thread.join()


@needs_tools
@pytest.mark.parametrize(
    ("vulnerable", "code", "said"), [("jinja2", 1, "PYSEC-1"), ("", 0, "No known vulnerabilities")]
)
def test_an_audit_names_what_is_vulnerable(vulnerable: str, code: int, said: str) -> None:
    with advisories(vulnerable) as address:
        done = make("audit", f"ADVISORIES={address}")
    assert said in done.stdout, done.stdout[-500:] + done.stderr
    assert (done.returncode == 0) == (code == 0)
    assert ("Found 1 known vulnerability" in done.stdout) == (code == 1)


@needs_tools
def test_an_audit_that_reaches_nobody_says_that_nothing_was_checked() -> None:
    address = f"http://127.0.0.1:{free_port()}/v1/query"
    done = make("audit", f"ADVISORIES={address}")
    assert done.returncode != 0
    assert f"audit: nothing was checked: no usable answer from {address}" in done.stderr


def test_c05_the_newest_versions_are_tried_apart_from_what_is_installed() -> None:
    """What a scheduled job runs: where a new release breaks us it breaks that job, since users get the lock."""
    said = make("-n", "drift").stdout
    assert "--upgrade" in said and "pytest" in said
    assert ".lock" not in said
    assert "--python .cache/newest/bin/python" in said, "not the environment that serves"
    installs = [line for line in make("-n", "-B", "install").stdout.splitlines() if " install " in line]
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs), installs
