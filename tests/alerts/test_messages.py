from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.escaping import one_line, safe_link
from alerts.evidence import Evidence, highlighted
from alerts.messages import Message, Renderer, plain
from tests.alerts.samples import HOUR, T0, alert, event, report, shown
from tocsin.config.channels import Family
from tocsin.model import AlertKind

FAMILIES: tuple[Family, ...] = get_args(Family)
RENDERER = Renderer(names={"KP": "North Korea"}, link="https://desk.example/alerts/{id}")


def rendered(family: Family = "plain", title: str = "North Korea fires missile into sea", **values: Any) -> Message:
    return RENDERER.alert(alert(**values.pop("alert", {})), shown(title, **values), family, now=T0)


def test_a_message_says_what_who_when_how_sure_why_and_what_to_do() -> None:
    assert rendered(hit="fires missile").body == (
        "North Korea fires a missile: North Korea fires missile into sea\n"
        "\n"
        "Who: North Korea\n"
        "What: missile test\n"
        "When: 2026-11-02 05:00 UTC\n"
        "How sure: reported as happened; 1 independent publisher (Daily)\n"
        "- Daily, 2026-11-02 06:00 UTC: North Korea »fires missile« into sea https://daily.example/1\n"
        "Detected by: missile_test abc123\n"
        "\n"
        "Why: w/t v1: missile_test happened, 1 independent publisher\n"
        "https://desk.example/alerts/a1\n"
        "Acknowledge: tocsin alerts ack a1\n"
        "Mute: tocsin alerts mute threshold=t --for 24h"
    )


def test_a_message_tells_doubts_what_was_left_out_and_which_feeds_were_blind() -> None:
    item = event(
        target="JP",
        place="Sea of Japan",
        object="ICBM",
        occurred_on=dt.date(2026, 11, 1),
        state_media=True,
        denials=(10,),
        facts={"range_km": 800},
        articles=(10, 11, 12),
    )
    evidence = Evidence(
        [item],
        {1: [report("Seoul denies it", hit="denies")]},
        left_out=["3 copies of one wire story"],
        blind=["KCNA"],
    )
    body = RENDERER.alert(alert(hours_ago=2, group="source=KP"), evidence, "plain", now=T0).body
    for line in (
        "Who: North Korea → JP",
        "What: missile test, ICBM",
        "When: 2026-11-01, Sea of Japan",
        "How sure: reported as happened; 1 independent publisher (Daily); only state media carry it; denied by 1",
        "Fact: range km 800",
        "Denial: Seoul denies it",
        "- and 2 more of the same",
        "Why: w/t v1 (source=KP): missile_test happened, 1 independent publisher",
        "Left out: 2 more reports by the same publishers or of the same text",
        "Left out: 3 copies of one wire story",
        "Blind in this time: KCNA",
        "Late by 120 minutes: the alert is of 2026-11-02 04:00 UTC",
    ):
        assert line in body.split("\n")


def test_only_the_first_report_of_a_publisher_is_shown_and_few_events() -> None:
    reports = [report(f"Title {n}", hit="Title", publisher=name) for n, name in enumerate("AABBCCDDEE")]
    numbered = [(trigger, replace(article, id=n)) for n, (trigger, article) in enumerate(reports)]
    evidence = Evidence([event(n) for n in range(1, 9)], {1: numbered})
    body = RENDERER.alert(alert(), evidence, "plain", now=T0).body
    assert [name for name in "ABCDE" if f"- {name}, " in body] == ["A", "B", "C", "D"]
    assert "and 3 more events" in body


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        (AlertKind.UPDATE, "[w] Update: "),
        (AlertKind.CORRECTION, "[w] Correction: "),
        (AlertKind.ESCALATION, "[w] Not acknowledged: "),
        (AlertKind.ALERT, "[w] North Korea fires a missile: "),
    ],
)
def test_a_word_about_an_alert_says_so_and_names_the_alert(kind: AlertKind, start: str) -> None:
    message = rendered(alert={"kind": kind, "about": ("orig",)})
    assert message.subject.startswith(start)
    assert "tocsin alerts ack orig" in message.body
    assert "https://desk.example/alerts/orig" in message.body


