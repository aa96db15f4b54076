"""The commands. `main` is the entry point of `tocsin`.

Exit codes: 0 done, 1 done but something is wrong with what was looked at, 2 could not be done.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler

from tocsin import __version__
from tocsin.cli import (
    alerts,
    backtesting,
    channels,
    db,
    detection,
    doctor,
    events,
    explaining,
    feeds,
    mutes,
    redetecting,
    reporting,
    varying,
    verdicts,
    watching,
    web,
    why,
)
from tocsin.errors import ConfigError, TocsinError

app = typer.Typer(
    name="tocsin",
    help="Early-warning watch on world news: feeds in, triggers detected, alerts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_MODULES = (
    *(watching, doctor, detection, explaining, why, backtesting, varying, redetecting),
    *(feeds, events, verdicts, reporting, channels, db, web),
)
for module in _MODULES:
    module.register(app)
mutes.register(alerts.register(app))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tocsin {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    config: Annotated[Path | None, typer.Option(help="Folder of the configuration.", envvar="TOCSIN_CONFIG")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log each step.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    if config is not None:
        os.environ["TOCSIN_CONFIG"] = str(config)
    handler = RichHandler(console=Console(stderr=True), show_path=False, rich_tracebacks=False)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    logging.getLogger("tocsin").setLevel(logging.INFO if verbose else logging.WARNING)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, that of `sys.argv` by default; a TocsinError becomes its message on stderr and exit code 2."""
    try:
        app(arguments)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    except TocsinError as error:
        typer.echo(f"tocsin: {error}", err=True)
        sys.exit(2)
