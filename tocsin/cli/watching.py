"""`tocsin run`, `serve`, `sweep` and `status`: the watch itself."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from extractors.health import Condition
from extractors.schedule import ago, words
from flows.environment import prepare
from flows.health import health
from flows.looping import loop as sweep_on
from flows.opening import CONFIG, logged
from flows.opening import opened as opened_sweep
from flows.replay import Moment, replaying
from flows.reporting import write_report
from flows.seeds import read_seeds
from flows.serving import demand_server
from flows.serving import serve as serve_flows
from flows.tally import Tally
from tocsin.cli import alerts
from tocsin.cli.context import Json, configuration, now, opened, out, print_json
from tocsin.config.folder import KEPT, LAST_GOOD, Config, Loaded, find_folder, load, load_or_last_good
from tocsin.model import AlertState, DeliveryState
from tocsin.store import Status, Store

LATE = dt.timedelta(minutes=10)
"""A watch that swept nothing for so long is said to be wrong."""


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(run)
    app.command()(serve)
    app.command()(deploy)
    app.command()(sweep)
    app.command()(status)


def run(
    *,
    seeds: Annotated[Path, typer.Option(help="Folder of the timeline to replay.")] = Path("seeds"),
    state: Annotated[Path, typer.Option(help="Folder for this run; emptied first.")] = Path("state/run"),
) -> None:
    """Replay the seeds: serve them as feeds on loopback, run the flow of production over them, print every alert."""
    source = find_folder(os.environ)
    load(source, os.environ)
    timeline = read_seeds(seeds)
    items = sum(len(seed.items) for seed in timeline)
    out.print(f"Replaying {items} items of {len(timeline)} feeds; starting Prefect on loopback …")
    received: Counter[str] = Counter()
    shown: set[str] = set()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with replaying(source, timeline, state.resolve()) as play, _progress() as progress:
        bar = progress.add_task("replay")
        for moment in play():
            progress.update(bar, total=moment.of, completed=moment.number, description=f"{moment.now:%Y-%m-%d}")
            received.update(message["type"] for message in moment.received)
            _print_new(moment, shown, progress)
    _summary(received)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=out, transient=True)


def _print_new(moment: Moment, shown: set[str], progress: Progress) -> None:
    """Every alert that arrived for the first time, with its evidence as the store has it."""
    ids = [id for id in dict.fromkeys(message["id"] for message in moment.received) if id not in shown]
    if not ids:
        return
    shown.update(ids)
    with opened(configuration()) as store:
        for id in ids:
            detail = store.alerts.detail(id)
            for line in alerts.lines(detail) if detail else []:
                progress.console.print(line)
            progress.console.print()


def _summary(received: Counter[str]) -> None:
    config = configuration()
    with opened(config) as store:
        status = store.status(now=now())
        since, until = _span(store)
        report = write_report(config, store, since=since, until=until)
    kinds = ", ".join(f"{number} {kind.removeprefix('tocsin.')}" for kind, number in received.most_common())
    raised = sum(status.alerts.values())
    out.print(
        f"{status.articles} articles, {status.triggers} triggers, {status.events} events, {raised} alerts; "
        f"{status.deliveries.get(DeliveryState.SENT, 0)} deliveries sent, messages received: {kinds or 'none'}"
    )
    out.print(f"database  {config.database}")
    out.print(f"report    {report}")


def _span(store: Store) -> tuple[Any, Any]:
    fired = [alert.fired_at for alert in store.alerts.recent(limit=100_000)]
    moment = now()
    return min(fired, default=moment), max(fired, default=moment) + dt.timedelta(seconds=1)


def serve() -> None:
    """Run until stopped: the scheduled flows with a Prefect server on loopback, and the dashboard; all watched."""
    logging.getLogger("tocsin").setLevel(logging.INFO)
    config = load_or_last_good(find_folder(os.environ), os.environ).config
    Store.open(config.database, config.state).close()
    os.environ.setdefault(KEPT, str(config.state / LAST_GOOD))
    with logged(config):
        serve_flows(config.state, port=config.settings.prefect_port, web=config.settings.web.enabled)


def deploy(
    *,
    pool: Annotated[str, typer.Option(help="Work pool; made for processes where there is none.")] = "tocsin",
    workers: Annotated[int, typer.Option(min=1, help="Sweeps that may run at a time.")] = 1,
    workers_config: Annotated[
        Path | None, typer.Option(help="Where the workers find config/; by default where it lies here.")
    ] = None,
) -> None:
    """Register the flows with a Prefect server that runs already, for the workers of a pool."""
    config = configuration()
    prepare(config.state, port=config.settings.prefect_port)
    demand_server()
    # Prefect reads its environment when it is imported.
    from flows.deployments import deployments
    from flows.deployments import register as register_flows

    served = deployments(config.settings, workers=workers)
    names = asyncio.run(register_flows(served, pool=pool, config=str(workers_config or config.folder)))
    for name in names:
        out.print(f"{name}: in pool {pool}")


def sweep(
    *,
    loop: Annotated[bool, typer.Option("--loop", help="Go on every `sweep_every`, until SIGTERM or Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Do whatever is due now, without Prefect. Exit 1 where a feed or a delivery failed.

    With --loop this is a worker: any number of them, on one Postgres, share the work.
    """

    def tell(tally: Tally) -> None:
        if as_json:
            print_json(dataclasses.asdict(tally))
        else:
            out.print(str(tally))

    if loop:
        with suppress(KeyboardInterrupt):
            sweep_on(os.environ, clock=now, tell=tell)
        return
    moment = now()
    with opened_sweep(os.environ, now=moment) as each:
        tally = each.run(now=moment, clock=now)
    tell(tally)
    raise typer.Exit(1 if tally.failed_feeds or tally.failed else 0)


