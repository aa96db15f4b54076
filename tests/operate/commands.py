"""The commands of docs/operate.md, as somebody who follows it to the letter would type them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "operate.md"
_SPANS = re.compile(r"`((?:tocsin|make|prefect|pg_dump|pg_restore) [^`]+)`")


@dataclass(frozen=True)
class Block:
    """Lines of an indented block under a heading; what follows a `#` is left out."""

    heading: str
    lines: tuple[str, ...]

    @property
    def script(self) -> str:
        """For a shell."""
        return "\n".join(self.lines)


def blocks() -> list[Block]:
    """Every indented block, in order."""
    found: list[Block] = []
    heading, lines = "", []
    for line in [*DOCUMENT.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if re.match(r" {4,}\S", line):
            lines.append(re.sub(r"\s+# .*$", "", line.strip()))
        elif lines:
            found.append(Block(heading, tuple(lines)))
            lines = []
    return found


def commands() -> list[list[str]]:
    """Every command, of the blocks and of the text, as words: `a && b` is two."""
    text = DOCUMENT.read_text(encoding="utf-8")
    lines = [line for block in blocks() for line in block.lines] + _SPANS.findall(text)
    parts = [part for line in lines for part in re.split(r"\s*(?:&&|\|(?=\s))\s*", line)]
    return [words for part in parts if (words := shlex.split(part, comments=True))]


def block(heading: str, number: int = 0) -> Block:
    """One block of those under `heading`."""
    return [each for each in blocks() if each.heading == heading][number]
