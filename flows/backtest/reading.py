"""The triggers of an archive: those that are stored for the same rules already, and the rest found on all cores.

What was found is kept in the state folder, by rules, code and text, so that the next backtest of the same rules reads
nothing again.
"""

from __future__ import annotations

import copyreg
import datetime as dt
import hashlib
import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import extractors
from extractors.triggers import Detection
from flows.backtest.archive import Archive, Key, key
from flows.detecting import Reader, detector, rules_digest
from tocsin.config.folder import Config
from tocsin.model import Article, FeedState, Trigger
from tocsin.store import Store

FOLDER = "backtest"
KEPT = 4
"""Sets of rules whose triggers are kept, the latest used."""
BATCH = 250
FEW = 500
"""So many are read sooner by this process than others are started."""
_SHELF = "texts"
_START = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Advance = Callable[[int], None]
"""Hears how many more articles were read."""


@dataclass(frozen=True)
class Read:
    """A reader that has read the whole archive already."""

    detections: Mapping[Key, Detection]

    def detect_many(self, items: Sequence[Article]) -> Iterator[Detection]:
        """A detection for each article, in order."""
        return (self.detections[key(item)] for item in items)


def read(
    config: Config,
    archive: Archive,
    *,
    state: Path,
    live: Store | None = None,
    advance: Advance = lambda count: None,
    reader: Reader | None = None,
) -> Read:
    """The triggers of `archive` under the rules of `config`; `reader` finds them instead of the rules' detector.

    `state` is the folder in which they are kept, `live` the store that the articles are of, where they are of one.
    """
    if reader is not None:
        found = zip(archive.articles, reader.detect_many(archive.articles), strict=True)
        return Read({key(article): detection for article, detection in found})
    rules = rules_digest(config)
    known = _stored(live, archive.articles, rules) if live else {}
    advance(len(known))
    rest = [article for article in archive.articles if key(article) not in known]
    if rest:
        mark = f"{rules}-{_code()}"
        with Store.open("", _shelf(state, mark)) as shelf:
            known |= _shelved(shelf, rest, config, mark, advance)
    return Read(known)


def _stored(store: Store, articles: Sequence[Article], rules: str) -> dict[Key, Detection]:
    """The triggers that the live watch has found under the same rules."""
    ids = store.articles.read_under(rules, [article.id for article in articles])
    found = _triggers(store, sorted(ids))
    return {key(article): _detection(found.get(article.id, ())) for article in articles if article.id in ids}


def _triggers(store: Store, ids: Sequence[int]) -> dict[int, list[Trigger]]:
    found: dict[int, list[Trigger]] = {}
    for start in range(0, len(ids), 5_000):
        for trigger in store.triggers.of_articles(ids[start : start + 5_000]):
            found.setdefault(trigger.article, []).append(trigger)
    return found


def _detection(triggers: Sequence[Trigger]) -> Detection:
    """A detection of stored triggers, as if it were found anew."""
    return Detection(tuple(replace(trigger, article=0, id=0) for trigger in triggers))


# What earlier backtests found


def _code() -> str:
    """Digest of the code that detects: with other code, the same rules find other things."""
    content = hashlib.sha256()
    for path in sorted(Path(extractors.__path__[0]).rglob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()[:12]


def _shelf(state: Path, rules: str) -> Path:
    """The folder for what `rules` found (by this code); those of rules that were not used for long are deleted."""
    folder = state / FOLDER
    mine = folder / rules
    mine.mkdir(parents=True, exist_ok=True)
    mine.touch()
    for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return mine


def _shelved(
    shelf: Store, articles: Sequence[Article], config: Config, rules: str, advance: Advance
) -> dict[Key, Detection]:
    """The triggers of `articles` from the shelf, where those that it lacks are put first."""
    texts = {_text_key(article): article for article in articles}
    entries = [_entry(article, text) for text, article in texts.items()]
    shelf.feeds.save_poll(FeedState(_SHELF, _START), entries)
    new = sum(len(batch) for batch in _fill(shelf, config, rules, advance))
    advance(len(articles) - new)
    ids = {article.key: article.id for article in shelf.articles.between(_START, _START + dt.timedelta(1))}
    found = _triggers(shelf, sorted(ids[text] for text in texts))
    return {key(article): _detection(found.get(ids[_text_key(article)], ())) for article in articles}


def _text_key(article: Article) -> str:
    """Equal for articles in which the same is detected."""
    return hashlib.sha256(f"{article.title}\0{article.summary}\0{article.published}".encode()).hexdigest()[:24]


def _entry(article: Article, text: str) -> Article:
    return replace(article, feed=_SHELF, key=text, link="", publisher="", first_seen=_START, digest=text, id=0)


def _fill(shelf: Store, config: Config, rules: str, advance: Advance) -> Iterator[Sequence[Article]]:
    """Read what lies unread on the shelf, a batch at a time; a backtest that is broken off keeps what it has read."""
    unread = shelf.articles.undetected(rules=rules, limit=1_000_000)
    batches = [unread[start : start + BATCH] for start in range(0, len(unread), BATCH)]
    for batch, found in _found(config, batches, few=len(unread) <= FEW):
        triggers = [
            replace(trigger, article=article.id)
            for article, triggers in zip(batch, found, strict=True)
            for trigger in triggers
        ]
        shelf.triggers.save_detection(batch, triggers, rules=rules, now=_START)
        advance(len(batch))
        yield batch


Found = list[tuple[Trigger, ...]]


def _found(
    config: Config, batches: Sequence[Sequence[Article]], *, few: bool
) -> Iterator[tuple[Sequence[Article], Found]]:
    if few:
        yield from ((batch, _detect(config, batch)) for batch in batches)
        return
    # Not forked: the progress bar is a thread, and its locks would come along.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        tasks = [pool.submit(_detect, config, batch) for batch in batches]
        yield from ((batch, task.result()) for batch, task in zip(batches, tasks, strict=True))


def _detect(config: Config, batch: Sequence[Article]) -> Found:
    return [found.triggers for found in detector(config).detect_many(batch)]


def _frozen(facts: dict[str, int | float | str]) -> MappingProxyType[str, int | float | str]:
    return MappingProxyType(facts)


# The facts of a trigger, on their way from the process that found them.
copyreg.pickle(MappingProxyType, lambda facts: (_frozen, (dict(facts),)))
