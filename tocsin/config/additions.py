"""Add feeds to `feeds.yaml` without touching what stands there: comments, order and spelling stay."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML

from tocsin.config.feeds import Feed, read_feeds
from tocsin.errors import ConfigError, Problem

_HEAD = "feeds:\n"
_EMPTY = re.compile(r"^feeds:[ \t]*(\[\s*\]|null|~)(?=\s|$)", re.MULTILINE)
_FIRST = re.compile(r"^feeds:[^\n]*\n(?:[ \t]*(?:#[^\n]*)?\n)*([ ]*)- ", re.MULTILINE)
_KEYS = ("id", "url", "title", "publisher", "family", "language", "tags", "state_media", "enabled")


def add_feeds(folder: Path, feeds: Sequence[Feed]) -> None:
    """Append `feeds` to `folder`/feeds.yaml, swapped in whole.

    ConfigError, and the file untouched, where an id or address stands there already or the file has problems anyway.
    """
    path = folder / "feeds.yaml"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    head = _EMPTY.sub("feeds:", before) if re.search("^feeds:", before, re.MULTILINE) else f"{before}\n{_HEAD}"
    first = _FIRST.search(head)
    depth = len(first[1]) if first else 2
    trial_folder = folder / ".feeds.new"
    trial_folder.mkdir(exist_ok=True)
    try:
        trial = trial_folder / "feeds.yaml"
        trial.touch(0o600)
        if path.exists():
            trial.chmod(path.stat().st_mode)  # an address may hold a secret
        trial.write_text(f"{head.rstrip()}\n{as_yaml(feeds, depth=depth)}", encoding="utf-8")
        problems: list[Problem] = []
        read_feeds(trial_folder, problems)
        if problems:
            raise ConfigError([Problem("feeds.yaml", p.line, p.key, p.message, p.allowed) for p in problems])
        trial.replace(path)
    finally:
        trial.unlink(missing_ok=True)
        trial_folder.rmdir()


def as_yaml(feeds: Sequence[Feed], *, depth: int = 2) -> str:
    """`feeds` as items of the list in feeds.yaml, `depth` columns in; what is the default is not written."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=depth + 2, offset=depth)
    yaml.width = 1_000
    stream = io.StringIO()
    yaml.dump([_written(feed) for feed in feeds], stream)
    return stream.getvalue()


def _written(feed: Feed) -> dict[str, object]:
    defaults = {"publisher": feed.title, "family": feed.publisher, "language": "en", "tags": (), "state_media": ""}
    values = {name: getattr(feed, name) for name in _KEYS}
    kept = {name: value for name, value in values.items() if value != defaults.get(name) and value is not True}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}
