import pytest

from extractors.language import load_language
from extractors.segments import Segment
from tests.extractors.detecting import language
from tocsin.errors import SetupError


def test_a_missing_model_says_how_to_get_it() -> None:
    with pytest.raises(SetupError, match=r"run: python -m spacy download en_core_web_xl$"):
        load_language("en_core_web_xl")
    with pytest.raises(SetupError):
        load_language("../../etc")


def test_names_with_hyphens_stay_whole() -> None:
    assert language().tokenize("Kim Jong-un in Deir ez-Zor") == ("Kim", "Jong-un", "in", "Deir", "ez-Zor")


def test_a_tree_has_the_words_as_written() -> None:
    (tree,) = language().parse([Segment("title", 7, "iran fires missile", "Iran Fires Missile")])
    assert tree.words == ("Iran", "Fires", "Missile")
    assert (tree.starts[0], tree.ends[-1]) == (7, 25)


def test_common_words_are_told_from_names() -> None:
    assert language().common("launches")
    assert language().common("stopping")
    assert not language().common("zelensky")
