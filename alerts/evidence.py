"""What a message says of an alert, as plain values for templates: one line each, cut, links checked. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts.escaping import one_line, safe_link
from tocsin.model import Alert, AlertKind, Article, Event, Modality, Trigger

SHOWN_EVENTS = 5
SHOWN_REPORTS = 4
"""Reports shown of each event; the others are counted."""
_AROUND = 120
_LATE = dt.timedelta(minutes=30)
_SAID: Mapping[Modality, str] = {
    Modality.HAPPENED: "reported as happened",
    Modality.PROSPECTIVE: "planned, expected or threatened",
    Modality.DENIED: "denied",
    Modality.PAST: "background",
}
_MARKS: Mapping[AlertKind, str] = {
    AlertKind.ALERT: "",
    AlertKind.UPDATE: "Update: ",
    AlertKind.CORRECTION: "Correction: ",
    AlertKind.ESCALATION: "Not acknowledged: ",
    AlertKind.ALARM: "",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an alert rests on: its events, their reports by event id, what was left out, which feeds were blind.

    `description` is the threshold's; `left_out` and `blind` are lines for people, beside what the events tell.
    """

    events: Sequence[Event] = ()
    reports: Mapping[int, Sequence[tuple[Trigger, Article]]] = field(default_factory=dict)
    description: str = ""
    left_out: Sequence[str] = ()
    blind: Sequence[str] = ()


def view(
    alert: Alert, evidence: Evidence, *, names: Mapping[str, str], link: str = "", verdict: str = "", now: dt.datetime
) -> dict[str, Any]:
    """Values for the templates of one alert. `names` maps actor codes to names.

    `link` leads to the alert, `verdict` to where its reader can judge it; each may be "".
    """
    events = list(evidence.events)[:SHOWN_EVENTS]
    late = now - alert.fired_at
    return {
        "id": alert.id,
        "kind": alert.kind.value,
        "subject": subject(alert, evidence),
        "headline": headline(alert, evidence),
        "title": one_line(alert.title, 200),
        "watch": one_line(alert.watch, 64),
        "threshold": alert.threshold,
        "version": alert.threshold_version,
        "group": one_line(alert.group, 200),
        "reason": one_line(alert.reason, 500),
        "description": one_line(evidence.description, 500),
        "fired_at": _time(alert.fired_at),
        "late_by": f"{late.total_seconds() / 60:.0f} minutes" if late > _LATE else "",
        "severity": f"{alert.severity:+g}",
        "events": [_event(event, evidence.reports.get(event.id, ()), names) for event in events],
        "more_events": max(0, len(evidence.events) - SHOWN_EVENTS),
        "left_out": [one_line(line, 300) for line in (*_left_out(evidence), *evidence.left_out)],
        "blind": [one_line(line, 200) for line in evidence.blind],
        "about": list(alert.about),
        "link": safe_link(link),
        "verdict": safe_link(verdict),
    }


def _left_out(evidence: Evidence) -> list[str]:
    """What does not count as a voice of its own, and why."""
    found = []
    copies = sum(max(0, len(event.articles) - event.corroboration) for event in evidence.events)
    if copies:
        found.append(f"{copies} more report{'s' if copies > 1 else ''} by the same publishers or of the same text")
    pairs = [pair for event in evidence.events for pair in evidence.reports.get(event.id, ())]
    old = len({article.id for _, article in pairs if article.backfill})
    if old:
        found.append(f"{old} old report{'s' if old > 1 else ''} from when a feed was added")
    return found


def headline(alert: Alert, evidence: Evidence) -> str:
    """What happened in one line: the title of the latest event under that of the threshold."""
    newest = evidence.events[-1].title if evidence.events else ""
    return one_line(_MARKS[alert.kind] + ": ".join(filter(None, (alert.title, newest))), 300)


def subject(alert: Alert, evidence: Evidence) -> str:
    """One clean line of at most 200 characters."""
    return one_line(f"[{alert.watch}] {headline(alert, evidence)}", 200)


