"""The environment Prefect runs in; to be in place before `prefect` is imported, so nothing here imports it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tocsin.keys import kept_key, make_private

KEY = "prefect.key"
"""File of the state folder with the password of our own server."""


def prefect_environment(state: Path, *, port: int, environ: Mapping[str, str], key: str = "") -> dict[str, str]:
    """Variables for Prefect's client and server: own home in `state`, loopback only, nothing told to anybody.

    `key` is the password of our own server. A `PREFECT_API_URL` in `environ` is kept: then that server is used, with
    whatever password `environ` has for it, and `tocsin serve` starts none.
    """
    own = {} if environ.get("PREFECT_API_URL") else _closed(port, key)
    return own | {
        "PREFECT_HOME": str(state.resolve() / "prefect"),
        "PREFECT_API_URL": environ.get("PREFECT_API_URL") or f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # An ephemeral server schedules nothing and says so only once: better an error where no server answers.
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # A slot whose holder was killed is free again when its lease ends; kept in memory, a killed server forgets it.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_LOGGING_LEVEL": environ.get("PREFECT_LOGGING_LEVEL", "WARNING"),
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_RUNNER_POLL_FREQUENCY": environ.get("PREFECT_RUNNER_POLL_FREQUENCY", "10"),
    }


def _closed(port: int, key: str) -> dict[str, str]:
    """Without these any user of the machine, and any page that a browser on it shows, could have flows run.

    Prefect lets every origin ask it by default, and whoever may change a deployment says what is run.
    """
    password = f"tocsin:{key}"
    return {
        "PREFECT_SERVER_API_AUTH_STRING": password,
        "PREFECT_API_AUTH_STRING": password,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port},http://localhost:{port}",
    }


def prepare(state: Path, *, port: int) -> None:
    """Put `prefect_environment` into this process and make its home."""
    key = "" if os.environ.get("PREFECT_API_URL") else kept_key(state / KEY)
    variables = prefect_environment(state, port=port, environ=os.environ, key=key)
    make_private(Path(variables["PREFECT_HOME"]))
    os.environ.update(variables)
