"""Whose voice a report is, and how alike two texts are: what tells twenty papers from one wire story in twenty papers.

Pure. Texts are compared by MinHash (rensa) over three-word shingles, titles by the stems they share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rensa import RMinHash

from tocsin.model import Article, Event, Report, Voice

COPY = 0.6
"""Texts that share this much of their shingles are one text, edited."""
KEPT = 12
"""Most texts kept of one event; further voices still count."""

LEAD = 200
"""Characters of a summary that are kept of a voice, to tell what it is about."""

_PERMUTATIONS = 64
_WORD = re.compile(r"[^\W_]+")
_AGENCIES = {
    "reuters": "Reuters",
    "ap": "Associated Press",
    "associated press": "Associated Press",
    "afp": "AFP",
    "agence france-presse": "AFP",
    "upi": "UPI",
    "dpa": "dpa",
    "yonhap": "Yonhap",
    "kyodo": "Kyodo",
    "xinhua": "Xinhua",
    "tass": "TASS",
    "interfax": "Interfax",
    "kcna": "KCNA",
    "anadolu": "Anadolu",
    "pti": "PTI",
    "ani": "ANI",
    "irna": "IRNA",
}
_NAMES = "|".join(sorted(map(re.escape, _AGENCIES), key=len, reverse=True))
_CREDIT = re.compile(rf"\((?P<a>{_NAMES})\)|(?:\s[-–—|]\s|\bvia\s)(?P<b>{_NAMES})\s*$", re.IGNORECASE)
_COMMON_WORDS = """
the and for from with into over after before amid says said say its his her their that this than was were are has have
had been will would could may might not but new day week year month first near more against about who what why how when
where out off all one two three as at by in of on to up a an is it be he she or no news report reports live update
updates video watch breaking
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def agency(article: Article) -> str:
    """The news agency that `article` credits with its text, else ""."""
    for text in (article.title, article.summary[:200]):
        if found := _CREDIT.search(text):
            return _AGENCIES[(found["a"] or found["b"]).lower()]
    return ""


def family(report: Report) -> str:
    """Whose voice the report is: the agency it credits, else its publisher's house."""
    article = report.article
    return agency(article) or report.family or article.publisher or article.feed


def voice(report: Report) -> Voice:
    """The report as a voice with its signature."""
    article = report.article
    text = signature(f"{article.title} {article.summary}")
    return Voice(family(report), article.title, text, article.summary[:LEAD])


@lru_cache(maxsize=50_000)
def signature(text: str) -> str:
    """MinHash of the text's shingles: 64 numbers of 16 bits, as hex; "" for a text without words."""
    words = [word.lower() for word in _WORD.findall(_CREDIT.sub(" ", text))]
    if not words:
        return ""
    shingles = {" ".join(words[index : index + 3]) for index in range(max(1, len(words) - 2))}
    sketch = RMinHash(num_perm=_PERMUTATIONS, seed=1)
    sketch.update(sorted(shingles))
    return b"".join((value & 0xFFFF).to_bytes(2, "big") for value in sketch.digest()).hex()


def likeness(one: str, other: str) -> float:
    """Estimated Jaccard similarity, 0 … 1, of the texts of two signatures; standard error about 0.06."""
    if not one or not other:
        return 0.0
    same = sum(one[at : at + 4] == other[at : at + 4] for at in range(0, 4 * _PERMUTATIONS, 4))
    return same / _PERMUTATIONS


@lru_cache(maxsize=200_000)
def stems(title: str) -> frozenset[str]:
    """The words of a title that tell something, each cut to six letters."""
    words = _WORD.findall(title.lower())
    return frozenset([word[:6] for word in words if word not in _COMMON and (len(word) > 2 or word.isdigit())])


@dataclass(frozen=True, slots=True)
class Words:
    """What a text is about: the stems of its title, and those of its title and lead together."""

    title: frozenset[str]
    wide: frozenset[str]


@lru_cache(maxsize=100_000)
def words(title: str, lead: str) -> Words:
    """The words of a title and the first words of its text."""
    narrow = stems(title)
    return Words(narrow, narrow | stems(lead[:LEAD]) if lead else narrow)


def texts(event: Event) -> tuple[Words, ...]:
    """The texts that are known of `event`."""
    return tuple(words(each.title, each.lead) for each in event.voices) or (words(event.title, ""),)


def overlap(mine: Words, theirs: Iterable[Words]) -> float:
    """How much of one title stands in the other text, 0 … 1, for the nearest of `theirs`.

    Titles of less than three telling words count as three, so that one shared word is never much.
    """
    best = 0.0
    for other in theirs:
        one, two = len(mine.title & other.wide), len(other.title & mine.wide)
        if one or two:
            best = max(best, one / max(3, len(mine.title)), two / max(3, len(other.title)))
    return best


def is_new(candidate: Voice, known: tuple[Voice, ...]) -> bool:
    """Whether `candidate` is independent of every voice in `known`: another house and not the same text."""
    return all(
        candidate.family != other.family and likeness(candidate.signature, other.signature) < COPY for other in known
    )
