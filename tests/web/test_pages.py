"""Every page over a real store: what it shows, what it lets be asked, and that feeds cannot put anything into it."""

from __future__ import annotations

import csv
import io
import re
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from tests.newsroom import HOUR, MISSILE
from tests.web.conftest import Dashboard, poisoned

ADDRESS = re.compile(r'(?:href|src|action)="([^"]*)"([^>]*)>')
PAGES = ("/watches/test", "/watches/test?days=365", "/alerts", "/events", "/articles", "/rules", "/feeds")


def alert_id(client: TestClient, **query: str) -> str:
    return str(client.get("/alerts.json", params=query).json()[0]["id"])


def test_the_first_page_is_the_first_watch(browser: TestClient) -> None:
    answer = browser.get("/", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/watches/test")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_with_landmarks_and_a_strict_policy(browser: TestClient, path: str) -> None:
    answer = browser.get(path)

    assert answer.status_code == 200
    for part in ("<main", "<nav aria-label", "<h1>", 'lang="en"', "skip"):
        assert part in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_no_page_runs_or_loads_what_a_feed_says(dashboard: Dashboard) -> None:
    browser = dashboard.open()
    article, event, alert = poisoned(dashboard.store, dashboard.now)
    paths = [*PAGES, f"/events/{event}", f"/articles/{article}", f"/alerts/{alert}"]

    pages = {path: browser.get(path).text for path in paths}

    for path, text in pages.items():
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b>Herald" not in text
        assert "style=" not in text
        for address, rest in ADDRESS.findall(text):
            assert address.startswith(("/", "?", "#")) or 'rel="noopener noreferrer nofollow"' in rest
            assert not address.startswith("javascript:")
        if path not in ("/rules",):
            assert "&lt;" in text
    atom = ET.fromstring(browser.get("/alerts.atom").content)
    assert "<script>" in "".join(atom.itertext())  # as text, which it is


def test_an_alert_shows_its_words_its_reasons_and_who_was_told(browser: TestClient) -> None:
    text = browser.get(f"/alerts/{alert_id(browser, threshold='new_missile_test')}").text

    assert "<mark>" in text
    for part in ("Threshold", "Formula", "missile_test @", "Acknowledge", "hook/0", "mail/0", "Blind now", "Wire"):
        assert part in text


def test_filters_and_words(browser: TestClient) -> None:
    def count(path: str, **query: str) -> int:
        return len(browser.get(path, params=query).json())

    assert count("/articles.json") == 3
    assert count("/articles.json", q="harvest") == 1
    assert count("/articles.json", q="missile -tokyo", feed="herald") == 0
    assert count("/articles.json", since="2026-03-02") == 0
    assert count("/events.json", type="sanctions_veto") == 1
    assert count("/events.json", actor="kp") >= 1
    assert count("/alerts.json", state="open", watch="test") == count("/alerts.json")
    assert count("/alerts.json", state="resolved") == 0
    assert "No article fits." in browser.get("/articles", params={"q": "nowhere"}).text


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=99999", "sort=id;DROP", "since=tomorrow", "before=x", "q=%00", "state=OR 1=1", "modality=x"],
)
def test_what_cannot_be_asked_is_refused_in_words(browser: TestClient, query: str) -> None:
    path = "/events" if "modality" in query else "/alerts" if "state" in query else "/articles"

    page, data = browser.get(f"{path}?{query}"), browser.get(f"{path}.json?{query}")

    assert page.status_code == data.status_code == 422
    assert query.partition("=")[0] in page.text
    assert query.partition("=")[0] in data.json()["detail"]


def test_fields_left_empty_count_as_not_given(browser: TestClient) -> None:
    assert browser.get("/events?q=&type=&modality=&actor=&severity=&since=&until=").status_code == 200


def test_pages_follow_each_other(browser: TestClient) -> None:
    first = browser.get("/articles?limit=2&q=")
    address = first.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")

    assert "before=" in address
    last = browser.get(f"/articles{address}").text
    assert last.count("<li><h2 ") == 1
    assert '<a href="?limit=2&amp;q=">← Newest</a>' in last


def test_a_list_in_which_nothing_fits_says_so(browser: TestClient) -> None:
    assert "No event fits." in browser.get("/events?q=nowhere").text


