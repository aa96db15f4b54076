"""`config/triggers/*.yaml`: the trigger rules, and `config/vocabulary.yaml`: the word classes that they share."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from tocsin.config.loader import Document, Loc, Strict, read_yaml, validate
from tocsin.errors import Problem
from tocsin.model import Modality

Words = tuple[Annotated[str, Field(min_length=1, max_length=120)], ...]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
Places = tuple[Annotated[str, Field(pattern=r"^[a-z]+$")], ...]

BUILT_IN = ("$actor", "$state", "$leader", "$group")
"""Classes that actors.yaml fills: any actor; a state or body by any name but a person's; a person; an armed group."""
SOURCE: Places = ("subject", "modifier", "by", "from")
DECISIVE = {
    "id",
    "type",
    "words",
    "source",
    "target",
    "pair",
    "setting",
    "venue",
    "modality",
    "decision",
    "past",
    "unless",
    "frames",
}
TARGET: Places = ("object", "on", "against", "to", "at", "with", "into", "in", "near", "of")


class Frame(Strict):
    """One way of saying the act. It matches where all that it asks for stands in one sentence."""

    name: str = ""
    act: Words
    """Word families, phrases or `$classes`; the word that the frame turns on."""
    object: Words = ()
    """One of these must be an argument of the act, or stand right beside it."""
    subject: Words = ()
    """One of these must do the act."""
    near: Words = ()
    """One of these must stand in the same sentence."""
    without: Words = ()
    """None of these may be an argument of the act or stand beside it."""
    unless: Words = ()
    """None of these may stand anywhere in the same sentence."""
    needs: tuple[Annotated[str, Field(pattern="^(source|target|actor|two_actors|group)$")], ...] = ()
    """Parties that the text must name for the frame to count."""
    source: Places | None = None
    """Where the acting party stands, best first; the rule's own where not given."""
    target: Places | None = None
    modality: Modality | None = None
    """What it is where nothing in the sentence speaks for another one."""
    only: tuple[Annotated[str, Field(pattern="^(verb|noun)$")], ...] = ()
    """Whether the act must be a verb or a noun in this sentence; both where empty."""
    attribute: Modality | None = None
    """What it is where the act only describes something ("sanctioned oil", "tanks sent by Prague")."""
    decision: bool | None = None
    """Whether an announced decision ("will send", "to impose") counts as done; the rule's own where not given."""
    asserted: bool = False
    """Whether a bare mention ("the talks") is not enough: the text must say that it takes or took place."""
    speech: bool = False
    """Whether the words themselves are the act, as in a threat, so that "will" in them makes it no less done."""
    confidence: Annotated[float, Field(ge=0.05, le=1)] = 0.8


class Fires(Strict):
    """A text that must fire; fields that are not given are not compared."""

    text: str = ""
    title: str = ""
    summary: str = ""
    published: dt.date | None = None
    modality: Modality = Modality.HAPPENED
    source: str | None = None
    target: str | None = None

    @model_validator(mode="after")
    def _some_text(self) -> Self:
        if bool(self.text) == bool(self.title):
            raise ValueError("needs a text; give either text or title (with or without summary)")
        return self


class Examples(Strict):
    """What must fire and what must stay silent."""

    fires: tuple[Fires, ...] = ()
    silent: Words = ()


