"""The rows that a store of each released schema version held: what every later version must carry over.

`python -m tests.store.released` freezes the newest version, once, at its release; see CONTRIBUTING.md. A version that
is not frozen yet is filled anew at each run.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Connection, Table, text

from tests.store.samples import DAY, MINUTE, NOW, article, sent
from tocsin.model import FeedState, Judgement, Mute, Verdict
from tocsin.store import Store
from tocsin.store.schema import REVISIONS, metadata, waits
from tocsin.store.upgrade import MIGRATIONS

FOLDER = Path(__file__).parent / "released"
Rows = dict[str, list[dict[str, Any]]]


def rows(revision: str) -> Rows:
    """Rows of each table in an order in which they can be inserted, as the version `revision` had them."""
    frozen = FOLDER / f"{revision}.json"
    if frozen.exists():
        return dict(json.loads(frozen.read_text(encoding="utf-8"))["rows"])
    assert revision == REVISIONS[-1], f"{revision} is not the newest version, but was never frozen"
    with tempfile.TemporaryDirectory() as folder:
        return sample(Path(folder))


def digest(revision: str) -> str:
    """Of the migration that makes `revision`: once released, it is not edited any more."""
    (script,) = (MIGRATIONS / "versions").glob(f"v{revision}_*.py")
    return hashlib.sha256(script.read_bytes()).hexdigest()


def sample(folder: Path) -> Rows:
    """A store of this code's version with a row in every table, in which nothing is left to do."""
    with Store.open("", folder) as store:
        sent(store)
        store.alerts.acknowledge("a1", who="ann", now=NOW, note="on it")
        store.mutes.add(Mute({"type": "missile_*"}, NOW, NOW + DAY, "ann", "exercise"), now=NOW)
        store.verdicts.add(Verdict(Judgement.TRUE, "ann", NOW, trigger=1))
        store.notices.put("feeds", "one is silent", now=NOW)
        store.notices.remember("swept_at", NOW.isoformat())
        store.leases.acquire("sweep", holder="test", now=NOW, ttl=MINUTE)
        store.feeds.save_poll(FeedState("kcna", NOW + DAY), [article(77)])
        left = store.articles.undetected(rules="r", limit=9)
        store.triggers.save_detection(left, [], rules="r", now=NOW)
        store.db.write(lambda c: c.execute(waits.insert().values(watch="korea", threshold="spike", due_at=NOW + DAY)))
    with closing(sqlite3.connect(folder / "tocsin.db")) as connection:
        connection.row_factory = sqlite3.Row
        return {table.name: _read(connection, table) for table in metadata.sorted_tables}


def _read(connection: sqlite3.Connection, table: Table) -> list[dict[str, Any]]:
    """SQLite has no booleans, Postgres takes no numbers for them."""
    flags = {column.name for column in table.c if isinstance(column.type, Boolean)}
    found = [dict(row) for row in connection.execute(f"SELECT * FROM {table.name}")]
    return [{name: bool(value) if name in flags else value for name, value in row.items()} for row in found]


def fill(connection: Connection, content: Rows) -> None:
    """Insert `content` into empty tables of its version, whichever this code's is."""
    for table, found in content.items():
        for row in found:
            names, values = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def counts(connection: Connection, names: list[str]) -> dict[str, int]:
    """Rows of each table."""
    return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}


if __name__ == "__main__":
    target = FOLDER / f"{REVISIONS[-1]}.json"
    if target.exists():
        sys.exit(f"{target} exists: a released version is not frozen twice")
    FOLDER.mkdir(exist_ok=True)
    with target.open("w", encoding="utf-8") as file:
        json.dump({"migration": digest(REVISIONS[-1]), "rows": rows(REVISIONS[-1])}, file, ensure_ascii=False, indent=1)