def test_mails_of_one_group_are_one_thread_and_others_are_not() -> None:
    one, two, other = (
        rendered("mail", alert=values).headers
        for values in ({"id": "a1"}, {"id": "a2", "hours_ago": 5}, {"id": "a3", "group": "source=IR"})
    )
    assert one["References"] == two["References"] == one["In-Reply-To"] != other["References"]
    assert one["X-Tocsin-Alert"] == "a1"
    assert one["Auto-Submitted"] == "auto-generated"


# hostile text


HOSTILE = (
    "<script>alert(1)</script> fires <img src=x onerror=alert(1)> {{7*7}} {% raise %} ${HOME} %s {0.__class__} "
    "@everyone <!channel> <@U1> [go](javascript:alert(1)) ![x](http://evil.example/x.png) =cmd()|' \x1b[31mred"
)


def test_text_of_feeds_is_never_read_as_a_template() -> None:
    for family in FAMILIES:
        body = rendered(family, HOSTILE, hit="fires").body
        assert "{{7*7}}" in body and "${HOME} %s {0.__class__}" in body
        assert "\x1b" not in body


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", 'http://ok.example/" onclick="x', "//x"])
def test_html_has_no_tag_attribute_or_link_of_strangers(link: str) -> None:
    plain_tags = parsed(rendered("mail").body)
    hostile = rendered("mail", HOSTILE, hit="fires", link=link, publisher='<b>P</b>" onload="x').body
    tags = parsed(hostile)
    assert set(tags.tags) <= set(plain_tags.tags)
    assert {name for name, _ in tags.attributes} <= {"style", "href", "lang", "charset", "rel"}
    for name, value in tags.attributes:
        if name == "href":
            assert value is not None and value.startswith(("https://", "http://"))
    assert not {"img", "script", "link", "iframe"} & set(tags.tags)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x?y=1&z=ü", "https://a.example/x?y=1&z=%C3%BC"),
        ("http://a.example/<b>|)(]['\"`*", "http://a.example/%3Cb%3E%7C%29%28%5D%5B%27%22%60*".replace("*", "%2A")),
        ("HTTPS://a.example", "HTTPS://a.example"),
        ("https://a.example/\r\nx", "https://a.example/x"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("ftp://a.example", ""),
        ("https://www.bbc.example@evil.example/", ""),
        ("https://www.bbc.example\\@evil.example/", ""),
        ("https://a.example/@ann/1", "https://a.example/@ann/1"),
        ("https://", ""),
        ("https://[bad", ""),
        ("", ""),
        ("https://a.example/" + "x" * 3000, ""),
    ],
)
def test_links_are_http_or_nothing(url: str, expected: str) -> None:
    assert safe_link(url) == expected


def test_a_webhook_gets_values_as_they_are() -> None:
    event_ = json.loads(rendered("webhook", HOSTILE, hit="fires").body)
    assert (event_["specversion"], event_["id"], event_["type"]) == ("1.0", "a1", "tocsin.alert")
    assert (event_["source"], event_["subject"], event_["time"]) == ("/tocsin/watches/w", "t", "2026-11-02T06:00:00Z")
    assert event_["data"]["severity"] == 6.0
    (row,) = event_["data"]["events"][0]["reports"]
    assert row["hit"] == "fires"
    assert row["before"] == "<script>alert(1)</script> "


@settings(max_examples=150)
@given(st.text(max_size=300))
def test_any_text_makes_one_clean_subject_and_a_body_in_every_family(title: str) -> None:
    evidence = Evidence([event(title=title)], {1: [report(f"{title} hit", hit="hit", link=title)]})
    for family in FAMILIES:
        message = RENDERER.alert(alert(title=title), evidence, family, now=T0)
        assert len(message.subject) <= 200
        assert message.subject == one_line(message.subject)
        message.body.encode()
        if family == "webhook":
            json.loads(message.body)
        for fallback in (plain(alert(title=title, reason=title), family),):
            assert fallback.subject == one_line(fallback.subject)
            fallback.body.encode()


@settings(max_examples=200)
@given(st.text(max_size=200), st.integers(1, 60))
def test_one_line_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    line.encode()


def test_one_line_removes_what_cannot_be_seen_or_sent() -> None:
    assert one_line("a\r\nb\x0b\x0c\x85\u2028c\x00\ud800d\u202eevil\u2069 \x1b[31m\ue000") == "a b c d evil [31m"
    assert one_line("می\u200cخواهم") == "می\u200cخواهم"
    assert one_line("x" * 10, 5) == "xxxx…"


