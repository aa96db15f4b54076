"""A log file of many processes: each appends whole lines, the nightly flow turns it over, no line shows a secret."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import pairwise
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Literal

SUBJECTS = ("feed", "article", "alert", "channel")
"""What a line may be about: given by `extra=`, keys of their own in JSON."""
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY = re.compile(r"(https?://[^\s?#]+)\?[^\s]+")
_BREAKS = str.maketrans({"\r": "\\r", "\x1b": "\\x1b", "\x85": "\\x85", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Redacting(logging.Formatter):
    """A line for people, or JSON for programs; secrets, logins and queries of addresses are left out of either."""

    def __init__(self, format: Literal["text", "json"], secrets: Collection[str]) -> None:
        super().__init__("%(message)s")
        self._json = format == "json"
        # The longest first: one may be part of another.
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """One line, however many the message and its traceback have."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        about = {key: str(getattr(record, key)) for key in SUBJECTS if hasattr(record, key)}
        message = self._clean(record.getMessage())
        trace = self._clean(self.formatException(record.exc_info)) if record.exc_info else ""
        if self._json:
            head = {"time": moment, "level": record.levelname.lower(), "logger": record.name, "message": message}
            return json.dumps({**head, **about, **({"trace": trace} if trace else {})}, ensure_ascii=False)
        line = f"{moment} {record.levelname.lower()} {record.name}: {message}" + (f"\n{trace}" if trace else "")
        return line.translate(_BREAKS).replace("\n", "\\n")

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return _QUERY.sub(r"\1?…", _LOGIN.sub("…@", text))


@contextmanager
def kept(path: Path | None, *, format: Literal["text", "json"], secrets: Collection[str]) -> Iterator[None]:
    """Append what is logged within the block to `path` too; None: nothing. Opened anew where it was turned over."""
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = WatchedFileHandler(path, encoding="utf-8", errors="backslashreplace", delay=True)
    handler.setFormatter(Redacting(format, secrets))
    root, ours = logging.getLogger(), logging.getLogger("tocsin")
    level = ours.level
    root.addHandler(handler)
    ours.setLevel(min(level, logging.INFO) if level else logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        ours.setLevel(level)
        handler.close()


def turn_over(path: Path, *, keep: int) -> None:
    """Make `path` the first of `keep` older files, `path.1` …; the oldest goes. Writers go on in a new one."""
    if not path.exists() or not path.stat().st_size:
        return
    names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, keep + 1))]
    for newer, older in reversed(list(pairwise(names))):
        if newer.exists():
            newer.replace(older)
    if keep == 0:
        path.unlink()
