from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import replace

from tests.store.samples import LEASE, MINUTE, NOW, alerted, claimed, decision
from tocsin.model import Delivery, DeliveryState
from tocsin.store import Store


def states(store: Store) -> Counter[DeliveryState]:
    return Counter(item.state for item in store.outbox.of_alert("a1"))


def test_a_claim_takes_what_is_due_and_counts_the_attempt(store: Store) -> None:
    found = claimed(store)

    assert [(item.channel, item.attempts, item.uncertain) for item in found] == [("mail", 1, False), ("chat", 1, False)]
    assert {item.lease_until for item in found} == {NOW + LEASE}
    assert all(item.token and item.state is DeliveryState.CLAIMED for item in found)
    assert store.outbox.of_alert("a1") == found
    assert store.outbox.claim(now=NOW + LEASE - MINUTE, lease=LEASE, limit=10, holder="other") == []


def test_nothing_is_claimed_before_its_time(store: Store) -> None:
    later = decision("a1", ())
    deliveries = tuple(replace(item, next_try_at=NOW + MINUTE) for item in later.deliveries)
    store.alerts.save_decisions([replace(later, deliveries=deliveries)], evaluated=[])

    assert store.outbox.claim(now=NOW, lease=LEASE, limit=10, holder="test") == []
    assert len(store.outbox.claim(now=NOW + MINUTE, lease=LEASE, limit=10, holder="test")) == 2


def test_what_was_sent_is_over(store: Store) -> None:
    mail, chat = claimed(store)

    assert store.outbox.sent(mail, now=NOW + MINUTE)
    assert store.outbox.dead(chat, error="no such room")
    assert store.outbox.claim(now=NOW + 10 * LEASE, lease=LEASE, limit=10, holder="test") == []
    found = {item.channel: item for item in store.outbox.of_alert("a1")}
    assert (found["mail"].state, found["mail"].sent_at) == (DeliveryState.SENT, NOW + MINUTE)
    assert (found["chat"].state, found["chat"].last_error) == (DeliveryState.DEAD, "no such room")
    assert store.outbox.in_state(DeliveryState.DEAD) == [found["chat"]]


def test_what_failed_is_due_again_at_its_time(store: Store) -> None:
    mail, _ = claimed(store)

    assert store.outbox.failed(mail, error="451 later", next_try_at=NOW + 2 * MINUTE)
    assert store.outbox.claim(now=NOW + MINUTE, lease=LEASE, limit=10, holder="test") == []
    again = store.outbox.claim(now=NOW + 2 * MINUTE, lease=LEASE, limit=10, holder="test")
    assert [(item.channel, item.attempts, item.last_error, item.uncertain) for item in again] == [
        ("mail", 2, "451 later", False)
    ]


def test_what_was_claimed_and_not_tried_is_given_back_as_it_was(store: Store) -> None:
    mail, _ = claimed(store)

    assert store.outbox.release(mail)
    again = store.outbox.claim(now=NOW, lease=LEASE, limit=10, holder="test")
    assert [(item.channel, item.attempts, item.uncertain) for item in again] == [("mail", 1, False)]


def test_a_claim_whose_sender_died_is_taken_over_as_uncertain(store: Store) -> None:
    claimed(store)

    again = store.outbox.claim(now=NOW + LEASE, lease=LEASE, limit=10, holder="other")
    assert [(item.attempts, item.uncertain) for item in again] == [(2, True), (2, True)]
    assert store.outbox.of_alert("a1") == again
    store.outbox.failed(again[0], error="451", next_try_at=NOW + LEASE)
    kept = store.outbox.claim(now=NOW + LEASE, lease=LEASE, limit=10, holder="other")
    assert [item.uncertain for item in kept] == [True]


def test_a_sender_that_was_paused_beyond_its_lease_is_refused(store: Store) -> None:
    paused = claimed(store)[0]
    current = store.outbox.claim(now=NOW + LEASE, lease=LEASE, limit=10, holder="other")[0]

    assert store.outbox.held([paused, current]) == [current]
    assert not store.outbox.sent(paused, now=NOW + LEASE)
    assert not store.outbox.failed(paused, error="late", next_try_at=NOW)
    assert not store.outbox.dead(paused, error="late")
    assert not store.outbox.release(paused)
    assert store.outbox.sent(current, now=NOW + LEASE)
    assert store.outbox.held([paused, current]) == []
    assert not store.outbox.dead(paused, error="late")
    assert not store.outbox.dead(current, error="said already")
    assert states(store) == {DeliveryState.SENT: 1, DeliveryState.CLAIMED: 1}


def test_a_late_word_counts_while_nobody_else_has_the_claim(store: Store) -> None:
    mail, _ = claimed(store)

    assert store.outbox.sent(mail, now=NOW + 10 * LEASE)


def test_a_channel_full_of_old_deliveries_does_not_starve_another(store: Store) -> None:
    for number in range(20):
        store.alerts.save_decisions([decision(f"b{number}", (), channels=("dead",))], evaluated=[])
    alerted(store, channels=("mail",))

    found = store.outbox.claim(now=NOW, lease=LEASE, limit=3, holder="test")
    assert [(item.alert, item.channel) for item in found] == [
        ("b0", "dead"),
        ("b1", "dead"),
        ("b2", "dead"),
        ("a1", "mail"),
    ]


def test_two_senders_at_once_never_get_the_same_delivery(database: str) -> None:
    with Store.open(database) as store:
        for number in range(40):
            store.alerts.save_decisions([decision(f"b{number}", ())], evaluated=[])
    taken: list[Delivery] = []

    def send(name: str) -> None:
        with Store.open(database) as own:
            while found := own.outbox.claim(now=NOW, lease=LEASE, limit=2, holder=name):
                assert all(own.outbox.sent(item, now=NOW) for item in found)
                taken.extend(found)

    senders = [threading.Thread(target=send, args=(f"s{number}",)) for number in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert len(taken) == 80
    assert len({(item.alert, item.channel) for item in taken}) == 80
    assert {item.attempts for item in taken} == {1}
    oldest_first = [item.id for item in taken if item.token == taken[0].token]
    assert all(first < second for first, second in itertools.pairwise(oldest_first))


def test_what_was_given_up_can_be_queued_again_by_a_person(store: Store) -> None:
    mail, chat = claimed(store)
    store.outbox.dead(mail, error="550")
    store.outbox.sent(chat, now=NOW)

    assert store.outbox.revive("a1", who="ann", now=NOW + 10 * LEASE) == 1
    assert store.outbox.revive("a1", who="ann", now=NOW + 10 * LEASE) == 0
    (again,) = store.outbox.claim(now=NOW + 10 * LEASE, lease=LEASE, limit=9, holder="test")
    assert (again.channel, again.attempts, again.uncertain, again.last_error) == ("mail", 1, False, "")
