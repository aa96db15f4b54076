"""Killed at every boundary, a sweep goes on where it stopped: nothing lost, nothing twice (K03–K09, K11, K12)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.store.samples import LEASE, NOW, RULES, detected, polled
from tocsin.failpoint import VARIABLE
from tocsin.model import DeliveryState
from tocsin.store import Store


def kill(database: str, step: str, failpoint: str) -> None:
    """Run `step` in a process of its own that dies at `failpoint`."""
    command = [sys.executable, "-m", "tests.store.samples", database, step]
    done = subprocess.run(
        command, env={**os.environ, VARIABLE: f"{failpoint}:kill"}, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_inside_the_poll_nothing_is_stored(database: str) -> None:
    kill(database, "poll", "mid_store")

    with Store.open(database) as store:
        assert store.feeds.get("kcna") is None
        assert store.articles.undetected(rules=RULES, limit=9) == []
        polled(store)
        assert len(store.articles.undetected(rules=RULES, limit=9)) == 3


def test_after_the_poll_all_is_stored_and_waits_for_detection(database: str) -> None:
    kill(database, "poll", "after_store")

    with Store.open(database) as store:
        state = store.feeds.get("kcna")
        assert state is not None
        assert state.etag == '"1"'
        assert len(store.articles.undetected(rules=RULES, limit=9)) == 3


def test_inside_detection_no_article_is_skipped_or_counted_twice(database: str) -> None:
    kill(database, "detect", "mid_detect")

    with Store.open(database) as store:
        assert len(store.articles.undetected(rules=RULES, limit=9)) == 3
        assert store.triggers.unlinked(limit=9) == []
        detected(store)
        assert len(store.triggers.unlinked(limit=9)) == 3


def test_after_detection_triggers_wait_for_linking(database: str) -> None:
    kill(database, "detect", "after_detect")

    with Store.open(database) as store:
        assert store.articles.undetected(rules=RULES, limit=9) == []
        assert len(store.triggers.unlinked(limit=9)) == 3


def test_after_linking_the_event_waits_to_be_judged(database: str) -> None:
    kill(database, "link", "after_link")

    with Store.open(database) as store:
        assert store.triggers.unlinked(limit=9) == []
        assert len(store.events.changed(limit=9)) == 1


def test_before_the_commit_of_an_alert_there_is_neither_alert_nor_delivery(database: str) -> None:
    kill(database, "alert", "before_alert_commit")

    with Store.open(database) as store:
        assert store.alerts.recent() == []
        assert store.outbox.in_state(DeliveryState.QUEUED) == []
        assert len(store.events.changed(limit=9)) == 1


def test_after_the_commit_of_an_alert_both_are_there_and_the_event_is_judged(database: str) -> None:
    kill(database, "alert", "after_alert_commit")

    with Store.open(database) as store:
        assert [alert.id for alert in store.alerts.recent()] == ["a1"]
        assert len(store.outbox.claim(now=NOW, lease=LEASE, limit=9, holder="test")) == 2
        assert store.events.changed(limit=9) == []


def test_after_the_claim_a_delivery_is_free_when_its_lease_ends_and_marked_uncertain(database: str) -> None:
    kill(database, "claim", "after_claim")

    with Store.open(database) as store:
        assert store.outbox.claim(now=NOW, lease=LEASE, limit=9, holder="test") == []
        again = store.outbox.claim(now=NOW + LEASE, lease=LEASE, limit=9, holder="test")
        assert [(item.alert, item.attempts, item.uncertain) for item in again] == [("a1", 2, True)] * 2


def test_after_the_mark_a_delivery_is_not_sent_again(database: str) -> None:
    kill(database, "send", "after_sent")

    with Store.open(database) as store:
        assert [item.channel for item in store.outbox.in_state(DeliveryState.SENT)] == ["mail"]
        again = store.outbox.claim(now=NOW + LEASE, lease=LEASE, limit=9, holder="test")
        assert [item.channel for item in again] == ["chat"]
