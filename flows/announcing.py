"""What Prefect shows of a sweep: an event for each new alert, so that automations can react, and a table of counts.

Neither is how anybody is told: that is the outbox. Both come after the commit, and their failure harms nothing.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from prefect.artifacts import acreate_table_artifact
from prefect.events import emit_event

from flows.tally import Tally
from tocsin.model import Alert

logger = logging.getLogger("tocsin.watch")

ARTIFACT = "tocsin-sweep"
"""Key of the table in Prefect's Artifacts page; each sweep with something to show adds a version."""


def announce(alerts: Sequence[Alert]) -> None:
    """Emit `tocsin.alert`, `tocsin.update` … for each alert. Its own words only: no address, no text of an article."""
    for alert in alerts:
        emit_event(
            event=f"tocsin.{alert.kind.value}",
            resource={
                "prefect.resource.id": f"tocsin.alert.{alert.id}",
                "prefect.resource.name": alert.title,
                "tocsin.watch": alert.watch,
                "tocsin.threshold": alert.threshold,
                "tocsin.severity": f"{alert.severity:g}",
            },
            occurred=alert.fired_at,
            payload={"group": alert.group, "reason": alert.reason, "events": list(alert.events)},
        )


async def leave_table(tally: Tally, alerts: Sequence[Alert]) -> None:
    """Leave a table of what a sweep did and raised; nothing where it changed nothing."""
    counts = {name: value for name, value in dataclasses.asdict(tally).items() if value}
    if not counts.keys() - {"feeds", "skipped"}:
        return
    rows = [{"what": name.replace("_", " "), "value": str(value)} for name, value in counts.items()]
    rows += [{"what": f"{each.kind.value} {each.id}", "value": f"{each.watch}: {each.title}"} for each in alerts]
    try:
        await acreate_table_artifact(rows, key=ARTIFACT, description=str(tally))
    except Exception as error:  # Prefect is a window: what it cannot show is no fault of the sweep
        logger.warning("the sweep's table could not be left with Prefect: %s", type(error).__name__)
