"""`tocsin feeds`: what is polled, and whether it answers."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from extractors.feeds import Parser
from extractors.fetch import Fetcher
from tocsin.cli.context import Json, ago, configuration, err, now, opened, out, print_json
from tocsin.config.feeds import Feed
from tocsin.config.settings import FetchSettings
from tocsin.errors import FetchError, ParseError
from tocsin.model import FeedState


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="Feeds: list, try, see their health.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(test)
    group.command()(health)
    app.add_typer(group, name="feeds")


def list_(*, as_json: Json = False) -> None:
    """The configured feeds."""
    feeds = configuration().feeds
    if as_json:
        print_json([feed.model_dump(mode="json", exclude={"url"}) for feed in feeds])
        return
    table = Table("id", "publisher", "family", "state media", "tags", "last known good", box=None, pad_edge=False)
    for feed in feeds:
        known = feed.known_good.isoformat() if feed.known_good else ""
        style = None if feed.enabled else "dim"
        table.add_row(feed.id, feed.publisher, feed.family, feed.state_media, " ".join(feed.tags), known, style=style)
    out.print(table if feeds else "no feeds")


def test(
    ids: Annotated[list[str] | None, typer.Argument(help="Feeds to try; all where none is named.")] = None,
) -> None:
    """Fetch and parse feeds now, storing nothing. Exit 1 where one gives no readable feed."""
    config = configuration()
    feeds = {feed.id: feed for feed in config.feeds}
    for unknown in sorted(set(ids or ()) - set(feeds)):
        err.print(f"tocsin: no feed {unknown!r}; see `tocsin feeds list`", markup=False)
        raise typer.Exit(2)
    chosen = [feeds[id] for id in ids] if ids else [feed for feed in config.feeds if feed.enabled]
    failed = asyncio.run(_try_all(chosen, config.settings.fetch))
    raise typer.Exit(1 if failed else 0)


async def _try_all(feeds: list[Feed], settings: FetchSettings) -> int:
    """Try `feeds` a few at a time; the number that failed."""
    slots = asyncio.Semaphore(settings.concurrency)
    with Parser(settings) as parser:
        async with Fetcher(settings) as fetcher:

            async def one(feed: Feed) -> bool:
                async with slots:
                    return await _try(feed, fetcher, parser)

            answers = await asyncio.gather(*map(one, feeds))
    return answers.count(False)


async def _try(feed: Feed, fetcher: Fetcher, parser: Parser) -> bool:
    try:
        fetched = await fetcher.fetch(feed)
        parsed = await parser.parse(fetched.body, subject=feed.id, content_type=fetched.content_type, url=fetched.url)
    except (FetchError, ParseError) as error:
        out.print(Text(f"{feed.id}: {error.cause}", style="red"))
        return False
    dates = [entry.published for entry in parsed.entries if entry.published]
    newest = ago(max(dates, default=None), now=now())
    out.print(
        Text(f"{feed.id}: {len(parsed.entries)} entries, newest {newest}; {'; '.join(parsed.warnings)}".rstrip("; "))
    )
    return True


def health(*, as_json: Json = False) -> None:
    """How each feed does: last success, lag, rhythm, errors."""
    with opened(configuration()) as store:
        states = store.feeds.all()
    if as_json:
        hidden = {"entry_digests", "body_digest", "url_digest", "etag", "last_modified"}
        rows = [dataclasses.asdict(state) for state in states]
        print_json([{key: value for key, value in row.items() if key not in hidden} for row in rows])
        return
    table = Table("feed", "last success", "last new", "rhythm", "lag", "next", "trouble", box=None, pad_edge=False)
    for state in states:
        table.add_row(*(Text(cell) for cell in _row(state)))
    out.print(table if states else "no feed was polled yet")


def _row(state: FeedState) -> tuple[str, ...]:
    moment = now()
    trouble = state.disabled or (f"{state.failures}× {state.last_error}" if state.failures else state.warning)
    return (
        state.feed,
        ago(state.last_success_at, now=moment),
        ago(state.last_new_at, now=moment),
        f"{state.rhythm_s / 3600:.1f} h" if state.rhythm_s else "",
        f"{state.lag_s / 60:.0f} min" if state.lag_s else "",
        ago(state.next_check_at, now=moment),
        trouble,
    )
