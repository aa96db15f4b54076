"""Polling as a whole: FAULTS.md N12, N14, N16–N20, P08, P11–P16, and all captured feeds served on loopback."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import feedparser
import pytest

from extractors.feeds import Parser
from extractors.fetch import Fetcher
from extractors.novelty import MAX_EDITS
from extractors.poll import PollResult, poll
from tests.extractors.servers import Answer, Names, Server, http, moved, serving
from tocsin.config.feeds import Feed
from tocsin.config.settings import FetchSettings
from tocsin.errors import FetchError, ParseError, StoreError
from tocsin.model import Entry, FeedState

SHARED = Path(__file__).parents[2].parent / "shared" / "feeds"
NOW = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SETTINGS = FetchSettings(
    allow_networks=("127.0.0.0/8",),
    timeout=dt.timedelta(seconds=30),
    host_pause=dt.timedelta(0),
    per_host=8,
    follow_move_after=2,
)


def rss(*items: str) -> bytes:
    return f"<rss version='2.0'><channel><title>World</title>{''.join(items)}</channel></rss>".encode()


def item(number: int | str, *, title: str = "", guid: str = "", date: str = "") -> str:
    when = f"<pubDate>{date}</pubDate>" if date else ""
    title = title or f"Story {number}"
    return f"<item><title>{title}</title><guid>{guid or f'id-{number}'}</guid>{when}</item>"


def items(numbers: Iterable[int]) -> bytes:
    return rss(*map(item, numbers))


@dataclass
class Desk:
    """Polls feeds of one server and keeps what it brought, as the store would: entries and state together."""

    server: Server
    fetcher: Fetcher
    parser: Parser
    settings: FetchSettings = SETTINGS
    now: dt.datetime = NOW
    feeds: dict[str, Feed] = field(default_factory=dict)
    states: dict[str, FeedState] = field(default_factory=dict)
    stored: dict[str, dict[str, Entry]] = field(default_factory=dict)

    def add(self, id: str, path: str = "", *, host: str = "127.0.0.1") -> None:
        url = self.server.url(path or f"/{id}", host=host)
        self.feeds[id] = Feed.model_validate({"id": id, "title": id, "url": url})
        self.states[id] = FeedState(feed=id, next_check_at=self.now)
        self.stored[id] = {}

    def known(self, feed: str, keys: Sequence[str]) -> Mapping[str, str]:
        return {key: self.stored[feed][key].digest for key in keys if key in self.stored[feed]}

    async def sweep(self, *ids: str) -> dict[str, PollResult]:
        pairs = [(self.feeds[id], self.states[id]) for id in ids or self.feeds]
        results = {}
        async for result in poll(
            pairs, self.fetcher, self.parser, self.known, settings=self.settings, now=self.now, jitter=lambda: 0.0
        ):
            self.states[result.feed] = result.state
            self.stored[result.feed] |= {entry.key: entry for entry in result.entries}
            results[result.feed] = result
        self.now += HOUR
        return results

    async def one(self, answer: Answer | None = None) -> PollResult:
        """Poll the feed `one` once, answered with `answer` from now on."""
        if "one" not in self.feeds:
            self.add("one")
        if answer is not None:
            self.server.answers["/one"] = answer
        return (await self.sweep("one"))["one"]


def play(script, *, settings: FetchSettings = SETTINGS, names: Names | None = None) -> None:  # type: ignore[no-untyped-def]
    async def main() -> None:
        async with serving({}) as server, Fetcher(settings, resolver=names or Names({})) as fetcher:
            with Parser(settings) as parser:
                await script(Desk(server, fetcher, parser, settings))

    asyncio.run(main())


# What is new


def test_first_comes_the_backfill_then_only_what_is_new() -> None:
    async def script(desk: Desk) -> None:
        first = await desk.one(http(items(range(3, 30)), 'ETag: "v1"'))
        assert (first.backfill, first.new, first.gap) == (True, 27, False)
        assert (first.state.etag, first.state.last_success_at) == ('"v1"', NOW)
        second = await desk.one(http(items(range(30)), 'ETag: "v2"'))
        assert [entry.key for entry in second.entries] == ["id-0", "id-1", "id-2"]
        assert (second.backfill, second.new, second.edited) == (False, 3, 0)
        third = await desk.one()
        assert (third.entries, third.new) == ((), 0)
        assert desk.server.requests[-1].headers["If-None-Match"] == '"v2"'

    play(script)


def test_an_edit_is_recognised_and_endless_edits_are_given_up() -> None:
    async def script(desk: Desk) -> None:
        await desk.one(http(items([1, 2])))
        edited = await desk.one(http(rss(item(1, title="Story 1, corrected"), item(2))))
        assert [entry.title for entry in edited.entries] == ["Story 1, corrected"]
        assert (edited.new, edited.edited, edited.gap) == (0, 1, False)
        for count in range(MAX_EDITS + 5):
            last = await desk.one(http(rss(item(1, title=f"Read {count} times"), item(2))))
        assert last.entries == ()
        assert last.warnings == ("1 entries change with each poll and are no longer read again",)
        assert last.state.warning == last.warnings[0]

    play(script)


def test_ids_that_change_with_each_poll_bring_nothing_new() -> None:
    """P13: a session in every id."""

    async def script(desk: Desk) -> None:
        def session(name: str) -> bytes:
            return http(rss(*(item(n, guid=f"{n}?session={name}") for n in range(10))))

        await desk.one(session("a"))
        for name in "bcd":
            result = await desk.one(session(name))
            assert (result.entries, result.gap) == ((), False)
            assert result.warnings == ("10 entries came back under other ids and were not taken as new",)
        assert len(desk.stored["one"]) == 10

    play(script)


def test_a_reused_id_with_another_story_is_not_missed() -> None:
    async def script(desk: Desk) -> None:
        await desk.one(http(rss(item(1, title="One", guid="same"))))
        second = await desk.one(http(rss(item(1, title="Two", guid="same"))))
        assert [entry.title for entry in second.entries] == ["Two"]

    play(script)


def test_a_feed_that_empties_and_refills_or_turns_round_brings_nothing_new() -> None:
    """P14."""

    async def script(desk: Desk) -> None:
        await desk.one(http(items(range(10))))
        assert (await desk.one(http(rss()))).entries == ()
        refilled = await desk.one(http(items(range(10))))
        assert (refilled.entries, refilled.gap) == ((), False)
        assert (await desk.one(http(items(range(9, -1, -1))))).entries == ()

    play(script)


def test_nothing_in_common_with_the_last_poll_is_a_gap() -> None:
    """P15: ten entries at a time, twenty published during an outage."""

    async def script(desk: Desk) -> None:
        await desk.one(http(items(range(10))))
        assert (await desk.one(http(items(range(5, 15))))).state.gap_at is None
        result = await desk.one(http(items(range(30, 40))))
        assert (result.gap, result.new, result.state.gap_at) == (True, 10, NOW + 2 * HOUR)

    play(script)


def test_dates_in_the_future_do_not_count() -> None:
    async def script(desk: Desk) -> None:
        body = rss(
            item(1, date="Thu, 31 Dec 2099 00:00:00 GMT"),
            item(2, date="Thu, 01 Jan 1970 00:00:00 GMT"),
            item(3, date="Tue, 24 Nov 2026 05:30:00 GMT"),
        )
        published = [entry.published for entry in (await desk.one(http(body))).entries]
        assert published == [None, None, NOW - HOUR / 2]

    play(script)


def test_a_cut_document_is_used_and_asked_for_again() -> None:
    """P08, N11."""

    async def script(desk: Desk) -> None:
        whole = items(range(100))
        cut = await desk.one(http(whole[: whole.index(b"id-72")], 'ETag: "v1"'))
        assert {f"id-{n}" for n in range(72)} <= {entry.key for entry in cut.entries}
        assert (cut.backfill, cut.state.etag, cut.warnings) == (True, "", ("the document is cut short",))
        rest = await desk.one(http(whole, 'ETag: "v1"'))
        assert "If-None-Match" not in desk.server.requests[-1].headers
        assert {entry.title for entry in desk.stored["one"].values()} == {f"Story {n}" for n in range(100)}
        assert (rest.backfill, rest.state.etag) == (True, '"v1"')

    play(script)


# Errors


def test_one_bad_feed_never_stops_the_others() -> None:
    async def script(desk: Desk) -> None:
        answers: dict[str, Answer] = {
            "/good": http(items(range(5))),
            "/page": http(b"<!DOCTYPE html><title>Buy this domain</title>"),
            "/gone": http(b"", status=410),
            "/burns": http(rss(f"<item><author>{'a' * 100_000}</author></item>")),
            "/empty": http(b""),
            "/loop": moved("/loop"),
        }  # fmt: skip
        desk.server.answers.update(answers)
        for path in answers:
            desk.add(path[1:])
        desk.feeds["bad"] = desk.feeds["good"].model_copy(update={"id": "bad", "url": "http://192.168.1.1/"})
        desk.states["bad"], desk.stored["bad"] = FeedState(feed="bad", next_check_at=NOW), {}
        results = await desk.sweep()
        assert {id: str(result.error) for id, result in results.items() if result.error} == {
            "page": "not a readable feed: page: is a web page (“Buy this domain”), not a feed",
            "gone": "fetch failed: gone: is gone for good, says its server (410)",
            "burns": "not a readable feed: burns: kept the parser busy for more than 1 s (fetch.parse_timeout)",
            "empty": "not a readable feed: empty: the body is empty",
            "loop": "fetch failed: loop: redirects more than 5 times",
            "bad": "fetch failed: bad: refused to connect: 192.168.1.1 is private; "
            "fetch.allow_networks in settings.yaml would allow it",
        }
        assert len(desk.stored["good"]) == 5
        assert desk.states["gone"].disabled
        assert all(state.failures == 1 for id, state in desk.states.items() if id != "good")

    play(script, settings=SETTINGS.model_copy(update={"parse_timeout": dt.timedelta(seconds=1)}))


def test_a_captive_portal_takes_nothing_away() -> None:
    """N20: a page for every feed is an error of each, not an empty feed."""

    async def script(desk: Desk) -> None:
        await desk.one(http(items(range(5)), 'ETag: "v1"'))
        portal = await desk.one(http(b"<html><head><title>Log in</title>"))
        assert isinstance(portal.error, ParseError)
        assert (portal.state.etag, portal.state.last_success_at) == ('"v1"', NOW)
        back = await desk.one(http(items(range(6))))
        assert [entry.key for entry in back.entries] == ["id-5"]

    play(script)


def test_an_error_of_the_store_is_not_the_feeds() -> None:
    async def script(desk: Desk) -> None:
        desk.server.answers["/one"] = http(items([1]))
        desk.add("one")

        def locked(feed: str, keys: Sequence[str]) -> Mapping[str, str]:
            raise StoreError("the database refused", subject="x", cause="locked", retry=True)

        with pytest.raises(StoreError):
            async for _ in poll(
                [(desk.feeds["one"], desk.states["one"])], desk.fetcher, desk.parser, locked,
                settings=SETTINGS, now=NOW,
            ):  # fmt: skip
                pass

    play(script)


def test_a_network_that_is_down_is_one_fault_and_not_one_of_every_feed() -> None:
    """N18."""

    async def script(desk: Desk) -> None:
        for n in range(5):
            desk.add(f"f{n}", host=f"h{n}.example")
        results = await desk.sweep()
        assert all(isinstance(result.error, FetchError) for result in results.values())
        assert {state.last_error for state in desk.states.values()} == {
            "the network is down: no feed's server could be reached"
        }
        assert all(state.failures == 0 for state in desk.states.values())
        assert all(state.next_check_at <= NOW + dt.timedelta(minutes=2) for state in desk.states.values())
        desk.server.answers["/up"] = http(items([1]))
        desk.add("up")
        results = await desk.sweep()
        assert results["up"].error is None
        assert {desk.states[f"f{n}"].last_error for n in range(5)} == {"its host name was not found"}
        assert all(desk.states[f"f{n}"].failures == 1 for n in range(5))

    play(script)


def test_two_feeds_that_fail_or_long_dead_ones_do_not_make_a_dead_network() -> None:
    async def script(desk: Desk) -> None:
        for n in range(2):
            desk.add(f"f{n}", host=f"h{n}.example")
        await desk.sweep()
        assert all(state.failures == 1 for state in desk.states.values())
        for n in range(4):
            desk.add(f"f{n}", host=f"h{n}.example")
            desk.states[f"f{n}"] = replace(desk.states[f"f{n}"], failures=9)
        await desk.sweep()
        assert all(state.failures == 10 for state in desk.states.values())

    play(script)


# Addresses


def test_a_permanent_move_is_followed_after_a_while_without_a_second_alert() -> None:
    """N14."""

    async def script(desk: Desk) -> None:
        await desk.one(http(items(range(5))))
        desk.server.answers["/new"] = http(items(range(5)))
        for _ in range(2):
            result = await desk.one(moved("/new", 301))
            assert result.entries == ()
        await desk.one(http(b"", status=404))
        assert [request.path for request in desk.server.requests[-2:]] == ["/new", "/new"]
        assert desk.states["one"].moved_to == desk.server.url("/new")

    play(script)


def test_a_temporary_move_and_one_to_another_feed_are_not() -> None:
    """N15, and a parked address that redirects to a feed of somebody else's."""

    async def script(desk: Desk) -> None:
        await desk.one(http(items(range(5))))
        desk.server.answers["/new"] = http(items(range(5)))
        for _ in range(4):
            await desk.one(moved("/new", 302))
        assert desk.states["one"].moved_to == ""
        for n in range(4):
            desk.server.answers["/new"] = http(items(range(100 + 10 * n, 105 + 10 * n)))
            await desk.one(moved("/new", 301))
        assert desk.states["one"].moved_count == 0
        assert desk.server.requests[-2].path == "/one"

    play(script)


