"""Backtests that were kept under a name, one JSON file each: `state/backtests/NAME.json`.

A file holds the stable answer of `tocsin backtest --json`, and beside it `run` (what was replayed, and under what) and
`record` (what the answer lacks to compare two runs).
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from flows.backtest.record import Record
from tocsin.errors import SetupError

FOLDER = "backtests"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Run:
    """One kept backtest: `config` is the folder that was tried, `source` the file of articles, "" for the store."""

    name: str
    saved_at: dt.datetime
    config: str
    source: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A kept backtest with all that came of it; `answer` is the stable one, with `against` and `truth` where asked."""

    run: Run
    record: Record
    answer: Mapping[str, Any]


_RUN = TypeAdapter(Run)
_RECORD = TypeAdapter(Record)


def path_of(state: Path, name: str) -> Path:
    """The file of the backtest `name`; `SetupError` where this cannot be a name."""
    if not _NAME.fullmatch(name):
        cause = "a name has letters, digits, - and _, at most 64, and begins with a letter or digit"
        raise SetupError("cannot name a backtest so", subject=name, cause=cause)
    return state / FOLDER / f"{name}.json"


def save(state: Path, run: Run, record: Record, answer: Mapping[str, Any]) -> Path:
    """Keep a backtest, whole or not at all; one of the same name is replaced."""
    path = path_of(state, run.name)
    rest = _RECORD.dump_python(record, mode="json", exclude={"events"})
    content = {**answer, "run": _RUN.dump_python(run, mode="json"), "record": rest}
    draft = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise SetupError("cannot keep the backtest", subject=str(path), cause=str(error)) from error
    return path


def runs(state: Path) -> tuple[list[Saved], list[SetupError]]:
    """The kept backtests, the latest first, and what is wrong with those that cannot be read."""
    found: list[Saved] = []
    errors: list[SetupError] = []
    for path in sorted((state / FOLDER).glob("*.json")):
        try:
            found.append(load(state, path.stem))
        except SetupError as error:
            errors.append(error)
    return sorted(found, key=lambda saved: saved.run.saved_at, reverse=True), errors


def load(state: Path, name: str) -> Saved:
    """The backtest that was kept as `name`; `SetupError` where there is none, or its file is none."""
    path = path_of(state, name)
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns, stat.st_size)
    except FileNotFoundError as error:
        raise SetupError("cannot read the backtest", subject=name, cause="there is none of this name") from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        cause = f"{error.error_count()} of its parts are missing or wrong" if isinstance(error, ValidationError) else ""
        raise SetupError("cannot read the backtest", subject=str(path), cause=cause or str(error)) from error


@lru_cache(maxsize=_REMEMBERED)
def _read(path: Path, mtime_ns: int, size: int) -> Saved:
    """The file as it was at that time: a page that shows all of them reads each once."""
    content = json.loads(path.read_bytes())
    run, rest = content.pop("run"), content.pop("record")
    return Saved(
        run=_RUN.validate_python(run),
        record=_RECORD.validate_python({**rest, "events": content["events"]}),
        answer=content,
    )
