"""Parquet for analysts: the columns of the CSV with their types, times in UTC, several values as lists.

Written by pyarrow, the extra `parquet`; the only importer of it, and only when something is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO, TypeVar

from tocsin.errors import SetupError
from tocsin.interop import Names, Told
from tocsin.model import Alert

BATCH = 5_000
"""Rows of a row group, so that years fit memory."""
EVENT: Mapping[str, str] = {
    "id": "integer",
    "started_at": "time",
    "changed_at": "time",
    "occurred_on": "date",
    "type": "text",
    "modality": "text",
    "source": "text",
    "source_name": "text",
    "target": "text",
    "target_name": "text",
    "object": "text",
    "place": "text",
    "severity": "number",
    "confidence": "number",
    "corroboration": "integer",
    "publishers": "texts",
    "state_media": "truth",
    "title": "text",
    "links": "texts",
}
"""Column → kind of its values."""
ALERT: Mapping[str, str] = {
    "id": "text",
    "fired_at": "time",
    "kind": "text",
    "state": "text",
    "watch": "text",
    "threshold": "text",
    "group": "text",
    "severity": "number",
    "title": "text",
    "reason": "text",
    "events": "integers",
}
Row = dict[str, Any]
T = TypeVar("T")


def events(told: Iterable[Told], names: Names, target: BinaryIO) -> None:
    """Write a row for each event. SetupError where pyarrow is not installed."""
    _write(told, lambda each: _event(each, names), EVENT, target)


def alerts(found: Iterable[Alert], target: BinaryIO) -> None:
    """Write a row for each alert. SetupError where pyarrow is not installed."""
    _write(found, _alert, ALERT, target)


def demand() -> None:
    """SetupError where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        cause = "it needs pyarrow; run `make install-parquet`, or install the extra tocsin[parquet]"
        raise SetupError("cannot export", subject="parquet", cause=cause) from error


def _write(found: Iterable[T], row: Callable[[T], Row], columns: Mapping[str, str], target: BinaryIO) -> None:
    demand()
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {
        "integer": pa.int64(),
        "integers": pa.list_(pa.int64()),
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "number": pa.float64(),
        "truth": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "date": pa.date32(),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        for some in _batches(map(row, found)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))


def _batches(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    rest = iter(rows)
    while some := list(islice(rest, BATCH)):
        yield some


def _event(told: Told, names: Names) -> Row:
    event = told.event
    same = ("id", "started_at", "changed_at", "occurred_on", "type", "source", "target", "object", "place", "severity")
    return {
        **{name: getattr(event, name) for name in (*same, "confidence", "corroboration", "state_media", "title")},
        "modality": event.modality.value,
        "source_name": names.title(event.source) if event.source else None,
        "target_name": names.title(event.target) if event.target else None,
        "publishers": sorted(event.families),
        "links": [article.link for article in told.articles if article.link],
    }


def _alert(alert: Alert) -> Row:
    same = ("id", "fired_at", "watch", "threshold", "group", "severity", "title", "reason")
    values = {name: getattr(alert, name) for name in same}
    return {**values, "kind": alert.kind.value, "state": alert.state.value, "events": list(alert.events)}
