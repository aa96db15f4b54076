"""What people do: acknowledge, resolve, mute, and say whether an alert or a trigger was right."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import AfterValidator, TypeAdapter, ValidationError

from alerts.escaping import one_line
from alerts.links import VerdictLink, read_verdict_link
from tocsin.config.bounds import Span
from tocsin.model import Judgement, Mute, Verdict
from tocsin.web.desk import At, Desk
from tocsin.web.guard import check_form
from tocsin.web.rows import Id

router = APIRouter(include_in_schema=False)
Csrf = Annotated[str, Form(max_length=500)]
Note = Annotated[str, Form(max_length=500), AfterValidator(one_line)]
"""Somebody's words, which others will see in a terminal too."""
_SPAN: TypeAdapter[Span] = TypeAdapter(Span)


@router.post("/alerts/{id}/acknowledge")
def acknowledge(request: Request, desk: At, id: str, csrf: Csrf = "", note: Note = "") -> Response:
    """Somebody takes care of it; escalation stops."""
    check_form(request, csrf)
    done = desk.store.alerts.acknowledge(id, who=request.state.who, now=desk.clock(), note=note)
    return _back(desk, id, "acknowledged" if done else "unchanged")


@router.post("/alerts/{id}/resolve")
def resolve(request: Request, desk: At, id: str, csrf: Csrf = "", note: Note = "") -> Response:
    """It is over."""
    check_form(request, csrf)
    done = desk.store.alerts.resolve(id, who=request.state.who, now=desk.clock(), note=note)
    return _back(desk, id, "resolved" if done else "unchanged")


@router.post("/alerts/{id}/mute")
def mute(
    request: Request,
    desk: At,
    id: str,
    scope: Annotated[Literal["threshold", "group"], Form()],
    span: Annotated[str, Form(max_length=10)],
    csrf: Csrf = "",
    note: Note = "",
) -> Response:
    """Record further alerts of this threshold, or of this group of it, but send them to nobody for a while."""
    check_form(request, csrf)
    detail = desk.store.alerts.detail(id)
    if detail is None:
        raise HTTPException(404, "There is no such alert.")
    try:
        lasting = _SPAN.validate_python(span)
    except ValidationError:
        raise HTTPException(422, "How long is a number and a unit: 30m, 24h, 7d.") from None
    matchers = {"watch": detail.alert.watch, "threshold": detail.alert.threshold}
    if scope == "group":
        matchers["group"] = detail.alert.group
    now = desk.clock()
    desk.store.mutes.add(Mute(matchers, now, now + lasting, request.state.who, note), now=now)
    return _back(desk, id, "muted")


@router.post("/mutes/{mute}/end")
def unmute(
    request: Request, desk: At, mute: Id, alert: Annotated[str, Form(max_length=100)], csrf: Csrf = ""
) -> Response:
    """End a mute now."""
    check_form(request, csrf)
    done = desk.store.mutes.undo(mute, who=request.state.who, now=desk.clock())
    return _back(desk, alert, "unmuted" if done else "unchanged")


@router.post("/alerts/{id}/verdict")
def judge_alert(
    request: Request, desk: At, id: str, value: Annotated[Judgement, Form()], csrf: Csrf = "", note: Note = ""
) -> Response:
    """Say whether the alert was right."""
    check_form(request, csrf)
    _judge(desk, Verdict(value, request.state.who, desk.clock(), alert=id, note=note))
    return _back(desk, id, "judged")


@router.post("/triggers/{id}/verdict")
def judge_trigger(
    request: Request,
    desk: At,
    id: Id,
    article: Annotated[Id, Form()],
    value: Annotated[Judgement, Form()],
    csrf: Csrf = "",
    note: Note = "",
) -> Response:
    """Say whether a trigger was right."""
    check_form(request, csrf)
    _judge(desk, Verdict(value, request.state.who, desk.clock(), trigger=id, note=note))
    return RedirectResponse(f"/articles/{article}?done=judged", 303)


@router.get("/verdict/{token}")
def ask_verdict(request: Request, desk: At, token: str) -> HTMLResponse:
    """The form behind the link of a message. Mail scanners follow links, so nothing is written here."""
    link = _link(desk, token)
    detail = desk.store.alerts.detail(link.alert)
    if detail is None:
        raise HTTPException(404, "This alert is no longer kept.")
    return desk.page(request, "verdict.html", alert=detail.alert, token=token, judgements=list(Judgement), given="")


@router.post("/verdict/{token}")
def give_verdict(
    request: Request, desk: At, token: str, value: Annotated[Judgement, Form()], note: Note = ""
) -> HTMLResponse:
    """Keep the verdict of whoever holds the link; the link stands for the sign-in and for the form's token."""
    link = _link(desk, token)
    _judge(desk, Verdict(value, link.who, desk.clock(), alert=link.alert, note=note))
    detail = desk.store.alerts.detail(link.alert)
    if detail is None:
        raise HTTPException(404, "This alert is no longer kept.")
    return desk.page(
        request, "verdict.html", alert=detail.alert, token=token, judgements=list(Judgement), given=value.value
    )


def _link(desk: Desk, token: str) -> VerdictLink:
    try:
        return read_verdict_link(token, desk.config.settings.web.secret, desk.clock())
    except ValueError as error:
        raise HTTPException(410, f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def _judge(desk: Desk, verdict: Verdict) -> None:
    if desk.store.verdicts.add(verdict) is None:
        raise HTTPException(404, "What is to be judged is not in the store.")


def _back(desk: Desk, id: str, done: str) -> Response:
    if desk.store.alerts.detail(id) is None:
        raise HTTPException(404, "There is no such alert.")
    return RedirectResponse(f"/alerts/{id}?done={done}", 303)
