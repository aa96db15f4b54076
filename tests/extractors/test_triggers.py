import datetime as dt
import random
import time

import pytest

from extractors.triggers import Detector, Text
from tests.extractors.detecting import PUBLISHED, SHARED, actors, detect, language, only, shipped, shipped_rules
from tocsin.model import Modality

HEADLINES = [
    "North Korea fires two ballistic missiles into the sea",
    "US imposes sanctions on Chinese firms over Iran oil trade",
    "Russia vetoes UN resolution on Syria",
    "Stocks rise as inflation cools",
    "Kim Jong Un meets Putin in Vladivostok",
    "Ukraine war: Russia shells Kharkiv as talks stall",
]


def test_a_trigger_says_all_it_knows() -> None:
    trigger = only("North Korea fired two ballistic missiles into the Sea of Japan on Tuesday.", "missile_test")
    assert (trigger.source, trigger.object, trigger.rule) == ("KP", "missiles", "missile_test")
    assert trigger.occurred_on == dt.date(2026, 6, 16)
    assert trigger.facts["missiles"] == 2
    assert trigger.severity == 6
    assert 0 < trigger.confidence <= 1
    assert len(trigger.version) == 10
    assert trigger.evidence.field == "title"


def test_order_of_rules_items_and_batches_changes_nothing() -> None:
    items = [Text(text, "", PUBLISHED) for text in HEADLINES] * 60
    expected = [detection.triggers for detection in shipped().detect_many(items)]
    rules = list(shipped_rules())
    random.Random(4).shuffle(rules)
    shuffled = Detector(rules, actors(), language())
    assert [detection.triggers for detection in shuffled.detect_many(items)] == expected
    assert [shipped().detect(item).triggers for item in items[:6]] == expected[:6]
    assert [d.triggers for d in shipped().detect_many(reversed(items))] == expected[::-1]


class Broken:
    """An item that cannot be read."""

    title = "Israel bombs Iran"
    published = None

    @property
    def summary(self) -> str:
        raise RuntimeError("torn")


def test_an_item_that_raises_stops_no_other() -> None:
    good = Text("Israel bombs Iran")
    before, broken, after = shipped().detect_many([good, Broken(), good])
    assert broken.errors == ("item: RuntimeError: torn",)
    assert broken.triggers == ()
    assert before.triggers == after.triggers != ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "🚀🚀🚀 Israel 🇮🇱 strikes 🇮🇷 Iran 🔥",
        "Israel strikes Iran \u202eהתקפה על טהראן\u202c",
        "Israel strikes Iran \x00\ud800 \u2028",
        "İSRAİL İRAN strikes missile",
        "((((((((((" * 50,
    ],
)
def test_strange_text_does_no_harm(text: str) -> None:
    detection = detect(text, summary=text)
    assert detection.errors == ()


def test_a_megabyte_takes_bounded_time() -> None:
    begun = time.process_time()
    detection = detect("Russia bombs Kyiv " * 60_000, summary="Iran fires a missile into the sea. " * 30_000)
    assert time.process_time() - begun < 20
    assert detection.triggers


def test_an_explanation_shows_what_was_tried_and_why_not() -> None:
    explanation = shipped().explain(Text("Israel may strike Iran", "", PUBLISHED))
    (segment,) = explanation.segments
    assert {mention.code for mention in segment.mentions} == {"IL", "IR"}
    assert "armed_attack" in segment.gate
    assert any(attempt.candidate for attempt in segment.attempts)
    assert any(attempt.reason for attempt in segment.attempts)
    assert any("modal: may" in reason for reason in explanation.why_not("armed_attack"))
    assert explanation.why_not("satellite_launch") == ["no act of such a rule stands in the text"]
    assert shipped().explain(Text("Israel bombs Iran")).why_not("armed_attack") == []
    assert shipped().explain(Text("Россия нанесла удар по Киеву")).why_not("armed_attack") == [
        "the item was not read: language"
    ]


def test_one_strongest_reading_of_a_type_speaks() -> None:
    found = detect("Israel bombed Natanz and may bomb Fordow").triggers
    assert {trigger.modality for trigger in found if trigger.type == "armed_attack"} == {Modality.HAPPENED}


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared")
def test_the_analysis_that_started_the_project_is_read_right() -> None:
    text = next((SHARED / "seed").glob("*.txt")).read_text(encoding="utf-8")
    title, _, body = text.partition("\n")
    published = dt.datetime(2024, 10, 20, tzinfo=dt.UTC)
    found = {(t.type, t.modality, t.source) for t in shipped().detect(Text(title, body, published)).triggers}
    assert ("diplomatic_breakdown", Modality.PAST, "US") in found
    assert ("sanctions_imposed", Modality.PAST, "UN") in found
    assert not any(kind == "sanctions_imposed" and modality is not Modality.PAST for kind, modality, _ in found)
    assert ("information_warfare", Modality.PROSPECTIVE, "US") in found
    assert not any(kind == "diplomatic_talks" and source == "VN" for kind, _, source in found)
    assert ("arms_transfer", Modality.HAPPENED, "KP") in found
    assert ("sanctions_veto", Modality.HAPPENED, "RU") in found
    assert ("missile_test", Modality.HAPPENED, "KP") in found
    assert any(kind == "sanctions_relief" and modality is Modality.PROSPECTIVE for kind, modality, _ in found)
    assert ("troop_withdrawal", Modality.PROSPECTIVE, "US") in found
