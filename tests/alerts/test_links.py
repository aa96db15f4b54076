from __future__ import annotations

import pytest

from alerts.links import LASTING, PATH, VerdictLink, read_verdict_link, verdict_link
from alerts.messages import Renderer
from tests.alerts.samples import HOUR, T0, alert, shown
from tocsin.model import Alert, AlertKind

SECRET = 32 * "s"
ADDRESS = "https://desk.example.org/"


def link(of: Alert, who: str = "mail/0", *, address: str = ADDRESS, secret: str = SECRET) -> str:
    return verdict_link(of, who, address=address, secret=secret)


def token(of: Alert, **values: str) -> str:
    return link(of, **values).rpartition("/")[2]


def test_what_was_signed_is_read_again() -> None:
    assert link(alert()).startswith(f"https://desk.example.org{PATH}")
    assert link(alert()) == link(alert())
    assert read_verdict_link(token(alert()), SECRET, T0) == VerdictLink("a1", "mail/0", T0 + LASTING)


def test_a_word_about_an_alert_leads_to_that_alert_and_an_alarm_nowhere() -> None:
    about = alert(kind=AlertKind.CORRECTION, about=("orig",))
    assert read_verdict_link(token(about), SECRET, T0).alert == "orig"
    assert link(alert(kind=AlertKind.ALARM)) == ""


def test_without_a_key_an_address_or_a_reader_there_is_no_link() -> None:
    assert [link(alert(), address=""), link(alert(), secret=""), link(alert(), who="")] == ["", "", ""]


def test_a_link_is_over_a_month_after_its_alert() -> None:
    assert read_verdict_link(token(alert()), SECRET, T0 + LASTING - HOUR).alert == "a1"
    with pytest.raises(ValueError, match="was good until 2026-12-02 06:00 UTC"):
        read_verdict_link(token(alert()), SECRET, T0 + LASTING)


def test_what_another_key_signed_or_anybody_changed_is_refused() -> None:
    good = token(alert())
    payload, _, signature = good.rpartition(".")
    other = token(alert("a2")).rpartition(".")[0]
    forged = [token(alert(), secret=32 * "t"), f"{other}.{signature}", payload, good[:-2], good + "A", "", ".", "ü.é"]
    for each in forged:
        with pytest.raises(ValueError, match="not one of ours"):
            read_verdict_link(each, SECRET, T0)
    with pytest.raises(ValueError, match="not one of ours"):
        read_verdict_link(token(alert()), "", T0)


@pytest.mark.parametrize("family", ["mail", "plain", "slack", "discord", "telegram", "webhook"])
def test_a_message_and_a_digest_carry_the_readers_own_link(family: str) -> None:
    renderer = Renderer(verdict_link=link)
    single = renderer.alert(alert(), shown(), family, now=T0, who="desk/1")  # type: ignore[arg-type]
    both = renderer.digest([(alert(), shown()), (alert("a2"), shown())], family, now=T0, who="desk/1")  # type: ignore[arg-type]
    assert token(alert(), who="desk/1") in single.body
    assert all(token(alert(id), who="desk/1") in both.body for id in ("a1", "a2"))
    assert "verdict/" not in Renderer().alert(alert(), shown(), family, now=T0).body  # type: ignore[arg-type]
