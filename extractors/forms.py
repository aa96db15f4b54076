"""Word families: every inflection of a word and the nouns made from it, by rule, without a dictionary.

A family is generous on purpose: forms that no text uses cost nothing, and a form is all the gate needs to know. Rules
match these forms whatever part of speech the tagger sees, because taggers fail on headlines.
"""

from __future__ import annotations

import re
from functools import cache

_IRREGULAR = """
arise arose arisen|be is are was were been being am|bear bore borne|beat beat beaten|become became become
begin began begun|bend bent|bid bid|bind bound|bite bit bitten|bleed bled|blow blew blown|break broke broken
breed bred|bring brought|build built|burn burnt|burst burst|buy bought|cast cast|catch caught
choose chose chosen|cling clung|come came|cost cost|cut cut cutting|deal dealt|dig dug|do did done does
draw drew drawn|drive drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt|fight fought|find found
flee fled|fly flew flown|forbid forbade forbidden|forget forgot forgotten|freeze froze frozen
get got gotten getting|give gave given|go went gone goes|grind ground|grow grew grown|hang hung
have had has having|hear heard|hide hid hidden|hit hit hitting|hold held|hurt hurt|keep kept|kneel knelt
know knew known|lay laid|lead led|leave left|lend lent|let let letting|lie lay lain lying|light lit|lose lost
make made|mean meant|meet met|overthrow overthrew overthrown|pay paid|put put putting|quit quit quitting
read read|ride rode ridden|ring rang rung|rise rose risen|run ran running|say said|see saw seen|seek sought
sell sold|send sent|set set setting|shake shook shaken|shed shed|shine shone|shoot shot|show showed shown
shut shut shutting|sing sang sung|sink sank sunk|sit sat sitting|slay slew slain|sleep slept|slide slid
speak spoke spoken|spend spent|spill spilt|spin spun|split split|spread spread|spring sprang sprung|stand stood
steal stole stolen|stick stuck|strike struck stricken|swear swore sworn|sweep swept|swim swam swum|swing swung
take took taken|teach taught|tear tore torn|tell told|think thought|throw threw thrown
undergo underwent undergone|understand understood|wake woke woken|wear wore worn|win won|wind wound
withdraw withdrew withdrawn|withhold withheld|write wrote written|overrun overran|undertake undertook undertaken
man men|woman women|child children|foe foes|crisis crises|ally allies|wife wives|knife knives|life lives
half halves
"""
_NOUNS = dict(
    entry.split()
    for entry in """
    withdraw withdrawal, impose imposition, expel expulsion, invade invasion, intrude intrusion, incur incursion,
    suspend suspension, sell sale, arrive arrival, deny denial, fly flight, refuse refusal, approve approval,
    remove removal, deliver delivery, recover recovery, explode explosion, assassinate assassination,
    destroy destruction, intercept interception, seize seizure, proceed procession, renew renewal,
    resume resumption, reduce reduction, breach breach, lose loss, fail failure, depart departure,
    extend extension, ratify ratification, violate violation, provoke provocation, retaliate retaliation,
    negotiate negotiation, converse conversation, disrupt disruption, enrich enrichment, produce production,
    collide collision, accede accession, redeploy redeployment, manoeuvre manoeuvre, bury burial,
    exempt exemption, waive waiver, defame defamation, interfere interference, meddle meddling, threaten threat,
    warn warning, visit visit, die death, choose choice, fight fight
    """.split(",")
)
_VOWELS = "aeiou"


def _table() -> dict[str, frozenset[str]]:
    table = {}
    for entry in re.split(r"[|\n]", _IRREGULAR):
        words = entry.split()
        if words:
            table[words[0]] = frozenset(words)
    return table


_IRREGULARS = _table()


def _sibilant_s(word: str) -> str:
    if word.endswith(("s", "x", "z", "ch", "sh", "o")):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") and word[-2:-1] not in _VOWELS else word + "s"


def _regular(word: str) -> set[str]:
    found = {word, _sibilant_s(word), word + "s"}
    if word.endswith("e"):
        found |= {word + "d", (word[:-2] + "ying") if word.endswith("ie") else word[:-1] + "ing"}
    elif word.endswith("y") and word[-2:-1] not in _VOWELS:
        found |= {word[:-1] + "ied", word + "ing"}
    else:
        found |= {word + "ed", word + "ing"}
        if re.search(r"[aeiou][bdglmnprt]$", word):
            found |= {word + word[-1] + "ed", word + word[-1] + "ing"}
    return found


def _derived(word: str) -> set[str]:
    """Nouns of the act: deploy → deployment, evacuate → evacuation, expel → expulsion."""
    stem = word.removesuffix("e")
    nouns = {word + "ment", stem + "ation", stem + "ion", stem + "al"}
    if word.endswith("ify"):
        nouns.add(word[:-1] + "ication")
    if word in _NOUNS:
        nouns.add(_NOUNS[word])
    return nouns | {noun + "s" for noun in nouns} | {noun[:-1] + "ies" for noun in nouns if noun.endswith("y")}


@cache
def family(word: str) -> frozenset[str]:
    """All forms of `word` in lower case. A leading `=` asks for exactly this form and no other."""
    word = word.lower()
    if word.startswith("="):
        return frozenset({word[1:]})
    if not word.isalpha() or len(word) < 3:
        return frozenset({word, word + "s"} if word.isalpha() else {word})
    found = set(_IRREGULARS.get(word, ())) | (_regular(word) if word not in ("be", "have", "do", "go") else set())
    for prefix in ("re", "over", "un", "out"):
        base = word.removeprefix(prefix)
        if base != word and base in _IRREGULARS:
            found |= {prefix + form for form in _IRREGULARS[base]}
    return frozenset(found | _derived(word))


def words(text: str) -> frozenset[str]:
    """The words of `text` as they stand."""
    return frozenset(text.split())


def forms(text: str) -> frozenset[str]:
    """All forms of the words of `text`."""
    return frozenset(form for word in text.split() for form in family(word))


def fold(text: str) -> str:
    """`text` as words are compared: in lower case and with straight apostrophes."""
    return text.lower().replace("’", "'")