def test_a_move_that_changes_every_id_and_link_brings_nothing_new() -> None:
    """N17."""

    async def script(desk: Desk) -> None:
        date = "Tue, 24 Nov 2026 05:00:00 GMT"
        await desk.one(http(rss(*(item(n, date=date) for n in range(8)))))
        moved_away = await desk.one(http(rss(*(item(n, date=date, guid=f"https://new.example/{n}") for n in range(9)))))
        assert [entry.title for entry in moved_away.entries] == ["Story 8"]

    play(script)


# Many


def test_a_thousand_feeds_of_one_host_are_polled_politely() -> None:
    """N19."""

    async def script(desk: Desk) -> None:
        for n in range(1_000):
            desk.server.answers[f"/f{n}"] = http(items([n]))
            desk.add(f"f{n}")
        results = await desk.sweep()
        assert len(results) == 1_000
        assert all(result.new == 1 for result in results.values())
        assert desk.server.most_open <= 4

    play(script, settings=SETTINGS.model_copy(update={"per_host": 4}))


def test_feeds_of_a_slow_host_do_not_hold_up_the_others() -> None:
    async def script(desk: Desk) -> None:
        released = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await released.wait()
            writer.close()

        slow = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = slow.sockets[0].getsockname()[1]
        async with slow:
            for n in range(6):
                desk.add(f"slow{n}")
                url = f"http://slow.example:{port}/{n}"
                desk.feeds[f"slow{n}"] = desk.feeds[f"slow{n}"].model_copy(update={"url": url})
            for n in range(50):
                desk.server.answers[f"/f{n}"] = http(items([n]))
                desk.add(f"f{n}")
            outcomes = []
            pairs = [(desk.feeds[id], desk.states[id]) for id in desk.feeds]
            async for result in poll(pairs, desk.fetcher, desk.parser, desk.known, settings=desk.settings, now=NOW):
                outcomes.append(result.error is None)
                if outcomes.count(True) == 50:
                    released.set()
        assert outcomes == [True] * 50 + [False] * 6

    settings = SETTINGS.model_copy(update={"timeout": dt.timedelta(seconds=30), "per_host": 2, "concurrency": 4})
    play(script, settings=settings, names=Names({"slow.example": ["127.0.0.1"]}))


needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared feeds are not here")


def read_plainly(body: bytes) -> list[str]:
    """The entries that feedparser itself finds, by id, else link, else title."""
    found = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    return [
        " ".join((dict.get(entry, "id") or dict.get(entry, "link") or dict.get(entry, "title") or "").split())
        for entry in found.entries
    ]


@needs_shared
def test_no_entry_of_a_real_feed_is_lost() -> None:
    paths = sorted((SHARED / "real").iterdir())[:50] + sorted((SHARED / "snapshots").iterdir())

    async def script(desk: Desk) -> None:
        for path in paths:
            desk.server.answers[f"/{path.stem}"] = http(path.read_bytes(), "Content-Type: text/xml")
            desk.add(path.stem.lower(), f"/{path.stem}")
        results = await desk.sweep()
        for path in paths:
            result = results[path.stem.lower()]
            wanted = read_plainly(path.read_bytes())
            if result.error is not None:
                assert not wanted, path.name
                continue
            stored = desk.stored[result.feed]
            assert len(stored) == len({entry.key for entry in result.entries}) >= len(set(wanted)), path.name
            keys = {key.partition("#")[0] for key in stored} | set(stored)
            missing = {name for name in wanted if name and name not in keys and len(name) < 480}
            assert len(missing) <= sum(key.startswith("text:") for key in stored), path.name

    play(script, settings=SETTINGS.model_copy(update={"max_entries": 10_000}))


