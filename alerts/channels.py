"""Sends a message to one recipient of a channel, and says why not. The only importer of Apprise.

Apprise reaches the services; the outbox decides when and how often, so its own retries, splitting and pauses are off.
It answers True, False or None and tells the reason only to its log, at levels that also show secrets: the log is kept
here, per thread, and only a redacted reason leaves this module. Webhooks (`webhook://`, `webhooks://`) are posted by
requests, because Apprise cannot send a body of our own making.
"""

from __future__ import annotations

import base64
import datetime as dt
import email.utils
import hashlib
import hmac
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import apprise
import requests

from alerts.escaping import one_line
from alerts.messages import Message
from tocsin.config.channels import Channel
from tocsin.errors import SendError

LEAST_TIMEOUT = dt.timedelta(seconds=60)
"""A shorter wait makes duplicates: SMTP servers take a minute to answer, and a message given up is sent again."""
_PING_S = 10.0
_REASON = 400
_ANSWER = 65_536
_HTTP_STATUS = re.compile(r"error[=: ]+\(?(\d{3})\b|\bHTTP (\d{3})\b", re.IGNORECASE)
_SMTP_STATUS = re.compile(r"\((\d{3}), b")
_LOST = re.compile(r"timed out|aborted|unexpectedly closed|reset by peer|without response|broken pipe", re.IGNORECASE)
_IN_DATA = re.compile(r"sending email to|read timed out|aborted|without response", re.IGNORECASE)
_ADDRESS_IN_TEXT = re.compile(r"(with url: |https?://)\S+", re.IGNORECASE)


def _nothing(plugin: Any) -> None:
    return None


class Sender:
    """Sends messages; one object serves all channels and may be used from several threads.

    `timeout` bounds each wait for a service and is never less than `LEAST_TIMEOUT` but in tests, which pass `least`.
    `adjust` is called with each Apprise plugin made, so that tests can point one with a fixed host at loopback.
    """

    def __init__(
        self,
        *,
        timeout: dt.timedelta = LEAST_TIMEOUT,
        least: dt.timedelta = LEAST_TIMEOUT,
        adjust: Callable[[Any], None] = _nothing,
    ) -> None:
        self._timeout_s = max(timeout, least).total_seconds()
        self._adjust = adjust
        self._asset = apprise.AppriseAsset(
            app_id="Tocsin",
            app_desc="Tocsin early warning",
            app_url="",
            async_mode=False,
            http_redirects=False,
            interpret_emojis=False,
            interpret_escapes=False,
            secure_logging=True,
        )

    def send(self, channel: Channel, recipient: int, message: Message) -> None:
        """Hand `message` to the service of that recipient; SendError where it was not taken for certain."""
        url = channel.recipients[recipient].get_secret_value()
        if channel.family == "webhook":
            self._post(channel, url, message)
            return
        with _capture() as log:
            try:
                plugin = self._plugin(channel, url)
                taken = self._notify(plugin, message)
            except SendError:
                raise
            except Exception as error:  # whatever a plugin raises, the outbox must hear why it was not sent
                raise _failure(channel, [*log, f"{type(error).__name__}: {error}"], retry=False) from error
        if taken is not True:
            raise _failure(channel, log)

    def ping(self, url: str) -> None:
        """Ask for `url`, which only has to hear from us; SendError, without the address, where it does not answer."""
        try:
            with requests.Session() as session:
                session.trust_env = False
                status = session.get(url, timeout=_PING_S, allow_redirects=False, stream=True).status_code
        except (requests.RequestException, ValueError, OSError) as error:
            raise SendError("heartbeat", f"no answer ({type(error).__name__})", retry=True) from None
        if not 200 <= status < 300:
            raise SendError("heartbeat", f"HTTP {status}", retry=True)

    def check(self, channel: Channel) -> tuple[str, ...]:
        """What is wrong with the channel's addresses, without sending anything."""
        found = []
        for url in channel.recipients:
            text = url.get_secret_value()
            try:
                if channel.family == "webhook":
                    _webhook_url(text)
                else:
                    with _capture():
                        self._plugin(channel, text)
            except SendError as error:
                found.append(error.cause)
            except ValueError as error:
                found.append(str(error))
        return tuple(dict.fromkeys(found))

    def _plugin(self, channel: Channel, url: str) -> Any:
        with _capture() as log:
            plugin = apprise.Apprise.instantiate(url, asset=self._asset, suppress_exceptions=True)
        if plugin is None:
            raise _failure(channel, ["Apprise cannot read the URL", *log], retry=False)
        if not plugin.enabled:
            raise _failure(channel, ["the service needs a package that is not installed"], retry=False)
        if len(plugin) > 1:
            cause = f"the URL names {len(plugin)} recipients; give one URL each, or addresses under `to`"
            raise _failure(channel, [cause], retry=False)
        plugin.socket_connect_timeout = self._timeout_s
        plugin.socket_read_timeout = self._timeout_s
        plugin.request_rate_per_sec = 0
        plugin.retry = 0
        plugin.overflow_mode = apprise.OverflowMode.TRUNCATE
        rich = channel.family in ("mail", "telegram")
        plugin.notify_format = apprise.NotifyFormat.HTML if rich else apprise.NotifyFormat.TEXT
        self._adjust(plugin)
        return plugin

    def _notify(self, plugin: Any, message: Message) -> bool | None:
        """The one call into Apprise: True where the service took the message."""
        titled = message.family in ("mail", "plain") and plugin.title_maxlen > 0
        if message.family == "mail":
            plugin.headers = {**plugin.headers, **message.headers}
        result: bool | None = plugin.notify(
            body=message.fitted(plugin.body_maxlen),
            title=message.subject if titled else "",
            body_format=plugin.notify_format,
        )
        return result

    def _post(self, channel: Channel, url: str, message: Message) -> None:
        body = message.body.encode()
        try:
            with requests.Session() as session:
                # Proxies and .netrc of the environment are not the operator's word on where alerts go.
                session.trust_env = False
                answer = session.post(
                    _webhook_url(url),
                    data=body,
                    headers=_headers(channel, message, body),
                    timeout=self._timeout_s,
                    allow_redirects=False,
                    stream=True,
                )
                text = "it redirects elsewhere" if answer.is_redirect else _text(answer)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise _failure(channel, [f"{type(error).__name__}: {error}"], retry=True) from error
        except (requests.RequestException, ValueError, OSError) as error:
            raise _failure(channel, [f"{type(error).__name__}: {error}"], retry=False) from error
        _check_answer(channel, answer, text)


