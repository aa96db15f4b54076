"""`tocsin db`: the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.context import configuration, now, opened, out
from tocsin.store import Store


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="The database.", no_args_is_help=True)
    group.command()(upgrade)
    group.command()(backup)
    app.add_typer(group, name="db")


def upgrade() -> None:
    """Bring the database to this version's schema; a SQLite file is copied to backups/ first."""
    config = configuration()
    before, after = Store.upgrade(config.database, config.state, now=now())
    out.print(f"schema {after}: nothing to do" if before == after else f"schema {before or 'none'} → {after}")


def backup(target: Annotated[Path, typer.Argument(help="File to write; must not exist.")]) -> None:
    """Copy a running SQLite database, whole, to a file."""
    with opened(configuration()) as store:
        store.maintenance.backup(target)
    out.print(f"written: {target}")
