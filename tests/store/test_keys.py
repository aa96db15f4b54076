"""The identities of the nouns are held by the database itself: without its unique keys these tests fail."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from tests.store.samples import LEASE, NOW, sent
from tocsin.errors import StoreError
from tocsin.store import Store, schema

IDENTITIES = {
    "articles": {"id": 999},
    "triggers": {"id": 999},
    "alerts": {"id": "another"},
    "alert_events": {},
    "deliveries": {"id": 999},
    "leases": {"token": 999},
    "feeds": {"etag": "another"},
}
"""Table → columns in which a second row of the same identity may differ."""


@pytest.mark.parametrize("name", IDENTITIES)
def test_a_second_row_of_the_same_identity_is_refused(store: Store, name: str) -> None:
    sent(store)
    store.leases.acquire("sweep", holder="one", now=NOW, ttl=LEASE)
    table = schema.metadata.tables[name]
    row = store.db.read(lambda c: dict(c.execute(select(table)).mappings().first() or {}))
    assert row

    with pytest.raises(StoreError, match=r"(?i)unique") as caught:
        store.db.write(lambda c: c.execute(insert(table), {**row, **IDENTITIES[name]}))

    assert not caught.value.retry
