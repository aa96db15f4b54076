"""STIX 2.1: an event is an `incident`, its parties are `identity` objects, an alert is a `report` on incidents.

What STIX has no word for (type, modality, corroboration …) stands in a property extension whose definition is part of
each bundle. Ids are derived from what the objects are about, so that a second export updates the first.
Source: STIX Version 2.1, OASIS Standard, 10 June 2021, sections 2.9, 3.2, 4.5, 4.6, 4.16, 5.1, 7.3.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tocsin.interop import Names, Told
from tocsin.model import Alert, Event

_SPACE = uuid.UUID("0d2d8a5e-5f3e-5d0f-9a53-6f1b0c2f7a11")
"""Of our ids (version 5)."""
_BORN = "2026-01-01T00:00:00.000Z"
_EXTENSION = f"extension-definition--{uuid.uuid5(_SPACE, 'extension')}"
_TOCSIN = f"identity--{uuid.uuid5(_SPACE, 'tocsin')}"
_FIELDS = {
    "event_type": "string: id of the trigger type",
    "modality": "string: happened, prospective, denied, past",
    "severity": "number: -10 most cooperative to +10 most hostile",
    "corroboration": "integer: independent publishers",
    "state_media": "boolean: only state media report it",
    "object": "string: the thing moved or used",
    "place": "string",
    "occurred_on": "string: ISO date of the act",
    "facts": "object: figures of the reports",
}
Object = dict[str, Any]


def bundle(events: Iterable[Told], alerts: Iterable[Alert], names: Names) -> Iterator[str]:
    """A bundle as pieces of one JSON document; `events` are all that the `alerts` rest on, each alert after them."""
    first = True
    yield f'{{"type": "bundle", "id": "bundle--{uuid.uuid4()}", "objects": [\n'
    for each in _objects(events, alerts, names):
        yield ("" if first else ",\n") + json.dumps(each, ensure_ascii=False)
        first = False
    yield "\n]}\n"


def _objects(events: Iterable[Told], alerts: Iterable[Alert], names: Names) -> Iterator[Object]:
    yield _identity(_TOCSIN, "Tocsin", "system")
    yield _definition()
    known: set[str] = set()
    incidents: dict[int, str] = {}
    for told in events:
        for code in filter(None, (told.event.source, told.event.target)):
            if code not in known:
                known.add(code)
                yield _party(code, names)
        incident = _incident(told)
        incidents[told.event.id] = incident["id"]
        yield incident
        yield from _relations(told.event, incident["id"])
    for alert in alerts:
        about = [incidents[event] for event in alert.events if event in incidents]
        if about:
            yield _report(alert, about)


def _id(kind: str, *about: object) -> str:
    return f"{kind}--{uuid.uuid5(_SPACE, json.dumps([kind, *map(str, about)]))}"


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _identity(id: str, name: str, kind: str, **more: Any) -> Object:
    head = {"type": "identity", "spec_version": "2.1", "id": id, "created": _BORN, "modified": _BORN}
    return {**head, "name": name, "identity_class": kind, **more}


def _definition() -> Object:
    return {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": _EXTENSION,
        "created_by_ref": _TOCSIN,
        "created": _BORN,
        "modified": _BORN,
        "name": "Tocsin event",
        "description": "An act between political actors, as several outlets report it.",
        "schema": json.dumps(_FIELDS),
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    }


def _actor_id(code: str) -> str:
    return _id("identity", "actor", code)


def _party(code: str, names: Names) -> Object:
    kind = "group" if code in names.groups else "organization"
    more: dict[str, Any] = {"sectors": ["government"]} if code in names.states else {}
    return _identity(_actor_id(code), names.title(code), kind, created_by_ref=_TOCSIN, labels=[code], **more)


def _incident(told: Told) -> Object:
    event = told.event
    links = [
        {"source_name": article.publisher or article.feed, "description": article.title, "url": article.link}
        for article in told.articles
        if article.link
    ]
    return {
        "type": "incident",
        "spec_version": "2.1",
        "id": _id("incident", event.type, event.source, event.target, event.started_at, event.id),
        "created_by_ref": _TOCSIN,
        "created": _time(event.started_at),
        "modified": _time(max(event.changed_at, event.started_at)),
        "name": event.title,
        "confidence": round(100 * min(1.0, max(0.0, event.confidence))),
        "labels": [event.type, event.modality.value],
        **({"external_references": links} if links else {}),
        "extensions": {_EXTENSION: {"extension_type": "property-extension", **_own(event)}},
    }


def _own(event: Event) -> Mapping[str, Any]:
    values = {
        "event_type": event.type,
        "modality": event.modality.value,
        "severity": event.severity,
        "corroboration": event.corroboration,
        "state_media": event.state_media,
        "object": event.object,
        "place": event.place,
        "occurred_on": event.occurred_on.isoformat() if event.occurred_on else None,
        "facts": dict(event.facts) or None,
    }
    return {key: value for key, value in values.items() if value is not None}


def _relations(event: Event, incident: str) -> Iterator[Object]:
    for word, code in (("attributed-to", event.source), ("targets", event.target)):
        if code:
            yield {
                "type": "relationship",
                "spec_version": "2.1",
                "id": _id("relationship", word, incident, code),
                "created_by_ref": _TOCSIN,
                "created": _time(event.started_at),
                "modified": _time(event.started_at),
                "relationship_type": word,
                "source_ref": incident,
                "target_ref": _actor_id(code),
            }


def _report(alert: Alert, about: list[str]) -> Object:
    return {
        "type": "report",
        "spec_version": "2.1",
        "id": _id("report", alert.id),
        "created_by_ref": _TOCSIN,
        "created": _time(alert.fired_at),
        "modified": _time(alert.fired_at),
        "name": alert.title,
        "description": alert.reason,
        "report_types": ["observed-data"],
        "published": _time(alert.fired_at),
        "labels": [alert.kind.value, f"{alert.watch}/{alert.threshold}"],
        "object_refs": about,
        "external_references": [{"source_name": "tocsin", "external_id": alert.id}],
    }
