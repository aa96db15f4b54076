from pathlib import Path

from tests.extractors.detecting import detect, detector, only, rule
from tocsin.model import Modality


def fires(text: str, frame: str, folder: Path, *, head: str = "") -> bool:
    return bool(detect(text, by=rule(frame, head=head, folder=folder)).triggers)


def test_an_act_is_found_as_verb_and_as_noun_in_any_form(tmp_path: Path) -> None:
    for text in ("Israel struck Tyre", "Israel strikes Tyre", "Israeli strikes hit Tyre", "Israel bombs Tyre"):
        assert fires(text, "", tmp_path), text


def test_an_object_must_belong_to_the_act(tmp_path: Path) -> None:
    frame = "    object: [airport, =base]"
    assert fires("Israel struck the airport of Damascus.", frame, tmp_path)
    assert fires("The airport was struck by Israel.", frame, tmp_path)
    assert fires("Israel struck a hangar and an airport.", frame, tmp_path)
    assert not fires("Israel struck a village, and ministers who had met at an airport flew home.", frame, tmp_path)


def test_a_subject_must_do_the_act(tmp_path: Path) -> None:
    frame = "    subject: [$state]"
    assert fires("Israel struck Tyre.", frame, tmp_path)
    assert not fires("Lightning struck Israel.", frame, tmp_path)


def test_near_and_unless_look_at_the_sentence(tmp_path: Path) -> None:
    assert fires("Israel struck Tyre with missiles.", "    near: [missile]", tmp_path)
    assert not fires("Israel struck Tyre. Missiles were shown elsewhere.", "    near: [missile]", tmp_path)
    assert not fires("Israel struck Tyre after a flood of calls.", "    unless: [flood]", tmp_path)
    assert fires("Israel struck Tyre. A flood hit Haifa.", "    unless: [flood]", tmp_path)


def test_without_looks_at_the_arguments_only(tmp_path: Path) -> None:
    frame = "    without: [deal]"
    assert not fires("Israel struck a deal with Tyre.", frame, tmp_path)
    assert fires("Israel struck Tyre while ministers who want a deal were in Rome.", frame, tmp_path)


def test_a_word_inside_a_longer_name_does_not_exclude(tmp_path: Path) -> None:
    assert fires("The European Union struck Tyre.", "    without: [union]", tmp_path)
    assert not fires("The union struck Tyre.", "    without: [union]", tmp_path)


def test_needs_asks_for_parties(tmp_path: Path) -> None:
    assert fires("Israel struck a village.", "    needs: [source]", tmp_path)
    assert not fires("A storm struck a village.", "    needs: [source]", tmp_path)
    assert not fires("Israel struck a village.", "    needs: [two_actors]", tmp_path)
    assert fires("Hamas struck a village.", "    needs: [group]", tmp_path)


def test_only_tells_verbs_from_nouns(tmp_path: Path) -> None:
    assert fires("Israel struck Tyre.", "    only: [verb]", tmp_path)
    assert not fires("The strike on Tyre was loud.", "    only: [verb]", tmp_path)


def test_unless_of_the_rule_looks_at_the_whole_item(tmp_path: Path) -> None:
    by = rule(head="unless: [world cup]", folder=tmp_path)
    assert detect("Israel struck Tyre.", by=by).triggers
    assert not detect("Israel struck Tyre.", summary="The World Cup goes on.", by=by).triggers


def test_speech_counts_whatever_its_own_tense(tmp_path: Path) -> None:
    by = rule("    speech: true", folder=tmp_path)
    assert only("Israel will strike Tyre.", by=by).modality is Modality.HAPPENED
    assert not detect("Lebanon says Israel will strike Tyre.", by=by).triggers


def test_an_attribute_is_background(tmp_path: Path) -> None:
    by = rule("    attribute: past", folder=tmp_path)
    assert only("The family left the bombed house.", by=by).modality is Modality.PAST
    assert only("Israel bombed the house.", by=by).modality is Modality.HAPPENED


def test_an_announced_decision_counts_where_the_rule_says_so(tmp_path: Path) -> None:
    assert (
        only("Israel will strike Tyre.", by=rule(head="decision: true", folder=tmp_path)).modality is Modality.HAPPENED
    )
    assert only("Israel will strike Tyre.", by=rule(folder=tmp_path)).modality is Modality.PROSPECTIVE


def test_words_of_the_past_make_the_sentence_past(tmp_path: Path) -> None:
    by = rule(head="past: [trial]", folder=tmp_path)
    assert only("The man on trial had told how Israel struck Tyre.", by=by).modality is Modality.PAST


def test_asserted_wants_more_than_a_mention(tmp_path: Path) -> None:
    by = rule("    asserted: true", folder=tmp_path)
    assert detect("The strike on Tyre killed nine.", by=by).triggers
    assert not detect("Five maps of the strike", by=by).triggers


def test_the_setting_fills_a_missing_target(tmp_path: Path) -> None:
    by = rule(head="setting: true", folder=tmp_path)
    assert only("Lebanon war: Israel struck at dawn.", by=by).target == "LB"


def test_a_pair_is_first_and_second_named(tmp_path: Path) -> None:
    text = """id: talks
title: Talks
description: Two parties talk.
severity: -2
pair: true
source: [subject, between]
target: [with, between]
frames:
  - act: [talk]
"""
    by = detector([text], folder=tmp_path)
    trigger = only("Iran talked with China.", by=by)
    assert (trigger.source, trigger.target) == ("IR", "CN")


def test_phrases_hyphens_and_gaps(tmp_path: Path) -> None:
    text = """id: off
title: Called off
description: Something is called off.
severity: 1
frames:
  - act: [call * off, cease fire]
"""
    by = detector([text], folder=tmp_path)
    assert detect("Trump called the whole summit off.", by=by).triggers
    assert detect("A cease-fire began in Gaza.", by=by).triggers
    assert not detect("Trump called. Netanyahu took off.", by=by).triggers
