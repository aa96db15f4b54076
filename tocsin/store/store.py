"""The store: one object, with the tables as its parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.exc import DBAPIError

from tocsin.errors import SetupError
from tocsin.store import upgrade
from tocsin.store.alerts import Alerts
from tocsin.store.articles import Articles
from tocsin.store.engine import BUSY_TIMEOUT, PATIENCE, Database, Lone, database_url
from tocsin.store.events import Events
from tocsin.store.feeds import Feeds
from tocsin.store.leases import Lease, Leases, demand
from tocsin.store.maintenance import Maintenance
from tocsin.store.moving import move
from tocsin.store.mutes import Mutes
from tocsin.store.notices import Notices
from tocsin.store.outbox import Outbox
from tocsin.store.restoring import Restored, restore
from tocsin.store.retention import Retention
from tocsin.store.search import Search
from tocsin.store.status import Status, read_status
from tocsin.store.triggers import Triggers
from tocsin.store.verdicts import Verdicts


class Store:
    """Everything Tocsin remembers. Methods take and return the dataclasses of `tocsin.model`; each is one transaction.

    A transaction that meets locks, serialisation failures or a lost connection is run again as a whole; what cannot
    be done raises `StoreError`. Safe to share between threads, not between processes: each opens its own.
    """

    def __init__(self, db: Database) -> None:
        self.db = db
        self.feeds = Feeds(db)
        self.articles = Articles(db)
        self.triggers = Triggers(db)
        self.events = Events(db)
        self.alerts = Alerts(db)
        self.outbox = Outbox(db)
        self.leases = Leases(db)
        self.mutes = Mutes(db)
        self.search = Search(db)
        self.verdicts = Verdicts(db)
        self.notices = Notices(db)
        self.maintenance = Maintenance(db)
        self.retention = Retention(db)

    @classmethod
    def open(
        cls,
        url: str = "",
        state: Path = Path("state"),
        *,
        busy_timeout: dt.timedelta = BUSY_TIMEOUT,
        patience: dt.timedelta = PATIENCE,
    ) -> Self:
        """The store at `url` (an SQLAlchemy URL; "": SQLite in the folder `state`).

        A SQLite file that does not exist is made. `SetupError` where the schema is not this code's, the file is
        damaged or cannot be written, or the server is unreachable; nothing is ever replaced.
        """
        address = database_url(url, state)
        if address.get_backend_name() == "sqlite":
            upgrade.demand_file(Path(address.database or ""))
        db = Database(address, busy_timeout=busy_timeout, patience=patience)
        try:
            with db.reader.connect() as connection:
                upgrade.demand_head(upgrade.revision(connection), db.name)
        except DBAPIError as error:
            db.close()
            told = db.error(error)
            raise SetupError("cannot open the database", subject=db.name, cause=told.cause, retry=told.retry) from error
        except SetupError:
            db.close()
            raise
        return cls(db)

    @classmethod
    def scratch(cls, folder: Path) -> Self:
        """A new store in `folder` for this process alone, which need not outlive it; it remembers its events."""
        address = database_url("", folder)
        upgrade.demand_file(Path(address.database or ""))
        store = cls(Lone(address))
        store.events = Events(store.db, memory={})
        return store

    @staticmethod
    def upgrade(url: str = "", state: Path = Path("state"), *, now: dt.datetime) -> tuple[str, str]:
        """Bring the database to this code's schema; its versions before and after ("" where it was empty).

        A SQLite file is first copied to `backups/` beside it. Killed anywhere, it leaves the old schema or the new.
        """
        address = database_url(url, state)
        if address.get_backend_name() == "sqlite":
            path = Path(address.database or "")
            upgrade.demand_file(path)
            upgrade.back_up_first(address, now=now)
        return upgrade.migrate(address)

    @staticmethod
    def restore(url: str, state: Path, backup: Path, *, now: dt.datetime) -> Restored:
        """Put a copy of `backup` in the place of the SQLite database; see `tocsin.store.restoring`."""
        return restore(database_url(url, state), backup, now=now)

    def move(self, target: str, *, now: dt.datetime) -> Mapping[str, int]:
        """Copy every row into the empty Postgres `target`, whose tables are made; rows of each table."""
        self.upgrade(target, now=now)
        with Store.open(target) as other:
            return move(self.db, other.db)

    def under(self, lease: Lease) -> Self:
        """The same store, in which every write is refused by a `LeaseError` once somebody else has `lease`."""
        return type(self)(self.db.on(partial(demand, lease=lease)))

    @property
    def schema(self) -> str:
        """Version of the schema, which is this code's."""
        return upgrade.HEAD

    def status(self, *, now: dt.datetime) -> Status:
        """Counts and last times."""
        return read_status(self.db, now=now)

    def close(self) -> None:
        """Give all connections back."""
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()
