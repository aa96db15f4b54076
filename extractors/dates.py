"""Dates that hang on an act: whether they put it into the past or the future, and the day that they name."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator

from extractors.cues import AHEAD, LONG_AGO
from extractors.syntax import Tree
from tocsin.model import Modality

YEAR = re.compile(r"(?:19|20)\d\d(?:s)?$")
_NAMES = "january february march april may june july august september october november december".split()
MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
MONTHS |= {name[:3]: number for name, number in list(MONTHS.items()) if name != "may"} | {"sept": 9}
WEEKDAYS = {name: n for n, name in enumerate("monday tuesday wednesday thursday friday saturday sunday".split())}
SEASONS = frozenset("year month summer winter spring autumn decade century".split())
COMING = frozenset("week month year this summer spring monday tuesday wednesday thursday friday".split())
TODAY = frozenset("today tonight overnight".split())
RECENT_DAYS = 16
"""A dated act counts as new for this long: two weeks, and a little for late reports."""
DEPENDENTS = ("prep", "npadvmod", "advmod", "amod", "compound", "nummod", "poss", "nmod")
CLAUSES = frozenset({"relcl", "acl", "advcl", "pcomp", "ccomp"})


def dated(
    tree: Tree, act: int, published: dt.date | None, *, settled: bool, decision: bool
) -> Iterator[tuple[int, Modality]]:
    """Tokens of dates that make the act past or prospective. Where other cues have `settled` it, no future speaks."""
    for index in _near(tree, act):
        word = tree.lower[index]
        if YEAR.match(word):
            said = _year(int(word[:4]), published, settled)
        elif _long_past(tree, index):
            said = Modality.PAST
        elif word in ("next", "later") and tree.lower[index + 1 : index + 2] and tree.lower[index + 1] in COMING:
            said = None if settled or _finite_past(tree, act) else Modality.PROSPECTIVE
        else:
            day = _calendar_day(tree, index, published)
            said = _against(day, published, exact=_day_number(tree, index) is not None) if day and published else None
            if said is Modality.PROSPECTIVE and (settled or decision):
                said = None
        if said is not None:
            yield index, said


def when(word: str, published: dt.date | None) -> str:
    """What a year or the name of a month says by itself: "year" where there is nothing to compare it with, else "old",
    "new" or "ahead". Empty for other words."""
    lower = word.lower().rstrip(".")
    if YEAR.match(lower):
        if published is None:
            return "year"
        modality = _year(int(lower[:4]), published, settled=False)
        return {Modality.PAST: "old", Modality.PROSPECTIVE: "ahead", None: "new"}[modality]
    if published is None or lower not in MONTHS or not word[0].isupper():
        return ""
    months = (published.month - MONTHS[lower]) % 12
    if months == 0 or (months == 1 and published.day <= RECENT_DAYS):
        return "new"
    return "old" if months <= 6 else "ahead"


def occurred_on(tree: Tree, act: int, published: dt.date | None) -> dt.date | None:
    """The day of the act where the text names one ("on Tuesday", "yesterday", "May 12"), else None.

    A weekday is the last such day up to `published`; without `published` nothing relative is resolved.
    """
    if published is None:
        return None
    for index in _near(tree, act):
        word = tree.lower[index]
        if word in WEEKDAYS:
            return published - dt.timedelta(days=(published.weekday() - WEEKDAYS[word]) % 7)
        if word in TODAY:
            return published
        if word == "yesterday":
            return published - dt.timedelta(days=1)
        if _day_number(tree, index) is not None:
            day = _calendar_day(tree, index, published)
            if day is not None:
                return day
    return None


def _near(tree: Tree, act: int) -> list[int]:
    """Tokens that modify the act or the verb that carries it, without those of other clauses."""
    carriers = {act}
    if tree.deps[act] in ("dobj", "nsubjpass", "nsubj", "attr") and tree.is_verb(tree.heads[act]):
        carriers.add(tree.heads[act])
    return sorted(_modifiers(tree, carriers))


def _modifiers(tree: Tree, carriers: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for carrier in carriers:
        for child in tree.children[carrier]:
            if tree.lower[child] in AHEAD or tree.lower[child] in ("by", "since", "after", "following"):
                continue
            if tree.deps[child] in DEPENDENTS:
                found.update(tree.subtree(child, without=CLAUSES))
    return found


def _finite_past(tree: Tree, act: int) -> bool:
    return tree.tags[act] == "VBD"


def _long_past(tree: Tree, index: int) -> bool:
    """ "three years ago", "last month", "earlier this year"."""
    word, after = tree.lower[index], tree.lower[index + 1 : index + 3]
    if word == "ago":
        return any(tree.lower[i] in LONG_AGO for i in range(max(0, index - 2), index))
    if word in ("last", "previous"):
        return bool(after) and after[0] in SEASONS
    return word == "earlier" and after in (("this", "year"), ("that", "year"))


def _year(year: int, published: dt.date | None, settled: bool) -> Modality | None:
    if published is None:
        return None if settled else Modality.PAST
    if year < published.year and not (year == published.year - 1 and published.month == 1):
        return Modality.PAST
    return Modality.PROSPECTIVE if year > published.year and not settled else None


def _day_number(tree: Tree, index: int) -> int | None:
    """Day of the month beside the month name at `index`."""
    if tree.lower[index] not in MONTHS or not tree.words[index][0].isupper():
        return None
    for i in (index + 1, index - 1):
        if 0 <= i < len(tree) and tree.lower[i].isdigit() and 0 < int(tree.lower[i]) < 32:
            return int(tree.lower[i])
    return None


def _calendar_day(tree: Tree, index: int, published: dt.date | None) -> dt.date | None:
    """The day that a month name stands for, in the year nearest to `published`; mid-month where no day is named."""
    month = MONTHS.get(tree.lower[index])
    if month is None or published is None or not tree.words[index][0].isupper():
        return None
    if any(YEAR.match(word) for word in tree.lower[index + 1 : index + 4]):
        return None  # the year speaks for itself
    day = _day_number(tree, index) or (15 if month != published.month else published.day)
    try:
        date = dt.date(published.year, month, day)
        if (published - date).days < -200:
            return date.replace(year=date.year - 1)
        return date.replace(year=date.year + 1) if (published - date).days > 250 else date
    except ValueError:  # 30 February, or 29 February of another year
        return None


def _against(day: dt.date, published: dt.date, *, exact: bool) -> Modality | None:
    age_days = (published - day).days
    if age_days > RECENT_DAYS + (0 if exact else 14):
        return Modality.PAST
    return Modality.PROSPECTIVE if age_days < -1 else None