def _event(event: Event, reports: Sequence[tuple[Trigger, Article]], names: Mapping[str, str]) -> dict[str, Any]:
    shown, others = _chosen(event, reports)
    denied = [article.title for _, article in reports if article.id in event.denials]
    return {
        "title": one_line(event.title, 300),
        "type": event.type.replace("_", " "),
        "said": _SAID[event.modality],
        "who": who(event, names),
        "object": one_line(event.object or "", 120),
        "place": one_line(event.place or "", 80),
        "when": event.occurred_on.isoformat() if event.occurred_on else _time(event.started_at),
        "sure": _sure(event),
        "denied": [one_line(title, 200) for title in denied[:2]],
        "facts": [_fact(key, value) for key, value in sorted(event.facts.items())],
        "rules": sorted({f"{trigger.rule} {trigger.version[:12]}" for trigger, _ in reports}),
        "reports": [_report(trigger, article) for trigger, article in shown],
        "more": others,
    }


def _fact(key: str, value: float | str) -> str:
    return f"{one_line(key.replace('_', ' '), 40)} {one_line(str(value).removesuffix('.0'), 60)}"


def who(event: Event, names: Mapping[str, str]) -> str:
    """The parties of `event` by name: "North Korea → Japan"; "" where none is named."""
    source, target = (one_line(names.get(code or "", code or ""), 80) for code in (event.source, event.target))
    return f"{source or 'unknown'} → {target}" if target else source


def _sure(event: Event) -> str:
    count = event.corroboration
    publishers = ", ".join(one_line(name, 60) for name in sorted(event.families)[:6])
    parts = [
        _SAID[event.modality],
        f"{count} independent publisher{'' if count == 1 else 's'}" + (f" ({publishers})" if publishers else ""),
        "only state media carry it" if event.state_media else "",
        f"denied by {len(event.denials)}" if event.denials else "",
    ]
    return "; ".join(filter(None, parts))


def _chosen(event: Event, reports: Sequence[tuple[Trigger, Article]]) -> tuple[list[tuple[Trigger, Article]], int]:
    """The first report of each publisher, oldest first, as many as are shown; and how many articles are left out."""
    first: dict[str, tuple[Trigger, Article]] = {}
    for trigger, article in sorted(reports, key=lambda report: (report[1].seen_at, report[1].id, report[0].id)):
        first.setdefault(article.publisher or article.feed, (trigger, article))
    shown = list(first.values())[:SHOWN_REPORTS]
    articles = {article.id for _, article in reports} | set(event.articles)
    return shown, len(articles - {article.id for _, article in shown})


def _report(trigger: Trigger, article: Article) -> dict[str, Any]:
    before, hit, after = highlighted(trigger, article)
    return {
        "publisher": one_line(article.publisher or article.feed, 80),
        "when": _time(article.seen_at),
        "before": before,
        "hit": hit,
        "after": after,
        "link": safe_link(article.link),
    }


def highlighted(trigger: Trigger, article: Article) -> tuple[str, str, str]:
    """The evidence in its surroundings: text before, the words that made the trigger, text after.

    Where the article was edited since and the words are gone, the title stands alone.
    """
    evidence = trigger.evidence
    text = article.summary if evidence.field == "summary" else article.title
    start = evidence.start if text[evidence.start : evidence.end] == evidence.text else text.find(evidence.text)
    if start < 0 or not evidence.text:
        return one_line(article.title, 300), "", ""
    end = start + len(evidence.text)
    before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    return (
        ("…" if start > _AROUND else "") + _kept(before),
        one_line(evidence.text, 200),
        _kept(after) + ("…" if end + _AROUND < len(text) else ""),
    )


def _kept(text: str) -> str:
    """One line that keeps a space at its ends, where it joins the highlighted words."""
    line = one_line(text)
    return (" " if text[:1].isspace() and line else "") + line + (" " if text[-1:].isspace() and line else "")


def _time(value: dt.datetime) -> str:
    return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