class Rule(Strict):
    """One trigger rule."""

    id: Id
    type: Id = ""
    """The trigger type; the id where not given. Several rules may share one."""
    title: Annotated[str, Field(min_length=3, max_length=120)]
    description: Annotated[str, Field(min_length=10)]
    references: tuple[str, ...] = ()
    severity: Annotated[float, Field(ge=-10, le=10)]
    """From −10, most cooperative, to +10, most hostile."""
    falsepositives: tuple[str, ...] = ()
    words: dict[str, Words] = Field(default_factory=dict)
    """Classes of this rule, used as `$name`; they hide shared ones of the same name."""
    source: Places = SOURCE
    target: Places = TARGET
    pair: bool = False
    """Whether the parties act together: source is the first named, target the second."""
    setting: bool = False
    """Whether the first other actor of the item is the target where the sentence names none."""
    venue: tuple[Annotated[str, Field(min_length=2, max_length=40)], ...] = ()
    """Codes of bodies in which the act takes place: never its target."""
    modality: Modality = Modality.HAPPENED
    decision: bool = False
    """Whether an announced decision ("will send", "to impose") counts as done."""
    past: Words = ()
    """Where one of these stands in the sentence, the act is past: trials, anniversaries, wars of old."""
    unless: Words = ()
    """None of these may stand anywhere in the item."""
    frames: Annotated[tuple[Frame, ...], Field(min_length=1)]
    examples: Examples = Examples()
    file: str = Field(default="", exclude=True)
    lines: dict[str, int] = Field(default_factory=dict, exclude=True)
    shared: dict[str, Words] = Field(default_factory=dict, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _type(cls, data: object) -> object:
        if isinstance(data, dict) and "type" not in data and "id" in data:
            return {**data, "type": data["id"]}
        return data

    @property
    def version(self) -> str:
        """A short digest of all that decides what the rule detects."""
        content = self.model_dump_json(include=DECISIVE)
        shared = sorted(self.shared.items())
        return hashlib.sha256(f"{content}{shared}".encode()).hexdigest()[:10]

    def expand(self, words: Words) -> Words:
        """`words` with every `$class` written out, in order, each entry once; built-in classes stay as they are."""
        known = {**self.shared, **self.words}
        found: dict[str, None] = {}
        for word in words:
            named = word.startswith("$") and word not in BUILT_IN
            entries = self.expand(known[word[1:]]) if named else (word,)
            found.update(dict.fromkeys(entries))
        return tuple(found)


def rule_schema() -> dict[str, Any]:
    """JSON Schema of a rule file, for editors; `docs/rule.schema.json` is this."""
    schema = Rule.model_json_schema()
    for internal in ("file", "lines", "shared"):
        del schema["properties"][internal]
    return schema


class Vocabulary(Strict):
    """All of `vocabulary.yaml`: named word classes for every rule."""

    words: dict[str, Words] = Field(default_factory=dict)


def read_rules(folder: Path, problems: list[Problem]) -> tuple[Rule, ...]:
    """Rules of `folder`/triggers/*.yaml, sorted by id; a wrong one is left out and its problems are added."""
    shared = _read_vocabulary(folder, problems)
    rules: dict[str, Rule] = {}
    for path in sorted((folder / "triggers").glob("*.yaml")):
        document = read_yaml(path, problems, root=folder.parent)
        rule = validate(Rule, document, problems) if document else None
        if document is None or rule is None:
            continue
        found = _check_classes(rule, document, shared)
        if rule.id in rules:
            found.append(document.problem(("id",), f"{rule.id} is the id of two rules", f"see {rules[rule.id].file}"))
        problems.extend(found)
        if not found:
            lines = {".".join(map(str, loc)): line for loc, line in document.lines.items()}
            used = {name: shared[name] for name in _used(rule, shared)}
            rules[rule.id] = rule.model_copy(update={"file": document.name, "lines": lines, "shared": used})
    return tuple(rules[name] for name in sorted(rules))


def _read_vocabulary(folder: Path, problems: list[Problem]) -> dict[str, Words]:
    path = folder / "vocabulary.yaml"
    if not path.exists():
        return {}
    document = read_yaml(path, problems, root=folder.parent)
    vocabulary = validate(Vocabulary, document, problems) if document else None
    if document is None or vocabulary is None:
        return {}
    known = vocabulary.words
    wrong = _check_words([(("words", name), words) for name, words in known.items()], document, known)
    problems.extend(wrong)
    return {} if wrong else known


def _references(rule: Rule) -> list[tuple[Loc, Words]]:
    lists: list[tuple[Loc, Words]] = [(("words", name), words) for name, words in rule.words.items()]
    lists += [(("unless",), rule.unless), (("past",), rule.past)]
    for index, frame in enumerate(rule.frames):
        lists += [
            (("frames", index, key), getattr(frame, key))
            for key in ("act", "object", "subject", "near", "without", "unless")
        ]
    return lists


def _used(rule: Rule, shared: dict[str, Words]) -> list[str]:
    """Shared classes that `rule` names, directly or through another class."""
    queue = [word[1:] for _, words in _references(rule) for word in words if word.startswith("$")]
    found: dict[str, None] = {}
    while queue:
        name = queue.pop()
        if name in found or name not in shared:
            continue
        found[name] = None
        queue += [word[1:] for word in shared[name] if word.startswith("$")]
    return sorted(found)


def _check_classes(rule: Rule, document: Document, shared: dict[str, Words]) -> list[Problem]:
    return _check_words(_references(rule), document, {**shared, **rule.words})


def _check_words(lists: list[tuple[Loc, Words]], document: Document, known: dict[str, Words]) -> list[Problem]:
    """Classes that do not exist or that contain themselves."""
    problems = []
    for loc, words in lists:
        if loc[0] == "words" and _circular(str(loc[1]), known, ()):
            problems.append(document.problem(loc, "contains itself"))
            continue
        for word in words:
            if word.startswith("$") and word not in BUILT_IN and word[1:] not in known:
                allowed = "allowed: " + ", ".join(sorted({*BUILT_IN, *(f"${name}" for name in known)}))
                problems.append(document.problem(loc, f"{word} is no class of words", allowed))
    return problems


def _circular(name: str, known: dict[str, Words], path: tuple[str, ...]) -> bool:
    if name in path:
        return True
    return any(_circular(word[1:], known, (*path, name)) for word in known.get(name, ()) if word.startswith("$"))
