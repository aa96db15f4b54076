"""Event records after PLOVER, one JSON object a line, each with its modality.

PLOVER's own pipelines code only what happened; here `modality` says so, and `trigger` keeps our finer type.
Source: PLOVER, Political Language Ontology for Verifiable Event Records (Open Event Data Alliance), its sixteen types.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tocsin.interop import Names, Told

TYPES: Mapping[str, str] = {
    "armed_attack": "ASSAULT",
    "arms_transfer": "AID",
    "border_incident": "COERCE",
    "diplomatic_breakdown": "SANCTION",
    "diplomatic_talks": "CONSULT",
    "hostile_rhetoric": "THREATEN",
    "information_warfare": "COERCE",
    "military_exercise": "MOBILIZE",
    "missile_test": "MOBILIZE",
    "nuclear_advance": "MOBILIZE",
    "nuclear_test": "MOBILIZE",
    "peace_agreement": "AGREE",
    "sanctions_imposed": "SANCTION",
    "sanctions_relief": "CONCEDE",
    "sanctions_veto": "REJECT",
    "security_pact": "COOPERATE",
    "troop_deployment": "MOBILIZE",
    "troop_withdrawal": "RETREAT",
    "un_veto": "REJECT",
}
"""The PLOVER type of ours; those that have none, such as a satellite launch, come with null."""


def records(events: Iterable[Told], names: Names) -> Iterator[str]:
    """A line for each event."""
    for told in events:
        yield json.dumps(_record(told, names), ensure_ascii=False) + "\n"


def _record(told: Told, names: Names) -> dict[str, Any]:
    event = told.event
    return {
        "id": event.id,
        "date": (event.occurred_on or event.started_at.date()).isoformat(),
        "reported_at": event.started_at.isoformat(),
        "event_type": TYPES.get(event.type),
        "trigger": event.type,
        "modality": event.modality.value,
        "actor": _party(event.source, names),
        "recipient": _party(event.target, names),
        "object": event.object,
        "location": event.place,
        "intensity": event.severity,
        "confidence": event.confidence,
        "facts": dict(event.facts),
        "text": event.title,
        "publishers": sorted(event.families),
        "state_media_only": event.state_media,
        "source": [
            {"publisher": each.publisher, "url": each.link, "title": each.title, "published": each.seen_at.isoformat()}
            for each in told.articles
        ],
    }


def _party(code: str | None, names: Names) -> dict[str, str] | None:
    return {"code": code, "name": names.title(code)} if code else None
