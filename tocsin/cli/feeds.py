"""`tocsin feeds`: what is polled, whether it answers, and how to add to it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from extractors.discovery import find_feeds
from extractors.documents.pages import FoundFeed
from extractors.feeds import Parser
from extractors.fetch import Fetcher
from extractors.health import Health
from extractors.opml import feed_id, read_opml, write_opml
from extractors.schedule import ago
from flows.health import health as feed_health
from tocsin.cli.context import Json, configuration, err, now, opened, out, print_json
from tocsin.config.additions import add_feeds
from tocsin.config.feeds import Feed
from tocsin.config.settings import FetchSettings
from tocsin.errors import FetchError, ParseError
from tocsin.model import FeedState


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="Feeds: list, try, add, import, export, see their health.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(test)
    group.command()(health)
    group.command()(add)
    group.command("import")(import_)
    group.command()(export)
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
    """How each feed does, in words. Exit 1 where an operator should look at one."""
    config = configuration()
    with opened(config) as store:
        found = feed_health(config, store, now=now())
        states = {state.feed: state for state in store.feeds.all()}
    if as_json:
        print_json([_json(each, states[each.feed]) for each in found])
    else:
        table = Table("feed", "condition", "last success", "last new", "next", "in words", box=None, pad_edge=False)
        for each in found:
            table.add_row(*(Text(cell) for cell in _row(each, states[each.feed])))
        out.print(table if found else "no feed was polled yet")
    raise typer.Exit(1 if any(each.alarm for each in found) else 0)


def _json(health: Health, state: FeedState) -> dict[str, object]:
    return {
        "feed": health.feed,
        "condition": health.condition.value,
        "words": health.words,
        "alive": health.alive,
        "last_success_at": state.last_success_at,
        "last_new_at": state.last_new_at,
        "last_error": state.last_error,
        "failures": state.failures,
        "rhythm_s": state.rhythm_s,
        "lag_s": state.lag_s,
        "gap_at": state.gap_at,
        "next_check_at": state.next_check_at,
    }


def _row(health: Health, state: FeedState) -> tuple[str, ...]:
    moment = now()
    times = (state.last_success_at, state.last_new_at, state.next_check_at)
    return (health.feed, health.condition.value, *(ago(time, now=moment) for time in times), health.words)


def add(
    address: Annotated[str, typer.Argument(help="Address of a feed, or of a site that names its feeds.")],
    *,
    id: Annotated[str, typer.Option(help="Id of the feed; by default made of its title.")] = "",
    publisher: Annotated[str, typer.Option(help="Who is accountable for it; by default the title.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="Tag; may be given several times.")] = None,
) -> None:
    """Find the feed behind an address, try it, and add it to feeds.yaml. Exit 1 where there is none, or several."""
    config = configuration()
    found = asyncio.run(_find(address, config.settings.fetch))
    if len(found) != 1:
        err.print(Text("no feed there" if not found else "several feeds there; name one of them:"))
        for each in found:
            out.print(Text(f"{each.url}  {each.title}"))
        raise typer.Exit(1)
    taken = {feed.id for feed in config.feeds}
    title = found[0].title or found[0].url
    values = {"id": id or feed_id(title, taken=taken), "url": found[0].url, "title": title, "tags": tuple(tag or ())}
    feed = Feed.model_validate({**values, **({"publisher": publisher} if publisher else {})})
    add_feeds(config.folder, [feed])
    out.print(Text(f"added as {feed.id}: {feed.title}; polled from the next sweep on"))


async def _find(address: str, settings: FetchSettings) -> tuple[FoundFeed, ...]:
    with Parser(settings) as parser:
        async with Fetcher(settings) as fetcher:
            return await find_feeds(address, fetcher, parser)


def import_(file: Annotated[Path, typer.Argument(help="An OPML file.", exists=True, dir_okay=False)]) -> None:
    """Add the feeds of an OPML file to feeds.yaml; those that stand there already are left out, and named."""
    config = configuration()
    ids, addresses = {feed.id for feed in config.feeds}, {feed.url for feed in config.feeds}
    imported = read_opml(file.read_bytes(), subject=str(file), ids=ids, addresses=addresses)
    if imported.feeds:
        add_feeds(config.folder, imported.feeds)
    for line in imported.left_out:
        out.print(Text(f"left out: {line}"))
    out.print(f"{len(imported.feeds)} feeds added, {len(imported.left_out)} left out")


def export(
    file: Annotated[Path | None, typer.Argument(help="File to write; stdout where none is named.")] = None,
) -> None:
    """Write the feeds as OPML. It holds their addresses, with whatever secrets are in them."""
    document = write_opml(configuration().feeds)
    if file is None:
        typer.echo(document.decode())
    else:
        file.write_bytes(document)
        out.print(Text(f"written: {file}"))
