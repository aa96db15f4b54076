import json
import re
from pathlib import Path

import pytest

from tests.extractors.detecting import ROOT, detect, detector
from tocsin.config.triggers import Examples, Fires, Frame, Rule, rule_schema
from tocsin.model import Modality

DOCS = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def tutorial() -> str:
    match = re.search(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    assert match
    return match[1]


def test_the_trigger_of_the_tutorial_works(tmp_path: Path) -> None:
    by = detector([tutorial()], folder=tmp_path)
    assert by.check_examples() == []
    (trigger,) = detect("Norway shuts down its embassy in Kabul", by=by).triggers
    assert (trigger.type, trigger.source, trigger.target) == ("embassy_closure", "NO", "AF")
    assert trigger.modality is Modality.HAPPENED


@pytest.mark.parametrize("model", [Rule, Frame, Examples, Fires])
def test_every_key_stands_in_the_docs(model: type[Rule]) -> None:
    internal = {"file", "lines", "shared"}
    assert [name for name in model.model_fields if f"`{name}`" not in DOCS and name not in internal] == []


def test_the_schema_for_editors_is_that_of_the_model() -> None:
    written = json.loads((ROOT / "docs" / "rule.schema.json").read_text(encoding="utf-8"))
    assert written == rule_schema()
    assert "file" not in written["properties"]
