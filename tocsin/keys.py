"""Keys that Tocsin makes for itself at its first start: in the state folder, for its own user's eyes alone."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def kept_key(path: Path) -> str:
    """The key at `path`, made where there is none; many that make it at once share one. Delete it for another."""
    if not path.exists():
        make_private(path.parent)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


def make_private(folder: Path) -> None:
    """Make `folder` where there is none, closed to other users of the machine; one that is there stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
