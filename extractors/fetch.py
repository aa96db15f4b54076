"""Fetch feeds over HTTP: the only place in Tocsin that reads from the network.

A server is a stranger: its answer is bounded in time, size, headers and redirects; each hop passes the guard; nothing
of it is kept beyond the body and its validators. Proxies, .netrc and cookies are not used.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import re
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from extractors.decoding import ACCEPTED, GZIP_MAGIC, BadCoding, Decoder, TooLarge, decode
from extractors.guard import Guard, GuardedResolver, RefusedAddress
from tocsin.config.addresses import parse_address
from tocsin.config.feeds import Feed
from tocsin.config.settings import FetchSettings
from tocsin.errors import FetchError
from tocsin.model import FeedState

MAX_REDIRECTS = 5
MAX_RETRY_AFTER_S = 86_400.0
MAX_VALIDATOR_CHARS = 2_000
MAX_FIELD_BYTES = 65_536
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_PERMANENT = (301, 308)
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class FetchResult:
    """An answer that can be used.

    `changed` is false after a 304 and for the very body of the last time (`digest` equals the state's). `url` is where
    the body came from, without credentials; `moved_to` the end of the permanent redirects, "" without any.
    """

    status: int
    changed: bool
    url: str
    body: bytes = b""
    digest: str = ""
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    moved_to: str = ""
    max_age_s: float = 0.0


@dataclass(slots=True)
class _Host:
    """Turns at one host. Times are those of the monotonic clock."""

    slots: asyncio.Semaphore
    next_start: float = 0.0
    closed_until: float = 0.0


@dataclass(slots=True)
class _Trail:
    """The way of one fetch over its redirects."""

    url: URL
    authorization: str
    moved_to: str = ""
    permanent: bool = True
    hops: int = 0
    headers: dict[str, str] = field(default_factory=dict)


class Fetcher:
    """Fetches feeds under `settings`; an async context manager, for use within one event loop.

    `resolver` looks names up; by default the system's.
    """

    def __init__(self, settings: FetchSettings, *, resolver: AbstractResolver | None = None) -> None:
        self._settings = settings
        self._guard = Guard(settings.allow_networks)
        self._resolver = resolver
        self._hosts: dict[str, _Host] = {}
        self._timeout_s = settings.timeout.total_seconds()
        self._pause_s = settings.host_pause.total_seconds()
        contact = f"; +{settings.contact}" if settings.contact else ""
        self._agent = f"Tocsin/0.1 (news watch{contact})"

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._guard, self._resolver or aiohttp.ThreadedResolver()),
            socket_factory=self._guard.open_socket,
            ssl=True,  # the one verifying context that aiohttp makes when it is imported
            limit=0,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
            auto_decompress=False,
            max_line_size=MAX_FIELD_BYTES,
            max_field_size=MAX_FIELD_BYTES,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def fetch(self, feed: Feed, state: FeedState | None = None, *, address: str = "") -> FetchResult:
        """The answer of `feed`'s server, asked conditionally where `state` has what the last body came with.

        `address` replaces that of the feed, as after a move. FetchError says what went wrong, never the address
        itself, which may hold a secret. The deadline of the settings is for everything but the wait for a turn.
        """
        try:
            url = parse_address(address or feed.url)
        except ValueError as error:
            raise FetchError(feed.id, f"the address {error}", retry=False) from None
        host = self._host(url.host or "")
        async with host.slots:
            await self._turn(feed.id, host)
            try:
                return await self._within_deadline(feed, state, url)
            except FetchError as error:
                if error.status in (429, 503) and error.retry_after_s:
                    host.closed_until = time.monotonic() + error.retry_after_s
                raise

    def _host(self, name: str) -> _Host:
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(asyncio.Semaphore(self._settings.per_host))
        return host

    async def _turn(self, subject: str, host: _Host) -> None:
        """Wait for a turn at the host, or raise at once where it has asked to be left alone."""
        now = time.monotonic()
        start = max(now, host.next_start)
        host.next_start = start + self._pause_s
        if start > now:
            await asyncio.sleep(start - now)
        wait_s = host.closed_until - start
        if wait_s > 0:
            raise FetchError(subject, "its host has asked to wait", retry_after_s=wait_s)

    async def _within_deadline(self, feed: Feed, state: FeedState | None, url: URL) -> FetchResult:
        # What aiohttp raises holds the whole address, so it is never chained.
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(feed, state, url)
        except TimeoutError:
            cause = f"no whole answer within {self._timeout_s:g} s (fetch.timeout)"
            raise FetchError(feed.id, cause, reached=False) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _named(feed.id, error) from None

    async def _follow(self, feed: Feed, state: FeedState | None, url: URL) -> FetchResult:
        trail = _Trail(url.with_user(None), _authorization(url), headers=self._headers(state))
        while True:
            headers = trail.headers | ({"Authorization": trail.authorization} if trail.authorization else {})
            async with self._session.get(trail.url, headers=headers, allow_redirects=False) as response:
                if response.status in _REDIRECTS and "Location" in response.headers:
                    _step(feed.id, trail, response)
                    continue
                return await self._answer(feed, state, trail, response)

    def _headers(self, state: FeedState | None) -> dict[str, str]:
        headers = {"User-Agent": self._agent, "Accept": _ACCEPT, "Accept-Encoding": ACCEPTED}
        if state is not None and state.body_digest:
            if state.etag:
                headers["If-None-Match"] = state.etag
            if state.last_modified:
                headers["If-Modified-Since"] = state.last_modified
        return headers

    async def _answer(
        self, feed: Feed, state: FeedState | None, trail: _Trail, response: aiohttp.ClientResponse
    ) -> FetchResult:
        if response.status == 304 and "If-None-Match" not in trail.headers and "If-Modified-Since" not in trail.headers:
            raise FetchError(feed.id, "answered 304 (not modified) to a request without conditions", status=304)
        if response.status == 304 and state is not None:
            body, digest = b"", state.body_digest
        elif response.status in (200, 203):
            body = await self._body(feed.id, response)
            digest = hashlib.blake2b(body, digest_size=16).hexdigest()
        else:
            raise _refusal(feed.id, response)
        headers = response.headers
        old = state if response.status == 304 and state is not None else None
        return FetchResult(
            status=response.status,
            changed=state is None or digest != state.body_digest,
            url=str(trail.url),
            body=body,
            digest=digest,
            content_type=headers.get("Content-Type", "")[:200],
            etag=_validator(headers.get("ETag", "")) or (old.etag if old else ""),
            last_modified=_validator(headers.get("Last-Modified", "")) or (old.last_modified if old else ""),
            moved_to=trail.moved_to,
            max_age_s=max_age_s(headers.get("Cache-Control", "")),
        )

    async def _body(self, subject: str, response: aiohttp.ClientResponse) -> bytes:
        limit = self._settings.max_bytes
        too_large = f"is larger than {limit:,} bytes (fetch.max_bytes)"
        if (response.content_length or 0) > limit:
            raise FetchError(subject, too_large, status=response.status)
        try:
            decoder = Decoder(response.headers.get("Content-Encoding", ""), limit)
            pieces = [decoder.feed(piece) async for piece in response.content.iter_any()]
            decoder.finish()
            body = b"".join(pieces)
            # Files that are compressed themselves, without a coding being named.
            return decode(body, "gzip", limit) if body.startswith(GZIP_MAGIC) else body
        except TooLarge:
            raise FetchError(subject, too_large, status=response.status) from None
        except BadCoding as error:
            raise FetchError(subject, str(error), status=response.status) from None


def _step(subject: str, trail: _Trail, response: aiohttp.ClientResponse) -> None:
    """Take one redirect; FetchError where it may not be followed."""
    trail.hops += 1
    if trail.hops > MAX_REDIRECTS:
        raise FetchError(subject, f"redirects more than {MAX_REDIRECTS} times", status=response.status)
    location = response.headers["Location"].strip().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        url = parse_address(urljoin(str(trail.url), location))
    except ValueError as error:
        raise FetchError(subject, f"redirects to an address that {error}", status=response.status) from None
    if url.origin() != trail.url.origin():
        trail.authorization = ""
    trail.permanent = trail.permanent and response.status in _PERMANENT
    trail.permanent = trail.permanent and not (trail.url.scheme == "https" and url.scheme == "http")
    trail.url = url.with_user(None)
    if trail.permanent:
        trail.moved_to = str(trail.url)


def _authorization(url: URL) -> str:
    if not url.user:
        return ""
    return "Basic " + base64.b64encode(f"{url.user}:{url.password or ''}".encode()).decode()


def _validator(value: str) -> str:
    """A validator as it may be sent back, "" where it had better not be."""
    return value if len(value) <= MAX_VALIDATOR_CHARS and value.isprintable() and value.isascii() else ""


def _refusal(subject: str, response: aiohttp.ClientResponse) -> FetchError:
    status = response.status
    cause = {
        401: "wants a name and password (401)",
        403: "refuses this client (403)",
        404: "is not there (404)",
        410: "is gone for good, says its server (410)",
        429: "asks for fewer requests (429)",
    }.get(status, f"answered {status}")
    headers = response.headers
    wait_s = retry_after_s(headers.get("Retry-After", ""), date=headers.get("Date", ""))
    return FetchError(subject, cause, status=status, retry_after_s=wait_s, retry=status != 410)


def _named(subject: str, error: aiohttp.ClientError | OSError | ValueError) -> FetchError:
    """What went wrong in words, without the address."""
    cause = getattr(error, "os_error", error)
    match error:
        case _ if refused := _refused(cause):
            return FetchError(subject, str(refused), retry=False)
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", "") or "unknown reason"
            return FetchError(subject, f"its certificate is not valid ({reason})")
        case aiohttp.ClientSSLError():
            return FetchError(subject, "no TLS connection could be made")
        case aiohttp.ClientConnectorDNSError():
            return FetchError(subject, "its host name was not found", reached=False)
        case aiohttp.ClientConnectorError():
            return FetchError(subject, f"no connection ({_plain(cause)})", reached=False)
        case aiohttp.ClientPayloadError():
            return FetchError(subject, "the answer was cut short")
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return FetchError(subject, "the server closed the connection")
        case aiohttp.ClientResponseError():
            return FetchError(subject, "the answer is no valid HTTP or has too many or too long headers")
        case _:
            return FetchError(subject, f"no usable answer ({type(error).__name__})")


def _refused(cause: object) -> RefusedAddress | None:
    """The guard's word in `cause`, which may bundle the errors of several addresses."""
    if isinstance(cause, RefusedAddress):
        return cause
    return next(filter(None, map(_refused, getattr(cause, "exceptions", ()))), None)


def _plain(cause: object) -> str:
    text = getattr(cause, "strerror", None) or type(cause).__name__
    return re.sub(r"\s*\(?Connect call failed.*", "", str(text)) or "failed"


def max_age_s(cache_control: str) -> float:
    """Seconds that a Cache-Control header calls its answer fresh, 0 where it does not say."""
    found = _MAX_AGE.search(cache_control)
    return float(found[1]) if found else 0.0


def retry_after_s(value: str, *, date: str = "") -> float | None:
    """Seconds that a Retry-After header asks for, at most a day; None where it says nothing sensible.

    A point in time is counted from the `Date` header of the same answer, so that the clocks need not agree.
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), MAX_RETRY_AFTER_S)
    until, now = _http_date(value), _http_date(date) or dt.datetime.now(dt.UTC)
    if until is None:
        return None
    wait_s = (until - now).total_seconds()
    return min(wait_s, MAX_RETRY_AFTER_S) if wait_s > 0 else None


def _http_date(value: str) -> dt.datetime | None:
    try:
        parsed = parsedate_to_datetime(value[:64])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
