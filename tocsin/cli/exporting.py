"""`tocsin events export` and `tocsin alerts export`: for other programs."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from tocsin.cli.context import configuration, err, now, opened
from tocsin.errors import SetupError
from tocsin.interop import Names, Told, parquet, plover, stix, table
from tocsin.store import Store

DAY = dt.timedelta(days=1)
MOST_ALERTS = 1_000_000

Since = Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on, UTC; 30 days ago.")]
Until = Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Until the end of this day; today.")]
File = Annotated[Path | None, typer.Argument(help="File to write; must not exist. Stdout where none is named.")]


class EventFormat(StrEnum):
    """What events can be written as."""

    STIX = "stix"
    PLOVER = "plover"
    CSV = "csv"
    PARQUET = "parquet"


class AlertFormat(StrEnum):
    """What alerts can be written as."""

    STIX = "stix"
    CSV = "csv"
    PARQUET = "parquet"


def events(
    file: File = None,
    *,
    format: Annotated[EventFormat, typer.Option(help="Format to write.")],
    since: Since = None,
    until: Until = None,
    type: Annotated[list[str] | None, typer.Option(help="Only this trigger type; may be given several times.")] = None,
) -> None:
    """Write events that started in a span of days, with their sources, for another program."""
    config = configuration()
    names = Names.of(config.actors)
    with opened(config) as store:
        told = _told(store, *_span(since, until), types=type or ())
        if format is EventFormat.PARQUET:
            _write_parquet(lambda target: parquet.events(told, names, target), file)
            return
        pieces = {
            EventFormat.STIX: lambda: stix.bundle(told, (), names),
            EventFormat.PLOVER: lambda: plover.records(told, names),
            EventFormat.CSV: lambda: table.events(told, names),
        }[format]()
        _write(pieces, file)


def alerts(
    file: File = None,
    *,
    format: Annotated[AlertFormat, typer.Option(help="Format to write.")],
    since: Since = None,
    until: Until = None,
    watch: Annotated[str | None, typer.Option(help="Only alerts of this watch.")] = None,
) -> None:
    """Write alerts that fired in a span of days, in STIX with the events they rest on, for another program."""
    config = configuration()
    start, end = _span(since, until)
    with opened(config) as store:
        found = store.alerts.recent(limit=MOST_ALERTS, since=start, until=end, watch=watch)[::-1]
        if format is AlertFormat.CSV:
            _write(table.alerts(found), file)
            return
        if format is AlertFormat.PARQUET:
            _write_parquet(lambda target: parquet.alerts(found, target), file)
            return
        ids = dict.fromkeys(event for alert in found for event in alert.events)
        told = (each for some in _batches(ids) for each in _with_reports(store, some))
        _write(stix.bundle(told, found, Names.of(config.actors)), file)


def _span(since: dt.datetime | None, until: dt.datetime | None) -> tuple[dt.datetime, dt.datetime]:
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    start = since.replace(tzinfo=dt.UTC) if since else today - 30 * DAY
    return start, (until.replace(tzinfo=dt.UTC) if until else today) + DAY


def _told(store: Store, since: dt.datetime, until: dt.datetime, *, types: Iterable[str]) -> Iterator[Told]:
    """A day at a time, so that years fit memory; without events whose last report was withdrawn."""
    day = since
    while day < until:
        found = store.events.window(since=day, until=min(day + DAY, until), types=list(types), voices=False)
        for some in _batches(event.id for event in found if event.articles):
            yield from _with_reports(store, some)
        day += DAY


def _with_reports(store: Store, ids: list[int]) -> Iterator[Told]:
    found, reports = store.events.by_id(ids), store.triggers.of_events(ids)
    for id in ids:
        if id in found:
            yield Told(found[id], tuple(reports[id]))


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while some := list(islice(rest, 500)):
        yield some


def _write(pieces: Iterable[str], file: Path | None) -> None:
    if file is None:
        for piece in pieces:
            sys.stdout.write(piece)
        return
    with _made(file), file.open("x", encoding="utf-8", newline="") as target:
        for piece in pieces:
            target.write(piece)


def _write_parquet(write: Callable[[BinaryIO], None], file: Path | None) -> None:
    parquet.demand()
    if file is None:
        raise SetupError("cannot export", subject="stdout", cause="Parquet is no text; name a file")
    with _made(file), file.open("xb") as target:
        write(target)


@contextmanager
def _made(file: Path) -> Iterator[None]:
    """Say that `file` was written, or why not; it is opened by "x": never through a link or over what is there."""
    try:
        yield
    except OSError as error:
        raise SetupError("cannot export", subject=str(file), cause=error.strerror or str(error)) from error
    err.print(f"written: {file}", markup=False)
