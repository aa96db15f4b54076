"""Finding feeds behind a site's address."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from extractors.discovery import find_feeds
from extractors.documents.pages import FoundFeed
from extractors.feeds import Parser
from extractors.fetch import Fetcher
from tests.extractors.servers import Names, http, serving
from tocsin.config.settings import FetchSettings
from tocsin.errors import FetchError

SETTINGS = FetchSettings(allow_networks=("127.0.0.0/8",), timeout=dt.timedelta(seconds=30), host_pause=dt.timedelta(0))
RSS = b"<rss version='2.0'><channel><title>All the news</title><item><title>x</title></item></channel></rss>"
PAGE = b"""<html><head><title>News</title>
<link rel="alternate" type="application/rss+xml" title="Named" href="/rss">
<link rel="alternate" type="application/rss+xml" title="Dead" href="/dead">
<link rel="alternate" type="application/rss+xml" title="Inside" href="http://10.0.0.1/rss">"""


def find(path: str) -> tuple[FoundFeed, ...]:
    async def main() -> tuple[FoundFeed, ...]:
        answers = {"/": http(PAGE), "/rss": http(RSS), "/plain": http(b"<html>nothing")}
        async with serving(answers) as server, Fetcher(SETTINGS, resolver=Names({})) as fetcher:
            with Parser(SETTINGS) as parser:
                found = await find_feeds(server.url(path), fetcher, parser)
                return tuple(FoundFeed(feed.url.removeprefix(server.url("")), feed.title) for feed in found)

    return asyncio.run(main())


def test_the_address_of_a_feed_is_that_feed() -> None:
    assert find("/rss") == (FoundFeed("/rss", "All the news"),)


def test_a_page_gives_the_feeds_it_names_that_are_feeds() -> None:
    assert find("/") == (FoundFeed("/rss", "All the news"),)


def test_a_page_without_feeds_gives_none_and_no_page_is_an_error() -> None:
    assert find("/plain") == ()
    with pytest.raises(FetchError, match="is not there"):
        find("/absent")
