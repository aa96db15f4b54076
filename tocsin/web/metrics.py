"""For monitoring: `/metrics` as Prometheus reads it, `/healthz` as a load balancer does."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from flows.health import health
from tocsin.errors import StoreError
from tocsin.model import AlertState, DeliveryState
from tocsin.store import Status
from tocsin.web.desk import At, Desk

router = APIRouter(tags=["monitoring"])
LATE = dt.timedelta(minutes=10)
"""A watch that swept nothing for so long is not well, or for five of its intervals where these are longer."""


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(desk: At) -> Response:
    """Gauges in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gauges(desk))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/healthz")
def healthz(desk: At) -> JSONResponse:
    """200 while the database answers and sweeps end in time, else 503 with what is wrong."""
    try:
        late = overdue(desk)
    except StoreError:
        return JSONResponse({"status": "the database does not answer"}, 503)
    return JSONResponse({"status": late or "ok"}, 503 if late else 200)


def overdue(desk: Desk) -> str:
    """That no sweep has ended for too long, "" while all is well."""
    swept_at = _swept_at(desk)
    if swept_at is None:
        return ""
    late = desk.clock() - swept_at > max(LATE, 5 * desk.config.settings.sweep_every)
    return f"no sweep has ended since {swept_at:%Y-%m-%d %H:%M} UTC" if late else ""


def _swept_at(desk: Desk) -> dt.datetime | None:
    text = desk.store.notices.recall("swept_at")
    return dt.datetime.fromisoformat(text) if text else None


class _Gauges(Collector):
    """Reads the store at each scrape."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def collect(self) -> Iterator[Metric]:
        """Every gauge."""
        status = self.desk.store.status(now=self.desk.clock())
        yield from _counts(status)
        yield _labelled("tocsin_alerts", "Alerts by state.", "state", {s: status.alerts.get(s, 0) for s in AlertState})
        sends = {state: status.deliveries.get(state, 0) for state in DeliveryState}
        yield _labelled("tocsin_deliveries", "Messages by state.", "state", sends)
        found = health(self.desk.config, self.desk.store, now=self.desk.clock())
        conditions = Counter(str(each.condition) for each in found)
        yield _labelled("tocsin_feeds", "Feeds by condition.", "condition", conditions)
        blind = sum(not each.alive for each in found)
        yield GaugeMetricFamily("tocsin_feeds_blind", "Feeds whose silence means nothing.", blind)
        yield GaugeMetricFamily(
            "tocsin_notices", "Things that an operator should see.", len(self.desk.store.notices.all())
        )
        broken = int(self.desk.loaded.error is not None)
        yield GaugeMetricFamily("tocsin_config_rejected", "Whether the newest configuration does not load.", broken)
        yield from _times(status, _swept_at(self.desk))


def _counts(status: Status) -> Iterator[Metric]:
    for name, text, value in (
        ("articles", "Articles kept.", status.articles),
        ("articles_day", "Articles of the last 24 hours.", status.articles_day),
        ("articles_undetected", "Articles that wait for detection.", status.undetected),
        ("articles_aside", "Articles that could not be read.", status.aside),
        ("triggers", "Triggers kept.", status.triggers),
        ("triggers_unlinked", "Triggers that wait to be linked.", status.unlinked),
        ("events", "Events kept.", status.events),
        ("events_unevaluated", "Events that wait for thresholds.", status.unevaluated),
        ("feeds_due", "Feeds that are due.", status.feeds_due),
        ("feeds_failing", "Feeds whose last poll failed.", status.feeds_failing),
    ):
        yield GaugeMetricFamily(f"tocsin_{name}", text, value)


def _times(status: Status, swept_at: dt.datetime | None) -> Iterator[Metric]:
    for name, text, moment in (
        ("last_sweep", "When the last sweep ended.", swept_at),
        ("last_poll", "When a feed last answered.", status.last_poll_at),
        ("last_article", "When an article was last new.", status.last_article_at),
        ("last_alert", "When an alert last fired.", status.last_alert_at),
        ("last_sent", "When a message was last sent.", status.last_sent_at),
        ("oldest_waiting", "Due time of the oldest message that is not over.", status.waiting_since),
    ):
        if moment is not None:
            yield GaugeMetricFamily(f"tocsin_{name}_timestamp_seconds", text, moment.timestamp())


def _labelled(name: str, text: str, label: str, values: Mapping[Any, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([str(key)], value)
    return family
