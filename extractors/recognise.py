"""Tells English from other languages by letters and function words: enough to count what the rules cannot read."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_ENGLISH = frozenset(
    """
        the of and to in a is that for it as was with be by on not he this are or his from at which but have an
        had they you were their has would been will more if no when who so said what up its about into than them
        can out over after new says how why amid against us we i she her do does did could should may before
        during other first off back now just where while two three between under year years day week talks deal
        kill kills killed call calls fire fires
    """.split()
)
_FOREIGN = (
    frozenset(
        """
        le la les des du une et est dans pour que qui sur avec aux ce cette sont pas plus par au il elle nous
        vous ont été der die das und ist von den dem mit für auf ein eine im nicht sich des auch als nach bei
        werden wird zu zum zur oder el los las del una por con para como su se al lo más pero sus fue ha son
        entre sobre contra tras según il di che non per della sono con gli delle nel alla dal si una anche più
        dei o os um uma em para com não na no dos das pelo pela é mais foi ao het een van voor met niet zijn
        naar ook maar door bij tegen over och att det som på är av för till med inte om ett har vi kan ble og
        ikke fra til ve bir bu için ile da de olarak nie się jest na do z że w po oraz przez yang dan di untuk
        dengan pada ini itu dari dalam tidak akan ke
    """.split()
    )
    - {
        "die",
        "in",
        "as",
        "do",
        "no",
        "a",
        "to",
        "me",
        "over",
        "son",
        "den",
        "on",
        "com",
        "per",
        "at",
        "bei",
        "fire",
    }
    - _ENGLISH
)
_MAX = 600


def is_english(text: str) -> bool:
    """Whether `text` can be read as English. Text without letters is not; short text gets the benefit of the doubt."""
    sample = text[:_MAX]
    words = _WORD.findall(sample)
    if not words:
        return False
    letters = "".join(words)
    ascii_letters = len(letters.encode("ascii", "ignore"))
    if ascii_letters < 0.75 * len(letters):
        return False
    lower = [word.lower() for word in words]
    english = sum(map(_ENGLISH.__contains__, lower))
    foreign = sum(map(_FOREIGN.__contains__, lower))
    return foreign < 2 or english >= foreign
