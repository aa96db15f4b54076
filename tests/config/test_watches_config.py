from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from tests.alerts.samples import config_folder
from tocsin.config.channels import _Raw
from tocsin.config.routing import Escalation, QuietHours, Route
from tocsin.config.thresholds import KINDS, EventCount, Where
from tocsin.config.watches import Digest, Inhibit, Watch, read_watches
from tocsin.errors import Problem
from tocsin.model import Modality

ROOT = Path(__file__).parents[2]
HEAD = "id: korea\ntitle: Korea\nthresholds:\n"


def read(path: Path, text: str, **known: list[str]) -> tuple[tuple[Watch, ...], list[str]]:
    problems: list[Problem] = []
    folder = config_folder(path, watches__korea=text)
    watches = read_watches(folder, problems, **known)
    return watches, [str(problem) for problem in problems]


def test_the_example_of_the_docs_reads_as_it_says(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", (ROOT / "docs/watches.md").read_text(), re.DOTALL)
    assert example is not None
    (watch,), problems = read(tmp_path, example[1])
    assert problems == []
    test, burst, walkout = watch.thresholds
    assert test.where.type == ("missile_test",) and test.where.modality == (Modality.HAPPENED,)
    assert isinstance(burst, EventCount) and burst.condition.holds(5) and not burst.condition.holds(4)
    assert burst.group_by == ("pair",) and burst.cooldown == dt.timedelta(hours=12)
    assert test.cooldown == dt.timedelta(0) and walkout.cooldown == dt.timedelta(days=14)
    pager = watch.routes(test)[1]
    assert pager.severity is not None and not pager.severity.holds(7)


@pytest.mark.parametrize("model", [Watch, Route, QuietHours, Escalation, Inhibit, Digest, Where, *KINDS.values(), _Raw])
def test_every_key_stands_in_the_docs(model: type[Watch]) -> None:
    docs = (ROOT / "docs/watches.md").read_text() + (ROOT / "docs/channels.md").read_text()
    missing = [name for name in model.model_fields if f"`{name}`" not in docs and f"`{{{name}" not in docs]
    assert [name for name in missing if not re.search(rf"[{{`, ]{name}[,}}`]", docs)] == []


def test_every_type_stands_in_the_docs() -> None:
    docs = (ROOT / "docs/watches.md").read_text()
    assert [kind for kind in KINDS if f"`{kind}`" not in docs] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "  - {id: a, title: A, type: evnt}",
            "4: thresholds[0].type: is not a known type of threshold; allowed: event, event_count, value_count, score, "
            "spike, temporal, temporal_ordered, new_value, silence, all, any",
        ),
        ("  - {id: a, title: A, type: event, wher: {}}", "4: thresholds[0].wher: is not a known key; allowed: id, "),
        (
            "  - {id: a, title: A, type: event, where: {typ: x}}",
            "4: thresholds[0].where.typ: is not a known key; allowed: type,",
        ),
        ("  - {id: a, title: A, type: event_count, condition: {gte: 2}}", "4: thresholds[0].timespan: is missing"),
        (
            "  - {id: a, title: A, type: event_count, timespan: 1h, condition: {}}",
            "4: thresholds[0].condition: says nothing; give one or more of gt, gte, lt, lte, eq",
        ),
        (
            "  - {id: a, title: A, type: event, realert: 5x}",
            "4: thresholds[0].realert: is not a duration; write a number and a unit: 30s, 15m, 2h, 7d, 4w",
        ),
        (
            "  - {id: a, title: A, type: all, of: [b, c]}\n  - {id: b, title: B, type: event}",
            "4: thresholds[0].of: 'c' is no part; allowed: b",
        ),
        (
            "  - {id: a, title: A, type: temporal, timespan: 1h, where: {type: x}, steps: [{type: x}, {type: y}]}",
            "4: thresholds[0]: `where` says nothing here; a threshold of type temporal takes `steps` or `of`",
        ),
        ("  - {id: a, title: A, type: event, realert_on: denial}", "4: thresholds[0].realert_on: a denial is told by"),
        (
            "  - {id: a, title: A, type: event, where: {pair: KP}}",
            "4: thresholds[0].where.pair: needs at least two actors",
        ),
        (
            "  - {id: a, title: A, type: event}\n  - {id: a, title: A, type: event}",
            "5: thresholds[1].id: 'a' stands twice; ids are unique in a watch",
        ),
        (
            "  - {id: a, title: A, type: event}\nquiet_hours: {start: '22:00', end: '07:00', zone: Mars/Crater}",
            "5: quiet_hours.zone: 'Mars/Crater' is no time zone; an IANA name such as Asia/Seoul",
        ),
        ("  - {id: a, title: A, type: event}\ndigest: {cron: 99 * * * *}", "5: digest.cron: is not a cron line"),
        (
            "  - {id: a, title: A, type: event}\n  - {id: b, title: B, type: event}\n"
            "inhibit: [{by: a, hides: b, equal: pair}]",
            "6: inhibit[0].by: 'a' does not group by pair; both sides must group by the keys of `equal`",
        ),
        ("  - {id: a, title: A, type: event}\ninhibit: [{by: x, hides: a}]", "5: inhibit[0].by: 'x' is no threshold"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    _, problems = read(tmp_path, HEAD + text)
    assert problems[0].startswith(f"config/watches/korea.yaml:{message}")


def test_references_are_checked_where_the_known_ones_are_given(tmp_path: Path) -> None:
    text = HEAD + (
        "  - {id: a, title: A, type: event, where: {type: [missile_test, misile]}, notify: {}}\n"
        "  - {id: b, title: B, type: silence, feeds: [kcna], notify: [phone]}\n"
        "notify: desk\n"
    ).replace(", notify: {}", "")
    _, problems = read(tmp_path, text, types=["missile_test"], channels=["desk"], feeds=["bbc"])
    assert problems == [
        "config/watches/korea.yaml:4: thresholds[0].where.type: 'misile' is not known; allowed: missile_test",
        "config/watches/korea.yaml:5: thresholds[1].feeds: 'kcna' is not known; allowed: bbc",
        "config/watches/korea.yaml:5: thresholds[1].notify: 'phone' is not known; allowed: desk",
    ]


def test_two_watches_of_one_id_are_a_problem(tmp_path: Path) -> None:
    text = HEAD + "  - {id: a, title: A, type: event}\n"
    problems: list[Problem] = []
    watches = read_watches(config_folder(tmp_path, watches__a=text, watches__b=text), problems)
    assert len(watches) == 1
    assert [str(problem) for problem in problems] == [
        "config/watches/b.yaml:1: id: 'korea' is the id of another watch too; ids are unique"
    ]


def test_the_version_of_a_threshold_changes_with_its_content(tmp_path: Path) -> None:
    versions = set()
    for extra in ("", ", realert: 1h", ", realert: 2h", ", where: {type: x}"):
        (watch,), _ = read(tmp_path, HEAD + f"  - {{id: a, title: A, type: event{extra}}}\n")
        versions.add(watch.thresholds[0].version)
    assert len(versions) == 4