def test_a_link_that_is_over_is_refused_in_words_to_a_person(browser: TestClient) -> None:
    answer = browser.get("/verdict/cut.off")  # a signed link has dots in it, as names of files have

    assert answer.status_code == 410
    assert "<h1>410: Gone</h1>" in answer.text


def test_every_list_as_csv_that_no_spreadsheet_runs(dashboard: Dashboard) -> None:
    room = dashboard.room
    room.paper("herald").publish('=HYPERLINK("http://x","y")', at=dashboard.now)
    room.sweep(now=dashboard.now)
    browser = dashboard.open()

    for name in ("alerts", "events", "articles", "rules", "feeds"):
        answer = browser.get(f"/{name}.csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert len(rows) == len(browser.get(f"/{name}.json").json()) > 0
    titles = [row["title"] for row in csv.DictReader(io.StringIO(browser.get("/articles.csv").text))]
    assert '\'=HYPERLINK("http://x","y")' in titles


def test_alerts_as_an_atom_feed(browser: TestClient) -> None:
    answer = browser.get("/alerts.atom")

    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.fromstring(answer.content)
    entries = feed.findall(f"{atom}entry")
    assert answer.headers["content-type"] == "application/atom+xml"
    assert [entry.findtext(f"{atom}id") for entry in entries] == [
        f"urn:tocsin:alert:{row['id']}" for row in browser.get("/alerts.json").json()
    ]
    link = entries[0].find(f"{atom}link")
    assert link is not None
    assert link.get("href", "").startswith("http://127.0.0.1:8484/alerts/")


def test_the_overview_says_what_is_blind_and_what_happened(browser: TestClient) -> None:
    text = browser.get("/watches/test").text
    data = browser.get("/watches/test/overview.json?days=7").json()

    assert "Blind: 1 of 2 feeds tell nothing" in text
    assert sum(data["types"]["missile_test"]) >= 1
    assert len(data["days"]) == len(data["types"]["missile_test"]) == 8
    assert {row["threshold"] for row in data["alerts"]} == {"new_missile_test", "new_sanctions_veto"}
    assert browser.get("/watches/test/overview.json?days=8").status_code == 422


def test_rules_feeds_and_the_api_are_described(browser: TestClient) -> None:
    rules = {row["id"]: row for row in browser.get("/rules.json").json()}
    feeds = {row["id"]: row for row in browser.get("/feeds.json").json()}
    paths = browser.get("/openapi.json").json()["paths"]

    assert rules["missile_test"]["triggers"] >= 1
    assert rules["missile_test"]["precision"] is None
    assert feeds["herald"]["alive"]
    assert not feeds["wire"]["alive"]
    for name in (
        "/alerts.json",
        "/alerts.csv",
        "/alerts.atom",
        "/events.json",
        "/articles.json",
        "/metrics",
        "/healthz",
    ):
        assert name in paths


@pytest.mark.parametrize("path", ["/alerts/none", "/events/999", "/articles/999", "/watches/none", "/nowhere"])
def test_what_is_not_there_is_said_to_be_so(browser: TestClient, path: str) -> None:
    assert browser.get(path).status_code == 404
    assert "There is no such" in browser.get(path).text


def test_metrics_and_health(dashboard: Dashboard) -> None:
    browser = dashboard.open()

    text = browser.get("/metrics").text
    assert 'tocsin_alerts{state="open"}' in text
    assert "tocsin_feeds_blind 1.0" in text
    assert "tocsin_last_sweep_timestamp_seconds" in text
    assert browser.get("/healthz").json() == {"status": "ok"}
    dashboard.now += HOUR
    assert browser.get("/healthz").status_code == 503


def test_a_broken_edit_is_shown_and_the_last_good_configuration_serves(dashboard: Dashboard) -> None:
    dashboard.open()
    watch = dashboard.room.config / "watches" / "test.yaml"
    watch.write_text("id: test\ncolour: red\n")
    good = watch.read_text()

    dashboard.room.write = lambda: dashboard.room  # type: ignore[method-assign]
    text = dashboard.open().get("/watches/test").text

    assert "The newest configuration does not load" in text
    assert "colour" in text
    assert good.startswith("id: test")


def test_words_that_an_alert_rests_on_are_marked_once(browser: TestClient) -> None:
    article = browser.get("/articles.json", params={"q": f'"{MISSILE}"'}).json()[-1]["id"]

    text = browser.get(f"/articles/{article}").text

    assert text.partition("<h1 ")[2].partition("</h1>")[0].count("<mark>") == 1
