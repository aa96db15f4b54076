"""Fixtures that every room shares: a fresh store on each database."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from tests.newsroom import Room, newsroom
from tests.postgres import embedded
from tocsin.store import Store

TEMPLATE = "tocsin_template"

# How long an example takes says how busy the machine is.
settings.register_profile("tocsin", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tocsin")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test logs of foreign text may have half a character, which xdist could not hand to its main process."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a real Postgres with a template that has our tables; started at the first test that wants it."""
    with embedded() as server:
        address: str = server.get_uri(driver="psycopg").replace("/postgres?", "/{}?")
        with _admin(address) as admin:
            # Nothing here must outlive a power cut.
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("SELECT pg_reload_conf()")
            admin.execute(f"CREATE DATABASE {TEMPLATE}")
        Store.upgrade(address.format(TEMPLATE), now=dt.datetime.now(dt.UTC))
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with our tables and no rows: each test that asks runs on SQLite and on Postgres."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'tocsin.db'}"
        Store.open(url).close()
        yield url
        return
    address: str = request.getfixturevalue("postgres")
    name = f"tocsin_{uuid.uuid4().hex}"
    with _admin(address) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield address.format(name)
    with _admin(address) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """An empty store, on SQLite and on Postgres."""
    with Store.open(database) as store:
        yield store


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A watch on loopback over SQLite, its config folder not yet written."""
    with newsroom(tmp_path) as room:
        yield room


@pytest.fixture
def any_room(tmp_path: Path, database: str) -> Iterator[Room]:
    """The same, over SQLite and over Postgres."""
    with newsroom(tmp_path, database=database) as room:
        yield room


def _admin(address: str) -> psycopg.Connection:
    plain = address.format("postgres").replace("+psycopg", "")
    return psycopg.connect(plain, autocommit=True)