@needs_shared
def test_all_captured_odd_and_hostile_documents_are_stored_or_named_and_the_others_on_time() -> None:
    kinds = ("real", "snapshots", "odd", "hostile")
    paths = {f"{kind}-{path.stem.lower()}": path for kind in kinds for path in sorted((SHARED / kind).iterdir())}

    async def script(desk: Desk) -> None:
        for id, path in paths.items():
            id = id.replace(".", "_")
            desk.server.answers[f"/{id}"] = http(path.read_bytes())
            desk.add(id)
        for n in range(20):
            desk.server.answers[f"/good{n}"] = http(items(range(n, n + 5)))
            desk.add(f"good{n}")
        started = time.monotonic()
        results = await desk.sweep()
        assert len(results) == len(desk.feeds)
        assert time.monotonic() - started < 400
        assert all(result.error is None and result.new == 5 for id, result in results.items() if id.startswith("good"))
        named = [result.error for result in results.values() if result.error]
        assert all(isinstance(error, FetchError | ParseError) and error.cause for error in named)
        assert not [error for error in named if "unexpected" in str(error)]
        assert sum(len(stored) for stored in desk.stored.values()) > 12_000
        hostile = [stored.values() for id, stored in desk.stored.items() if id.startswith("hostile")]
        assert not [entry for entries in hostile for entry in entries if "root:" in entry.title + entry.summary]

    play(script, settings=SETTINGS.model_copy(update={"parse_timeout": dt.timedelta(seconds=3), "parsers": 2}))
