"""One list, four forms: a page, JSON, CSV and, of alerts, an Atom feed."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from fastapi.responses import Response
from pydantic_core import to_json

from tocsin.interop.table import safe
from tocsin.web.rows import AlertRow

_ATOM = "http://www.w3.org/2005/Atom"


def as_json(value: Any) -> Response:
    """Dataclasses and sequences of them as JSON objects and arrays; times as ISO 8601."""
    return Response(to_json(value), media_type="application/json")


def as_csv(rows: Sequence[Any], row: type[Any], *, name: str) -> Response:
    """A CSV file with a header line. Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = [field.name for field in dataclasses.fields(row)]
    writer.writerow(names)
    writer.writerows([_cell(getattr(each, name)) for name in names] for each in rows)
    headers = {"Content-Disposition": f'attachment; filename="tocsin-{name}.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        value = " ".join(map(str, value))
    return safe(value) if isinstance(value, str) else value


def as_atom(rows: Sequence[AlertRow], *, base: str, now: dt.datetime) -> Response:
    """An Atom feed (RFC 4287) of alerts; `base` is the address of the dashboard."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _add(feed, "id", "urn:tocsin:alerts")
    _add(feed, "title", "Tocsin: alerts")
    _add(feed, "updated", (rows[0].fired_at if rows else now).isoformat())
    _add(feed, "link", rel="self", href=f"{base}/alerts.atom")
    _add(feed, "link", href=f"{base}/alerts")
    for row in rows:
        entry = ET.SubElement(feed, f"{{{_ATOM}}}entry")
        _add(entry, "id", f"urn:tocsin:alert:{row.id}")
        _add(entry, "title", row.title or row.threshold)
        _add(entry, "updated", row.fired_at.isoformat())
        _add(entry, "link", href=f"{base}/alerts/{row.id}")
        _add(ET.SubElement(entry, f"{{{_ATOM}}}author"), "name", f"Tocsin, {row.watch}")
        _add(entry, "category", term=row.threshold)
        _add(entry, "summary", f"{row.watch}/{row.threshold} {row.group}: {row.reason}")
    return Response(ET.tostring(feed, encoding="utf-8", xml_declaration=True), media_type="application/atom+xml")


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> None:
    element = ET.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    # Control characters cannot stand in XML at all.
    element.text = "".join(char for char in text if char.isprintable() or char in "\n\t") or None
