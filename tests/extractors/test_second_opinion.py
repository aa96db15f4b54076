"""The second opinion: what it reads, what it makes of the rules' findings, and that its weights are fit to ship."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from extractors.findings import Finding
from extractors.language import load_language
from extractors.second_opinion.casting import Cast, Scene, Stage, lineup, scene_of
from extractors.second_opinion.features import Impression
from extractors.second_opinion.models import WEIGHTS, Glimpse, Opinion, SecondOpinion, load_second_opinion
from extractors.second_opinion.verdicts import NAME, propose, reconsider
from extractors.sight import Word, encode, grams, stem
from extractors.triggers import Detector, Text
from tocsin.config.actors import read_actors
from tocsin.config.triggers import read_rules
from tocsin.model import Modality

CONFIG = Path(__file__).parents[2] / "config"
ATTACK = Text("Rebels ambush army convoy in northern Mali, killing 14 soldiers", "The attack took place near Gao.")
MAYBE = Text("Norway considers supplying Ukraine with artillery shells")
GARDEN = Text("Ten ways to keep your garden green", "Water early in the day and mulch the beds.")


@cache
def model() -> SecondOpinion:
    return load_second_opinion()


@cache
def detector(*, opinion: bool, gated: bool = True) -> Detector:
    rules, actors = read_rules(CONFIG, []), read_actors(CONFIG, [])
    return Detector(rules, actors, load_language(), gated=gated, second_opinion=model() if opinion else None)


def impression(title: str) -> Impression:
    words = detector(opinion=False).sight(Text(title))
    return model().impression(words, model().glance(words))


def test_weights_are_small_and_know_every_shipped_type_but_the_rarest() -> None:
    assert WEIGHTS.stat().st_size < 5_000_000
    # Hardly a sanctions veto stands in the labelled items: the rules alone judge it.
    assert set(model().types) == {rule.type for rule in read_rules(CONFIG, [])} - {"sanctions_veto"}
    assert all(0.3 < bar < 0.8 for bar in model().bars)


def test_an_attack_is_likely_and_a_garden_is_not() -> None:
    attack = model().weigh(detector(opinion=False).sight(ATTACK), (), frozenset())
    assert attack["armed_attack"].probability > 0.5
    garden = model().weigh(detector(opinion=False).sight(GARDEN), (), frozenset())
    assert all(opinion.probability < 0.2 for opinion in garden.values())


def test_news_of_war_is_worth_a_look_and_a_cup_match_is_hopeless() -> None:
    assert model().glimpse("shelling goes on along the front as troops mass at the border") is Glimpse.WORTH
    assert model().glimpse("storm warning for the coast of chile") is Glimpse.PLAIN
    assert (
        model().glimpse("the season opens with a win for the home side, album and film out this weekend")
        is Glimpse.HOPELESS
    )
    assert model().glimpse("") is Glimpse.HOPELESS


CUP = Text(
    "Blues attack United in cup final as striker fires home the winner in Manchester",
    "Music, film and football this season: the new album, the coach and the players.",
)


def test_rules_for_known_types_are_not_tried_on_hopeless_words() -> None:
    assert model().glimpse(f"{CUP.title} {CUP.summary}".lower()) is Glimpse.HOPELESS
    for gated in (True, False):
        detection = detector(opinion=True, gated=gated).detect(CUP)
        assert (detection.findings, detection.triggers) == ((), ())
    explained = detector(opinion=True).explain(CUP)
    assert "lets no rule try" in explained.why_not("armed_attack")[0]
    assert "lets no rule try" not in explained.why_not("sanctions_veto")[0]


def test_a_rule_of_ones_own_type_is_tried_on_hopeless_words() -> None:
    shipped = next(rule for rule in read_rules(CONFIG, []) if rule.id == "armed_attack")
    own = shipped.model_copy(update={"id": "cup_attack", "type": "cup_attack"})
    actors = read_actors(CONFIG, [])
    found = Detector([own], actors, load_language(), second_opinion=model()).detect(CUP)
    assert found.triggers == Detector([own], actors, load_language()).detect(CUP).triggers
    assert {f.candidate.rule.type for f in found.findings} == {"cup_attack"}


def test_what_no_rule_can_match_is_seen_where_its_words_are_worth_it() -> None:
    unseen = Text("Panzerhaubitze 2000 already used against Russian invaders in eastern Ukraine")
    assert detector(opinion=False).detect(unseen).opinions == ()
    assert detector(opinion=True).detect(unseen).opinions


def test_words_alone_lean_towards_a_possibility_where_one_is_told() -> None:
    column = model().types.index("sanctions_imposed")
    titles = ("EU weighs new sanctions on Belarus", "EU imposes new sanctions on Belarus")
    maybe, done = (impression(t).nets[:, column] for t in titles)
    assert maybe[0] < done[0]
    assert maybe[1] > done[1]


def test_sight_keeps_characters_actors_and_fields() -> None:
    item = Text("N. Korea’s &amp; Seoul’s talks", "US-backed forces met.")
    words = detector(opinion=False).sight(item)
    texts = {"title": item.title, "summary": item.summary}
    assert all(texts[word.field][word.start : word.start + len(word.text)] == word.text for word in words)
    assert {word.mention.code for word in words if word.mention} == {"KP", "KR", "US"}
    assert "amp" not in [word.text for word in words]
    assert next(word for word in words if word.mention and word.mention.code == "US").kind > 8


def test_sight_tells_old_dates_from_new_ones() -> None:
    item = Text(
        "Three jailed for the 2016 bombings", "The court sat in May 2021.", dt.datetime(2021, 5, 21, tzinfo=dt.UTC)
    )
    words = detector(opinion=False).sight(item)
    assert {word.text: word.when for word in words if word.when} == {"2016": "old", "May": "new", "2021": "new"}
    old, new = (next(word for word in words if word.text == text) for text in ("2016", "2021"))
    assert len({old.kind, new.kind, 0}) == 3
    assert grams([old]) != grams([new])


def test_no_words_make_no_opinion() -> None:
    assert model().weigh((), (), frozenset()) == {}


def test_grams_see_no_difference_between_two_states() -> None:
    one, other = (detector(opinion=False).sight(Text(f"{name} recalls its envoy")) for name in ("Chile", "Vietnam"))
    assert grams(one) == grams(other)
    assert grams(one) != grams(detector(opinion=False).sight(Text("Nobody recalls its envoy")))


@pytest.mark.parametrize(
    ("word", "left"),
    [("attacked", "attack"), ("deployment", "deploy"), ("arms", "arms"), ("cities", "citi"), ("as", "as")],
)
def test_stem(word: str, left: str) -> None:
    assert stem(word) == left


def test_neighbours_stay_within_their_field() -> None:
    words = [Word("one", "title", 0), Word("two", "title", 4), Word("three", "summary", 0)]
    near = encode(words, {}).near
    assert near[0].tolist() == [[3, 3, 0, 1, 3], [3, 0, 1, 3, 3], [3, 3, 2, 3, 3]]


def test_convolutions_see_ever_wider() -> None:
    words = [Word("word", "title", at) for at in range(20)]
    assert encode(words, {}).near[:, 9].tolist() == [[7, 8, 9, 10, 11], [5, 7, 9, 11, 13], [3, 6, 9, 12, 15]]


def test_above_the_bar_an_act_has_happened_and_below_it_it_has_not() -> None:
    found = detector(opinion=False).detect(MAYBE)
    assert ("arms_transfer", Modality.PROSPECTIVE) in {(t.type, t.modality) for t in found.triggers}
    raised = judged(found.findings, 0.9, 0.1, 0.0, 0.0)
    assert {(f.verdict.modality, f.confidence) for f in raised} == {(Modality.HAPPENED, 0.9)}
    assert "second opinion" in raised[0].verdict.why
    assert {(f.verdict.modality, f.confidence) for f in judged(raised, 0.2, 0.1, 0.0, 0.6)} == {(Modality.PAST, 0.6)}
    assert judged(raised, 0.2, 0.1, 0.1, 0.1) == []
    assert {f.verdict.modality for f in judged(found.findings, 0.45, 0.1, 0.0, 0.0)} == {Modality.PROSPECTIVE}


def judged(findings: Sequence[Finding], *probabilities: float) -> list[Finding]:
    opinion = Opinion("arms_transfer", probabilities, 0, 0.4)
    kept = reconsider(findings, {"arms_transfer": opinion})
    return [f for f in kept if f.candidate.rule.type == "arms_transfer"]


def test_types_without_an_opinion_keep_the_verdict_of_the_rules() -> None:
    found = detector(opinion=False).detect(MAYBE).findings
    assert reconsider(found, {}) == list(found)


@pytest.mark.parametrize(
    "title", ["Is a seventh North Korean nuclear test coming?", "Will the US lift sanctions on North Korea?"]
)
def test_a_question_is_no_report(title: str) -> None:
    assert {t.modality for t in detector(opinion=True).detect(Text(title)).triggers} <= {Modality.PROSPECTIVE}


def test_beyond_the_first_words_the_rules_alone_speak() -> None:
    filler = "The minister then spoke of schools and of roads. " * 14
    item = Text("A speech about many things", f"{filler}Norway considers supplying Ukraine with artillery shells.")
    alone = detector(opinion=False).detect(item).triggers
    assert [t.type for t in alone] == ["arms_transfer"]
    assert detector(opinion=True).detect(item).triggers == alone


def test_a_proposal_names_the_parties_around_its_evidence() -> None:
    words = detector(opinion=False).sight(Text("Chile hits back at Peru"))
    rule = next(rule for rule in read_rules(CONFIG, []) if rule.id == "armed_attack")
    trigger = propose(Opinion("armed_attack", (0.8, 0.1, 0.0, 0.0), 1, 0.5), Stage(words), rule, model().cast, "v")
    assert (trigger.rule, trigger.source, trigger.target) == (NAME, "CL", "PE")
    assert (trigger.evidence.text, trigger.evidence.start, trigger.evidence.end) == ("hits", 6, 10)
    assert (trigger.confidence, trigger.severity) == (0.8, rule.severity)


@pytest.mark.parametrize(
    ("title", "kind", "source", "target"),
    [
        ("South Korea's military reports that North Korea fired two missiles into the sea", "missile_test", "KP", None),
        ("Ukraine says Russia shelled Kharkiv overnight", "armed_attack", "RU", "UA"),
        ("Japan says the US has imposed sanctions on Iran", "sanctions_imposed", "US", "IR"),
    ],
)
def test_who_reports_an_act_is_not_cast_as_its_source(title: str, kind: str, source: str, target: str | None) -> None:
    trigger = next(t for t in detector(opinion=True).detect(Text(title)).triggers if t.type == kind)
    assert (trigger.source, trigger.target) == (source, target or trigger.target)


def test_a_lineup_knows_where_each_actor_stands() -> None:
    title = Text("Ukraine says Russia shelled a market overnight")
    finding = next(f for f in detector(opinion=False).detect(title).findings if f.candidate.rule.type == "armed_attack")
    rows = lineup(scene_of(finding, Stage(detector(opinion=False).sight(title))))
    assert set(rows) == {"UA", "RU"}
    assert {"side:before", "last before", "place:subject"} <= set(rows["RU"])
    assert {"first before", "right:says"} <= set(rows["UA"])


def test_nobody_is_cast_where_no_actor_is_likely() -> None:
    words = detector(opinion=False).sight(Text("Chile hits back at Peru"))
    assert Cast({"": -9.0}, {"": -9.0}).parties(Scene("armed_attack", Stage(words), "title", 6)) == (None, None)
    assert Cast({"": 9.0}, {"": 9.0}).parties(Scene("armed_attack", Stage(()), "title", 0)) == (None, None)


def test_gated_and_ungated_detection_agree_in_any_batch() -> None:
    texts = [ATTACK, MAYBE, GARDEN, Text("Stocks rally"), Text("Japan protests after drone crosses into its airspace")]
    gated = [d.triggers for d in detector(opinion=True).detect_many(texts)]
    assert [d.triggers for d in detector(opinion=True, gated=False).detect_many(texts)] == gated
    assert [detector(opinion=True).detect(text).triggers for text in reversed(texts)] == gated[::-1]


def test_odd_text_is_read() -> None:
    for title in ("", " ", "!!!", "\ud83d missile fired", "missile " * 3000, "صاروخ missile fired by Iran"):
        assert detector(opinion=True).detect(Text(title)).errors == ()


def test_an_item_takes_a_bounded_time() -> None:
    words = detector(opinion=False).sight(Text(ATTACK.title, ATTACK.summary * 60))
    model().weigh(words, (), frozenset())
    started = time.process_time()
    for _ in range(10):
        model().weigh(words, (), frozenset())
    assert (time.process_time() - started) / 10 < 0.05


def test_numbers_are_finite() -> None:
    said = impression(ATTACK.title)
    assert np.isfinite(said.nets).all()
    assert np.isfinite(said.grams).all()
