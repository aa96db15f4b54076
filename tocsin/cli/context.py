"""What every command starts from: the configuration, the store, and how to print."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

from tocsin.config.folder import Config, find_folder, load
from tocsin.store import Store

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def now() -> dt.datetime:
    """The present, where a command starts; everything below takes it as an argument."""
    return dt.datetime.now(dt.UTC)


def configuration() -> Config:
    """The configuration in force; ConfigError with every problem."""
    return load(find_folder(os.environ), os.environ)


@contextmanager
def opened(config: Config) -> Iterator[Store]:
    """The store of `config`."""
    with Store.open(config.database, config.state) as store:
        yield store


def print_json(value: Any) -> None:
    """One JSON document on stdout; times as ISO 8601."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
