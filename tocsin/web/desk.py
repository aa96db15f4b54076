"""What every page starts from: the configuration in force, the store, the time, and how to render."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from alerts.escaping import one_line, safe_link
from extractors.schedule import ago
from tocsin import __version__
from tocsin.config.folder import Config, Loaded
from tocsin.store import Store
from tocsin.web.charts import plotly_style_ids
from tocsin.web.signin import Signer

RELOAD_AFTER_S = 5.0
"""An edit of the configuration shows after so many seconds at most."""
STATIC = Path(str(files("tocsin.web") / "static"))


class Desk:
    """One dashboard. `load` gives the configuration in force, `clock` the present."""

    def __init__(
        self, store: Store, load: Callable[[], Loaded], *, clock: Callable[[], dt.datetime], key: str, user: str
    ) -> None:
        self.store = store
        self.clock = clock
        self.user = user
        """Who acts where nobody has to sign in."""
        self.signer = Signer(key)
        self._load = load
        self._lock = threading.Lock()
        self._loaded = load()
        self._loaded_at = time.monotonic()
        self._environment = _environment()

    @property
    def loaded(self) -> Loaded:
        """The configuration in force, and the error of a newer one, if any."""
        with self._lock:
            if time.monotonic() - self._loaded_at > RELOAD_AFTER_S:
                self._loaded = self._load()
                self._loaded_at = time.monotonic()
            return self._loaded

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.loaded.config

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """The rendered `template`; it also knows who is signed in and the token for forms."""
        web = self.config.settings.web
        common = {
            "request": request,
            "path": request.url.path,
            "who": getattr(request.state, "who", ""),
            "closed": web.closed,
            "csrf": getattr(request.state, "csrf", ""),
            "watches": self.config.watches,
            "now": self.clock(),
            "done": request.query_params.get("done", "")[:40],
        }
        return HTMLResponse(self._environment.get_template(template).render(common | values), status_code=status)


def desk_of(request: Request) -> Desk:
    """The desk of the application that a request came to."""
    desk: Desk = request.app.state.desk
    return desk


At = Annotated[Desk, Depends(desk_of)]
"""A parameter that is the desk."""


def static_version() -> str:
    """Changes when any of our static files does, so that browsers may keep them for ever."""
    content = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))
    return hashlib.sha256(content + __version__.encode()).hexdigest()[:10]


def signed(number: float, places: int = 1) -> str:
    """`number` with its sign and at most `places`, one or more, behind the point: "+6", "-2.5", "0"."""
    text = f"{number:+.{places}f}".rstrip("0").rstrip(".")
    return "0" if text in ("+0", "-0") else text


def breakable(name: str) -> Markup:
    """An id that a narrow column breaks where its words end."""
    return Markup("<wbr>").join(re.split(r"(?<=[/_])", name))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tocsin.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Callable[..., Any]] = {
        "ago": ago,
        "line": one_line,
        "safe_link": safe_link,
        "stamp": lambda moment: f"{moment:%Y-%m-%d %H:%M}" if moment else "–",
        "words": lambda text: str(text).replace("_", " "),
        "signed": signed,
        "breakable": breakable,
        "plain": lambda value: str(value).removesuffix(".0"),
    }
    environment.filters.update(filters)
    environment.globals["static_version"] = static_version()
    environment.globals["plotly_version"] = version("plotly")
    environment.globals["plotly_style_ids"] = plotly_style_ids
    return environment
