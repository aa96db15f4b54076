"""`tocsin vary`: alerts a week against a threshold's value."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.backtest.variation import Point, find, number_key, points, value_of, values_around, varied
from tocsin.cli.backtesting import Since, Until, bench, span
from tocsin.cli.context import Json, out, print_json

WIDTH = 40
"""Characters of the longest bar."""


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(vary)


def vary(
    threshold: Annotated[str, typer.Argument(help="Id of a threshold, or WATCH/ID.")],
    *,
    key: Annotated[str, typer.Option(help="Which number, such as condition.gte.")] = "",
    value: Annotated[list[float] | None, typer.Option(help="A value to try; may be given several times.")] = None,
    articles: Annotated[Path | None, typer.Option(help="JSON lines to replay; by default the store.")] = None,
    since: Since = None,
    until: Until = None,
    plot: Annotated[Path | None, typer.Option(help="Write the curve as one HTML file.")] = None,
    as_json: Json = False,
) -> None:
    """Alerts a week against a threshold's value, with the value in force marked; nothing is sent."""
    with bench(None, articles, span(since, until), None) as ground:
        watch, found = find(ground.config, threshold)
        key = key or number_key(found)
        in_force = value_of(found, key)
        values = sorted({*value, in_force}) if value else values_around(found, key)
        outcome = ground.run(varied(ground.config, watch, found, key, values))
    curve = points(outcome, values, in_force=in_force)
    if plot is not None:
        draw(curve, f"{watch.id}/{found.id}", key, plot)
    if as_json:
        print_json({"threshold": found.id, "key": key, "points": [dataclasses.asdict(point) for point in curve]})
        return
    out.print(_table(curve, key))
    if plot is not None:
        out.print(f"drawn in {plot}", markup=False)


def _table(curve: Sequence[Point], key: str) -> Table:
    table = Table(key, "alerts", "a week", "", "", box=None, pad_edge=False)
    most = max([point.alerts for point in curve] + [1])
    for point in curve:
        bar = "█" * round(WIDTH * point.alerts / most)
        mark = "← in force" if point.in_force else ""
        table.add_row(f"{point.value:g}", str(point.alerts), f"{point.a_week:.2f}", bar, mark)
    return table


def draw(curve: Sequence[Point], name: str, key: str, path: Path) -> None:
    """The curve as one HTML file that loads nothing from elsewhere."""
    from plotly import graph_objects  # a second, which only a plot is worth

    figure = graph_objects.Figure(layout={"title": name, "template": "plotly_white"})
    values, weekly = [point.value for point in curve], [point.a_week for point in curve]
    figure.add_scatter(x=values, y=weekly, mode="lines+markers", line_shape="hv", name="alerts a week")
    for point in curve:
        if point.in_force:
            figure.add_vline(x=point.value, line_dash="dot", annotation_text=f"in force: {point.value:g}")
    figure.update_xaxes(title=key)
    figure.update_yaxes(title="alerts a week", rangemode="tozero")
    figure.write_html(path, include_plotlyjs=True)
