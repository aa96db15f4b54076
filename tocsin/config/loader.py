"""Read a YAML file into typed objects, remembering the line of every key.

YAML 1.2 (so `NO` is Norway's code and a date stays a string), without tags, aliases or duplicate keys: a config file
is plain data. Every problem found goes into one list, so that one run of `tocsin check` shows them all.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, Event
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tocsin.errors import Problem

MAX_BYTES = 4_000_000
MAX_DEPTH = 50
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PLAIN = {"map", "seq", "str", "int", "float", "bool", "null", "timestamp"}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*")

Loc = tuple[str | int, ...]


class Strict(BaseModel):
    """Base of all config objects: frozen, unknown keys are errors, inputs never echoed (they may hold secrets)."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


M = TypeVar("M", bound=BaseModel)


def _duration(value: object) -> object:
    if isinstance(value, dt.timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("is not a duration; write a number and a unit: 30s, 15m, 2h, 7d, 4w")
    return dt.timedelta(seconds=float(match[1]) * _UNITS[match[2]])


Duration = Annotated[dt.timedelta, BeforeValidator(_duration)]
"""A span of time as written in YAML: `30s`, `15m`, `2h`, `7d`, `4w`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain Python values, with the line (from 1) of every key and item by its path."""

    path: Path
    name: str
    value: Any
    lines: dict[Loc, int] = field(default_factory=dict)

    def line(self, loc: Sequence[str | int]) -> int:
        """Line of `loc`, or of its nearest ancestor that stands in the file."""
        for end in range(len(loc), -1, -1):
            found = self.lines.get(tuple(loc[:end]))
            if found is not None:
                return found
        return 1

    def problem(self, loc: Sequence[str | int], message: str, allowed: str = "") -> Problem:
        """A `Problem` at `loc` of this file."""
        return Problem(self.name, self.line(loc), dotted(loc), message, allowed)


def dotted(loc: Iterable[str | int]) -> str:
    """`("thresholds", 2, "where")` → `thresholds[2].where`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(file)"


def read_yaml(path: Path, problems: list[Problem], *, root: Path | None = None) -> Document | None:
    """The document at `path`, or None after adding what is wrong with it to `problems`.

    `root` is the folder that file names in messages are relative to.
    """
    name = str(path.relative_to(root)) if root and path.is_relative_to(root) else str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            problems.append(Problem(name, 1, "(file)", "is too large", f"at most {MAX_BYTES // 1_000_000} MB"))
            return None
        text = path.read_text(encoding="utf-8")
        if is_too_deep(YAML(typ="safe").parse(text)):
            problems.append(Problem(name, 1, "(file)", "is nested too deep", f"at most {MAX_DEPTH} levels"))
            return None
        node = YAML(typ="safe").compose(text)
    except OSError as error:
        problems.append(Problem(name, 1, "(file)", f"cannot be read ({error.strerror})"))
        return None
    except UnicodeDecodeError:
        problems.append(Problem(name, 1, "(file)", "is not UTF-8 text"))
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        cause = " ".join(str(error.problem or error.context).split())
        problems.append(Problem(name, mark.line + 1 if mark else 1, "(file)", f"is not valid YAML ({cause})"))
        return None
    except YAMLError as error:
        problems.append(Problem(name, 1, "(file)", f"is not valid YAML ({' '.join(str(error).split())})"))
        return None
    builder = _Builder(name)
    value = builder.build(node, ()) if node is not None else None
    problems.extend(builder.problems)
    return None if builder.problems else Document(path, name, value, builder.lines)


def is_too_deep(events: Iterable[Event]) -> bool:
    """Whether YAML is nested deeper than any config file: composing what is would end this process."""
    depth = 0
    for event in events:
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            return True
    return False


class _Builder:
    """Turns YAML nodes into values and notes the line of each."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Loc, int] = {}
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def build(self, node: Node, loc: Loc) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(loc, line)
        if id(node) in self._seen:
            self._wrong(line, loc, "is an alias", "write the value out: anchors and aliases are not read")
            return None
        self._seen.add(id(node))
        kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
        if kind not in _PLAIN:
            self._wrong(line, loc, f"has the tag {node.tag}", "tags are not read; write plain values")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, SequenceNode):
            return [self.build(child, (*loc, index)) for index, child in enumerate(node.value)]
        try:
            return _scalar(kind, str(node.value))
        except ValueError:
            self._wrong(line, loc, "is a number that cannot be read", "write plain digits")
            return None

    def _mapping(self, node: MappingNode, loc: Loc) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self._wrong(line, loc, "has a key that is no plain word", "keys are words")
            elif key in result:
                self._wrong(line, (*loc, key), "stands twice", "give each key once")
            else:
                self.lines[(*loc, key)] = line
                result[key] = self.build(value_node, (*loc, key))
        return result

    def _wrong(self, line: int, loc: Loc, message: str, allowed: str) -> None:
        self.problems.append(Problem(self.name, line, dotted(loc), message, allowed))


def _scalar(kind: str, text: str) -> Any:
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            digits = text.replace("_", "")
            return int(digits, 0 if digits.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else 10)
        case "float":
            return float(text.replace("_", ""))
        case _:
            return text


def validate(model: type[M], document: Document, problems: list[Problem], *, at: Loc = ()) -> M | None:
    """The part of `document` under `at` as a `model`, or None after adding every problem found to `problems`."""
    value = document.value
    for part in at:
        value = value[part]
    try:
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_context=True, include_input=False):
            problems.append(_problem(model, document, at, details))
        return None


def _problem(model: type[BaseModel], document: Document, at: Loc, details: ErrorDetails) -> Problem:
    loc: Loc = (*at, *_in_file(document, at, details["loc"]))
    context = details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            allowed = _keys(model, details["loc"][:-1])
            return document.problem(loc, "is not a known key", f"allowed: {allowed}" if allowed else "")
        case "missing":
            return document.problem(loc, "is missing")
        case "literal_error" | "enum":
            return document.problem(loc, "is not a known value", f"allowed: {context.get('expected', '')}")
        case "value_error":
            message, _, allowed = str(context.get("error", details["msg"])).partition("; ")
            return document.problem(loc, message, allowed)
        case _:
            message = details["msg"]
            return document.problem(loc, message[0].lower() + message[1:])


def _in_file(document: Document, at: Loc, loc: Sequence[str | int]) -> Loc:
    """`loc` without the parts that pydantic adds for unions and validators and that stand nowhere in the file."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if (*at, *path, part) in document.lines or last:
            path.append(part)
    if len(path) > 1 and isinstance(path[-1], str) and ("[" in path[-1] or ("-" in path[-1] and "(" in path[-1])):
        path.pop()
    return tuple(path)


def _keys(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    """The keys that are allowed at `loc` of `model`, as a comma-separated list, "" where that is not plain."""
    current: Any = model
    for part in loc:
        if isinstance(part, int):
            continue
        fields = getattr(current, "model_fields", None)
        info = fields.get(part) if fields else None
        if info is None:
            return ""
        current = _model_in(info.annotation)
    fields = getattr(current, "model_fields", None)
    return ", ".join(info.alias or name for name, info in fields.items()) if fields else ""


def _model_in(annotation: Any) -> Any:
    """The first pydantic model inside a type such as `tuple[Model, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
