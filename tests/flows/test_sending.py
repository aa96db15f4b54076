"""From the outbox to the channels: back-off, giving up, one dead channel never in the way of another."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from alerts.channels import Sender
from alerts.messages import Message
from flows.sending import pause
from flows.tally import Tally
from tests.newsroom import HOUR, MINUTE, MISSILE, NOISE, NOW, VETO, Room
from tocsin.config.channels import Channel
from tocsin.model import AlertKind, Delivery, DeliveryState

SECOND = dt.timedelta(seconds=1)


def alerted(room: Room, *titles: str) -> None:
    """Queue an alert for each title, and send nothing yet."""
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW - HOUR)
    for title in titles or (MISSILE,):
        paper.publish(title, at=NOW)
    with room.opened(now=NOW) as sweep:
        for _, step in sweep.steps()[:3]:
            step(now=NOW)


def send(room: Room, now: dt.datetime = NOW, *, stop: Callable[[], bool] = lambda: False) -> Tally:
    """The sending step alone."""
    with room.opened(now=now) as sweep:
        sweep.stop = stop
        return sweep.send(now=now)


def deliveries(room: Room) -> dict[str, Delivery]:
    """The deliveries of the one alert that is no alarm, by channel."""
    with room.store() as store:
        (alert,) = [each for each in store.alerts.recent() if each.kind is AlertKind.ALERT]
        return {delivery.channel: delivery for delivery in store.outbox.of_alert(alert.id)}


def every_delivery(room: Room) -> list[Delivery]:
    """The deliveries of all alerts."""
    with room.store() as store:
        return [delivery for alert in store.alerts.recent() for delivery in store.outbox.of_alert(alert.id)]


@pytest.mark.parametrize(
    ("attempts", "asked", "expected"),
    [
        (0, None, 30),
        (1, None, 30),
        (2, None, 60),
        (5, None, 480),
        (8, None, 3600),
        (500, None, 3600),
        (1, 90.0, 90),
        (3, 5.0, 120),
        (1, 9e9, 86400),
    ],
)
def test_the_pause_doubles_to_an_hour_or_is_what_was_asked(attempts: int, asked: float | None, expected: int) -> None:
    assert pause(attempts, asked) == dt.timedelta(seconds=expected)


def test_a_channel_that_is_down_is_tried_again_and_then_told_once(any_room: Room) -> None:
    room = any_room
    alerted(room)
    room.hooks.status = 503

    assert send(room) == Tally(sent=1, failed=1)
    waiting = deliveries(room)["hook"]
    assert (waiting.state, waiting.attempts, waiting.next_try_at) == (DeliveryState.QUEUED, 1, NOW + 30 * SECOND)
    assert "503" in waiting.last_error
    assert send(room, NOW + 10 * SECOND) == Tally()
    with room.store() as store:
        assert [notice.subject for notice in store.notices.all()] == ["channel:hook"]

    room.hooks.status = 200
    assert send(room, NOW + MINUTE) == Tally(sent=1)
    assert deliveries(room)["hook"].state is DeliveryState.SENT
    with room.store() as store:
        assert store.notices.all() == []
    assert len(room.mailbox.mails) == 1


def test_retry_after_is_honoured(room: Room) -> None:
    alerted(room)
    room.hooks.status, room.hooks.headers = 429, {"Retry-After": "600"}

    send(room)

    assert deliveries(room)["hook"].next_try_at == NOW + 10 * MINUTE


def test_what_no_try_can_mend_is_dead_at_once_and_an_alarm_goes_by_another_channel(any_room: Room) -> None:
    room = any_room
    room.mailbox.refuse["desk@example.org"] = "550 no such user"
    alerted(room)

    assert send(room) == Tally(sent=1, failed=1)
    assert deliveries(room)["mail"].state is DeliveryState.DEAD
    send(room, NOW + MINUTE)

    assert [room.hooks.json(at)["type"] for at in (0, 1)] == ["tocsin.alert", "tocsin.alarm"]
    assert "550" in str(room.hooks.json(1))
    assert room.mailbox.mails == []


def test_after_too_long_a_delivery_is_given_up_with_an_alarm(room: Room) -> None:
    room.settings["send"] = {"give_up_after": "1h"}
    room.channels[0]["alarms"], room.channels[1]["alarms"] = False, True
    alerted(room)
    room.hooks.status = 503
    for hours in (0, 1, 2):
        send(room, NOW + hours * HOUR + MINUTE)

    assert deliveries(room)["hook"].state is DeliveryState.DEAD
    send(room, NOW + 3 * HOUR)
    assert [subject for subject in room.mailed() if "channel=hook" in subject] == [
        "[tocsin] Tocsin itself: channel=hook"
    ]


def test_after_the_first_failure_a_channel_rests_and_its_other_deliveries_wait_unhurt(room: Room) -> None:
    alerted(room, MISSILE, VETO)
    room.hooks.status = 503

    assert send(room) == Tally(sent=2, failed=1)
    assert len(room.hooks.requests) == 1
    with room.store() as store:
        waiting = [each for each in store.outbox.in_state(DeliveryState.QUEUED) if each.channel == "hook"]
    assert sorted(each.attempts for each in waiting) == [0, 1]


def test_a_channel_is_told_no_more_a_minute_than_it_takes(room: Room) -> None:
    room.channels[0]["per_minute"] = 1
    alerted(room, MISSILE, VETO)

    assert send(room).sent == 3
    assert len(room.hooks.requests) == 1
    assert send(room, NOW + MINUTE).sent == 1
    assert len(set(room.hooked())) == 2


def test_sweeps_that_come_faster_than_once_a_minute_keep_to_the_rate(room: Room) -> None:
    room.channels[0]["per_minute"] = 60
    room.settings["sweep_every"] = "1s"
    alerted(room, MISSILE, VETO)

    send(room)

    assert len(room.hooks.requests) == 1


def test_late_deliveries_to_one_recipient_go_out_as_one_mail(any_room: Room) -> None:
    room = any_room
    alerted(room, MISSILE, VETO)

    assert send(room, NOW + HOUR) == Tally(sent=4)

    ((_, mail),) = room.mailbox.mails
    text = mail.as_string()
    assert "New missile_test" in text
    assert "New sanctions_veto" in text
    assert len(room.hooks.requests) == 2


def test_a_delivery_that_may_have_been_sent_is_sent_again_under_the_same_id_and_logged(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    alerted(room)
    claim(room)

    assert send(room, NOW + HOUR).sent == 2

    with room.store() as store:
        assert room.hooked() == [store.alerts.recent()[0].id]
    assert sum("uncertain" in record.getMessage() for record in caplog.records) == 2


def test_a_sender_whose_claims_a_step_of_the_clock_has_ended_sends_no_more_of_them(any_room: Room) -> None:
    room = any_room
    alerted(room, MISSILE, VETO)
    others = iter([lambda: send(room, NOW + HOUR)])

    def step() -> bool:
        for send_too in others:
            send_too()
        return True

    room.hooks.hold = step
    send(room)

    # The one under way may come twice; the next has gone out by the other sender.
    first, second = sorted(set(room.hooked()), key=room.hooked().index)
    assert room.hooked() == [first, second, first]
    assert all(each.state is DeliveryState.SENT for each in every_delivery(room))


def test_on_uncertain_hold_leaves_it_to_a_person(room: Room) -> None:
    room.channels[0]["on_uncertain"] = "hold"
    alerted(room)
    claim(room)

    send(room, NOW + HOUR)

    assert room.hooks.requests == []
    held = deliveries(room)["hook"]
    assert held.state is DeliveryState.DEAD
    assert "hold" in held.last_error


def claim(room: Room) -> None:
    """Claim everything, as a process does that is then killed."""
    with room.store() as store:
        assert len(store.outbox.claim(now=NOW, lease=5 * MINUTE, limit=9, holder="killed")) == 2


def test_a_stop_gives_back_what_was_not_tried(any_room: Room) -> None:
    room = any_room
    alerted(room, MISSILE, VETO)
    sent = room.hooks.requests

    assert send(room, stop=lambda: len(sent) > 0 or len(room.mailbox.mails) > 0).sent <= 2
    with room.store() as store:
        queued = store.outbox.in_state(DeliveryState.QUEUED)
        assert store.outbox.in_state(DeliveryState.CLAIMED) == []
    assert len(queued) >= 2
    assert {each.attempts for each in queued} == {0}

    assert send(room, NOW + SECOND).sent == len(queued)
    assert len(room.hooked()) == len(set(room.hooked())) == 2


def test_an_alert_that_no_template_can_show_is_sent_in_plain_words(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Path(room.config / "templates")
    alerted(room)
    broken.mkdir()
    (broken / "alert.html").write_text("{{ no.such.thing }}")

    assert send(room) == Tally(sent=2)

    assert "New missile_test" in room.mailed()[0]
    assert any("cannot be rendered" in record.getMessage() for record in caplog.records)


def test_a_channel_that_is_no_longer_configured_leaves_no_delivery_waiting(room: Room) -> None:
    alerted(room)
    del room.channels[1]
    room.watch["notify"] = ["hook"]
    room.write()

    assert send(room) == Tally(sent=1, failed=1)
    gone = deliveries(room)["mail"]
    assert (gone.state, gone.last_error) == (DeliveryState.DEAD, "channel 'mail' is no longer configured")


def test_a_slow_channel_holds_up_no_other(room: Room) -> None:
    alerted(room)
    hooked = threading.Event()

    class Watched(Sender):
        """Sends the mail only when the webhook has its message."""

        def send(self, channel: Channel, recipient: int, message: Message) -> None:
            assert channel.id == "hook" or hooked.wait(60)
            super().send(channel, recipient, message)
            hooked.set()

    with room.opened(now=NOW, sender=Watched()) as sweep:
        assert sweep.send(now=NOW) == Tally(sent=2)