def status(*, as_json: Json = False) -> None:
    """How the watch is: a line for everything that is wrong. Exit 1 where something is."""
    moment = now()
    loaded = load_or_last_good(find_folder(os.environ), os.environ)
    with Store.open(loaded.config.database, loaded.config.state) as store:
        numbers = store.status(now=moment)
        swept_at = store.notices.recall("swept_at")
        wrong = list(_wrong(loaded, store, swept_at, moment))
    if as_json:
        print_json({**dataclasses.asdict(numbers), "swept_at": swept_at or None, "wrong": wrong})
    else:
        _print_status(loaded.config, numbers, swept_at)
        for line in wrong:
            out.print(Text(f"! {line}", style="red"))
    raise typer.Exit(1 if wrong else 0)


def _wrong(loaded: Loaded, store: Store, swept_at: str, moment: dt.datetime) -> Iterator[str]:
    """A line for everything that is wrong."""
    config = loaded.config
    yield from (f"config: {line}" for line in str(loaded.error or "").splitlines())
    if swept_at:
        late = moment - dt.datetime.fromisoformat(swept_at)
        if late > max(LATE, 5 * config.settings.sweep_every):
            yield f"no sweep has ended for {words(late)}; is `tocsin serve` running?"
    for notice in store.notices.all():
        if notice.subject != CONFIG:
            yield f"{notice.subject}: {notice.message} (since {notice.since:%Y-%m-%d %H:%M}, {notice.count}×)"
    states = {state.feed: state for state in store.feeds.all()}
    for each in health(config, store, now=moment):
        state = states[each.feed]
        if state.failures or each.condition not in (Condition.WELL, Condition.WAITING):
            blind = "" if each.alive else "; blind until it answers"
            yield f"feed {each.feed}: {each.condition}: {each.words}{blind}; next try {state.next_check_at:%H:%M} UTC"
    for aside in store.articles.aside(limit=5):
        yield f"article {aside.article.id}: set aside: {aside.error}"


def _print_status(config: Config, status: Status, swept_at: str) -> None:
    moment = now()
    table = Table.grid(padding=(0, 2))
    table.add_row("last sweep", swept_at or "never")
    feeds = f"{status.feeds}, {status.feeds_due} due, {status.feeds_failing} failing, {status.feeds_disabled} disabled"
    table.add_row("feeds", f"{feeds}; last answer {ago(status.last_poll_at, now=moment)}")
    articles = f"{status.articles}, {status.articles_day} today, {status.undetected} to read, {status.aside} set aside"
    table.add_row("articles", articles)
    table.add_row("triggers", f"{status.triggers}, {status.unlinked} to link")
    table.add_row("events", f"{status.events}, {status.events_day} today, {status.unevaluated} to judge")
    counts = ", ".join(f"{status.alerts.get(state, 0)} {state.value}" for state in AlertState)
    table.add_row("alerts", f"{counts}; last {ago(status.last_alert_at, now=moment)}")
    counts = ", ".join(f"{status.deliveries.get(state, 0)} {state.value}" for state in DeliveryState)
    table.add_row("deliveries", f"{counts}; last sent {ago(status.last_sent_at, now=moment)}")
    table.add_row("database", config.database.split("@")[-1])
    out.print(table)
