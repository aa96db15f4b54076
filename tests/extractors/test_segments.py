from extractors.segments import cut, looks_titlecase, lower_common
from tests.extractors.detecting import detect, language


def texts(title: str, summary: str = "") -> list[str]:
    return [segment.original for segment in cut(title, summary, lambda text: text)]


def test_a_headline_is_cut_at_colons_and_dashes() -> None:
    assert texts("Opinion | Ukraine war: Kyiv shelled - officials") == ["Ukraine war", "Kyiv shelled", "officials"]


def test_datelines_and_agencies_are_left_out() -> None:
    assert texts("x", "BAGHDAD, Iraq (Reuters) - A bomb went off.") == ["x", "A bomb went off."]
    assert texts("Bomb goes off (AP)") == ["Bomb goes off"]


def test_offsets_count_from_the_start_of_the_field() -> None:
    title, summary = "Exclusive: Israel bombs Iran", "JERUSALEM (AP) - Israeli jets bombed Natanz on Monday."
    for trigger in detect(title, summary=summary).triggers:
        text = {"title": title, "summary": summary}[trigger.evidence.field]
        assert text[trigger.evidence.start : trigger.evidence.end]
        assert trigger.evidence.text.split()[0] == text[trigger.evidence.start :].split()[0].rstrip(".,")


def test_common_words_of_a_title_lose_their_capitals_and_names_keep_them() -> None:
    title = "Israel Strikes Iranian Base in Answer to Attack"
    assert looks_titlecase(title)
    low = lower_common(title, lambda start, end: title[start:end] in ("Israel", "Iranian"), language().common)
    assert low == "Israel strikes Iranian base in answer to attack"
