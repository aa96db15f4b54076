"""One alert, event or article, with everything that explains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from alerts.evidence import Evidence, view
from flows.health import blind
from tocsin.config.thresholds import Threshold
from tocsin.model import Alert, Article, Judgement, Trigger
from tocsin.web.desk import At, Desk
from tocsin.web.rows import Id

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Marked:
    """An article's text cut into pieces, each with whether a trigger rests on it."""

    article: Article
    triggers: Sequence[Trigger]
    title: Sequence[tuple[str, bool]]
    summary: Sequence[tuple[str, bool]]


@router.get("/alerts/{id}")
def alert(request: Request, desk: At, id: str) -> HTMLResponse:
    """Everything its message has, the chain of reasons, and what can be done."""
    detail = desk.store.alerts.detail(id)
    if detail is None:
        raise HTTPException(404, "There is no such alert.")
    threshold = _threshold(desk, detail.alert)
    titles = {feed.id: feed.title for feed in desk.config.feeds}
    unseen = [titles[feed] for feed in blind(desk.config, desk.store, now=desk.clock())]
    evidence = Evidence(detail.events, detail.reports, threshold.description if threshold else "", blind=unseen)
    shown = view(detail.alert, evidence, names=desk.config.actors.titles, now=detail.alert.fired_at)
    subject = detail.alert.about[0] if detail.alert.about else id
    return desk.page(
        request,
        "alert.html",
        alert=detail.alert,
        shown=shown,
        chain=[(event, marked(detail.reports[event.id])) for event in detail.events],
        threshold=threshold,
        deliveries=detail.deliveries,
        history=detail.history,
        verdicts=desk.store.verdicts.list(alert=subject),
        judgements=list(Judgement),
        mutes=desk.store.mutes.active(now=desk.clock()),
    )


@router.get("/events/{id}")
def event(request: Request, desk: At, id: Id) -> HTMLResponse:
    """An event with its reports and the alerts that rest on it."""
    found = desk.store.events.by_id([id]).get(id)
    if found is None:
        raise HTTPException(404, "There is no such event.")
    return desk.page(
        request,
        "event.html",
        event=found,
        reports=marked(desk.store.triggers.of_events([id])[id]),
        alerts=desk.store.alerts.resting_on([id]),
        history=desk.store.events.history(id),
        names=desk.config.actors.titles,
    )


@router.get("/articles/{id}")
def article(request: Request, desk: At, id: Id) -> HTMLResponse:
    """An article with what was detected in it."""
    found = desk.store.articles.get(id)
    if found is None:
        raise HTTPException(404, "There is no such article.")
    triggers = desk.store.triggers.of_articles([id])
    pieces = Marked(found, triggers, pieces_of(found, "title", triggers), pieces_of(found, "summary", triggers))
    given = {trigger.id: desk.store.verdicts.list(trigger=trigger.id) for trigger in triggers}
    return desk.page(request, "article.html", each=pieces, given=given, judgements=list(Judgement))


def _threshold(desk: Desk, alert: Alert) -> Threshold | None:
    watches = (watch for watch in desk.config.watches if watch.id == alert.watch)
    return next((watch.threshold(alert.threshold) for watch in watches), None)


def marked(reports: Iterable[tuple[Trigger, Article]]) -> list[Marked]:
    """The articles of `reports`, the oldest first, each once with all its triggers."""
    articles: dict[int, Article] = {}
    triggers: dict[int, list[Trigger]] = {}
    for trigger, article in reports:
        articles[article.id] = article
        triggers.setdefault(article.id, []).append(trigger)
    ordered = sorted(articles.values(), key=lambda each: (each.seen_at, each.id))
    return [
        Marked(each, found, pieces_of(each, "title", found), pieces_of(each, "summary", found))
        for each in ordered
        for found in (triggers[each.id],)
    ]


def pieces_of(article: Article, field: str, triggers: Iterable[Trigger]) -> list[tuple[str, bool]]:
    """The title or summary cut at the words that triggers rest on; words that an edit took away are marked nowhere."""
    text = article.title if field == "title" else article.summary
    evidence = [each.evidence for each in triggers if each.evidence.field == field]
    # What a rule quotes are tokens: "30-day" may stand there as "30 - day".
    spans = sorted((e.start, e.end) for e in evidence if _dense(text[e.start : e.end]) == _dense(e.text))
    found: list[tuple[str, bool]] = []
    at = 0
    for start, end in spans:
        if end <= at:
            continue
        found += [(text[at : max(at, start)], False), (text[max(at, start) : end], True)]
        at = end
    found.append((text[at:], False))
    return [piece for piece in found if piece[0]]


def _dense(text: str) -> str:
    return "".join(text.split())