@pytest.mark.parametrize("family", ["plain", "chat", "discord"])
@pytest.mark.parametrize(
    "token", ["@everyone", "@here", "@all", "<@U1", "<@&1", "<!channel", "<#C1", "](http", "```", "@**all**", "@*"]
)
def test_what_chat_services_act_upon_is_broken(family: Family, token: str) -> None:
    assert token not in rendered(family, f"Kim {token}x fires", hit="fires").body


def test_slack_entities_are_escaped_once() -> None:
    body = rendered("slack", "A & B <!channel> &lt; fires", hit="fires").body
    assert "A &amp; B &lt;!channel&gt; &amp;lt; »fires«" in body


# highlighting, cutting, digests, fallbacks


def test_the_words_of_the_trigger_are_highlighted_where_they_stand() -> None:
    trigger, article = report("North Korea fires missile into sea", hit="fires missile")
    assert highlighted(trigger, article) == ("North Korea ", "fires missile", " into sea")
    moved = replace(article, title="Breaking: North Korea fires missile into sea")
    assert highlighted(trigger, moved)[0] == "Breaking: North Korea "
    edited = replace(article, title="North Korea did nothing")
    assert highlighted(trigger, edited) == ("North Korea did nothing", "", "")
    summary = replace(article, summary="x" * 300 + " fires missile " + "y" * 300)
    in_summary = replace(trigger, evidence=replace(trigger.evidence, field="summary", start=301, end=314))
    before, hit, after = highlighted(in_summary, summary)
    assert before.startswith("…xx") and hit == "fires missile" and after.endswith("yy…")


def test_a_body_is_cut_at_whole_lines_and_keeps_its_end() -> None:
    message = Message("i", "Subject", "\n".join([*("line" * 5 for _ in range(100)), "link", "ack"]), "discord")
    short = message.fitted(200)
    assert len(short) <= 200
    assert short.endswith("\n… (shortened)\nlink\nack")
    assert short.startswith("linelineline")
    assert message.fitted(0) == message.body
    assert message.fitted(10) == "Subject"


def test_a_digest_is_one_message_oldest_first() -> None:
    pairs = [(alert(f"a{n}", hours_ago=n, title=f"Title {n}"), shown()) for n in (1, 3, 2)]
    message = RENDERER.digest(pairs, "plain", now=T0)
    assert message.subject == "[w] 3 alerts"
    assert [message.body.index(f"Title {n}") for n in (3, 2, 1)] == sorted(
        message.body.index(f"Title {n}") for n in (1, 2, 3)
    )
    assert RENDERER.digest(list(reversed(pairs)), "plain", now=T0) == message
    batch = json.loads(RENDERER.digest(pairs, "webhook", now=T0).body)
    assert [each["id"] for each in batch] == ["a3", "a2", "a1"]
    assert "<li>" in RENDERER.digest(pairs, "mail", now=T0).body


def test_an_operators_template_is_used_and_still_escaped(tmp_path: Path) -> None:
    (tmp_path / "alert.txt").write_text("OWN {{ headline }} {{ reason.__class__ }}")
    with pytest.raises(Exception, match="unsafe"):
        Renderer(templates=tmp_path).alert(alert(), shown("<!channel> fires"), "slack", now=T0)
    (tmp_path / "alert.txt").write_text("OWN {{ headline }}")
    body = Renderer(templates=tmp_path).alert(alert(), shown("<!channel> fires"), "slack", now=T0).body
    assert body == "OWN North Korea fires a missile: &lt;!channel&gt; fires"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_message_of_last_resort_needs_no_template(family: Family) -> None:
    message = plain(alert(title="<b>@everyone</b>"), family)
    assert message.id == "a1"
    assert "tocsin alerts ack a1" in message.body
    if family in ("mail", "telegram", "slack"):
        assert "<b>" not in message.body


def test_a_late_message_says_so_and_one_in_time_does_not() -> None:
    assert "Late by" not in rendered(alert={"hours_ago": 0.4}).body
    assert "Late by 60 minutes" in RENDERER.alert(alert(), shown(), "plain", now=T0 + HOUR).body
