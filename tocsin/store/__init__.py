"""The store: what Tocsin remembers, on SQLite or Postgres. The only importer of SQLAlchemy and Alembic.

with Store.open(settings.database, state) as store:
    for state in store.feeds.due(now=now, limit=100): ...
"""

from tocsin.store.alerts import AlertDetail, Decision
from tocsin.store.articles import SetAside
from tocsin.store.audit import Act
from tocsin.store.events import Link
from tocsin.store.feeds import PollCounts
from tocsin.store.leases import Lease
from tocsin.store.notices import Notice
from tocsin.store.status import Status
from tocsin.store.store import Store

__all__ = [
    "Act",
    "AlertDetail",
    "Decision",
    "Lease",
    "Link",
    "Notice",
    "PollCounts",
    "SetAside",
    "Status",
    "Store",
]