def _check_answer(channel: Channel, answer: requests.Response, text: str) -> None:
    status = answer.status_code
    if 200 <= status < 300 and not _says_no(text):
        return
    cause = [f"HTTP {status}: {text[:200]}"]
    after = _retry_after(answer.headers.get("Retry-After", ""), dt.datetime.now(dt.UTC))
    raise _failure(channel, cause, retry=_worth_it(status), retry_after_s=after)


def _text(answer: requests.Response) -> str:
    return bytes(answer.raw.read(_ANSWER, decode_content=True)).decode("utf-8", "replace")


def _webhook_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    if not urlsplit(f"https://{rest}").hostname:
        raise ValueError("the webhook URL names no host")
    return f"{'https' if scheme.lower() == 'webhooks' else 'http'}://{rest}"


def _headers(channel: Channel, message: Message, body: bytes) -> dict[str, str]:
    """Content type, idempotency key and, with a key, the signature as https://www.standardwebhooks.com has it."""
    batch = body.startswith(b"[")
    at = str(int(time.time()))
    headers = {
        "Content-Type": f"application/cloudevents{'-batch' if batch else ''}+json; charset=utf-8",
        "User-Agent": "Tocsin",
        "Idempotency-Key": message.id,
        "webhook-id": message.id,
        "webhook-timestamp": at,
    }
    if channel.signing_key:
        signed = b".".join((message.id.encode(), at.encode(), body))
        digest = hmac.new(channel.signing_key.get_secret_value().encode(), signed, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _says_no(text: str) -> bool:
    """Whether a service that answered 200 says in its JSON that it did not take the message."""
    try:
        answer = json.loads(text)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("ok") is False


def _retry_after(value: str, now: dt.datetime) -> float | None:
    """Seconds to wait as `Retry-After` has it, in seconds or as a date; None where it says nothing usable."""
    if value.strip().isdigit():
        return float(value)
    try:
        at = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp() - now.timestamp())


def _failure(
    channel: Channel, log: list[str], *, retry: bool | None = None, retry_after_s: float | None = None
) -> SendError:
    """The error that the captured `log` tells of; without `retry` it is judged from the status in it."""
    text = "; ".join(dict.fromkeys(filter(None, log)))
    smtp = _SMTP_STATUS.search(text) if channel.family == "mail" else None
    http = _HTTP_STATUS.search(text)
    if retry is None and smtp:
        retry = smtp[1].startswith("4")
    elif retry is None and http:
        retry = _worth_it(int(http[1] or http[2]))
    uncertain = retry is not False and not smtp and bool(_LOST.search(text) and _IN_DATA.search(text))
    cause = redacted(channel, text) or "the service gave no reason"
    retry = True if retry is None else retry
    return SendError(channel.id, cause, retry=retry, retry_after_s=retry_after_s, uncertain=uncertain)


def _worth_it(status: int) -> bool:
    return status in (408, 425, 429) or status >= 500


def redacted(channel: Channel, text: str) -> str:
    """`text` on one line without the channel's secrets, nor any address that may hold one."""
    for secret in channel.secrets:
        text = text.replace(secret.get_secret_value(), "…")
    return one_line(_ADDRESS_IN_TEXT.sub(r"\1…", text), _REASON)


class _Capture(logging.Filter):
    """Keeps what Apprise logs in the current thread, for as long as somebody asks for it; lets nothing through."""

    def __init__(self) -> None:
        super().__init__()
        self._local = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the line where it tells why something failed; False, so that no handler ever sees it."""
        lines = getattr(self._local, "lines", None)
        telling = record.levelno >= logging.WARNING or "xception" in record.getMessage()
        if lines is not None and telling:
            lines.append(record.getMessage())
        return False

    @contextmanager
    def __call__(self) -> Iterator[list[str]]:
        """The lines that are logged in this thread meanwhile."""
        outer = getattr(self._local, "lines", None)
        self._local.lines = lines = [] if outer is None else outer
        try:
            yield lines
        finally:
            self._local.lines = outer


_capture = _Capture()
_logger = logging.getLogger("apprise")
_logger.addFilter(_capture)
_logger.setLevel(logging.DEBUG)
# At DEBUG it writes the path of each request, where chat services keep their tokens.
logging.getLogger("urllib3").setLevel(logging.WARNING)
