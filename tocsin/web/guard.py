"""What stands before every page: the host it was asked for, who asks, whether a form is ours, what a browser may do."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from tocsin.config.settings import WebSettings
from tocsin.web.desk import At, Desk, desk_of
from tocsin.web.signin import LASTING_S, Session, is_current, is_token, new_session, signed_in, stamp_of

COOKIE = "tocsin_session"
OPEN_PATHS = ("/static/", "/signin", "/verdict/", "/healthz")
"""Served without signing in: nothing there tells of the watch, or a signed link stands for its holder."""
MOST_BYTES = 65_536
"""Of a form: strangers who may not sign in can still send."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr {attributes}; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": under it browsers say of our own forms that they come from nowhere.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

router = APIRouter(include_in_schema=False)
Next = Callable[[Request], Awaitable[Response]]


async def guard(request: Request, call_next: Next) -> Response:
    """Let a request in or answer it; either way the answer carries the headers that keep browsers in bounds."""
    desk = desk_of(request)
    web = (await run_in_threadpool(lambda: desk.config)).settings.web
    if not _is_host(web, request.url.hostname or ""):
        response: Response = JSONResponse({"detail": "this host is not served here"}, 421)
    elif refusal := _oversized(request):
        response = JSONResponse({"detail": "larger than any form of ours, or of unknown length"}, refusal)
    elif not request.url.path.isprintable():
        response = JSONResponse({"detail": "there is no such page"}, 404)
    else:
        response = await _answer(desk, web, request, call_next)
    return _bounded(response, request)


async def _answer(desk: Desk, web: WebSettings, request: Request, call_next: Next) -> Response:
    session = desk.signer.open(request.cookies.get(COOKIE, ""))
    fresh = session is None
    session = session or new_session()
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not web.closed:
        request.state.who = desk.user
    elif bearer and is_token(web, bearer):
        request.state.who = "token"
    else:
        request.state.who = session.who if is_current(web, session) else ""
    request.state.session = session
    request.state.csrf = desk.signer.form_token(session)
    if not request.state.who and not request.url.path.startswith(OPEN_PATHS):
        return _turned_away(request)
    response = await call_next(request)
    if fresh and COOKIE not in response.headers.get("set-cookie", "") and not bearer:
        keep(response, desk, session, request)
    return response


def _turned_away(request: Request) -> Response:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        target = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        return RedirectResponse(f"/signin?next={target}", 303)
    return JSONResponse({"detail": "sign in first"}, 401, {"WWW-Authenticate": "Bearer"})


def _is_host(web: WebSettings, host: str) -> bool:
    """Whether a page asked for under this name is ours to answer.

    Where nobody has to sign in, a page of a stranger could reach us by a name of his that he lets lead to 127.0.0.1.
    """
    return web.closed or host in _LOCAL or host == web.host or host == urlsplit(web.address).hostname


def _oversized(request: Request) -> int:
    """The status that refuses a body before any of it is read, 0 for one that a form of ours can have."""
    if "transfer-encoding" in request.headers:
        return 411
    length = request.headers.get("content-length", "0")
    return 0 if length.isdecimal() and int(length[:20]) <= MOST_BYTES else 413


def _bounded(response: Response, request: Request) -> Response:
    response.headers.update(_HEADERS)
    # Plotly sets style attributes on what it draws; no other page needs any.
    drawn = request.url.path.startswith(("/watches/", "/backtests/"))
    response.headers["Content-Security-Policy"] = _POLICY.format(attributes="'unsafe-inline'" if drawn else "'none'")
    response.headers.setdefault("Cache-Control", "no-store")
    if request.url.scheme == "https":
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def keep(response: Response, desk: Desk, session: Session, request: Request) -> None:
    """Give the session to the browser."""
    response.set_cookie(
        COOKIE,
        desk.signer.seal(session),
        max_age=LASTING_S,
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="strict",
    )


def check_form(request: Request, token: str) -> None:
    """403 unless the form was shown by us to this very browser, or a program sends it with the bearer token."""
    if request.headers.get("authorization", "").startswith("Bearer ") and request.state.who:
        return
    origin = request.headers.get("origin", "")
    foreign = bool(origin) and urlsplit(origin).netloc != request.headers.get("host", "")
    crossed = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    if foreign or crossed or not desk_of(request).signer.is_form_of(request.state.session, token):
        raise HTTPException(403, "This form is not from here, or its session is over. Load the page again.")


@router.get("/signin")
def signin(request: Request, desk: At, next: str = "/") -> HTMLResponse:
    """The form to sign in."""
    return desk.page(request, "signin.html", next=local(next), wrong="", names=bool(desk.config.settings.web.users))


@router.post("/signin", response_model=None)
def signin_done(
    request: Request,
    desk: At,
    password: str = Form("", max_length=1_000),
    name: str = Form("", max_length=200),
    next: str = Form("/", max_length=2_000),
    csrf: str = Form(""),
) -> Response:
    """Open a session, or say that it cannot be."""
    check_form(request, csrf)
    web = desk.config.settings.web
    tries, began_s = request.app.state.tries, time.monotonic()
    late = not tries.begin(began_s)
    who = "" if late else signed_in(web, name, password)
    if not who:
        wrong = "Too many tries; wait a minute." if late else "That is not right."
        page = {"next": local(next), "wrong": wrong, "names": bool(web.users)}
        return desk.page(request, "signin.html", status=429 if late else 401, **page)
    tries.succeeded(began_s)
    response = RedirectResponse(local(next), 303)
    keep(response, desk, new_session(who, stamp_of(web, who)), request)
    return response


@router.post("/signout", response_model=None)
def signout(request: Request, csrf: str = Form("")) -> Response:
    """Close the session."""
    check_form(request, csrf)
    response = RedirectResponse("/signin", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def local(target: str) -> str:
    """`target` where it is a path of ours, else the first page: no sign-in leads elsewhere."""
    plain = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if plain else "/"
