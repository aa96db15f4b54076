import pytest

from extractors.actors import ActorIndex, Mention
from tests.extractors.detecting import actors, language


def mentions(text: str) -> list[Mention]:
    words = language().tokenize(text)
    lower = tuple(word.lower() for word in words)
    return list(ActorIndex(actors(), language().tokenize).find(words, lower, frozenset(lower)))


def codes(text: str) -> list[str]:
    return [mention.code for mention in mentions(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("N. Korea test-fires missile", ["KP"]),
        ("Kremlin rejects offer by the Pentagon", ["RU", "US"]),
        ("Kim Jong-un meets Moon Jae-in", ["KP", "KR"]),
        ("The Blue House and KCNA disagree", ["KR", "KP"]),
        ("Bashar al-Assad flies to Tehran", ["SY", "IR"]),
        ("Hizbullah and Islamic Jihad fire on Haifa", ["HEZBOLLAH", "PIJ", "IL"]),
        ("EU, NATO and the IAEA protest", ["EU", "NATO", "IAEA"]),
        ("DR Congo is not the Republic of the Congo", ["CD", "CG"]),
        ("Al-Shabaab attacks Somali base", ["AL-SHABAAB", "SO"]),
    ],
)
def test_every_kind_of_alias_means_its_actor(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_short_names_need_their_capitals() -> None:
    assert codes("tell us who is in the un") == []
    assert codes("China and turkey sandwiches") == ["CN"]


def test_a_nickname_needs_its_company() -> None:
    assert codes("Seoul says the North fired a missile") == ["KR", "KP"]
    assert codes("Rain falls in the North of England") == ["GB"]
    assert codes("Pyongyang says that Kim watched") == ["KP", "KP"]


def test_company_of_several_words_must_stand_whole() -> None:
    assert codes("Iowa Governor Kim Reynolds meets leaders from North Carolina") == []


def test_iran_backed_is_an_attribute() -> None:
    (mention,) = mentions("Iran-backed militia attacks base")
    assert (mention.code, mention.qualifier) == ("IR", "backed")


def test_the_shipped_list_knows_every_state() -> None:
    assert len(actors().states) >= 195
    for code in ("KP", "KR", "US", "RU", "CN", "JP", "TV", "VA", "NO", "NA"):
        assert code in actors().states
