import pytest

from extractors.forms import family


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("deploy", {"deploy", "deploys", "deployed", "deploying", "deployment", "deployments"}),
        ("withdraw", {"withdraws", "withdrew", "withdrawn", "withdrawing", "withdrawal"}),
        ("impose", {"imposed", "imposing", "imposition"}),
        ("carry", {"carries", "carried", "carrying"}),
        ("ban", {"bans", "banned", "banning"}),
        ("ratify", {"ratified", "ratification"}),
        ("expel", {"expelled", "expulsion"}),
        ("strike", {"struck", "strikes", "striking"}),
        ("overrun", {"overran"}),
        ("lie", {"lay", "lying"}),
    ],
)
def test_a_family_holds_every_inflection_and_the_nouns_of_the_act(word: str, forms: set[str]) -> None:
    assert forms <= family(word)


def test_an_equals_sign_asks_for_one_form_only() -> None:
    assert family("=Arms") == {"arms"}


def test_short_words_and_numbers_have_no_family_to_speak_of() -> None:
    assert family("eu") == {"eu", "eus"}
    assert family("9/11") == {"9/11"}
