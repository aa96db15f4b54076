"""Alerts → messages: subject and body as each family of channels reads them.

Pure but for reading templates. The templates are Tocsin's or the operator's (`config/templates/`), never a stranger's:
text of feeds is only ever a value, passes through the family's escape, and is never read as a template.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from alerts.escaping import ESCAPES, escape_for, one_line
from alerts.evidence import Evidence, subject, view
from tocsin.config.channels import Family
from tocsin.model import Alert

_NO_NAMES: Mapping[str, str] = {}
_HTML: frozenset[Family] = frozenset({"mail"})
LinkFor = Callable[[Alert, str], str]
"""An alert and its reader → the address under which the reader can judge it, or ""."""


def _no_link(alert: Alert, who: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: `id` is the same at every attempt, so that a receiver can tell a repeat.

    `body` is in the family's own form: HTML for mail and Telegram, JSON for a webhook, else text with its markup
    escaped. `headers` go into a mail.
    """

    id: str
    subject: str
    body: str
    family: Family
    headers: Mapping[str, str] = field(default_factory=dict)

    def fitted(self, limit: int) -> str:
        """The body in at most `limit` characters: whole lines are left out ahead of the last two, and said so."""
        if limit <= 0 or len(self.body) <= limit or self.family in ("mail", "webhook"):
            return self.body
        lines = self.body.rstrip().split("\n")
        tail = "\n".join(["… (shortened)", *lines[-2:]])
        kept: list[str] = []
        room = limit - len(tail) - 1
        for line in lines[:-2]:
            room -= len(line) + 1
            if room < 0:
                break
            kept.append(line)
        short = "\n".join([*kept, tail]).strip()
        return short if len(short) <= limit else one_line(self.subject, limit)


class Renderer:
    """Renders alerts with Tocsin's templates, or with the operator's of the same name in `templates`.

    `names` maps actor codes to names; `link` is the address of the dashboard with `{id}` for the alert, or "";
    `verdict_link` gives the address under which one reader can judge an alert.
    """

    def __init__(
        self,
        *,
        templates: Path | None = None,
        names: Mapping[str, str] = _NO_NAMES,
        link: str = "",
        verdict_link: LinkFor = _no_link,
    ) -> None:
        shipped = PackageLoader("alerts", "templates")
        loader = ChoiceLoader([FileSystemLoader(templates), shipped]) if templates else shipped
        self._names = names
        self._link = link
        self._verdict_link = verdict_link
        self._environments = {family: _environment(loader, family) for family in ESCAPES}

    def alert(self, alert: Alert, evidence: Evidence, family: Family, *, now: dt.datetime, who: str = "") -> Message:
        """The message of one alert to `who`; raises whatever a broken template raises (see `plain`)."""
        values = self._view(alert, evidence, now, who)
        if family == "webhook":
            return Message(alert.id, values["subject"], _cloud_event(alert, values), family)
        body = self._render("alert", family, values)
        return Message(alert.id, values["subject"], body, family, _thread(alert))

    def digest(
        self, alerts: Sequence[tuple[Alert, Evidence]], family: Family, *, now: dt.datetime, who: str = ""
    ) -> Message:
        """One message for several alerts to the same recipient `who`, oldest first."""
        ordered = sorted(alerts, key=lambda pair: (pair[0].fired_at, pair[0].id))
        views = [self._view(alert, evidence, now, who) for alert, evidence in ordered]
        id = hashlib.sha256("\x1f".join(alert.id for alert, _ in ordered).encode()).hexdigest()[:20]
        watches = sorted({alert.watch for alert, _ in ordered})
        line = one_line(f"[{', '.join(watches)}] {len(ordered)} alerts", 200)
        if family == "webhook":
            events = [json.loads(_cloud_event(alert, each)) for (alert, _), each in zip(ordered, views, strict=True)]
            return Message(id, line, json.dumps(events, ensure_ascii=False), family)
        body = self._render("digest", family, {"subject": line, "alerts": views})
        return Message(id, line, body, family, _thread(ordered[0][0], "digest"))

    def _view(self, alert: Alert, evidence: Evidence, now: dt.datetime, who: str) -> dict[str, Any]:
        link = self._link.replace("{id}", alert.about[0] if alert.about else alert.id)
        verdict = self._verdict_link(alert, who)
        return view(alert, evidence, names=self._names, link=link, verdict=verdict, now=now)

    def _render(self, name: str, family: Family, values: Mapping[str, Any]) -> str:
        template = self._environments[family].get_template(f"{name}.{'html' if family in _HTML else 'txt'}")
        text = template.render(values).strip()
        # The text part that Apprise makes of HTML would begin each line after a break with a space.
        return text.replace("<br>\n", "<br>") if family in _HTML else _tidy(text)


def plain(alert: Alert, family: Family) -> Message:
    """The message of last resort, made without templates, for an alert that cannot be rendered otherwise."""
    line = subject(alert, Evidence())
    text = f"{line}\n{one_line(alert.reason, 500)}\nAcknowledge: tocsin alerts ack {alert.id}"
    if family == "webhook":
        return Message(alert.id, line, json.dumps({"specversion": "1.0", **_attributes(alert), "data": text}), family)
    body = "\n".join(ESCAPES[family](part) for part in text.split("\n"))
    return Message(alert.id, line, body.replace("\n", "<br>\n") if family in _HTML else body, family, _thread(alert))


def _environment(loader: PackageLoader | ChoiceLoader, family: Family) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=family in _HTML or family == "telegram",
        finalize=escape_for(family),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["link"] = lambda url: Markup(_link(url, family))
    return environment


def _link(url: str, family: Family) -> str:
    """A checked address as the family writes it: Discord shows no preview of one in angle brackets."""
    if family == "discord":
        return f"<{url}>"
    return ESCAPES[family](url) if family in ("slack", "telegram") else url


def _tidy(text: str) -> str:
    """At most one blank line in a row."""
    lines: list[str] = []
    for line in (line.rstrip() for line in text.split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines)


def _thread(alert: Alert, *more: str) -> dict[str, str]:
    """Mail headers that put all alerts of one group of a threshold into one thread."""
    key = "\x1f".join((alert.watch, alert.threshold, alert.group, *more))
    root = f"<{hashlib.sha256(key.encode()).hexdigest()[:24]}@tocsin.invalid>"
    return {
        "References": root,
        "In-Reply-To": root,
        "Auto-Submitted": "auto-generated",
        "X-Tocsin-Alert": alert.id,
    }


def _attributes(alert: Alert) -> dict[str, str]:
    return {
        "id": alert.id,
        "source": f"/tocsin/watches/{alert.watch}",
        "type": f"tocsin.{alert.kind.value}",
        "subject": alert.threshold,
        "time": alert.fired_at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
    }


def _cloud_event(alert: Alert, values: Mapping[str, Any]) -> str:
    """A CloudEvents 1.0 envelope in structured JSON."""
    data = {**values, "severity": alert.severity, "event_ids": list(alert.events)}
    event = {"specversion": "1.0", **_attributes(alert), "data": data}
    return json.dumps(event, ensure_ascii=False, sort_keys=True)
