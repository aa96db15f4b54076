"""A dashboard over a watch that has seen a few things, asked in this process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import pytest
from fastapi.testclient import TestClient

from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, NOW, VETO, Room
from tocsin.config.folder import find_folder, load_or_last_good
from tocsin.model import Alert, Article, Event, Evidence, Modality, Trigger
from tocsin.store import Decision, Link, Store
from tocsin.web.app import application
from tocsin.web.desk import Desk

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@dataclass
class Dashboard:
    """One that can be opened again after the configuration has changed."""

    room: Room
    stack: ExitStack
    now: dt.datetime = NOW + HOUR + MINUTE
    store: Store = field(init=False)

    def open(self) -> TestClient:
        """A browser that was never here."""
        self.room.write()
        self.store = self.stack.enter_context(self.room.store())
        environ = {**self.room.environ}
        desk = Desk(
            self.store,
            lambda: load_or_last_good(find_folder(environ), environ),
            clock=lambda: self.now,
            key="k" * 40,
            user="ann",
        )
        return TestClient(application(desk), base_url="http://127.0.0.1:8484", headers={"Accept": "text/html"})


def stock(room: Room) -> None:
    """Two sweeps: one that learns the feeds, one that alerts on a missile and a veto, while one feed is down."""
    room.paper("herald", title="The <b>Herald</b>").publish(NOISE, at=NOW - HOUR)
    room.paper("wire").answers(b"no", 500)
    room.write().sweep(now=NOW)
    room.paper("herald").publish(MISSILE, "It flew over <i>Tokyo</i>.", at=NOW).publish(VETO, at=NOW)
    room.sweep(now=NOW + HOUR)


@pytest.fixture
def dashboard(any_room: Room) -> Iterator[Dashboard]:
    """A dashboard over what `stock` brings, on SQLite and on Postgres."""
    stock(any_room)
    with ExitStack() as stack:
        yield Dashboard(any_room, stack)


def poisoned(store: Store, now: dt.datetime) -> tuple[int, int, str]:
    """An article, event and alert whose every text is an attack, as if the edge had cleaned nothing; their ids."""
    link = "javascript:alert(3)"
    article = Article("herald", "evil", link, EVIL, EVIL, now, now, "d", EVIL)
    state = store.feeds.get("herald")
    assert state is not None
    store.feeds.save_poll(state, [article])
    (stored,) = store.articles.undetected(rules="r", limit=9)
    evidence = Evidence("title", 0, 8, EVIL[:8])
    trigger = Trigger(
        "missile_test", Modality.HAPPENED, EVIL, EVIL, EVIL, EVIL, EVIL, evidence, place=EVIL, article=stored.id
    )
    store.triggers.save_detection([stored], [trigger], rules="r", now=now)
    ((found, _),) = store.triggers.unlinked(limit=9)
    event = Event("missile_test", Modality.HAPPENED, EVIL, "KP", now, now, EVIL, 9.0, EVIL, EVIL, articles=(stored.id,))
    event = replace(event, families=frozenset({EVIL}), facts={EVIL: EVIL}, denials=(stored.id,))
    (event,) = store.events.save_links([Link(event, (found.id,))])
    alert = Alert("evil", "test", "new_missile_test", EVIL, EVIL, EVIL, now, EVIL, (event.id,), 9.0, title=EVIL)
    store.alerts.save_decisions([Decision(alert, ())], evaluated=[event])
    store.alerts.acknowledge(alert.id, who=EVIL, now=now, note=EVIL)
    store.notices.put(EVIL, EVIL, now=now)
    return stored.id, event.id, alert.id


@pytest.fixture
def browser(dashboard: Dashboard) -> TestClient:
    """A browser at the dashboard."""
    return dashboard.open()


def csrf(client: TestClient, path: str) -> str:
    """The token of the forms on that page."""
    page = client.get(path)
    assert page.status_code == 200, page.text
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]
