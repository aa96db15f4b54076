from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import logging
import socket
from typing import Any

import pytest
from pydantic import SecretStr

from alerts.channels import Sender
from alerts.messages import Message, Renderer
from tests.alerts.receivers import http_server, smtp_server
from tests.alerts.samples import T0, alert, channel, shown
from tocsin.config.channels import Channel
from tocsin.errors import SendError

EVIL = "Kim <!channel> <@U1> @everyone @here [go](http://evil.example) <b>fires</b> missile & {{7*7}} %s ${X}"
MESSAGE = Message("id1", "A subject", "A body", "plain")


def sender(*, seconds: float = 5, **adjust: Any) -> Sender:
    """A sender with a short timeout, whose plugins get these attributes, so that they speak to loopback."""

    def set_all(plugin: Any) -> None:
        for name, value in adjust.items():
            setattr(plugin, name, value)

    wait = dt.timedelta(seconds=seconds)
    return Sender(timeout=wait, least=wait, adjust=set_all)


def mail(port: int, to: str = "desk@example.org", user: str = "") -> str:
    return f"mailto://{user}127.0.0.1:{port}/?from=tocsin@example.org&to={to}"


def rendered(family: Any, title: str = EVIL) -> Message:
    return Renderer().alert(alert(), shown(title), family, now=T0)


def failing(desk: Channel, message: Message = MESSAGE, recipient: int = 0, **options: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        sender(**options).send(desk, recipient, message)
    return caught.value


def test_a_mail_arrives_as_text_and_html_with_one_clean_subject() -> None:
    title = "North Korea fires\r\nBcc: all@example.org\u2028\x0b\x85 missile \ud800\x00" + "x" * 1000
    with smtp_server() as box:
        sender().send(channel("desk", mail(box.port)), 0, rendered("mail", title))
    (recipients, message), raw = box.mails[0], box.raw[0]
    assert recipients == ("desk@example.org",)
    assert len(message["Subject"]) <= 200
    assert message["Subject"].startswith(
        "[w] North Korea fires a missile: North Korea fires Bcc: all@example.org missile"
    )
    assert message["Bcc"] is None
    assert raw.lower().count(b"\nsubject:") == 1
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]
    assert message["References"] == message["In-Reply-To"] != ""
    assert message["X-Tocsin-Alert"] == "a1"


def test_a_mail_shows_markup_of_strangers_as_text() -> None:
    title = "<script>alert(1)</script><img src=x onerror=alert(1)> fires"
    with smtp_server() as box:
        sender().send(channel("desk", mail(box.port)), 0, rendered("mail", title))
    message = box.mails[0][1]
    html = message.get_body(("html",))
    text = message.get_body(("plain",))
    assert html is not None and text is not None
    assert "<script" not in html.get_content()
    assert "<img" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()
    assert "<script>alert(1)</script>" in text.get_content()
    assert "\nWhat: missile test\n" in text.get_content().replace("\r\n", "\n")


def test_each_recipient_is_a_message_of_its_own_and_a_refused_one_is_no_retry() -> None:
    with smtp_server() as box:
        box.refuse["gone@example.org"] = "550 no such user"
        desk = channel("desk", mail(box.port, "good@example.org"), mail(box.port, "gone@example.org"))
        sender().send(desk, 0, rendered("mail"))
        error = failing(desk, rendered("mail"), recipient=1)
    assert [recipients for recipients, _ in box.mails] == [("good@example.org",)]
    assert not error.retry
    assert "550" in error.cause and "no such user" in error.cause


@pytest.mark.parametrize(("answer", "retry"), [("451 try later", True), ("421 closing", True), ("554 spam", False)])
def test_smtp_answers_say_whether_a_retry_makes_sense(answer: str, retry: bool) -> None:
    with smtp_server() as box:
        box.answer_data = answer
        error = failing(channel("desk", mail(box.port)))
    assert error.retry is retry
    assert not error.uncertain
    assert answer[:3] in error.cause


def test_a_refused_login_is_no_retry_and_hides_the_password() -> None:
    with smtp_server(refuse_login=True) as box:
        url = mail(box.port, user="tocsin:canary-pass@")
        error = failing(channel("desk", url, secrets=(url, "canary-pass")))
    assert not error.retry
    assert "535" in error.cause
    assert "canary-pass" not in str(error)


def test_a_mail_server_that_is_down_is_worth_a_retry() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = failing(channel("desk", mail(closed.getsockname()[1])))
    assert error.retry
    assert not error.uncertain
    assert "refused" in error.cause.lower()


def test_a_mail_taken_without_an_answer_in_time_is_uncertain() -> None:
    with smtp_server() as box:
        box.wait_s = 2
        error = failing(channel("desk", mail(box.port)), seconds=0.5)
    assert error.retry and error.uncertain


