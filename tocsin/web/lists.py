"""Alerts, events, articles, rules and feeds: each as a page, as JSON and as CSV; alerts as an Atom feed too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from alerts.escaping import safe_link
from flows.health import health
from tocsin.model import AlertState, Modality, Precision
from tocsin.web.desk import At, Desk
from tocsin.web.formats import as_atom, as_csv, as_json
from tocsin.web.rows import AlertQuery, AlertRow, ArticleQuery, ArticleRow, EventQuery, EventRow, FeedRow, RuleRow
from tocsin.web.rows import Query as ListQuery

router = APIRouter(tags=["lists"])
SPREADSHEET: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}


@router.get("/alerts", response_class=HTMLResponse, include_in_schema=False)
@router.get("/alerts.csv", responses=SPREADSHEET, response_class=Response)
@router.get("/alerts.atom", responses={200: {"content": {"application/atom+xml": {}}}}, response_class=Response)
@router.get("/alerts.json", response_model=list[AlertRow])
def alerts(request: Request, desk: At, query: Annotated[AlertQuery, Query()]) -> Response:
    """Alerts, the latest first."""
    found = desk.store.search.alerts(
        text=query.q,
        watch=query.watch,
        threshold=query.threshold,
        state=query.state,
        before=query.before,
        limit=query.limit,
        **query.span,
    )
    rows = [AlertRow.of(alert) for alert in found]
    if request.url.path.endswith(".atom"):
        base = desk.config.settings.web.address.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
        return as_atom(rows, base=base, now=desk.clock())
    return _listed(request, desk, "alerts", rows, AlertRow, query, states=list(AlertState))


@router.get("/events", response_class=HTMLResponse, include_in_schema=False)
@router.get("/events.csv", responses=SPREADSHEET, response_class=Response)
@router.get("/events.json", response_model=list[EventRow])
def events(request: Request, desk: At, query: Annotated[EventQuery, Query()]) -> Response:
    """Events, the latest first."""
    found = desk.store.search.events(
        text=query.q,
        type=query.type,
        modality=query.modality,
        actor=query.actor.upper(),
        severity=query.severity,
        before=query.before,
        limit=query.limit,
        **query.span,
    )
    rows = [EventRow.of(event) for event in found]
    types = sorted({rule.type for rule in desk.config.rules})
    names = desk.config.actors.titles
    return _listed(request, desk, "events", rows, EventRow, query, types=types, modalities=list(Modality), actors=names)


@router.get("/articles", response_class=HTMLResponse, include_in_schema=False)
@router.get("/articles.csv", responses=SPREADSHEET, response_class=Response)
@router.get("/articles.json", response_model=list[ArticleRow])
def articles(request: Request, desk: At, query: Annotated[ArticleQuery, Query()]) -> Response:
    """Articles, the last to arrive first."""
    found = desk.store.search.articles(
        text=query.q, feed=query.feed, before=query.before, limit=query.limit, **query.span
    )
    kinds: dict[int, list[str]] = {article.id: [] for article in found}
    for trigger in desk.store.triggers.of_articles(list(kinds)):
        if trigger.type not in kinds[trigger.article]:
            kinds[trigger.article].append(trigger.type)
    rows = [ArticleRow.of(article, tuple(kinds[article.id]), link=safe_link(article.link)) for article in found]
    return _listed(request, desk, "articles", rows, ArticleRow, query, feeds=desk.config.feeds)


@router.get("/rules", response_class=HTMLResponse, include_in_schema=False)
@router.get("/rules.csv", responses=SPREADSHEET, response_class=Response)
@router.get("/rules.json", response_model=list[RuleRow])
def rules(request: Request, desk: At) -> Response:
    """The rules with what they detected and how often people found it right."""
    fired = desk.store.search.fired()
    found = {each.name: each for each in desk.store.verdicts.precision("rule")}
    rows = [
        RuleRow.of(rule, fired.get(rule.id, 0), found.get(rule.id) or Precision("rule", rule.id))
        for rule in desk.config.rules
    ]
    others = {by: desk.store.verdicts.precision(by) for by in ("publisher", "threshold")}
    return _listed(request, desk, "rules", rows, RuleRow, None, **others)


@router.get("/feeds", response_class=HTMLResponse, include_in_schema=False)
@router.get("/feeds.csv", responses=SPREADSHEET, response_class=Response)
@router.get("/feeds.json", response_model=list[FeedRow])
def feeds(request: Request, desk: At) -> Response:
    """The feeds and how they do, those in trouble first."""
    return _listed(request, desk, "feeds", feed_rows(desk), FeedRow, None)


def feed_rows(desk: Desk) -> list[FeedRow]:
    """Every configured feed, those in trouble first."""
    states = {state.feed: state for state in desk.store.feeds.all()}
    healths = {each.feed: each for each in health(desk.config, desk.store, now=desk.clock())}
    rows = [FeedRow.of(feed, healths.get(feed.id), states.get(feed.id)) for feed in desk.config.feeds]
    return sorted(rows, key=lambda row: (row.alive, row.condition == "well", row.id))


def _listed(
    request: Request,
    desk: Desk,
    name: str,
    rows: Sequence[Any],
    row: type[Any],
    query: ListQuery | None,
    **values: Any,
) -> Response:
    """`rows` in the form that the path asks for."""
    if request.url.path.endswith(".json"):
        return as_json(rows)
    if request.url.path.endswith(".csv"):
        return as_csv(rows, row, name=name)
    newest, older = "", ""
    if query is not None and "before" in query.model_fields_set:
        newest = f"?{request.url.remove_query_params('before').query}"
    if query is not None and len(rows) == query.limit:
        older = str(request.url.include_query_params(before=rows[-1].id).query)
    return desk.page(request, f"{name}.html", rows=rows, query=query, newest=newest, older=older, name=name, **values)
