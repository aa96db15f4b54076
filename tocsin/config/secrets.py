"""Secrets in config: never written out, only named as `${ENV}` or `file:path` and filled in when the file is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_NAMED = re.compile(r"\$\{(?:file:(?P<file>[^}]+)|(?P<env>[A-Za-z_][A-Za-z0-9_]*))\}")
_WHOLE = re.compile(r"file:(?P<file>.+)")
NAMED = "\N{REPLACEMENT CHARACTER}"
"""Stands for a named secret in a text that is looked at or shown."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where named secrets are looked up: `environ`, and files whose paths count from `folder`."""

    folder: Path
    environ: Mapping[str, str]

    def fill(self, text: str, *, in_url: bool = False) -> str:
        """`text` with the secrets it names; ValueError (`what; what is allowed`) where one is missing or empty.

        `file:path` names the whole text, `${file:path}` and `${ENV}` a part of it, which is percent-encoded `in_url`.
        """
        if whole := _WHOLE.fullmatch(text) or _NAMED.fullmatch(text):
            return self._value(whole)
        safe = ":" if in_url else None
        return _NAMED.sub(lambda m: self._value(m) if safe is None else quote(self._value(m), safe=safe), text)

    def values(self, text: str) -> tuple[str, ...]:
        """The secrets that `text` names, as they are and as they stand in a URL: what logs must not show."""
        whole = _WHOLE.fullmatch(text)
        found = [self._value(match) for match in ([whole] if whole else _NAMED.finditer(text))]
        return tuple(
            dict.fromkeys(form for value in found for form in (value, quote(value, safe=":"), quote(value, safe="")))
        )

    def _value(self, match: re.Match[str]) -> str:
        name = match[match.lastgroup or 0]
        if match.lastgroup == "env":
            if not self.environ.get(name):
                raise ValueError(f"names ${{{name}}}, which is not set; set it in the environment of tocsin")
            return self.environ[name]
        try:
            value = (self.folder / name.strip()).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"names the file {name}, which cannot be read; a file with one line of text") from None
        if not value or "\n" in value:
            raise ValueError(f"names the file {name}, which holds no single line; a file with one line of text")
        return value


def blank(text: str) -> str:
    """`text` with each named secret replaced by `NAMED`."""
    return NAMED if _WHOLE.fullmatch(text) else _NAMED.sub(NAMED, text)
