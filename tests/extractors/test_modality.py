from pathlib import Path

import pytest

from extractors.modality import CueKind
from tests.extractors.detecting import detect, only, rule
from tocsin.model import Modality

HAPPENED, PROSPECTIVE, DENIED, PAST = Modality.HAPPENED, Modality.PROSPECTIVE, Modality.DENIED, Modality.PAST


@pytest.mark.parametrize(
    ("text", "modality"),
    [
        ("Russia bombed a Ukrainian town.", HAPPENED),
        ("Ukraine says Russia bombed a town.", HAPPENED),
        ("Russia is suspected to have bombed the town.", HAPPENED),
        ("Russia managed to bomb the bridge.", HAPPENED),
        ("Residents fled after Russia bombed the town.", HAPPENED),
        ("Russia may bomb the town.", PROSPECTIVE),
        ("Russia will bomb the town, Kyiv says.", PROSPECTIVE),
        ("Russia plans to bomb the town.", PROSPECTIVE),
        ("Ukraine fears Russia would bomb the town.", PROSPECTIVE),
        ("If Russia bombs the town, NATO will respond.", PROSPECTIVE),
        ("Ukraine urges Israel to bomb Iran.", PROSPECTIVE),
        ("Russia to bomb Ukraine", PROSPECTIVE),
        ("Moscow looks at bombing the town, Russia expert says.", PROSPECTIVE),
        ("Residents stayed until Russia bombed the town.", HAPPENED),
        ("Russia did not bomb the town.", DENIED),
        ("Russia denies bombing the town.", DENIED),
        ("Russia refused to bomb the town.", DENIED),
        ("Russia denies a plan to bomb the town.", DENIED),
        ("The Kremlin ruled out bombing the town.", DENIED),
        ("The Kremlin did not rule out bombing the town.", PROSPECTIVE),
        ("Russia bombed the town in 2014.", PAST),
        ("Russia bombed the town three years ago.", PAST),
        ("Russia bombed the town in January.", PAST),
        ("Russia bombed the town on Tuesday.", HAPPENED),
        ("Will Russia bomb the town?", PROSPECTIVE),
        ("Did Russia bomb the town?", PROSPECTIVE),
        ("Why did Russia bomb the town?", HAPPENED),
        ("Kyiv has rebuilt much since Russia bombed the town.", PAST),
    ],
)
def test_each_cue_speaks_for_the_act_it_governs(text: str, modality: Modality, tmp_path: Path) -> None:
    assert only(text, by=rule(folder=tmp_path)).modality is modality


def test_a_cue_of_another_clause_does_not_reach_the_act(tmp_path: Path) -> None:
    by = rule(folder=tmp_path)
    assert only("Russia, which may face trial, bombed the town.", by=by).modality is HAPPENED
    assert only("Russia bombed the town and plans to hold elections.", by=by).modality is HAPPENED


def test_a_bare_noun_gives_way_to_what_the_item_says_elsewhere() -> None:
    found = only("The Trump-Kim summit. Trump and Kim will meet next month.", "diplomatic_talks")
    assert found.modality is PROSPECTIVE


def test_the_verdict_names_its_cues(tmp_path: Path) -> None:
    (finding,) = detect("Russia may bomb Kyiv", by=rule(folder=tmp_path)).findings
    assert finding.verdict.why == "modal: may"


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("Did Russia bomb the town?", CueKind.QUESTION, "Did"),
        ("Russia did not bomb the town.", CueKind.NEGATED, "not"),
        ("Russia bombed the town in 2014.", CueKind.DATE, "2014"),
        ("Trump called off the bombing of the town.", CueKind.CALLED_OFF, "called"),
    ],
)
def test_a_cue_tells_how_its_word_speaks(text: str, kind: CueKind, word: str, tmp_path: Path) -> None:
    (finding,) = detect(text, by=rule(folder=tmp_path)).findings
    assert [(cue.kind, cue.word) for cue in finding.verdict.cues] == [(kind, word)]