def test_a_webhook_is_a_signed_cloud_event_with_the_alerts_id() -> None:
    with http_server() as hooks:
        hook = channel("hook", f"webhook://127.0.0.1:{hooks.port}/in?x=1", signing_key=SecretStr("key"))
        sender().send(hook, 0, rendered("webhook"))
    path, headers, body = hooks.requests[0]
    event = hooks.json()
    assert path == "/in?x=1"
    assert headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["Idempotency-Key"] == headers["webhook-id"] == event["id"] == "a1"
    signed = b".".join((b"a1", headers["webhook-timestamp"].encode(), body))
    expected = base64.b64encode(hmac.new(b"key", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert event["specversion"] == "1.0"
    assert event["type"] == "tocsin.alert"
    assert event["data"]["events"][0]["reports"][0]["after"].strip().startswith("<!channel>")


@pytest.mark.parametrize(
    ("status", "headers", "retry", "after"),
    [
        (429, {"Retry-After": "17"}, True, 17.0),
        (503, {"Retry-After": "soon"}, True, None),
        (500, {}, True, None),
        (404, {}, False, None),
        (302, {"Location": "http://127.0.0.1:1/private"}, False, None),
    ],
)
def test_webhook_answers_say_whether_a_retry_makes_sense(
    status: int, headers: dict[str, str], retry: bool, after: float | None
) -> None:
    with http_server() as hooks:
        hooks.status, hooks.headers, hooks.body = status, headers, b"because"
        error = failing(channel("hook", f"webhook://127.0.0.1:{hooks.port}/"))
    assert (error.retry, error.retry_after_s) == (retry, after)
    assert error.cause == f"HTTP {status}: {'it redirects elsewhere' if status == 302 else 'because'}"
    assert len(hooks.requests) == 1


def test_a_date_in_retry_after_is_read() -> None:
    with http_server() as hooks:
        at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)
        hooks.status, hooks.headers = 503, {"Retry-After": f"{at:%a, %d %b %Y %H:%M:%S} GMT"}
        error = failing(channel("hook", f"webhook://127.0.0.1:{hooks.port}/"))
    assert error.retry_after_s is not None and 90 < error.retry_after_s <= 100


def test_a_service_that_says_no_with_200_did_not_take_it() -> None:
    with http_server() as hooks:
        hooks.body = b'{"ok": false, "error": "channel_not_found"}'
        error = failing(channel("hook", f"webhook://127.0.0.1:{hooks.port}/"))
    assert not error.retry
    assert "channel_not_found" in error.cause


@pytest.mark.parametrize("scheme", ["webhook", "json"])
def test_an_answer_that_stays_out_is_uncertain(scheme: str) -> None:
    with http_server() as hooks:
        hooks.wait_s = 1.5
        error = failing(channel("hook", f"{scheme}://127.0.0.1:{hooks.port}/"), seconds=0.3)
    assert error.retry and error.uncertain


@pytest.mark.parametrize(("status", "retry"), [(429, True), (503, True), (401, False), (301, False)])
def test_a_service_of_apprise_that_refuses_gives_its_status(status: int, retry: bool) -> None:
    with http_server() as hooks:
        hooks.status, hooks.headers = status, {"Location": f"http://127.0.0.1:{hooks.port}/elsewhere"}
        error = failing(channel("hook", f"json://127.0.0.1:{hooks.port}/canary"))
    assert error.retry is retry
    assert str(status) in error.cause
    assert [path for path, _, _ in hooks.requests] == ["/canary"]


def test_no_secret_reaches_log_or_error_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with http_server() as hooks:
        hooks.status = 500
        url = "slack://T1JJ3T3L2/A1BRTD4JD/canarycanarycanarycanary/#desk"
        desk = channel("desk", url, secrets=(url, "canarycanarycanarycanary"))
        error = failing(desk, rendered("slack"), webhook_url=f"http://127.0.0.1:{hooks.port}/services")
    assert "canary" in hooks.requests[0][0]
    assert "canary" not in caplog.text
    assert "canary" not in str(error) + repr(error) + repr(desk)
    assert error.retry


def test_slack_gets_its_three_characters_escaped_exactly_once() -> None:
    with http_server() as hooks:
        hooks.body = b"ok"
        desk = channel("desk", "slack://T1JJ3T3L2/A1BRTD4JD/canarycanarycanarycanary/#desk")
        sender(webhook_url=f"http://127.0.0.1:{hooks.port}").send(desk, 0, rendered("slack"))
    attachment = hooks.json()["attachments"][0]
    text = attachment["text"]
    assert "Kim &lt;!channel&gt; &lt;" in text
    assert "&lt;b&gt;fires&lt;/b&gt; missile &amp; {{7*7}} %s ${X}" in text
    assert "&amp;amp;" not in text and "&amp;lt;" not in text
    assert "<" not in text and "@everyone" not in text
    assert not attachment["title"]


def test_discord_pings_nobody() -> None:
    with http_server() as hooks:
        hooks.status, hooks.body = 204, b""
        desk = channel("desk", "discord://1234567890/canary")
        sender(notify_url=f"http://127.0.0.1:{hooks.port}").send(desk, 0, rendered("discord"))
    payload = hooks.json()
    text = payload["content"]
    for token in ("@everyone", "@here", "<@U1", "](http"):
        assert token not in text
    assert "missile & {{7*7}} %s ${X}" in text
    assert "allow_mentions" not in payload
    assert "<https://daily.example/1>" in text


def test_telegram_gets_html_that_parses() -> None:
    with http_server() as hooks:
        hooks.body = b'{"ok": true, "result": {}}'
        desk = channel("desk", "tgram://123456789:AAabcdefghijklmnopqrstuvwxyz012345678/42/")
        sender(notify_url=f"http://127.0.0.1:{hooks.port}/").send(desk, 0, rendered("telegram"))
    payload = hooks.json()
    assert payload["parse_mode"] == "HTML"
    assert "&lt;!channel&gt;" in payload["text"]
    assert "&lt;b&gt;fires&lt;/b&gt; missile &amp; {{7*7}} %s ${X}" in payload["text"]
    assert "<" not in payload["text"]


def test_mattermost_pings_nobody_and_loads_no_image() -> None:
    with http_server() as hooks:
        hooks.body = b"ok"
        desk = channel("desk", f"mmost://127.0.0.1:{hooks.port}/canarytoken")
        sender().send(desk, 0, rendered("chat", "Kim @all @channel ![x](http://evil.example/x.png) ```fires"))
    text = hooks.json()["text"]
    for token in ("@all", "@channel", "](http", "```"):
        assert token not in text
    assert "fires" in text


@pytest.mark.parametrize(
    "url", ["workflow://127.0.0.1/canaryflow/canarysignature", "matrix://user:canary@127.0.0.1/#desk"]
)
def test_teams_and_matrix_are_handed_harmless_text(url: str) -> None:
    handed: list[dict[str, Any]] = []

    def notify(**values: Any) -> bool:
        handed.append(values)
        return True

    message = rendered("chat", "Kim @all @room <at>You</at> [x](http://evil.example) fires")
    sender(notify=notify).send(channel("desk", url), 0, message)
    assert (handed[0]["title"], handed[0]["body_format"].value) == ("", "text")
    for token in ("](http", "<at>", "@all", "@room"):
        assert token not in handed[0]["body"]


def test_a_long_message_is_cut_to_the_service_and_stays_one_message() -> None:
    long = Message(
        "id1", "S", "\n".join(["first", *["line " + "y" * 90] * 400, "https://desk.example/a", "Ack: a1"]), "discord"
    )
    with http_server() as hooks:
        hooks.status, hooks.body = 204, b""
        desk = channel("desk", "discord://1234567890/canary")
        sender(notify_url=f"http://127.0.0.1:{hooks.port}").send(desk, 0, long)
    assert len(hooks.requests) == 1
    text = hooks.json()["content"]
    assert len(text) <= 2000
    assert text.startswith("first\n") and text.endswith("… (shortened)\nhttps://desk.example/a\nAck: a1")


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("nosuch://127.0.0.1/x", "Apprise cannot read the URL"),
        ("slack://", "Apprise cannot read the URL"),
        ("mailto://127.0.0.1/?from=a@example.org&to=b@example.org,c@example.org", "names 2 recipients"),
    ],
)
def test_an_address_that_cannot_work_is_told_without_sending(url: str, cause: str) -> None:
    desk = channel("desk", url)
    assert cause in sender().check(desk)[0]
    error = failing(desk)
    assert cause in error.cause and not error.retry


def test_an_answer_of_none_or_an_exception_is_an_error() -> None:
    def none(**_: object) -> None:
        return None

    def broken(**_: object) -> None:
        raise RuntimeError("plugin broke")

    desk = channel("desk", "json://127.0.0.1:9/")
    assert failing(desk, notify=none).cause == "the service gave no reason"
    assert failing(desk, notify=broken).cause == "RuntimeError: plugin broke"


def test_timeouts_are_never_shorter_than_a_minute() -> None:
    seen: list[Any] = []
    Sender(timeout=dt.timedelta(seconds=4), adjust=seen.append).check(channel("desk", "json://127.0.0.1:9/"))
    assert seen[0].request_timeout == (60.0, 60.0)
    assert seen[0].retry == 0
