"""What Prefect is told: to stay on loopback, in our folder, and to tell nobody anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from flows.environment import prefect_environment


def test_prefect_stays_on_loopback_and_phones_nobody(tmp_path: Path) -> None:
    environ = prefect_environment(tmp_path, port=4321, environ={})

    assert environ["PREFECT_API_URL"] == "http://127.0.0.1:4321/api"
    assert environ["PREFECT_SERVER_API_HOST"] == "127.0.0.1"
    assert environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environ["DO_NOT_TRACK"] == "1"
    assert environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] == "false"
    assert Path(environ["PREFECT_HOME"]) == tmp_path / "prefect"


def test_our_own_server_wants_a_password_and_answers_no_page_but_its_own(tmp_path: Path) -> None:
    environ = prefect_environment(tmp_path, port=4321, environ={}, key="hush")

    assert environ["PREFECT_SERVER_API_AUTH_STRING"] == environ["PREFECT_API_AUTH_STRING"] == "tocsin:hush"
    assert environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4321,http://localhost:4321"


def test_a_server_that_is_configured_is_used(tmp_path: Path) -> None:
    given = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_RUNNER_POLL_FREQUENCY": "2"}

    environ = prefect_environment(tmp_path, port=4321, environ=given)

    assert environ["PREFECT_API_URL"] == given["PREFECT_API_URL"]
    assert environ["PREFECT_RUNNER_POLL_FREQUENCY"] == "2"
    assert "PREFECT_API_AUTH_STRING" not in environ, "its password is the business of whoever runs it"


def test_prefect_reads_every_one_of_these_settings(tmp_path: Path) -> None:
    """A name that Prefect does not know would be ignored in silence."""
    code = (
        "from prefect.settings import get_current_settings as s; s = s();"
        "print(s.server.analytics_enabled, s.server.ephemeral.enabled, s.server.api.host, s.server.api.port, s.home,"
        "s.server.concurrency.lease_storage.rsplit('.')[-1], s.server.database.timeout, s.runner.poll_frequency,"
        "s.api.auth_string.get_secret_value(), s.server.api.auth_string.get_secret_value(),"
        "s.server.api.cors_allowed_origins)"
    )
    environ = prefect_environment(tmp_path, port=4321, environ={}, key="hush")
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=240)

    expected = f"False False 127.0.0.1 4321 {tmp_path / 'prefect'} filesystem 60.0 10 tocsin:hush tocsin:hush"
    expected += " http://127.0.0.1:4321,http://localhost:4321"
    assert done.stdout.strip() == expected, done.stderr
