"""`tocsin backtest`: what a configuration would have told, shown on an archive; nothing is sent."""

from __future__ import annotations

import datetime as dt
import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from flows.backtest import archive, clock, reading, saved
from flows.backtest.archive import Archive
from flows.backtest.comparison import Change, Comparison, compare
from flows.backtest.outcome import Outcome
from flows.backtest.record import record
from flows.backtest.truth import Known, Verdict, judge, lost, read_truth
from tocsin.cli.context import Json, configuration, err, now, opened, out, print_json
from tocsin.config.folder import Config, find_folder, load, load_or_last_good
from tocsin.errors import SetupError
from tocsin.model import Alert
from tocsin.store import Store

BUSIEST = 5
"""Days with the most messages that are shown of each channel."""
_DAY = dt.timedelta(days=1)

Since = Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day, UTC.")]
Until = Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day, UTC.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(backtest)


def backtest(
    *,
    articles: Annotated[
        Path | None, typer.Option(help="JSON lines to replay; by default the store's articles.")
    ] = None,
    since: Since = None,
    until: Until = None,
    config: Annotated[Path | None, typer.Option(help="Configuration to try; by default the one in force.")] = None,
    against: Annotated[Path | None, typer.Option(help="Configuration to compare it with.")] = None,
    truth: Annotated[Path | None, typer.Option(help="CSV of known events: date,what.")] = None,
    save: Annotated[str | None, typer.Option(help="Keep the answer under this name, for the dashboard.")] = None,
    as_json: Json = False,
) -> None:
    """Replay an archive under a configuration and send nothing. Exit 1 where a known event is lost."""
    with ExitStack() as stack:
        ground = stack.enter_context(bench(config, articles, span(since, until), against))
        if save is not None:
            saved.path_of(ground.state, save)  # a bad name is told before the work, not after
        known = read_truth(truth, since=ground.first, until=ground.last) if truth else None
        new = ground.run(ground.config)
        old = ground.run(ground.against) if ground.against else None
    kept = record(new)
    comparison = compare(kept, record(old)) if old else None
    verdict = judge(new, known) if known is not None else None
    before = judge(old, known) if old and known is not None else None
    gone = lost(verdict, before) if verdict else ()
    answer = _answer(new, comparison, verdict, gone)
    if save is not None:
        run = saved.Run(save, now(), str(ground.config.folder), str(articles.resolve()) if articles else "")
        saved.save(ground.state, run, kept, answer)
    if as_json:
        print_json(answer)
    else:
        _print(new, comparison, verdict, gone, compared=old is not None)
    raise typer.Exit(1 if gone else 0)


def _answer(
    new: Outcome, comparison: Comparison | None, verdict: Verdict | None, gone: Sequence[Known]
) -> dict[str, Any]:
    """For a program."""
    answer = new.as_json()
    answer |= {"against": comparison.as_json()} if comparison else {}
    answer |= {"truth": {**verdict.as_json(), "lost": [_known(each) for each in gone]}} if verdict else {}
    return answer


def span(since: dt.datetime | None, until: dt.datetime | None) -> tuple[dt.datetime, dt.datetime]:
    """From the beginning of the first day to the end of the last; `SetupError` where that is no time at all."""
    if since and until and since > until:
        days = f"{since:%Y-%m-%d} to {until:%Y-%m-%d}"
        raise SetupError("no such days", subject=days, cause="--since is after --until")
    start = since.replace(tzinfo=dt.UTC) if since else archive.NEVER
    return start, until.replace(tzinfo=dt.UTC) + _DAY if until else archive.EVER


@dataclass(frozen=True)
class Bench:
    """What both configurations are tried on."""

    config: Config
    against: Config | None
    archive: Archive
    live: Store | None
    state: Path
    progress: Progress
    bar: TaskID

    @cached_property
    def first(self) -> dt.date:
        """Day of the first article."""
        return min(article.seen_at for article in self.archive.articles).date()

    @cached_property
    def last(self) -> dt.date:
        """Day of the last article."""
        return max(article.seen_at for article in self.archive.articles).date()

    def run(self, config: Config) -> Outcome:
        """The outcome under `config`."""
        self.progress.reset(self.bar, total=len(self.archive.articles), description="read")
        found = reading.read(config, self.archive, state=self.state, live=self.live, advance=self._advance)
        # What was read stays to the end; searching it for garbage again and again took a twelfth of the time.
        gc.freeze()
        days = (self.last - self.first).days + 2
        self.progress.reset(self.bar, total=days, description="play")
        return clock.play(config, self.archive, found, every=config.settings.sweep_every, tick=self._tick)

    def _advance(self, count: int) -> None:
        self.progress.advance(self.bar, count)

    def _tick(self, now: dt.datetime) -> None:
        self.progress.update(self.bar, completed=(now.date() - self.first).days, description=f"{now:%Y-%m-%d}")


