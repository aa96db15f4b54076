from tests.extractors.detecting import only


def test_figures_become_typed_facts() -> None:
    trigger = only("North Korea fired three missiles with a range of 500 km into the Sea of Japan.", "missile_test")
    assert trigger.facts["missiles"] == 3
    assert trigger.facts["range_km"] == 500.0
    assert trigger.place == "Sea of Japan"


def test_troops_and_dead_are_counted() -> None:
    assert only("Britain sends 2,000 troops to Estonia.", "troop_deployment").facts["troops"] == 2000
    assert only("An airstrike in Idlib killed 12 people.", "armed_attack").place == "Idlib"


def test_a_day_is_no_place() -> None:
    assert only("An airstrike on Thursday killed 12 people in Idlib.", "armed_attack").place == "Idlib"
    assert only("An airstrike killed 12 people on Monday.", "armed_attack").place is None


def test_facts_cannot_be_changed() -> None:
    facts = only("North Korea fired three missiles into the sea.", "missile_test").facts
    assert not hasattr(facts, "update")
