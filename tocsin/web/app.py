"""The application: routes, the guard before them, static files, and errors in words."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException

from tocsin import __version__
from tocsin.errors import StoreError
from tocsin.web import acts, backtests, charts, details, guard, lists, metrics, overview
from tocsin.web.charts import FOR_EVER
from tocsin.web.desk import STATIC, Desk, desk_of
from tocsin.web.signin import Tries

logger = logging.getLogger("tocsin.web")


def application(desk: Desk) -> FastAPI:
    """The dashboard of `desk`."""
    app = FastAPI(title="Tocsin", version=__version__, docs_url=None, redoc_url=None)
    app.state.desk = desk
    app.state.tries = Tries()
    app.state.overviews = overview.Overviews()
    app.middleware("http")(guard.guard)
    for module in (overview, lists, details, backtests, acts, guard, metrics, charts):
        app.include_router(module.router)
    app.mount("/static", _Static(directory=STATIC), name="static")
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(StoreError, _unanswered)
    return app


class _Static(StaticFiles):
    """Static files, asked for under an address that changes when they do."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(FOR_EVER)
        return response


def _said(request: Request, status: int, message: str) -> Response:
    """An error as a page for people and as JSON for programs."""
    file = request.url.path.endswith((".json", ".csv", ".atom"))  # a signed link has dots in it too
    if file or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": message}, status)
    phrase = HTTPStatus(status).phrase
    return desk_of(request).page(request, "error.html", status=status, code=status, phrase=phrase, message=message)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    words = {404: "There is no such page.", 405: "That cannot be done here."}
    told = isinstance(error, HTTPException) and error.detail != "Not Found"
    return _said(request, error.status_code, error.detail if told else words.get(error.status_code, error.detail))


def _misread(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    lines = [f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors()]
    return _said(request, 422, "; ".join(lines))


def _unanswered(request: Request, error: Exception) -> Response:
    logger.error("%s", error)
    return _said(request, 503, "The database does not answer. Try again in a moment.")
