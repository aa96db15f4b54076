"""The invariants that hold after every fault, checked over the database, the receivers and the logs.

I1 every entry that was shown is stored once; I2 every crossing has one alert; I3 every delivery was accepted once, or
at most `extra` times more; I4 every feed that answers is polled on; I6 no secret anywhere. (I5 and I7, the named error
and the bounds, are asserted by the cases themselves.)
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import select, text

from tests.newsroom import MISSILE, VETO, Room
from tocsin.model import AlertKind
from tocsin.store import Store, schema

TYPES = {MISSILE: "new_missile_test", VETO: "new_sanctions_veto"}
CANARY = "canary7Q"
"""Part of every secret that a case plants."""


def check(room: Room, *, baseline: dt.datetime, now: dt.datetime, extra: int = 0) -> None:
    """All invariants of a room whose feeds were first polled at `baseline`, and last before `now`."""
    with room.store() as store:
        entries(room, store)
        crossings(room, store, baseline)
        accepted(room, store, extra)
        schedule(room, store, now)
    secrets(room)


def entries(room: Room, store: Store) -> None:
    """I1."""
    query = select(schema.articles.c.feed, schema.articles.c.key)
    stored = Counter(store.db.read(lambda c: [tuple(row) for row in c.execute(query)]))
    shown = {(paper.id, guid) for paper in room.press.papers.values() for guid, *_ in paper.items}
    assert set(stored) == shown
    assert set(stored.values()) <= {1}


def crossings(room: Room, store: Store, baseline: dt.datetime) -> None:
    """I2: the reference model is one alert for each kind of thing published after the first poll."""
    told = {
        TYPES[title]
        for paper in room.press.papers.values()
        for _, title, _, at in paper.items
        if title in TYPES and at > baseline
    }
    raised = Counter(alert.threshold for alert in store.alerts.recent() if alert.kind is AlertKind.ALERT)
    assert raised == Counter(told)
    assert store.events.changed(limit=1) == []


def accepted(room: Room, store: Store, extra: int) -> None:
    """I3."""
    wanted = {
        (delivery.alert, delivery.channel)
        for alert in store.alerts.recent()
        for delivery in store.outbox.of_alert(alert.id)
    }
    got = Counter((id, "hook") for id in room.hooked())
    got.update((str(mail["X-Tocsin-Alert"]), "mail") for _, mail in room.mailbox.mails)
    assert set(got) == wanted
    assert sum(got.values()) - len(wanted) <= extra


def schedule(room: Room, store: Store, now: dt.datetime) -> None:
    """I4."""
    for state in store.feeds.all():
        if room.press.papers[state.feed].answer is None:
            assert state.failures == 0
            assert state.last_success_at is not None
            assert state.next_check_at > now - dt.timedelta(hours=1)


def plant(room: Room, *, login: bool = False) -> None:
    """Put the canary into every setting that may hold a secret; to be called before papers are made.

    `login`: the mail server wants one.
    """
    hook, mail = room.hooks.port, room.mailbox.port
    room.secrets = {
        "HOOK_PATH": f"{CANARY}path",
        "HOOK_KEY": f"{CANARY}key",
        "MAIL_PASSWORD": f"{CANARY}password",
        "HOOK_QUERY": f"{CANARY}query",
        "BEAT": f"{CANARY}beat",
    }
    room.channels[0] |= {
        "url": f"webhook://127.0.0.1:{hook}/${{HOOK_PATH}}?token=${{HOOK_QUERY}}",
        "signing_key": "${HOOK_KEY}",
    }
    room.settings["heartbeat"] = f"http://127.0.0.1:{hook}/${{BEAT}}?key=${{BEAT}}"
    if login:
        room.channels[1]["url"] = f"mailto://desk:${{MAIL_PASSWORD}}@127.0.0.1:{mail}/?from=a@example.org"
    room.feed_url = lambda id: f"http://reader:{CANARY}user@127.0.0.1:{room.press.server_port}/{id}?key={CANARY}feed"


def secrets(room: Room, further: Iterable[Path] = ()) -> None:
    """I6: the canary stands in no table, file of the state, log, or message."""
    with room.store() as store:
        for table in schema.metadata.sorted_tables:
            dumped = store.db.read(lambda c, t=table: str(c.execute(text(f"select * from {t.name}")).fetchall()))
            assert CANARY not in dumped, table.name
    kept = room.state / "config.good"
    for path in (*room.folder.rglob("*"), *further):
        if path.is_file() and not path.is_relative_to(room.config) and not path.is_relative_to(kept):
            assert CANARY.encode() not in path.read_bytes(), path
    for _, _, body in room.hooks.requests:
        assert CANARY.encode() not in body
    for raw in room.mailbox.raw:
        assert CANARY.encode() not in raw
