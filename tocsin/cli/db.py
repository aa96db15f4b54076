"""`tocsin db`: the database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from flows.serving import only_one
from flows.shards import undisturbed
from tocsin.cli.context import configuration, err, now, opened, out
from tocsin.config.secrets import Secrets
from tocsin.errors import SetupError
from tocsin.store import Store


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="The database.", no_args_is_help=True)
    for command in (upgrade, backup, restore, check, move):
        group.command()(command)
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


def restore(source: Annotated[Path, typer.Argument(help="A backup of the SQLite database.")]) -> None:
    """Put a backup in the place of the SQLite database; what was there is kept in backups/. Stop Tocsin first."""
    config = configuration()
    with only_one(config.state):
        done = Store.restore(config.database, config.state, source, now=now())
    out.print(f"restored: {source}, schema {done.before}" + (f" → {done.after}" if done.before != done.after else ""))
    out.print(f"kept: {done.kept}" if done.kept else "there was no database before")


def check() -> None:
    """Read the whole database and name what is damaged. Exit 1 where something is."""
    with opened(configuration()) as store:
        problems = store.maintenance.check()
        name, version = store.db.name, store.schema
    for problem in problems:
        err.print(problem, markup=False)
    out.print(f"{name}: schema {version}, {f'{len(problems)} problems' if problems else 'sound'}", markup=False)
    raise typer.Exit(1 if problems else 0)


def move(
    target: Annotated[str, typer.Argument(help="Address of an empty Postgres, its secrets as ${NAME} or file:path.")],
) -> None:
    """Copy the SQLite database into an empty Postgres. Stop Tocsin first; the file is left as it is."""
    config, moment = configuration(), now()
    try:
        address = Secrets(config.folder, os.environ).fill(target, in_url=True)
    except ValueError as error:
        raise SetupError("cannot move the database", subject="(target)", cause=str(error)) from None
    with (
        only_one(config.state),
        opened(config) as store,
        undisturbed(store, config.settings.shards, holder="move", now=moment) as alone,
    ):
        if not alone:
            cause = "a sweep is under way; stop Tocsin, and try again when it has ended"
            raise SetupError("cannot move the database", subject=store.db.name, cause=cause, retry=True)
        counts = store.move(address, now=moment)
    for table, count in counts.items():
        out.print(f"{table}: {count}")
    out.print("now set `database` in settings.yaml to the new address, and start Tocsin")
