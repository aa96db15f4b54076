"""What people do on the dashboard: it is kept, under their name, and only from our own forms."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from alerts.links import verdict_link
from tests.web.conftest import Dashboard, csrf
from tocsin.model import AlertState, Judgement
from tocsin.store import Decision

SECRET = "s" * 40
ACTS = {
    "acknowledge": {},
    "resolve": {},
    "mute": {"scope": "threshold", "span": "24h"},
    "verdict": {"value": "true"},
}


@pytest.fixture
def alert(browser: TestClient) -> str:
    """The id of an open alert."""
    return str(browser.get("/alerts.json").json()[0]["id"])


def post(browser: TestClient, alert: str, act: str, **values: str) -> str:
    """Do it as the page's form would; the page that comes back."""
    token = csrf(browser, f"/alerts/{alert}")
    answer = browser.post(f"/alerts/{alert}/{act}", data={"csrf": token, **values})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_alert_is_acknowledged_then_resolved(dashboard: Dashboard, browser: TestClient, alert: str) -> None:
    assert "Acknowledged." in post(browser, alert, "acknowledge", note="on it <b>")
    assert "Nothing to change" in post(browser, alert, "acknowledge")
    assert "Resolved." in post(browser, alert, "resolve")

    detail = dashboard.store.alerts.detail(alert)
    assert detail is not None
    assert detail.alert.state is AlertState.RESOLVED
    assert [(act.who, act.act, act.note) for act in detail.history] == [
        ("ann", "acknowledge", "on it <b>"),
        ("ann", "resolve", ""),
    ]


def test_a_threshold_or_a_group_is_muted_and_the_mute_ended(
    dashboard: Dashboard, browser: TestClient, alert: str
) -> None:
    assert "Muted." in post(browser, alert, "mute", scope="group", span="6h", note="known")

    (mute,) = dashboard.store.mutes.active(now=dashboard.now)
    threshold = str(mute.matchers["threshold"])
    assert set(mute.matchers) == {"watch", "threshold", "group"}
    assert threshold.startswith("new_")
    assert mute.until - mute.starts_at == dt.timedelta(hours=6)
    token = csrf(browser, f"/alerts/{alert}")
    text = browser.post(f"/mutes/{mute.id}/end", data={"csrf": token, "alert": alert}).text
    assert "The mute has ended." in text
    dashboard.now += dt.timedelta(seconds=1)
    assert dashboard.store.mutes.active(now=dashboard.now) == []


def test_a_group_is_offered_to_mute_where_there_is_one(dashboard: Dashboard, browser: TestClient, alert: str) -> None:
    detail = dashboard.store.alerts.detail(alert)
    assert detail is not None
    assert not detail.alert.group
    grouped = replace(detail.alert, id="grouped", group="pair=KP-KR")
    dashboard.store.alerts.save_decisions([Decision(grouped, ())], evaluated=[])

    assert 'value="group"' not in browser.get(f"/alerts/{alert}").text
    assert 'value="group"' in browser.get("/alerts/grouped").text


def test_verdicts_on_an_alert_and_a_trigger_are_kept_and_counted(
    dashboard: Dashboard, browser: TestClient, alert: str
) -> None:
    assert "<b>false</b>" in post(browser, alert, "verdict", value="false", note="a film")
    detail = dashboard.store.alerts.detail(alert)
    assert detail is not None
    ((trigger, article),) = detail.reports[detail.events[0].id]
    token = csrf(browser, f"/articles/{article.id}")
    answer = browser.post(
        f"/triggers/{trigger.id}/verdict", data={"csrf": token, "article": str(article.id), "value": "true"}
    )

    assert "Your verdict is kept." in answer.text
    assert [(each.who, each.value) for each in dashboard.store.verdicts.list()] == [
        ("ann", Judgement.TRUE),
        ("ann", Judgement.FALSE),
    ]
    rules = {row["id"]: row for row in browser.get("/rules.json").json()}
    assert (rules[trigger.rule]["precision"], rules[trigger.rule]["judged"]) == (1.0, 1)
    assert "100 %" in browser.get("/rules").text


