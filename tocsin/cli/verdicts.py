"""`tocsin verdict`, `precision` and `examples`: what people found, how good the rules are, and how to mend them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tocsin.cli.alerts import Note, Who, user
from tocsin.cli.context import Json, configuration, err, now, opened, out, print_json
from tocsin.config.proposals import proposals
from tocsin.model import PRECISION_OF, Judgement, Precision, Verdict


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(verdict)
    app.command()(precision)
    app.command()(examples)


def verdict(
    subject: Annotated[str, typer.Argument(help="Id of an alert, or number of a trigger; `tocsin alerts show`.")],
    value: Annotated[Judgement, typer.Argument(help="What it was.")],
    *,
    who: Who = "",
    note: Note = "",
) -> None:
    """Say what an alert or a trigger was; the last verdict on it counts, all are kept."""
    on_trigger = subject.isdecimal() and len(subject) < 19
    given = Verdict(
        value,
        user(who),
        now(),
        alert=None if on_trigger else subject,
        trigger=int(subject) if on_trigger else None,
        note=note,
    )
    with opened(configuration()) as store:
        stored = store.verdicts.add(given)
    name = f"trigger {subject}" if on_trigger else f"alert {subject}"
    if stored is None:
        err.print(f"tocsin: no {name}; see `tocsin alerts list` and `tocsin alerts show`", markup=False)
        raise typer.Exit(2)
    out.print(f"{name}: {stored.value}, says {stored.who}", markup=False)


def precision(
    *,
    days: Annotated[int | None, typer.Option(min=1, help="Only verdicts of so many days; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """The share of true verdicts of each threshold, rule and publisher, with its 95 % interval."""
    since = now() - dt.timedelta(days=days) if days else None
    with opened(configuration()) as store:
        found = [each for by in PRECISION_OF for each in store.verdicts.precision(by, since=since)]
    if as_json:
        print_json([precision_json(each) for each in found])
        return
    table = Table("of", "name", "precision", "95 %", *(value.value for value in Judgement), box=None, pad_edge=False)
    for each in found:
        counts = (each.true, each.false, each.duplicate, each.stale)
        table.add_row(each.by, Text(each.name), share(each), interval(each), *(str(count or "") for count in counts))
    out.print(table if found else "no verdicts")


def examples(*, rule: Annotated[str | None, typer.Option(help="Only for this rule.")] = None) -> None:
    """Verdicts as examples to paste into the rules: what must fire, and what must stay silent."""
    config = configuration()
    if rule is not None and rule not in {each.id for each in config.rules}:
        err.print(f"tocsin: no rule {rule!r}; its id is the name of its file in triggers/", markup=False)
        raise typer.Exit(2)
    with opened(config) as store:
        judged = store.verdicts.examples(rule=rule)
    text = proposals(judged, config.rules)
    if not text:
        err.print("tocsin: no verdict asks for an example that the rules do not have already")
    typer.echo(text, nl=False)


def precision_json(found: Precision) -> dict[str, Any]:
    """A precision with what follows from its counts."""
    return {**dataclasses.asdict(found), "precision": found.value, "interval": found.interval}


def share(found: Precision) -> str:
    """The precision in per cent."""
    return "" if found.value is None else f"{found.value:.0%}"


def interval(found: Precision) -> str:
    """Its interval in per cent."""
    low, high = found.interval
    return "" if found.value is None else f"{low:.0%} to {high:.0%}"
