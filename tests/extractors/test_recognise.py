import pytest

from extractors.recognise import is_english
from tests.extractors.detecting import detect


@pytest.mark.parametrize(
    "text",
    [
        "Le président français a rencontré le chancelier allemand à Berlin pour parler de la guerre en Ukraine",
        "Der Bundeskanzler hat sich mit dem Präsidenten in der Hauptstadt getroffen",
        "El presidente de la República viajó a los Estados Unidos para una reunión con el secretario",
        "北朝鮮が日本海に向けて弾道ミサイルを発射",
        "الرئيس الروسي يلتقي نظيره الكوري الشمالي",
        "Россия нанесла удар по Киеву",
        "",
        "12345 !!! 🚀🚀",
    ],
)
def test_other_languages_are_recognised_and_counted(text: str) -> None:
    assert not is_english(text)
    assert detect(text).skipped == "language"


@pytest.mark.parametrize(
    "text",
    [
        "N. Korea fires missile",
        "Macron meets Merz in Berlin",
        "US vetoes Gaza resolution",
        "São Paulo mayor visits Zürich to discuss the climate",
    ],
)
def test_short_english_headlines_are_read(text: str) -> None:
    assert is_english(text)