@pytest.mark.parametrize("act", ACTS)
def test_no_form_of_another_site_or_session_does_anything(dashboard: Dashboard, act: str) -> None:
    browser, stranger = dashboard.open(), dashboard.open()
    alert = str(browser.get("/alerts.json").json()[0]["id"])
    token = csrf(browser, f"/alerts/{alert}")
    theirs = csrf(stranger, f"/alerts/{alert}")
    path, form = f"/alerts/{alert}/{act}", ACTS[act]

    refused = [
        browser.post(path, data=form),
        browser.post(path, data={**form, "csrf": theirs}),
        browser.post(path, data={**form, "csrf": token + "x"}),
        browser.post(path, data={**form, "csrf": token}, headers={"Origin": "https://evil.example"}),
        browser.post(path, data={**form, "csrf": token}, headers={"Sec-Fetch-Site": "cross-site"}),
        dashboard.open().post(path, data={**form, "csrf": token}),
    ]

    assert [answer.status_code for answer in refused] == [403] * 6
    detail = dashboard.store.alerts.detail(alert)
    assert detail is not None
    assert (detail.alert.state, detail.history) == (AlertState.OPEN, ())
    assert dashboard.store.mutes.active(now=dashboard.now) == []


def test_what_is_not_there_cannot_be_acted_on(browser: TestClient, alert: str) -> None:
    token = csrf(browser, f"/alerts/{alert}")

    for path, form in (
        ("/alerts/none/acknowledge", {}),
        ("/alerts/none/mute", ACTS["mute"]),
        ("/alerts/none/verdict", ACTS["verdict"]),
        ("/triggers/999/verdict", {"value": "true", "article": "1"}),
    ):
        assert browser.post(path, data={**form, "csrf": token}).status_code == 404
    assert (
        browser.post(f"/alerts/{alert}/mute", data={"csrf": token, "scope": "group", "span": "long"}).status_code == 422
    )


def test_the_link_in_a_message_asks_first_and_keeps_the_verdict_of_its_holder(dashboard: Dashboard) -> None:
    dashboard.room.settings["web"] = {
        "address": "http://127.0.0.1:8484",
        "secret": "${WEB_SECRET}",
        "token": "${TOKEN}",
    }
    dashboard.room.secrets.update(WEB_SECRET=SECRET, TOKEN="t" * 40)
    browser = dashboard.open()
    (alert, *_) = dashboard.store.alerts.recent()
    link = verdict_link(alert, "mail/0", address="http://127.0.0.1:8484", secret=SECRET)

    asked = browser.get(link)
    assert asked.status_code == 200
    assert dashboard.store.verdicts.list() == ()
    given = browser.post(link, data={"value": "stale"})
    assert "kept as “stale”" in given.text
    assert [(each.who, each.value, each.alert) for each in dashboard.store.verdicts.list()] == [
        ("mail/0", Judgement.STALE, alert.id)
    ]
    assert browser.get(link + "x").status_code == 410
    assert browser.get(f"/alerts/{alert.id}", follow_redirects=False).status_code == 303
    dashboard.now += dt.timedelta(days=31)
    assert browser.post(link, data={"value": "true"}).status_code == 410


def test_what_somebody_writes_does_nothing_to_the_terminal_of_others(
    dashboard: Dashboard, browser: TestClient, alert: str
) -> None:
    post(browser, alert, "acknowledge", note="on it\r\n\x1b]0;owned\x07\x1b[2J\u202eever\x00")

    detail = dashboard.store.alerts.detail(alert)
    assert detail is not None
    assert [act.note for act in detail.history] == ["on it ]0;owned [2J ever"]


def test_odd_ids_are_nowhere(browser: TestClient) -> None:
    huge = "9" * 30
    for path in ("/alerts/%00", "/alerts/a%0ab", "/verdict/%00", "/alerts/%ff%fe", f"/alerts/{huge}"):
        assert browser.get(path).status_code in (404, 410), path
    for path in (f"/events/{huge}", f"/articles/{huge}", "/events/-1"):
        assert browser.get(path).status_code == 422, path
    token = csrf(browser, "/alerts/" + str(browser.get("/alerts.json").json()[0]["id"]))
    for path, more in ((f"/mutes/{huge}/end", {"alert": "x"}), (f"/triggers/{huge}/verdict", {"article": huge})):
        assert browser.post(path, data={"csrf": token, "value": "true", **more}).status_code == 422, path
