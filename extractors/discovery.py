"""Find the feeds behind the address of a site, as a person knows it."""

from __future__ import annotations

from dataclasses import replace

from extractors.documents.pages import FoundFeed
from extractors.feeds import Parser
from extractors.fetch import Fetcher
from tocsin.config.feeds import Feed
from tocsin.errors import FetchError, ParseError

MAX_TRIED = 10


async def find_feeds(address: str, fetcher: Fetcher, parser: Parser) -> tuple[FoundFeed, ...]:
    """The feeds at `address`: itself, or those of the page there that really are feeds.

    FetchError where the address gives no answer; nothing where the page names no feed that can be read.
    """
    if "://" not in address:
        address = f"https://{address}"
    page = await fetcher.fetch(_asked(address))
    try:
        parsed = await parser.parse(page.body, subject=address, content_type=page.content_type, url=page.url)
    except ParseError:
        named = await parser.discover(page.body, url=page.url, subject=address)
        tried = [await _tried(found, fetcher, parser) for found in named[:MAX_TRIED]]
        return tuple(found for found in tried if found is not None)
    return (FoundFeed(page.url, parsed.title),)


async def _tried(found: FoundFeed, fetcher: Fetcher, parser: Parser) -> FoundFeed | None:
    """`found` with the title it gives itself, None where no feed is there."""
    try:
        answer = await fetcher.fetch(_asked(found.url))
        parsed = await parser.parse(answer.body, subject=found.url, content_type=answer.content_type, url=answer.url)
    except (FetchError, ParseError):
        return None
    return replace(found, title=parsed.title or found.title)


def _asked(address: str) -> Feed:
    # Built without validation: the fetcher checks the address itself and tells what is wrong with it.
    return Feed.model_construct(id="address", url=address)
