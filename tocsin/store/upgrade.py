"""The schema of a database: which version it has, and bringing it to this code's."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from tocsin import failpoint
from tocsin.errors import SetupError
from tocsin.keys import make_private
from tocsin.store import schema
from tocsin.store.engine import BUSY_TIMEOUT, WRITER, Database, open_engine
from tocsin.store.maintenance import Maintenance

HEAD = schema.REVISIONS[-1]
MIGRATIONS = Path(__file__).parent / "migrations"
_WHAT = "cannot open the database"
_MEND = "run `tocsin db upgrade`"
_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps the migration that runs in module globals."""
_LOCK = 0x70C51A  # any number, the same in every process


def revision(connection: Connection) -> str:
    """The schema version of the database, "" where it has no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def demand_head(found: str, name: str) -> None:
    """`SetupError` unless the schema version `found` in the database `name` is this code's."""
    if found == HEAD:
        return
    if not found:
        raise SetupError(_WHAT, subject=name, cause=f"it is empty; to make its tables {_MEND}")
    if found in schema.REVISIONS:
        raise SetupError(_WHAT, subject=name, cause=f"its schema is {found}, this Tocsin needs {HEAD}; {_MEND}")
    cause = f"its schema {found} is newer than this Tocsin, which knows up to {HEAD}; install the Tocsin that wrote it"
    raise SetupError(_WHAT, subject=name, cause=cause)


def migrate(url: URL, *, to: str = "head", scripts: Path = MIGRATIONS) -> tuple[str, str]:
    """Bring the database to the version `to` of `scripts` in one transaction; its versions before and after."""
    engine = open_engine(url, BUSY_TIMEOUT, foreign_keys=False)
    try:
        with _ONE_AT_A_TIME, engine.execution_options(**WRITER).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            before = revision(connection)
            if before and before not in schema.REVISIONS:
                demand_head(before, url.render_as_string(hide_password=True))
            _run(connection, to, scripts)
            if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first():
                raise SetupError("cannot upgrade the database", subject=str(url.database), cause="rows would be lost")
            failpoint.reach("mid_upgrade")
            return before, revision(connection)
    except DBAPIError as error:
        cause = str(error.orig).strip().split("\n")[0]
        name = url.render_as_string(hide_password=True)
        raise SetupError("cannot upgrade the database", subject=name, cause=cause) from error
    finally:
        engine.dispose()


def back_up_first(url: URL, *, now: dt.datetime) -> Path | None:
    """Copy a SQLite file that an upgrade would change to `backups/` beside it; None where nothing would change."""
    db = Database(url)
    try:
        found = db.read(revision)
        if found == HEAD or not db.path:
            return None
        folder = db.path.parent / "backups"
        folder.mkdir(exist_ok=True)
        target = folder / f"{db.path.stem}-{found or 'empty'}-{now:%Y%m%dT%H%M%S}.db"
        Maintenance(db).backup(target)
        return target
    finally:
        db.close()


def _run(connection: Connection, to: str, scripts: Path) -> None:
    # Alembic takes a while to import, and only upgrades need it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def demand_file(path: Path) -> None:
    """Make a new SQLite database at `path` where none was ever; `SetupError` for what looks like a lost one."""
    restore = f"put the last backup in its place, or move away every {path.name}* to start with an empty one"
    if path.exists():
        if path.stat().st_size == 0:
            raise SetupError(_WHAT, subject=str(path), cause=f"the file is empty, which no database is; {restore}")
        return
    if path.with_name(f"{path.name}-wal").exists():
        raise SetupError(_WHAT, subject=str(path), cause=f"the file is gone, but its -wal is there; {restore}")
    try:
        make_private(path.parent)
        _create(path)
    except (OSError, sqlite3.Error) as error:
        raise SetupError("cannot make the database", subject=str(path), cause=str(error)) from error


def _create(path: Path) -> None:
    """A new database at `path`: complete or not at all. One that another process made meanwhile wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    draft.touch(0o600, exist_ok=False)  # what SQLite keeps beside it gets the same mode
    try:
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            # The first page is written by this, and with it the line above.
            connection.execute("PRAGMA journal_mode=WAL")
        migrate(URL.create("sqlite", database=str(draft)))
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        _remove(draft)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
