"""`config/watches/*.yaml`: what to alert on (thresholds) and whom to tell (routing).

Words are Sigma's (`event_count`, `temporal_ordered`, `group_by`, `timespan`, `condition`, `generate`), ElastAlert's
(`realert`, `exponential_realert`, `spike_height`) and Alertmanager's (`group_wait`, `inhibit`). Every key stands in
docs/watches.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tocsin.config.bounds import Id, Names, Span, listed
from tocsin.config.loader import Document, Loc, Strict, read_yaml, validate
from tocsin.config.routing import Cron, Escalation, QuietHours, Route, Routes, Zone
from tocsin.config.thresholds import DAY, KINDS, All, AnyOf, Key, Silence, Threshold, wheres
from tocsin.errors import Problem


class Inhibit(Strict):
    """While an alert of a `by` threshold is fresh, those of `hides` are not raised (the big hides the small)."""

    by: Names
    hides: Names
    within: Span = DAY
    equal: Annotated[tuple[Key, ...], BeforeValidator(listed)] = ()
    """Only where both groups agree on these keys, by which both thresholds must group."""


class Digest(Strict):
    """When held alerts go out as one message."""

    cron: Cron = "0 7 * * *"
    zone: Zone = "UTC"


class _Head(Strict):
    """A watch file without its thresholds typed, which are validated one by one by their `type`."""

    id: Id
    title: str
    description: str = ""
    notify: Routes = ()
    escalation: tuple[Escalation, ...] = ()
    quiet_hours: QuietHours | None = None
    max_per_hour: Annotated[int, Field(ge=1)] | None = None
    """Alerts beyond this many in an hour wait for the digest."""
    digest: Digest = Digest()
    inhibit: tuple[Inhibit, ...] = ()
    correct: bool = True
    """Tell those who got an alert when its reports are denied or withdrawn later."""


class _File(_Head):
    thresholds: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]


class Watch(_Head):
    """A named bundle of thresholds and routing for one subject."""

    thresholds: tuple[Threshold, ...] = ()

    def threshold(self, id: str) -> Threshold | None:
        """The threshold of that id, None where the watch has none."""
        return next((item for item in self.thresholds if item.id == id), None)

    def routes(self, threshold: Threshold) -> tuple[Route, ...]:
        """Where the alerts of `threshold` go."""
        return self.notify if threshold.notify is None else threshold.notify

    def escalations(self, threshold: Threshold) -> tuple[Escalation, ...]:
        """Whom else to tell when nobody acknowledges."""
        return self.escalation if threshold.escalation is None else threshold.escalation


def read_watches(
    folder: Path,
    problems: list[Problem],
    *,
    types: Collection[str] | None = None,
    channels: Collection[str] | None = None,
    feeds: Collection[str] | None = None,
) -> tuple[Watch, ...]:
    """All watches of `folder`/watches/*.yaml, by id; what is wrong is added to `problems`.

    References to trigger types, channels and feeds are checked where the known ones are given.
    """
    watches: dict[str, Watch] = {}
    for path in sorted((folder / "watches").glob("*.yaml")):
        document = read_yaml(path, problems, root=folder.parent)
        watch = _read(document, problems) if document else None
        if document is None or watch is None:
            continue
        if watch.id in watches:
            problems.append(document.problem(("id",), f"{watch.id!r} is the id of another watch too", "ids are unique"))
        watches.setdefault(watch.id, watch)
        _check_thresholds(watch, document, problems)
        _check_references(watch, document, problems, {"type": types, "channel": channels, "feeds": feeds})
    return tuple(watches[id] for id in sorted(watches))


def _read(document: Document, problems: list[Problem]) -> Watch | None:
    head = validate(_File, document, problems)
    items = document.value.get("thresholds") if isinstance(document.value, dict) else None
    thresholds = [
        _read_threshold(document, ("thresholds", index), item, problems)
        for index, item in enumerate(items if isinstance(items, list) else ())
    ]
    if head is None or None in thresholds:
        return None
    values = {name: getattr(head, name) for name in _Head.model_fields}
    return Watch(**values, thresholds=tuple(item for item in thresholds if item))


def _read_threshold(document: Document, loc: Loc, item: object, problems: list[Problem]) -> Threshold | None:
    if not isinstance(item, dict):
        return None
    cls = KINDS.get(str(item.get("type")))
    if cls is None:
        allowed = f"allowed: {', '.join(KINDS)}"
        problems.append(document.problem((*loc, "type"), "is not a known type of threshold", allowed))
        return None
    return validate(cls, document, problems, at=loc)


def _check_thresholds(watch: Watch, document: Document, problems: list[Problem]) -> None:
    """Ids are unique, parts exist and are no `all` or `any` themselves, `equal` keys are grouped by."""
    known: dict[str, Threshold] = {}
    for index, threshold in enumerate(watch.thresholds):
        if threshold.id in known:
            loc = ("thresholds", index, "id")
            problems.append(document.problem(loc, f"{threshold.id!r} stands twice", "ids are unique in a watch"))
        known[threshold.id] = threshold
    parts = [id for id, threshold in known.items() if not isinstance(threshold, All | AnyOf)]
    for index, threshold in enumerate(watch.thresholds):
        for part in threshold.of if isinstance(threshold, All | AnyOf) else ():
            if part not in parts:
                loc = ("thresholds", index, "of")
                problems.append(document.problem(loc, f"{part!r} is no part", f"allowed: {', '.join(parts)}"))
    for index, inhibit in enumerate(watch.inhibit):
        for key, ids in (("by", inhibit.by), ("hides", inhibit.hides)):
            _check_inhibit(inhibit, ids, known, document, ("inhibit", index, key), problems)


def _check_inhibit(
    inhibit: Inhibit,
    ids: tuple[str, ...],
    known: Mapping[str, Threshold],
    document: Document,
    loc: Loc,
    problems: list[Problem],
) -> None:
    for id in ids:
        if id not in known:
            problems.append(document.problem(loc, f"{id!r} is no threshold", f"allowed: {', '.join(known)}"))
        elif missing := [key for key in inhibit.equal if key not in known[id].group_by]:
            message = f"{id!r} does not group by {', '.join(missing)}"
            problems.append(document.problem(loc, message, "both sides must group by the keys of `equal`"))


def _check_references(
    watch: Watch, document: Document, problems: list[Problem], known: Mapping[str, Collection[str] | None]
) -> None:
    routes: list[tuple[Loc, tuple[Route, ...]]] = [(("notify",), watch.notify)]
    routes += [(("escalation", index), step.notify) for index, step in enumerate(watch.escalation)]
    named: list[tuple[Loc, str, str]] = []
    for index, threshold in enumerate(watch.thresholds):
        loc: Loc = ("thresholds", index)
        routes.append(((*loc, "notify"), threshold.notify or ()))
        routes += [((*loc, "escalation", i), step.notify) for i, step in enumerate(threshold.escalation or ())]
        for path, where in wheres(threshold):
            named += [((*loc, *path, "type"), "type", name) for name in where.type]
        if isinstance(threshold, Silence):
            named += [((*loc, "feeds"), "feeds", name) for name in threshold.feeds]
    named += [(loc, "channel", route.channel) for loc, items in routes for route in items]
    for loc, what, name in named:
        allowed = known[what]
        if allowed is not None and name not in allowed:
            hint = f"allowed: {', '.join(sorted(allowed)) or 'none is defined'}"
            problems.append(document.problem(loc, f"{name!r} is not known", hint))
