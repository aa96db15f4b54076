import pytest

from tests.extractors.detecting import only


@pytest.mark.parametrize(
    ("text", "kind", "source", "target"),
    [
        ("Israel bombed Hamas positions in Gaza on Monday.", "armed_attack", "IL", "HAMAS"),
        ("Lviv was bombed by Russia on Monday.", "armed_attack", "RU", "UA"),
        ("A Russian missile attack on Kyiv killed nine people.", "armed_attack", "RU", "UA"),
        ("The launch of a ballistic missile by Pyongyang was condemned by Tokyo.", "missile_test", "KP", None),
        ("A North Korean missile test worries Japan", "missile_test", "KP", None),
        ("Iran carried out a test of a ballistic missile.", "missile_test", "IR", None),
        ("Seoul says the North fired two missiles into the sea", "missile_test", "KP", None),
        ("Japan condemns North Korea's missile launch", "missile_test", "KP", None),
        ("North Korea is reported to have launched a ballistic missile.", "missile_test", "KP", None),
        ("Russia and China vetoed sanctions on North Korea in the Security Council.", "sanctions_veto", "RU", None),
        ("The resolution imposing sanctions on Mali was vetoed by Russia.", "sanctions_veto", "RU", None),
        ("France sent tanks to Ukraine.", "arms_transfer", "FR", "UA"),
        ("Ukraine received missiles from Britain.", "arms_transfer", "GB", "UA"),
        ("The US accuses Iran of arming Houthi rebels.", "arms_transfer", "IR", "HOUTHI"),
        ("KCNA: Kim Jong Un meets Putin", "diplomatic_talks", "KP", "RU"),
        ("Talks between Iran and the EU resumed in Vienna.", "diplomatic_talks", "IR", "EU"),
    ],
)
def test_parties_are_found_in_every_construction(text: str, kind: str, source: str, target: str | None) -> None:
    trigger = only(text, kind)
    assert trigger.source == source
    if target is not None:
        assert trigger.target == target


def test_companies_do_not_act_for_their_state() -> None:
    trigger = only("A missile fired by a US company into the sea alarmed Mexico.", "missile_test")
    assert trigger.source != "US"
