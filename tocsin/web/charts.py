"""Plotly's JavaScript, as its Python package ships it; what is drawn with it stands in static/charts.js."""

from __future__ import annotations

import functools
import gzip
import re
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_STYLE = re.compile(rb'getElementById\("([0-9a-f]{32,})"\)')
router = APIRouter(include_in_schema=False)


@router.get("/static/plotly.js")
def plotly(request: Request) -> Response:
    """The script, packed for who takes that."""
    plain, packed = _script()
    headers = {**FOR_EVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type="text/javascript", headers=headers | {"Content-Encoding": "gzip"})
    return Response(plain, media_type="text/javascript", headers=headers)


@functools.cache
def plotly_style_ids() -> tuple[str, ...]:
    """Ids of the style sheets that the script writes into a page which has no such elements.

    They are of maps that are not drawn here, and the page's policy forbids them, so the page has such elements.
    """
    return tuple(sorted({match.decode() for match in _STYLE.findall(_script()[0])}))


@functools.cache
def _script() -> tuple[bytes, bytes]:
    # Found by its path: to import plotly would cost a second and give nothing.
    content = Path(str(files("plotly") / "package_data" / "plotly.min.js")).read_bytes()
    return content, gzip.compress(content, 6)
