"""Apprise's own configuration files, text or YAML, as the source of a channel's addresses.

Source: github.com/caronc/apprise/wiki, Config_text and Config_yaml. Taken are addresses and their tags; what else the
format knows (`include`, groups, options beside an address) is refused rather than passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

from tocsin.config.loader import is_too_deep

_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_TAGGED = re.compile(r"(?P<tags>[^=:/]+)=\s*(?P<url>[a-z][a-z0-9+.-]*://\S+)", re.IGNORECASE)
_LARGEST = 1_000_000

Tagged = tuple[str, frozenset[str]]


def addresses(path: Path, tags: frozenset[str]) -> list[str]:
    """The addresses of the file in their order, with `tags` those that have one of them.

    ValueError (`what; what is allowed`), which shows nothing of the file, where it cannot be read as one.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("names a file that is too large; at most 1 MB")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ValueError("names a file that cannot be read; an Apprise configuration, text or YAML") from None
    found = list(_yaml(text) if path.suffix.lower() in (".yaml", ".yml") else _text(text))
    chosen = [url for url, own in found if not tags or own & tags]
    if not chosen:
        raise ValueError(f"names a file with no address{' of these tags' if tags else ''}; at least one")
    return list(dict.fromkeys(chosen))


def _words(text: Any) -> frozenset[str]:
    parts = text if isinstance(text, list) else [text] if text else []
    return frozenset(word for part in parts for word in re.split(r"[,\s]+", str(part)) if word)


def _text(text: str) -> Iterator[Tagged]:
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith(("#", ";")):
            continue
        if _URL.fullmatch(line):
            yield line, frozenset()
        elif tagged := _TAGGED.fullmatch(line):
            yield tagged["url"], _words(tagged["tags"])
        else:
            raise ValueError(f"has a line {number} that is no address; one a line, `tag=service://…` or `service://…`")


def _yaml(text: str) -> Iterator[Tagged]:
    try:
        if is_too_deep(YAML(typ="safe", pure=True).parse(text)):
            raise ValueError("is nested too deep; an Apprise configuration")
        # What an alias stands for may hold others: a few lines that way become gigabytes.
        if any(isinstance(event, AliasEvent) for event in YAML(typ="safe", pure=True).parse(text)):
            raise ValueError("has aliases, which are not read; each address written out")
        document = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        raise ValueError("names a file that is no YAML; an Apprise configuration") from None
    if not isinstance(document, dict) or not isinstance(document.get("urls"), list):
        raise ValueError("names a file without a list `urls`; an Apprise configuration")
    if others := sorted(map(str, document.keys() - {"version", "urls", "tag", "tags"})):
        raise ValueError(f"has {', '.join(others)}, which is not taken from it; version, tag and urls")
    common = _words(document.get("tag")) | _words(document.get("tags"))
    for entry in document["urls"]:
        for url, options in _entry(entry):
            if not _URL.fullmatch(url):
                raise ValueError("has something under `urls` that is no address; service://…")
            if options.keys() - {"tag", "tags"}:
                raise ValueError("has options beside an address; write them into the address itself, and tag beside it")
            yield url, common | _words(options.get("tag")) | _words(options.get("tags"))


def _entry(entry: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """`url`, `url: {tag: …}` or `url: [{tag: …}, …]`."""
    if not isinstance(entry, dict):
        yield str(entry), {}
        return
    for url, options in entry.items():
        for each in options if isinstance(options, list) else [options or {}]:
            if not isinstance(each, dict):
                raise ValueError("has options that are no mapping; tag: name")
            yield str(url), each
