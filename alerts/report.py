"""The report of a span of time as one HTML file: alerts with their evidence, and what was blind. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from alerts.evidence import Evidence, view
from tocsin.model import Alert, FeedState

_NO_NAMES: Mapping[str, str] = {}
_TEMPLATES = Environment(
    loader=PackageLoader("alerts", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def report(
    alerts: Sequence[tuple[Alert, Evidence]],
    *,
    since: dt.datetime,
    until: dt.datetime,
    feeds: Sequence[FeedState] = (),
    blind: Sequence[str] = (),
    names: Mapping[str, str] = _NO_NAMES,
) -> str:
    """The HTML of the report. `blind` are the ids of those of `feeds` that told nothing; `names` maps actor codes."""
    ordered = sorted(alerts, key=lambda pair: (pair[0].fired_at, pair[0].id))
    values = {
        "since": f"{since:%Y-%m-%d %H:%M}",
        "until": f"{until:%Y-%m-%d %H:%M}",
        "alerts": [
            {**view(alert, evidence, names=names, now=alert.fired_at), "state": alert.state.value}
            for alert, evidence in ordered
        ],
        "watches": sorted({alert.watch for alert, _ in ordered}),
        "feeds": len(feeds),
        "blind": [
            {"feed": state.feed, "error": state.disabled or state.last_error or "never read"}
            for state in feeds
            if state.feed in blind
        ],
    }
    return _TEMPLATES.get_template("report.html").render(values)
