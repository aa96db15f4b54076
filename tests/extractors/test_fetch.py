"""Fetching: FAULTS.md N01–N16 and N19–N21, each against a real server on loopback or decided before any connection."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gzip
import socket
import ssl
import sys
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import brotli
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from extractors.decoding import BadCoding, Decoder, TooLarge, decode
from extractors.fetch import Fetcher, FetchResult, max_age_s, retry_after_s
from extractors.guard import Guard
from tests.extractors.servers import Answer, Names, Request, Server, Streamed, http, moved, serving
from tocsin.config.feeds import Feed
from tocsin.config.settings import FetchSettings
from tocsin.errors import FetchError
from tocsin.model import FeedState

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NOW = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
STATE = FeedState(feed="one", next_check_at=NOW)
SETTINGS = FetchSettings(
    allow_networks=("127.0.0.0/8",), max_bytes=100_000, timeout=dt.timedelta(seconds=30), host_pause=dt.timedelta(0)
)
RSS = b"<rss version='2.0'><channel><title>x</title></channel></rss>"


def feed(url: str, id: str = "one") -> Feed:
    return Feed.model_validate({"id": id, "title": "One", "url": url})


def run(
    answers: dict[str, Answer],
    play: Callable[[Server, Fetcher], Awaitable[None]],
    *,
    settings: FetchSettings = SETTINGS,
    names: Names | None = None,
) -> Server:
    async def main() -> Server:
        async with serving(answers) as server, Fetcher(settings, resolver=names or Names({})) as fetcher:
            await play(server, fetcher)
            return server

    return asyncio.run(main())


def fetch(
    answer: Answer, *, state: FeedState = STATE, settings: FetchSettings = SETTINGS
) -> tuple[FetchResult, Server]:
    results: list[FetchResult] = []

    async def play(server: Server, fetcher: Fetcher) -> None:
        results.append(await fetcher.fetch(feed(server.url("/feed")), state))

    server = run({"/feed": answer}, play, settings=settings)
    return results[0], server


def failure(answer: Answer, *, settings: FetchSettings = SETTINGS, state: FeedState = STATE) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(answer, settings=settings, state=state)
    return caught.value


# What a good answer gives


def test_a_new_body_comes_with_its_validators() -> None:
    answer = http(
        RSS, 'ETag: "v1"', "Last-Modified: Tue, 24 Nov 2026 05:00:00 GMT", "Cache-Control: public, max-age=600"
    )
    result, server = fetch(answer)
    assert (result.status, result.changed, result.body) == (200, True, RSS)
    assert (result.etag, result.last_modified) == ('"v1"', "Tue, 24 Nov 2026 05:00:00 GMT")
    assert result.max_age_s == 600
    sent = server.requests[0].headers
    assert "If-None-Match" not in sent
    assert sent["User-Agent"].startswith("Tocsin/")
    assert "Cookie" not in sent


def test_both_validators_are_sent_back_and_304_means_unchanged() -> None:
    state = replace(STATE, etag='W/"v1"', last_modified="Tue, 24 Nov 2026 05:00:00 GMT", body_digest="d")
    result, server = fetch(http(b"", status=304), state=state)
    assert (result.status, result.changed, result.digest) == (304, False, "d")
    assert (result.etag, result.last_modified) == (state.etag, state.last_modified)
    assert server.requests[0].headers["If-None-Match"] == 'W/"v1"'
    assert server.requests[0].headers["If-Modified-Since"] == state.last_modified


def test_the_same_body_again_is_unchanged_though_answered_200() -> None:
    first, _ = fetch(http(RSS))
    second, _ = fetch(http(RSS), state=replace(STATE, body_digest=first.digest))
    assert (first.changed, second.changed) == (True, False)


def test_validators_without_a_stored_body_are_not_sent() -> None:
    """N12: what came with a body that was not stored would hide that body for ever."""
    result, server = fetch(http(RSS, 'ETag: "v1"'), state=replace(STATE, etag='"v1"'))
    assert "If-None-Match" not in server.requests[0].headers
    assert result.changed


def test_304_to_a_request_without_conditions_is_an_error() -> None:
    assert failure(http(b"", status=304)).status == 304


def test_an_oversized_validator_is_forgotten() -> None:
    result, _ = fetch(http(RSS, f'ETag: "{"e" * 10_000}"'))
    assert (result.etag, result.body) == ("", RSS)


def test_the_contact_stands_in_the_user_agent() -> None:
    _, server = fetch(http(RSS), settings=SETTINGS.model_copy(update={"contact": "https://desk.example/bot"}))
    assert server.requests[0].headers["User-Agent"] == "Tocsin/0.1 (news watch; +https://desk.example/bot)"


# N01, N03–N06: where it may not go

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378::1", "::7f00:1",
    "fe80::1", "fe80::1%eth0", "febf::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
    "100::1", "3fff::1", "5f00::1", "not an address",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_global_are_refused(address: str) -> None:
    assert Guard().refusal(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_global_addresses_are_allowed(address: str) -> None:
    assert Guard().refusal(address) == ""


def test_a_network_set_free_is_allowed_however_it_is_written() -> None:
    guard = Guard(["10.1.0.0/16", "::1/128"])
    assert [guard.refusal(address) for address in ("10.1.2.3", "::ffff:10.1.2.3", "::1")] == ["", "", ""]
    assert guard.refusal("10.2.0.1") == "10.2.0.1 is private; fetch.allow_networks in settings.yaml would allow it"


NOT_SENT = [
    "http://127.0.0.1:{port}/feed", "http://127.1:{port}/feed", "http://2130706433:{port}/feed",
    "http://0x7f000001:{port}/feed", "http://0x7f.1:{port}/feed", "http://0177.0.0.1:{port}/feed",
    "http://127.0.0.1.:{port}/feed", "http://[::ffff:127.0.0.1]:{port}/feed", "http://[::ffff:7f00:1]:{port}/feed",
    "http://[64:ff9b::7f00:1]:{port}/feed", "http://localhost:{port}/feed", "http://localhost.:{port}/feed",
    "http://①②⑦.⓪.⓪.①:{port}/feed", "http://127。0。0。1:{port}/feed", "http://a@b\\@127.0.0.1:{port}/feed",
    "http://example.org\\@127.0.0.1:{port}/feed", "http://127.0.0.1\t:{port}/feed", "http://127.0.0.1:{port}/\r\nX: y",
    "http://user:pass@127.0.0.1:{port}/feed", "http://example.org:22/", "http://example.org:25/",
    "http://example.org:6379/", "file:///etc/passwd", "ftp://example.org/", "gopher://127.0.0.1:{port}/_GET",
    "data:text/xml,<rss/>", "feed:http://127.0.0.1:{port}/feed", "//127.0.0.1:{port}/feed", "http://", "http:///feed",
]  # fmt: skip


@pytest.mark.parametrize("spelling", NOT_SENT)
def test_no_spelling_gets_a_byte_to_a_private_address(spelling: str) -> None:
    names = Names({"localhost": ["127.0.0.1"], "localhost.": ["127.0.0.1"], "b": ["127.0.0.1"]})

    async def play(server: Server, fetcher: Fetcher) -> None:
        target = feed("http://example.org/").model_copy(update={"url": spelling.format(port=server.port)})
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(target, STATE)
        assert not caught.value.retry
        assert "one: " in str(caught.value)

    closed = FetchSettings(timeout=dt.timedelta(seconds=2))
    assert run({"/feed": http(RSS)}, play, settings=closed, names=names).requests == []


def test_a_name_with_one_private_address_among_public_ones_is_refused_whole() -> None:
    names = Names({"mixed.example": ["93.184.216.34", "10.0.0.1"]})

    async def play(server: Server, fetcher: Fetcher) -> None:
        with pytest.raises(FetchError, match=r"refused to connect: 10\.0\.0\.1 is private"):
            await fetcher.fetch(feed("http://mixed.example/feed"), STATE)

    run({}, play, settings=FetchSettings(), names=names)


def test_a_name_is_looked_up_once_and_that_very_address_is_used() -> None:
    class Rebinding(Names):
        async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC):  # type: ignore[no-untyped-def]
            found = await super().resolve(host, port, family)
            self.names[host] = ["10.0.0.1"]
            return found

    names = Rebinding({"feeds.example": ["127.0.0.1"]})

    async def play(server: Server, fetcher: Fetcher) -> None:
        assert (await fetcher.fetch(feed(server.url("/feed", host="feeds.example")), STATE)).body == RSS

    run({"/feed": http(RSS)}, play, names=names)
    assert names.asked == ["feeds.example"]


def test_proxies_and_netrc_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary\n")
    netrc.chmod(0o600)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(netrc))
    result, server = fetch(http(RSS))
    assert result.body == RSS
    assert "Authorization" not in server.requests[0].headers


# N02, N07, N14, N15: redirects


def test_each_hop_passes_the_guard() -> None:
    settings = SETTINGS.model_copy(update={"allow_networks": ("127.0.0.1/32",)})
    error = failure(lambda request: moved("http://127.0.0.2:8080/"), settings=settings)
    assert "refused to connect: 127.0.0.2 is loopback" in str(error)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("file:///etc/passwd", "redirects to an address that has the scheme file"),
        ("gopher://127.0.0.1/", "redirects to an address that has the scheme gopher"),
        ("data:text/xml,x", "redirects to an address that has the scheme data"),
        ("http://2130706433/", "redirects to an address that has a host written as a number"),
        ("http://[::1", "redirects to an address that"),
        ("http://127.0.0.1:22/", "redirects to an address that has port 22"),
    ],
)
def test_a_redirect_to_what_is_not_allowed_is_refused(location: str, words: str) -> None:
    assert words in str(failure(moved(location)))


def test_a_loop_of_redirects_ends_after_five() -> None:
    async def play(server: Server, fetcher: Fetcher) -> None:
        with pytest.raises(FetchError, match="redirects more than 5 times"):
            await fetcher.fetch(feed(server.url("/feed")), STATE)

    assert len(run({"/feed": moved("/feed")}, play).requests) == 6


def test_permanent_redirects_are_told_and_temporary_ones_are_not() -> None:
    async def play(server: Server, fetcher: Fetcher) -> None:
        chain = await fetcher.fetch(feed(server.url("/permanent")), STATE)
        assert (chain.body, chain.moved_to) == (RSS, server.url("/feed"))
        mixed = await fetcher.fetch(feed(server.url("/mixed")), STATE)
        assert (mixed.body, mixed.moved_to) == (RSS, server.url("/temporary"))
        assert (await fetcher.fetch(feed(server.url("/temporary")), STATE)).moved_to == ""
        assert (await fetcher.fetch(feed(server.url("/feed")), STATE)).moved_to == ""

    run(
        {
            "/permanent": moved("/second", 301),
            "/second": moved("/feed", 308),
            "/mixed": moved("/temporary", 301),
            "/temporary": moved("/feed", 307),
            "/feed": http(RSS),
        },
        play,
    )


def test_credentials_stay_with_the_host_they_are_for() -> None:
    names = Names({"first.example": ["127.0.0.1"], "second.example": ["127.0.0.1"]})

    async def play(server: Server, fetcher: Fetcher) -> None:
        server.answers["/own"] = moved("/other")
        server.answers["/other"] = moved(server.url("/feed", host="second.example"))
        target = server.url("/own", host="first.example").replace("http://", "http://user:canary@")
        result = await fetcher.fetch(feed(target), STATE)
        assert "canary" not in result.url

    server = run({"/feed": http(RSS)}, play, names=names)
    sent = {request.path: request.headers.get("Authorization", "") for request in server.requests}
    assert sent == {"/own": "Basic dXNlcjpjYW5hcnk=", "/other": "Basic dXNlcjpjYW5hcnk=", "/feed": ""}


# N08–N11, N21: answers that never end, burst or break off


async def _slow_headers(request: Request, writer: asyncio.StreamWriter) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
        writer.write(bytes([letter]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def _slow_body(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _silent(request: Request, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


@pytest.mark.parametrize("slow", [_slow_headers, _slow_body, _silent])
def test_the_deadline_is_for_the_whole_answer(slow: Callable[..., Awaitable[None]]) -> None:
    started = time.monotonic()
    error = failure(Streamed(slow), settings=SETTINGS.model_copy(update={"timeout": dt.timedelta(seconds=0.4)}))
    assert "no whole answer within 0.4 s (fetch.timeout)" in str(error)
    assert time.monotonic() - started < 20


def test_a_slow_server_gives_its_turn_back() -> None:
    async def play(server: Server, fetcher: Fetcher) -> None:
        for _ in range(2):
            with pytest.raises(FetchError):
                await fetcher.fetch(feed(server.url("/slow")), STATE)
        assert (await fetcher.fetch(feed(server.url("/feed")), STATE)).body == RSS

    settings = SETTINGS.model_copy(update={"timeout": dt.timedelta(seconds=0.3), "per_host": 1})
    run({"/slow": Streamed(_slow_body), "/feed": http(RSS)}, play, settings=settings)


async def _endless(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(50):
        writer.write(b"x" * 1_000_000)
        await writer.drain()


@pytest.mark.parametrize("answer", [http(b"x" * 100_001), Streamed(_endless)], ids=["announced", "unannounced"])
def test_a_body_is_cut_at_the_limit(answer: Answer) -> None:
    assert "is larger than 100,000 bytes (fetch.max_bytes)" in str(failure(answer))


BOMBS = {
    "gzip": gzip.compress(bytes(50_000_000)),
    "gzip, gzip": gzip.compress(gzip.compress(bytes(50_000_000))),
    "deflate": zlib.compress(bytes(50_000_000)),
    "br": brotli.compress(bytes(50_000_000), quality=1),
    "zstd": zstd.compress(bytes(50_000_000)),
}


@pytest.mark.parametrize("coding", BOMBS)
def test_a_bomb_is_cut_at_the_limit_of_decoded_bytes(coding: str) -> None:
    assert "is larger than" in str(failure(http(BOMBS[coding], f"Content-Encoding: {coding}")))


PACKED = {
    "gzip": gzip.compress(RSS),
    "x-gzip": gzip.compress(RSS),
    "gzip, gzip": gzip.compress(gzip.compress(RSS)),
    "deflate": zlib.compress(RSS),
    "identity": RSS,
    "br": brotli.compress(RSS),
    "zstd": zstd.compress(RSS),
}


@pytest.mark.parametrize("coding", PACKED)
def test_every_coding_is_undone(coding: str) -> None:
    result, server = fetch(http(PACKED[coding], f"Content-Encoding: {coding}"))
    assert result.body == RSS
    assert server.requests[0].headers["Accept-Encoding"] == "gzip, deflate, br, zstd"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_cut_or_corrupt_stream_is_an_error_in_every_coding(coding: str) -> None:
    assert "cut short" in str(failure(http(PACKED[coding][:-6], f"Content-Encoding: {coding}")))
    assert "corrupt" in str(failure(http(b"not packed at all " * 9, f"Content-Encoding: {coding}")))


def test_unknown_and_piled_up_codings_are_errors() -> None:
    assert "unknown content coding" in str(failure(http(RSS, "Content-Encoding: rot13")))
    assert "4 content codings" in str(failure(http(RSS, "Content-Encoding: gzip, gzip, gzip, gzip")))


def test_decoding_does_not_depend_on_how_the_bytes_arrive() -> None:
    text = bytes(range(256)) * 3000
    raw = zlib.compressobj(wbits=-15)
    bodies = {
        "gzip": gzip.compress(text[:1000]) + gzip.compress(text[1000:]) + b"\0\0padding",
        "deflate": raw.compress(text) + raw.flush(),
        "br": brotli.compress(text, quality=2),
        "zstd": zstd.compress(text[:5000]) + zstd.compress(text[5000:]),
    }
    for coding, body in bodies.items():
        assert decode(body, coding, len(text)) == text
        with pytest.raises(TooLarge):
            decode(body, coding, len(text) - 1)
        for size in (1, 7, 1000):
            decoder = Decoder(coding, len(text))
            assert b"".join(decoder.feed(body[at : at + size]) for at in range(0, len(body), size)) == text
            decoder.finish()
    with pytest.raises(BadCoding):
        decode(b"\x1f\x8b", "gzip", 10)


def test_a_file_that_is_gzip_itself_is_unpacked() -> None:
    result, _ = fetch(http(gzip.compress(RSS), "Content-Type: application/octet-stream"))
    assert result.body == RSS


async def _too_short(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "new"\r\n\r\n<rss>')


async def _cut_chunk(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFF\r\n<rss>")


async def _reset(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<rss>")
    await writer.drain()
    writer.transport.abort()


async def _nothing(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize("broken", [_too_short, _cut_chunk, _reset, _nothing])
def test_an_answer_that_breaks_off_is_an_error(broken: Callable[..., Awaitable[None]]) -> None:
    error = failure(Streamed(broken))
    assert error.retry
    assert error.cause in ("the answer was cut short", "the server closed the connection")


@pytest.mark.parametrize(
    "headers",
    [
        ["X-Big: " + "x" * 1_000_000],
        [f"X-{number}: y" for number in range(10_000)],
    ],
    ids=["1 MB", "10,000"],
)
def test_headers_without_end_are_an_error(headers: list[str]) -> None:
    assert "too many or too long headers" in str(failure(http(RSS, *headers)))


def test_cookies_are_not_kept() -> None:
    async def play(server: Server, fetcher: Fetcher) -> None:
        for _ in range(2):
            await fetcher.fetch(feed(server.url("/feed")), STATE)

    server = run({"/feed": http(RSS, "Set-Cookie: session=1; Path=/")}, play)
    assert all("Cookie" not in request.headers for request in server.requests)


def test_not_http_at_all_is_an_error() -> None:
    async def ssh(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")

    assert "no valid HTTP" in str(failure(Streamed(ssh)))


# N13, N16, N19: what servers ask for


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "wants a name and password (401)"),
        (403, "refuses this client (403)"),
        (404, "is not there (404)"),
        (410, "is gone for good"),
        (429, "asks for fewer requests (429)"),
        (500, "answered 500"),
        (204, "answered 204"),
        (300, "answered 300"),
    ],
)
def test_each_status_is_told_apart(status: int, words: str) -> None:
    error = failure(http(b"" if status == 204 else b"<html>", status=status))
    assert (error.status, error.retry) == (status, status != 410)
    assert words in str(error)


DATE = "Tue, 24 Nov 2026 06:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Tue, 24 Nov 2026 06:05:00 GMT", 300),
        ("Tue, 24 Nov 2026 05:00:00 GMT", None),
        ("Tue, 24 Nov 2036 06:00:00 GMT", 86_400),
        ("315360000", 86_400),
        ("9" * 500, 86_400),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("²", None),
        ("", None),
        ("Tue, 99 Nov 2026 99:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_and_capped(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, date=DATE) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("max-age=60", 60), ("public, Max-Age = 60", 60), ("s-maxage=9", 0), ("no-cache", 0), ("max-age=-1", 0), ("", 0)],
)
def test_max_age_is_read(value: str, seconds: float) -> None:
    assert max_age_s(value) == seconds


def test_retry_after_holds_for_the_other_feeds_of_the_host() -> None:
    async def play(server: Server, fetcher: Fetcher) -> None:
        with pytest.raises(FetchError) as first:
            await fetcher.fetch(feed(server.url("/feed")), STATE)
        assert (first.value.status, first.value.retry_after_s) == (429, 90)
        with pytest.raises(FetchError, match="its host has asked to wait") as second:
            await fetcher.fetch(feed(server.url("/other"), "two"), STATE)
        assert 80 < (second.value.retry_after_s or 0) <= 90

    assert len(run({"/feed": http(b"", "Retry-After: 90", status=429), "/other": http(RSS)}, play).requests) == 1


def test_one_host_sees_few_requests_at_a_time_with_a_pause_between() -> None:
    async def brief(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        writer.write(http(RSS, "Connection: close"))

    async def play(server: Server, fetcher: Fetcher) -> None:
        started = time.monotonic()
        await asyncio.gather(*(fetcher.fetch(feed(server.url("/feed"), f"f{n}"), STATE) for n in range(20)))
        assert time.monotonic() - started >= 19 * 0.01
        assert server.most_open <= 3

    settings = SETTINGS.model_copy(update={"per_host": 3, "host_pause": dt.timedelta(milliseconds=10)})
    run({"/feed": Streamed(brief)}, play, settings=settings)


# N18, S02: words


def test_no_name_and_no_server_are_told_from_a_bad_answer() -> None:
    async def play(server: Server, fetcher: Fetcher) -> None:
        with pytest.raises(FetchError, match="host name was not found") as unknown:
            await fetcher.fetch(feed("http://nowhere.example/feed"), STATE)
        with contextlib.closing(socket.socket()) as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            with pytest.raises(FetchError, match="no connection") as closed:
                await fetcher.fetch(feed(f"http://127.0.0.1:{port}/feed"), STATE)
        with pytest.raises(FetchError) as absent:
            await fetcher.fetch(feed(server.url("/absent")), STATE)
        assert [unknown.value.reached, closed.value.reached, absent.value.reached] == [False, False, True]

    run({}, play)


def test_no_error_holds_the_address() -> None:
    canary = "canary7"
    answers: dict[str, Answer] = {
        f"/broken?key={canary}": Streamed(_reset),
        f"/bad?key={canary}": Streamed(_nothing),
        f"/gone?key={canary}": http(b"", status=410),
        f"/away?key={canary}": moved(f"file:///{canary}"),
        f"/big?key={canary}": http(b"", "X-Big: " + "x" * 100_000),
    }

    async def play(server: Server, fetcher: Fetcher) -> None:
        for path in [*answers, f"/absent?key={canary}"]:
            with pytest.raises(FetchError) as caught:
                await fetcher.fetch(feed(server.url(path)), STATE)
            error: BaseException | None = caught.value
            assert canary not in f"{error!r} {error}"
            assert error is not None
            assert error.__cause__ is None
            assert error.__suppress_context__ or error.__context__ is None

    run(answers, play)


def _certificate(folder: Path, *, days_left: int) -> ssl.SSLContext:
    """A server's TLS context with a certificate of its own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days_left)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(until - dt.timedelta(days=90))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*form) + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("days_left", [-1, 30], ids=["expired", "of its own making"])
def test_a_certificate_that_is_not_valid_is_an_error_and_nothing_is_asked(tmp_path: Path, days_left: int) -> None:
    received: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1_000))
        writer.close()

    async def play(_server: Server, fetcher: Fetcher) -> None:
        context = _certificate(tmp_path, days_left=days_left)
        tls = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        port = tls.sockets[0].getsockname()[1]
        async with tls:
            with pytest.raises(FetchError, match="its certificate is not valid") as caught:
                await fetcher.fetch(feed(f"https://127.0.0.1:{port}/feed"), STATE)
        assert caught.value.reached

    run({}, play)
    assert received == []
