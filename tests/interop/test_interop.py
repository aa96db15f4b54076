"""What is exported reads back by the tools that its formats are for, whatever a headline holds."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import stix2
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.samples import NOW, article, event, trigger
from tocsin.config.triggers import read_rules
from tocsin.interop import Names, Told, parquet, plover, stix, table
from tocsin.model import Alert, Modality

NAMES = Names({"KP": "North Korea", "HAMAS": "Hamas"}, frozenset({"KP"}), frozenset({"HAMAS"}))
TOLD = Told(
    replace(event(), id=7, target="HAMAS", modality=Modality.DENIED, confidence=0.834, object="missile"),
    ((trigger(1), replace(article(1), id=1)), (trigger(1, start=3), replace(article(1), id=1))),
)
BARE = Told(replace(event(source=None), id=8))
ALERT = Alert("a1", "korea", "launches", "v1", "g", "w", NOW, "2 >= 1", (7, 8, 99), 6.5, title="Missile")


def bundle(events: list[Told], alerts: list[Alert]) -> dict[str, object]:
    """Parsed strictly by the reference library: unknown properties and dangling formats raise."""
    text = "".join(stix.bundle(events, alerts, NAMES))
    stix2.parse(text, allow_custom=False, version="2.1")
    return dict(json.loads(text))


def by_type(document: dict[str, object]) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for each in document["objects"]:  # type: ignore[attr-defined]
        found.setdefault(each["type"], []).append(each)
    return found


def test_stix_has_an_incident_its_parties_and_the_alert_as_a_report_on_it() -> None:
    found = by_type(bundle([TOLD, BARE], [ALERT]))

    incident, bare = found["incident"]
    names = {each["name"]: each for each in found["identity"]}
    assert set(names) == {"Tocsin", "North Korea", "Hamas"}
    assert (names["Hamas"]["identity_class"], names["North Korea"]["identity_class"]) == ("group", "organization")
    (own,) = incident["extensions"].values()  # type: ignore[attr-defined]
    assert (own["modality"], own["event_type"], own["corroboration"]) == ("denied", "missile_test", 2)
    assert incident["confidence"] == 83
    assert [each["url"] for each in incident["external_references"]] == ["https://example.org/1"]  # type: ignore[attr-defined]
    related = {(each["relationship_type"], each["target_ref"]) for each in found["relationship"]}
    assert related == {("attributed-to", names["North Korea"]["id"]), ("targets", names["Hamas"]["id"])}
    (report,) = found["report"]
    assert report["object_refs"] == [incident["id"], bare["id"]]
    assert list(incident["extensions"]) == [each["id"] for each in found["extension-definition"]]  # type: ignore[call-overload]


def test_every_reference_of_a_bundle_is_in_it_and_a_second_export_has_the_same_ids() -> None:
    first, second = (bundle([TOLD, BARE], [ALERT])["objects"] for _ in range(2))
    assert first == second
    ids = {each["id"] for each in first}  # type: ignore[attr-defined]
    for each in first:  # type: ignore[attr-defined]
        refs = [value for key, value in each.items() if key.endswith("_ref")] + each.get("object_refs", [])
        assert ids.issuperset(refs)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=60)
@given(
    WORDS, WORDS, st.sampled_from(Modality), st.floats(0, 1), st.none() | WORDS, st.dictionaries(WORDS, st.integers())
)
def test_every_bundle_parses_strictly_whatever_it_tells(
    title: str, link: str, modality: Modality, confidence: float, place: str | None, facts: dict[str, int]
) -> None:
    told = replace(TOLD.event, title=title, modality=modality, confidence=confidence, place=place, facts=facts)
    reports = ((trigger(1), replace(article(1), id=1, link=link, title=title, publisher=title)),)
    found = by_type(bundle([Told(told, reports), Told(replace(BARE.event, title=""))], [replace(ALERT, title=title)]))
    assert (len(found["incident"]), len(found["report"])) == (2, 1)


def test_a_bundle_of_nothing_is_still_one() -> None:
    assert set(by_type(bundle([], [ALERT]))) == {"identity", "extension-definition"}


def test_plover_has_the_modality_and_both_types() -> None:
    first, second = map(json.loads, plover.records([TOLD, BARE], NAMES))
    assert (first["event_type"], first["trigger"], first["modality"]) == ("MOBILIZE", "missile_test", "denied")
    assert first["actor"] == {"code": "KP", "name": "North Korea"}
    assert first["recipient"]["code"] == "HAMAS"
    assert first["date"] == "2026-03-01"
    assert [each["url"] for each in first["source"]] == ["https://example.org/1"]
    assert (second["actor"], second["source"]) == (None, [])


def test_every_type_that_plover_is_told_of_is_one_of_ours() -> None:
    shipped = {rule.type for rule in read_rules(Path(__file__).parents[2] / "config", [])}
    assert shipped - set(plover.TYPES) == {"satellite_launch"}
    assert set(plover.TYPES) <= shipped


def test_csv_is_a_line_each_with_a_head() -> None:
    (row, bare) = csv.DictReader(io.StringIO("".join(table.events([TOLD, BARE], NAMES))))
    assert (row["id"], row["source_name"], row["severity"], row["publishers"]) == (
        "7",
        "North Korea",
        "6.5",
        "reuters; yonhap",
    )
    assert (bare["source"], bare["links"]) == ("", "")
    (alert,) = csv.DictReader(io.StringIO("".join(table.alerts([ALERT]))))
    assert (alert["watch"], alert["events"], alert["reason"]) == ("korea", "7 8 99", "2 >= 1")


def test_parquet_keeps_types_times_and_lists() -> None:
    arrow = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is not installed")
    file = io.BytesIO()
    parquet.events([TOLD, BARE], NAMES, file)
    found = arrow.read_table(file)
    assert set(found.column_names) == set(table.EVENT)
    first, bare = found.to_pylist()
    assert (first["started_at"], first["started_at"].utcoffset()) == (NOW, dt.timedelta())
    assert (first["occurred_on"], first["severity"], first["corroboration"]) == (dt.date(2026, 3, 1), 6.5, 2)
    assert (first["publishers"], first["state_media"]) == (["reuters", "yonhap"], False)
    assert first["links"] == ["https://example.org/1"]
    assert (bare["source"], bare["source_name"], bare["links"]) == (None, None, [])

    file = io.BytesIO()
    parquet.alerts([ALERT], file)
    found = arrow.read_table(file)
    assert set(found.column_names) == set(table.ALERT)
    assert found.to_pylist()[0]["events"] == [7, 8, 99]
    assert found.to_pylist()[0]["fired_at"] == NOW


def test_parquet_of_nothing_has_its_columns_and_that_of_much_comes_in_parts() -> None:
    arrow = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is not installed")
    file = io.BytesIO()
    parquet.events([], NAMES, file)
    assert (arrow.read_table(file).num_rows, arrow.read_table(file).num_columns) == (0, len(table.EVENT))
    file = io.BytesIO()
    parquet.alerts((replace(ALERT, id=str(number)) for number in range(parquet.BATCH + 1)), file)
    assert (arrow.ParquetFile(file).num_row_groups, arrow.ParquetFile(file).metadata.num_rows) == (2, parquet.BATCH + 1)


@pytest.mark.parametrize(
    "title", ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠SUM(1)"]
)
def test_o03_no_cell_is_a_formula(title: str) -> None:
    told = Told(replace(TOLD.event, title=title, severity=-6.5))
    (row,) = csv.DictReader(io.StringIO("".join(table.events([told], NAMES)), newline=""))
    assert row["title"] == f"'{title}"
    assert row["severity"] == "-6.5", "numbers stay numbers"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_whatever_a_title_holds_each_format_gives_it_back(title: str) -> None:
    told = Told(replace(TOLD.event, title=title))
    assert by_type(dict(json.loads("".join(stix.bundle([told], [], NAMES)))))["incident"][0]["name"] == title
    (line,) = plover.records([told], NAMES)
    assert json.loads(line)["text"] == title
    assert line.count("\n") == 1
    (row,) = csv.DictReader(io.StringIO("".join(table.events([told], NAMES)), newline=""))
    assert row["title"].removeprefix("'") == title.removeprefix("'")
