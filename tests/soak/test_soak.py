"""The soak in short; `make soak` is half an hour."""

from __future__ import annotations

import uuid
from pathlib import Path

import psycopg

from tests.conftest import TEMPLATE
from tests.soak.run import soak


def test_nothing_is_lost_where_feeds_lie_clocks_jump_and_workers_are_killed(tmp_path: Path, postgres: str) -> None:
    name = f"soak_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.format("postgres").replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")

    found = soak(tmp_path, postgres.format(name), seconds=8.0, seed=7, feeds=24, quick=True)

    for _, figures in found:
        assert figures.violations == ()
        assert figures.kills >= 1
        assert figures.alerts >= 3
        assert figures.lost == 0
