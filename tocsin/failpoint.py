"""Places where a test can have this process killed, to prove that a restart goes on where it stopped."""

from __future__ import annotations

import os
import signal

VARIABLE = "TOCSIN_FAILPOINT"


def reach(name: str) -> None:
    """Die by SIGKILL where the environment says `TOCSIN_FAILPOINT=<name>:kill`; else nothing."""
    if os.environ.get(VARIABLE) == f"{name}:kill":
        os.kill(os.getpid(), signal.SIGKILL)
