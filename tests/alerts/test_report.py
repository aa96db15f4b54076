from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest

from alerts.report import SHOWN_EVENTS, SHOWN_IN_BRIEF, report
from tests.alerts.samples import DAY, HOUR, T0, alert, event, shown
from tocsin.model import Modality, Precision

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{ 7*7 }}\u202e'
SINCE, UNTIL = T0.replace(hour=0), T0.replace(hour=0) + 7 * DAY


class Tags(HTMLParser):
    """Collects what a browser would act upon, and the text of cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def rows(html: str) -> list[list[str]]:
    """The text of the cells of each row that has no table in it."""
    found = re.findall(r"<tr>((?:(?!<table|</tr>).)*)</tr>", html)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in found]


def week(**values: Any) -> str:
    defaults: dict[str, Any] = {"since": SINCE, "until": UNTIL}
    return report(values.pop("alerts", [(alert(), shown())]), **(defaults | values))


def test_the_week_is_told_in_plots_events_alerts_and_precision() -> None:
    events = [event(1), event(2, hours_ago=-30), event(3, type="strike", target="KR", modality=Modality.DENIED)]
    precision = (Precision("rule", "missile_test", true=3, false=1), Precision("rule", "unjudged"))
    html = week(events=events, precision=precision, names={"KP": "North Korea", "KR": "South Korea"})

    assert "1 alert of w;\n3 events." in html
    days = [f"11-0{day}" for day in range(2, 9)]
    table = rows(html)
    assert ["", *days, "all"] in table
    assert ["missile test", "1", "1", "", "", "", "", "", "2"] in table
    assert ["strike", "1", "", "", "", "", "", "", "1"] in table
    started = "2026-11-02 05:00"
    title = "North Korea fires missile into sea"
    assert [started, "strike, denied", "North Korea → South Korea", "+6", "1", title] in table
    assert '<td>missile_test</td><td>4</td><td>75%</td><td class="line">30% to 95%</td>' in html
    assert "unjudged" not in html
    assert '<td width="80">11-02</td><td width="40">1</td><td><table width="100%"' in html
    assert "<mark>North</mark>" in html


def test_it_is_one_file_that_fetches_and_runs_nothing() -> None:
    found = Tags(week(events=[event()]))
    assert not found.tags & {"script", "img", "link", "iframe", "object", "base", "form", "svg"}
    assert not {name for name in found.attributes if name.startswith("on") or name == "src"}


@pytest.mark.parametrize("brief", [True, False])
def test_what_feeds_and_people_wrote_is_text(brief: bool) -> None:
    item = event(title=HOSTILE, source=HOSTILE, families=frozenset({HOSTILE}))
    pairs = [(alert(title=HOSTILE, reason=HOSTILE, group=HOSTILE), shown(HOSTILE, publisher=HOSTILE))]
    precision = (Precision("publisher", HOSTILE, true=1),)
    html = week(alerts=pairs, events=[item], precision=precision, brief=brief)

    found = Tags(html)
    assert "script" not in found.tags and "img" not in found.tags
    assert "&lt;script&gt;alert(1)" in html
    assert "{{ 7*7 }}" in html
    assert "\u202e" not in html


def test_a_mail_names_the_alerts_without_their_evidence() -> None:
    html = week(brief=True)
    assert "<article" not in html
    assert [
        "2026-11-02 06:00",
        "North Korea fires a missile: North Korea fires missile into sea",
        "w/t",
        "open",
    ] in rows(html)


def test_the_strongest_events_are_shown_and_the_others_counted() -> None:
    events = [event(n, severity=float(n % 10), title=f"Event {n}") for n in range(1, SHOWN_EVENTS + 4)]
    assert "and 3 more events" in week(events=events)
    brief = week(events=events, brief=True)
    assert f"and {SHOWN_EVENTS + 3 - SHOWN_IN_BRIEF} more events" in brief
    assert "Event 9<" in brief and "Event 10<" not in brief


def test_a_mail_has_the_precision_of_what_was_judged_most() -> None:
    precision = [Precision("rule", f"rule{n}", true=n) for n in range(1, SHOWN_IN_BRIEF + 2)]
    assert "<td>rule1</td>" in week(precision=precision)
    brief = week(precision=precision, brief=True)
    assert "<td>rule1</td>" not in brief
    assert brief.index("<td>rule2</td>") < brief.index("<td>rule21</td>")


@pytest.mark.parametrize(
    ("days", "unit", "columns"),
    [(1, "day", ["11-02"]), (31, "day", 31), (60, "week", 9), (400, "month", 14), (2_000, "year", 7)],
)
def test_a_longer_span_has_coarser_columns(days: int, unit: str, columns: Any) -> None:
    html = week(events=[event(hours_ago=-1)], until=SINCE + days * DAY)
    assert f"<h2>Events by type and {unit}</h2>" in html
    header = next(row for row in rows(html) if row and row[-1] == "all")[1:-1]
    assert (header if isinstance(columns, list) else len(header)) == columns


def test_a_span_that_ends_within_a_day_has_a_column_for_it() -> None:
    html = week(alerts=[(alert(hours_ago=-10), shown())], since=T0 - 12 * HOUR, until=T0 + 12 * HOUR)
    assert '<td width="80">11-01</td><td width="40">0</td><td></td>' in html
    assert '<td width="80">11-02</td><td width="40">1</td>' in html


def test_a_calm_week_says_so() -> None:
    html = week(alerts=[], events=[])
    assert "0 alerts;\n0 events." in html
    assert "<table" not in html
