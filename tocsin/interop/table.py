"""CSV for spreadsheets: one event or alert a line, no cell that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from tocsin.interop import Names, Told
from tocsin.model import Alert

EVENT = (
    *("id", "started_at", "changed_at", "occurred_on", "type", "modality", "source", "source_name", "target"),
    *("target_name", "object", "place", "severity", "confidence", "corroboration", "publishers", "state_media"),
    *("title", "links"),
)
ALERT = ("id", "fired_at", "kind", "state", "watch", "threshold", "group", "severity", "title", "reason", "events")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How what a spreadsheet runs begins; East Asian ones take the wide signs too."""
Cell = str | int | float | None


def events(told: Iterable[Told], names: Names) -> Iterator[str]:
    """A head line, and a line for each event; several values in a cell are parted by spaces or semicolons."""
    return _lines(EVENT, (_event(each, names) for each in told))


def alerts(found: Iterable[Alert]) -> Iterator[str]:
    """A head line, and a line for each alert."""
    return _lines(ALERT, map(_alert, found))


def _event(told: Told, names: Names) -> Sequence[Cell]:
    event = told.event
    return (
        event.id,
        event.started_at.isoformat(),
        event.changed_at.isoformat(),
        event.occurred_on.isoformat() if event.occurred_on else None,
        event.type,
        event.modality.value,
        event.source,
        names.title(event.source) if event.source else None,
        event.target,
        names.title(event.target) if event.target else None,
        event.object,
        event.place,
        event.severity,
        event.confidence,
        event.corroboration,
        "; ".join(sorted(event.families)),
        int(event.state_media),
        event.title,
        " ".join(article.link for article in told.articles if article.link),
    )


def _alert(alert: Alert) -> Sequence[Cell]:
    head = (alert.id, alert.fired_at.isoformat(), alert.kind.value, alert.state.value, alert.watch, alert.threshold)
    return (*head, alert.group, alert.severity, alert.title, alert.reason, " ".join(map(str, alert.events)))


def _lines(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    yield _line(head)
    for row in rows:
        yield _line([safe(cell) if isinstance(cell, str) else cell for cell in row])


def _line(row: Sequence[Cell]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue()


def safe(cell: str) -> str:
    """`cell`, with an apostrophe where a spreadsheet would run it, whoever wrote it (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
