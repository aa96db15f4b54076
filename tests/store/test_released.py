"""D06: a store of every released schema version comes through an upgrade whole, and nothing is done a second time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from tests.store.released import FOLDER, counts, digest, fill, rows
from tests.store.samples import DAY, LEASE, NOW
from tocsin.errors import SetupError
from tocsin.store import Store
from tocsin.store.engine import WRITER, open_engine
from tocsin.store.schema import REVISIONS
from tocsin.store.upgrade import MIGRATIONS, migrate

LATER_SCRIPT = '''"""A version that nobody has released.

Revision: 9000, after {before}
"""

import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alerts", sa.Column("novelty", sa.Float(), nullable=False, server_default="0"))
    with op.batch_alter_table("deliveries") as batch:
        batch.alter_column("attempts", new_column_name="tries")
'''


@pytest.fixture
def emptied(database: str) -> str:
    """A database without any table of ours."""
    url = make_url(database)
    if url.database and url.get_backend_name() == "sqlite":
        for left in Path(url.database).parent.glob("tocsin.db*"):
            left.unlink()
        return database
    with Store.open(database) as store:
        store.db.write(lambda c: c.execute(text("DROP SCHEMA public CASCADE")))
        store.db.write(lambda c: c.execute(text("CREATE SCHEMA public")))
    return database


def released(url: str, revision: str) -> dict[str, int]:
    """Make a database as the Tocsin of `revision` left it; its rows."""
    migrate(make_url(url), to=revision)
    content = rows(revision)
    engine = open_engine(make_url(url), LEASE)
    with engine.execution_options(**WRITER).begin() as connection:
        fill(connection, content)
        found = counts(connection, list(content))
    engine.dispose()
    assert all(found.values()), "a table without a row proves nothing"
    return found


@pytest.mark.parametrize("revision", REVISIONS)
def test_d06_every_released_version_is_migrated_whole(emptied: str, revision: str) -> None:
    before = released(emptied, revision)

    assert Store.upgrade(emptied, now=NOW) == (revision, REVISIONS[-1])

    with Store.open(emptied) as store:
        assert store.db.read(lambda c: counts(c, list(before))) == before
        assert store.maintenance.check() == []
        assert store.articles.undetected(rules="r", limit=9) == []
        assert store.triggers.unlinked(limit=9) == []
        assert store.events.changed(limit=9) == []
        assert store.outbox.claim(now=NOW + DAY, lease=LEASE, limit=9, holder="test") == [], "nobody is told twice"
        detail = store.alerts.detail("a1")
        assert detail is not None
        assert (len(detail.events), len(detail.deliveries), len(detail.history)) == (1, 2, 1)
    if make_url(emptied).get_backend_name() == "sqlite" and revision != REVISIONS[-1]:
        kept = Path(str(make_url(emptied).database)).parent / "backups"
        assert [path.name.split("-")[1] for path in kept.iterdir()] == [revision]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_released_migration_is_never_edited(revision: str) -> None:
    frozen = FOLDER / f"{revision}.json"
    if frozen.exists():
        assert json.loads(frozen.read_text())["migration"] == digest(revision)
    else:
        assert revision == REVISIONS[-1], "freeze it: python -m tests.store.released"


def test_d07_what_a_later_tocsin_migrated_is_whole_and_this_one_refuses_it(emptied: str, tmp_path: Path) -> None:
    scripts = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "v9000_later.py").write_text(LATER_SCRIPT.format(before=REVISIONS[-1]))
    before = released(emptied, REVISIONS[-1])

    assert migrate(make_url(emptied), scripts=scripts) == (REVISIONS[-1], "9000")

    engine = open_engine(make_url(emptied), LEASE)
    with engine.begin() as connection:
        assert counts(connection, list(before)) == before
        assert connection.execute(text("SELECT max(tries), sum(novelty) FROM deliveries, alerts")).one() == (1, 0)
    engine.dispose()
    for refused in (lambda: Store.open(emptied), lambda: Store.upgrade(emptied, now=NOW)):
        with pytest.raises(SetupError, match="its schema 9000 is newer than this Tocsin"):
            refused()
