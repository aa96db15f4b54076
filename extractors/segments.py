"""Cuts an item into the stretches that a parser can read: headline parts, and the summary without its dateline.

Headlines are written in a style of their own: every word capitalised, two statements joined by a colon, the speaker
after a dash. Each part becomes a segment of its own, and words that are no names lose their capitals, in a copy of
the same length, so that characters still count from the start of the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from extractors.forms import fold

AGENCIES = "Reuters|AP|AFP|UPI|KCNA|Xinhua|TASS|dpa|Canadian Press|Yonhap|Bloomberg|SPACE\\.com|USATODAY\\.com|PA|ANI"
_DATELINE = re.compile(
    rf"""^\s*(?:
      [^()]{{0,70}}?\((?:{AGENCIES})\)\s*[-–—]+\s*                       # BAGHDAD, Iraq (Reuters) -
    | (?:{AGENCIES}|washingtonpost\.com|Los\ Angeles\ Times)\s+[-–—]\s+   # AP -
    | (?:[A-Z][A-Z.'’-]+[ ,]+){{1,4}}(?:[A-Z]\w+\.?,?\s+)?              # NEW DELHI, AUG 29:
      (?:\w{{3,9}}\.?\ \d{{1,2}}\s*)?(?:\([^)]{{2,20}}\)\s*)?(?:[-–—]{{1,2}}|:)\s+
    )""".replace("Canadian Press", r"Canadian\ Press"),
    re.VERBOSE,
)
_LABEL = re.compile(
    r"""^\s*(?:
      (?:opinion|exclusive|breaking|breaking\ news|update|analysis|live|watch|video|editorial|commentary|news\ analysis
         |explainer|factbox|just\ in|report)(?:\s+(?:news|updates?))?\s*[|:–-]\s+
    | (?:exclusive|breaking)\s+ | update\s*\d*\s*[-:]\s* | [^\w'"“‘]+
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_TAIL = re.compile(
    rf"\s*(?:\((?:{AGENCIES}|video|photos?|opinion|update\w*)\)"
    r"|Read Full Article at RT\.com|[|] World News|<b>\.\.\.</b>)\s*$",
    re.IGNORECASE,
)
_SPLIT = re.compile(r":\s+|\s+[-–—|]{1,2}\s+|;\s+")
_STOP = re.compile(r"[.!?][\"'”’)]?\s+(?=[A-Z“\"‘'])")
# "U.S. Army", "Gen. Milley", "Sept. 3": no end of a sentence.
_ABBREVIATION = re.compile(
    r"(?:\b[A-Za-z]|\b(?:Mr|Mrs|Ms|Dr|Gen|Col|Lt|Maj|Capt|Sgt|Adm|Gov|Sen|Rep|Rev|St|Jr|Sr|Inc|Corp|Co|Ltd|No|vs|Jan|Feb"
    r"|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Mt|Ft|Prof|Hon|Pres|Brig|Cmdr))\.$"
)
_ENTITY = re.compile(r"(?:&|(?<![a-z]))(?:quot|amp|lt|gt|nbsp|#\d{2,5});")
_WORD = re.compile(r"[^\W\d_][\w’'-]*")
OPINION = re.compile(r"^\s*(?:opinion|editorial|commentary|op-ed)\b|\bKCNA Commentary\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Segment:
    """`text` is what is parsed, `original` the same characters as written; `start` counts within `field`."""

    field: str
    start: int
    text: str
    original: str
    caseless: bool = False


def cut(title: str, summary: str, recase: Callable[[str], str]) -> Iterator[Segment]:
    """Segments of one item in reading order. `recase` takes capitals from the common words of a title."""
    title = _ENTITY.sub(lambda match: " " * len(match[0]), title)
    summary = _ENTITY.sub(lambda match: " " * len(match[0]), summary)
    first, last = _bounds(title, _LABEL)
    caseless = title.islower()
    cased = recase(title) if looks_titlecase(title) else title
    for start, end in _parts(title, first, last):
        yield Segment("title", start, cased[start:end], title[start:end], caseless)
    for start, end in _sentences(summary, *_bounds(summary, _DATELINE)):
        yield Segment("summary", start, summary[start:end], summary[start:end], summary.islower())


def _bounds(text: str, lead: re.Pattern[str]) -> tuple[int, int]:
    start, end = 0, len(text)
    while (match := lead.match(text[start:end])) and match.end() and end - start - match.end() > 10:
        start += match.end()
        if lead is _DATELINE:
            break
    while (match := _TAIL.search(text[start:end])) and match.start():
        end = start + match.start()
    return start, end


def _parts(title: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    start = first
    for match in _SPLIT.finditer(title, first, last):
        if title[start : match.start()].strip():
            yield start, match.start()
        start = match.end()
    if title[start:last].strip():
        yield start, last


def _sentences(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Sentences of a summary, cut where there is no doubt, so that only those that may match are parsed."""
    start = first
    for match in _STOP.finditer(text, first, last):
        if _ABBREVIATION.search(text, start, match.start() + 1) is None:
            yield start, match.end()
            start = match.end()
    if text[start:last].strip():
        yield start, last


def looks_titlecase(title: str) -> bool:
    """Whether nearly every longer word of `title` has a capital."""
    words = [word for word in _WORD.findall(title) if len(word) > 3][1:]
    return len(words) >= 2 and sum(word[0].isupper() for word in words) / len(words) > 0.7


def lower_common(title: str, keep: Callable[[int, int], bool], common: Callable[[str], bool]) -> str:
    """`title` with common words in lower case, same length; `keep` tells characters that belong to a name."""

    def low(match: re.Match[str]) -> str:
        word = match[0]
        if not word[0].isupper() or keep(match.start(), match.end()):
            return word
        parts = fold(word).removesuffix("'s").split("-")
        if all(common(part) or not part for part in parts) and len(word.lower()) == len(word):
            return word.lower()
        return word

    return _WORD.sub(low, title)
