"""Putting a backup of a SQLite database in the place of the one in use."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from tocsin.errors import SetupError, StoreError
from tocsin.keys import make_private
from tocsin.store import schema
from tocsin.store.engine import Database
from tocsin.store.maintenance import Maintenance
from tocsin.store.upgrade import demand_head, migrate, revision

_WHAT = "cannot restore the database"


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was put in place. `kept` is where the database that was there lies now; None where none was."""

    kept: Path | None
    before: str
    after: str
    """The schema of the backup, and the one that it was brought to."""


def restore(url: URL, backup: Path, *, now: dt.datetime) -> Restored:
    """Put a copy of `backup` in the place of the SQLite file of `url`, brought to this code's schema.

    `SetupError` where the backup is none, is damaged or newer than this code; then nothing was changed. Nobody else
    may have the database open. The path never names a file that is not a whole database.
    """
    if url.get_backend_name() != "sqlite":
        cause = "it is on a Postgres server; use pg_restore"
        raise SetupError(_WHAT, subject=url.render_as_string(hide_password=True), cause=cause)
    path = Path(url.database or "")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        make_private(path.parent)
        _copy(backup, draft)
        _demand_sound(draft, backup)
        before, after = migrate(URL.create("sqlite", database=str(draft)))
        kept = _put_away(path, now=now)
        draft.replace(path)
    except OSError as error:
        raise SetupError(_WHAT, subject=str(backup), cause=error.strerror or str(error)) from error
    finally:
        _move(draft, None)
    return Restored(kept, before, after)


def _demand_sound(draft: Path, backup: Path) -> None:
    db = Database(URL.create("sqlite", database=str(draft)))
    try:
        found = db.read(revision)
        damage = Maintenance(db).check()
    except StoreError as error:
        raise SetupError(_WHAT, subject=str(backup), cause=error.cause) from error
    finally:
        db.close()
    if damage:
        raise SetupError(_WHAT, subject=str(backup), cause=f"it is damaged: {damage[0]}; take an older one")
    if not found:
        raise SetupError(_WHAT, subject=str(backup), cause="it has no tables of Tocsin's; name a backup of it")
    if found not in schema.REVISIONS:
        demand_head(found, str(backup))


def _put_away(path: Path, *, now: dt.datetime) -> Path | None:
    """Give the database at `path` a second name in `backups/`, and its log its only one."""
    if not path.exists():
        return None
    folder = path.parent / "backups"
    folder.mkdir(exist_ok=True)
    kept = folder / f"{path.stem}-replaced-{now:%Y%m%dT%H%M%S}.db"
    kept.hardlink_to(path)
    # A log of the old database must not be found beside the new one.
    _move(path, kept)
    return kept


def _move(path: Path, to: Path | None) -> None:
    """Move what SQLite keeps beside `path` to beside `to`; without `to` delete it, and `path` itself."""
    for suffix in ("-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            old = path.with_name(path.name + suffix)
            old.replace(to.with_name(to.name + suffix)) if to else old.unlink()
    if to is None:
        path.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Copy a database file, with its log where it has one, down to the disk."""
    for suffix in ("", "-wal"):
        part = source.with_name(source.name + suffix)
        if suffix and not part.exists():
            continue
        copy = target.with_name(target.name + suffix)
        copy.touch(0o600)
        shutil.copyfile(part, copy)
        with copy.open("rb+") as file:
            os.fsync(file.fileno())
