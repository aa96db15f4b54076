"""What every flow starts from: the configuration in force and the store, opened for the time of one run."""

from __future__ import annotations

import datetime as dt
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from flows.alarms import raise_alarm
from flows.sweep import Sweep
from tocsin import logs
from tocsin.config.folder import Config, Loaded, digest, find_folder, load_or_last_good
from tocsin.errors import SetupError
from tocsin.store import Store

FIRST = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
"""Machines that keep no time while they are off begin earlier; what they would store would be dated so for ever."""
CONFIG = "config"
"""Subject of the notice that the newest configuration does not load."""


_loaded: dict[tuple[Path, str], Loaded] = {}


def _load(folder: Path, environ: Mapping[str, str]) -> Loaded:
    """The configuration of `folder`, read again only when a file has changed: a replay sweeps often in one process."""
    key = (folder, digest(folder))
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = load_or_last_good(folder, environ)
    return _loaded[key]


@contextmanager
def opened(environ: Mapping[str, str], *, now: dt.datetime, stop: Callable[[], bool] | None = None) -> Iterator[Sweep]:
    """A sweep over the configuration of `environ`, which drains on SIGTERM: the running step ends, no other begins.

    With `stop`, it drains when that says so, and the signal is the caller's. Where the configuration does not load, the
    last good one is used; an alarm and `tocsin status` say what is wrong. SetupError where the clock was never set.
    """
    _demand_time(now)
    loaded = _load(find_folder(environ), environ)
    listening = nullcontext(stop) if stop else terminated()
    with logged(loaded.config), Store.open(loaded.config.database, loaded.config.state) as store, listening as ended:
        if loaded.error is None:
            store.notices.clear(CONFIG)
        else:
            reason = f"the last good one is in force: {loaded.error}"
            store.notices.put(CONFIG, reason, now=now)
            raise_alarm(loaded.config, store, "config=rejected", reason, now=now)
        yield Sweep(loaded.config, store, stop=ended)


def _demand_time(now: dt.datetime) -> None:
    if now < FIRST:
        cause = f"it says {now:%Y-%m-%d %H:%M}, as before it is set: wait for the time service, or `timedatectl`"
        raise SetupError("cannot sweep", subject="clock", cause=cause, retry=True)


@contextmanager
def logged(config: Config) -> Iterator[None]:
    """What is logged within the block goes to the log file of `config` too, where it has one."""
    with logs.kept(config.log_file, format=config.settings.log.format, secrets=config.secrets):
        yield


@contextmanager
def terminated() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM has come, for the time of the block; never, outside the main thread."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield stop.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
