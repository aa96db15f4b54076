"""Dates of entries as aware UTC times, or None: feeds write them in every way there is."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from dateutil import parser as lenient

EARLIEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""No feed is older: what claims to be is a placeholder such as the first of January 1970."""

# Zone names that news feeds use and feedparser reads as UTC, in minutes. Of ambiguous ones the one that feeds mean.
ZONES = {
    "KST": 540, "JST": 540, "MSK": 180, "MSD": 240, "IST": 330, "BST": 60, "CET": 60, "CEST": 120, "EET": 120,
    "EEST": 180, "WET": 0, "WEST": 60, "HKT": 480, "SGT": 480, "MYT": 480, "PHT": 480, "AWST": 480, "ACST": 570,
    "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780, "WIB": 420, "WITA": 480, "WIT": 540, "ICT": 420, "PKT": 300,
    "UZT": 300, "IRST": 210, "IRDT": 270, "GST": 240, "AST": -240, "TRT": 180, "EAT": 180, "CAT": 120, "SAST": 120,
    "WAT": 60, "BRT": -180, "ART": -180, "AKST": -540, "AKDT": -480, "HST": -600, "UTC": 0, "GMT": 0, "UT": 0, "Z": 0,
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
}  # fmt: skip
# Those that feedparser knows itself.
_KNOWN = frozenset(
    {"UTC", "GMT", "UT", "Z", "AST", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "MET", "MEST"}
)
_ZONE = re.compile(r"\d\s*\(?([A-Za-z]{2,4})\)?\s*$")
# A year or the name of a month: feedparser takes today for what is missing.
_WHOLE = re.compile(r"\b(?:19|20)\d\d(?!\d(?!\d))|[^\W\d_]{3}")
_NAMED_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?\s*[A-Z]{2,5}$")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_MAX_CHARS = 80
_DEFAULTS = (dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2001, 2, 2, tzinfo=dt.UTC))


def entry_time(raw: object, parsed: Sequence[int] | None) -> dt.datetime | None:
    """The time that `raw` names; `parsed` is feedparser's reading of it (UTC), None where it could not read it."""
    text = raw[:_MAX_CHARS].strip() if isinstance(raw, str) else ""
    if not _WHOLE.search(text):
        return None
    if parsed is None or _NAMED_ISO.match(text):
        return _plausible(_lenient(text))
    zone = _ZONE.search(text)
    name = zone[1].upper() if zone else ""
    shift = 0 if name in _KNOWN else ZONES.get(name, 0)
    try:
        year, month, day, hour, minute, second = parsed[:6]
        time = dt.datetime(year, month, day, hour, minute, min(second, 59), tzinfo=dt.UTC)
        return _plausible(time - dt.timedelta(minutes=shift))
    except (ValueError, TypeError, OverflowError):
        return None


def iso_time(text: object) -> dt.datetime | None:
    """The time of an RFC 3339 date, or of what comes close to one."""
    if not isinstance(text, str):
        return None
    text = text[:_MAX_CHARS].strip()
    try:
        return _plausible(dt.datetime.fromisoformat(text))
    except ValueError:
        return _plausible(_lenient(text))


def _lenient(text: str) -> dt.datetime | None:
    if not _YEAR.search(text):
        return None
    try:
        # A part that is missing is taken from the default: where that shows, the date is not there in full.
        first, second = (lenient.parse(text, default=default, tzinfos=_offset) for default in _DEFAULTS)
    except (ValueError, OverflowError, TypeError, RecursionError):
        return None
    return first if first == second else None


def _offset(name: str | None, offset_s: int | None) -> int:
    return offset_s if offset_s is not None else 60 * ZONES.get((name or "").upper(), 0)


def _plausible(time: dt.datetime | None) -> dt.datetime | None:
    if time is None:
        return None
    try:
        utc = time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
    except (OverflowError, ValueError):
        return None
    return utc.replace(microsecond=0) if utc >= EARLIEST else None