@contextmanager
def bench(
    folder: Path | None, articles: Path | None, within: tuple[dt.datetime, dt.datetime], against: Path | None
) -> Iterator[Bench]:
    """The archive and the configurations, with a progress bar for the time of the block."""
    config = _loaded(folder) if folder else configuration()
    other = _loaded(against) if against else None
    home = _home(config) if folder else config
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with ExitStack() as stack:
        live = None if articles else stack.enter_context(opened(home))
        since, until = within
        if articles:
            found = archive.from_file(articles, config.feeds, since=since, until=until)
            found = archive.on_the_beat(found, config.settings.sweep_every)
        else:
            assert live is not None
            found = archive.from_store(live, since=since, until=until)
        if not found.articles:
            raise SetupError(
                "nothing to replay", subject=str(articles or "the store"), cause="no articles of these days"
            )
        bars = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        progress = stack.enter_context(bars)
        yield Bench(config, other, found, live, home.state, progress, progress.add_task("read"))


def _loaded(folder: Path) -> Config:
    if not folder.is_dir():
        raise SetupError("no configuration", subject=str(folder), cause="no such folder")
    return load(folder.resolve(), os.environ)


def _home(config: Config) -> Config:
    """The configuration in force, whose store and state folder are used; `config` where there is none."""
    try:
        return load_or_last_good(find_folder(os.environ), os.environ).config
    except SetupError:
        return config


# For people


def _print(
    new: Outcome, comparison: Comparison | None, verdict: Verdict | None, gone: Sequence[Known], *, compared: bool
) -> None:
    for alert in new.told:
        out.print(_line(alert))
    first, last = new.archive.articles[0].first_seen, new.archive.articles[-1].first_seen
    counts = new.as_json()
    out.print(
        f"{counts['articles']} articles of {first:%Y-%m-%d} to {last:%Y-%m-%d}: {counts['triggers']} triggers, "
        f"{len(new.events)} events, {len(new.told)} alerts ({len(new.alerts) - len(new.told)} hidden or follow-ups), "
        f"{len(new.posts)} messages"
    )
    if new.posts:
        out.print(_channels(new, (last.date() - first.date()).days + 1))
    if comparison is not None:
        _print_comparison(comparison)
    if verdict is not None:
        _print_verdict(verdict, gone, compared=compared)


def _line(alert: Alert) -> Text:
    where = f"{alert.threshold} {alert.group}".strip()
    return Text.assemble(f"{alert.fired_at:%Y-%m-%d %H:%M} {alert.severity:+g} ", (where, "bold"), f": {alert.reason}")


def _channels(outcome: Outcome, days: int) -> Table:
    table = Table("channel", "messages", "a day", "busiest days", box=None, pad_edge=False)
    for channel, counted in sorted(outcome.a_day().items()):
        busiest = ", ".join(f"{day}: {number}" for day, number in counted.most_common(BUSIEST))
        table.add_row(Text(channel), str(counted.total()), f"{counted.total() / days:.2f}", busiest)
    return table


def _print_comparison(comparison: Comparison) -> None:
    parts: tuple[tuple[str, Sequence[Change]], ...] = (
        ("gained", comparison.gained),
        ("lost", comparison.lost),
        ("moved", comparison.moved),
    )
    for name, changes in parts:
        for change in changes:
            before = f" (was {change.before:%Y-%m-%d %H:%M})" if change.before else ""
            out.print(Text(f"{name:6} ", "yellow") + _line(change.alert) + Text(before))
            out.print(Text(f"       because {change.reason}"))
    out.print(", ".join(f"{len(changes)} {name}" for name, changes in parts))


def _print_verdict(verdict: Verdict, gone: Sequence[Known], *, compared: bool) -> None:
    for alert in verdict.false:
        out.print(Text("false  ", "yellow") + _line(alert))
    for known in verdict.misses:
        lost_now = " (lost: the other configuration alerts on it)" if compared and known in gone else ""
        out.print(Text(f"missed {known.day} {known.what}{lost_now}", "red"))
    lead = f", lead {verdict.lead.total_seconds() / 3600:+.1f} h at the median" if verdict.lead is not None else ""
    known_count = len(verdict.hits) + len(verdict.misses)
    out.print(f"{len(verdict.hits)} of {known_count} known events hit{lead}; {len(verdict.false)} false alerts")


def _known(known: Known) -> dict[str, str]:
    return {"date": known.day.isoformat(), "what": known.what}
