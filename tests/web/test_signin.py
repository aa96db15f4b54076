"""Who may come in: by a token, by name and password, from the right host; and who may not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from tests.web.conftest import Dashboard, csrf
from tocsin.config.folder import load
from tocsin.errors import ConfigError
from tocsin.web.guard import local
from tocsin.web.signin import MOST_FAILURES, Tries

TOKEN = "t0ken" * 8
PASSWORD = "correct horse"


@pytest.fixture
def closed(dashboard: Dashboard) -> Dashboard:
    """A dashboard that one must sign in to."""
    dashboard.room.settings["web"] = {"token": "${TOKEN}", "users": {"bob": PasswordHasher().hash(PASSWORD)}}
    dashboard.room.secrets["TOKEN"] = TOKEN
    return dashboard


def sign_in(browser: TestClient, **form: str) -> int:
    token = csrf(browser, "/signin")
    return browser.post("/signin", data={"csrf": token, **form}, follow_redirects=False).status_code


def test_nothing_is_told_before_signing_in(closed: Dashboard) -> None:
    browser = closed.open()

    for path in ("/alerts", "/events/1", "/watches/test"):
        answer = browser.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?next={path}")
    for path in ("/alerts.json", "/alerts.atom", "/metrics", "/openapi.json"):
        assert browser.get(path, headers={"Accept": "*/*"}).status_code == 401
    assert browser.post("/alerts/x/acknowledge").status_code == 401
    assert browser.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"name": "bob", "password": PASSWORD}, 303),
        ({"name": "bob", "password": "wrong"}, 401),
        ({"name": "eve", "password": PASSWORD}, 401),
        ({"name": "", "password": TOKEN}, 303),
        ({"name": "bob", "password": TOKEN}, 401),
        ({"name": "", "password": ""}, 401),
        ({"name": "token", "password": ""}, 401),
    ],
)
def test_names_passwords_and_the_token(closed: Dashboard, form: dict[str, str], status: int) -> None:
    browser = closed.open()

    assert sign_in(browser, **form) == status
    assert browser.get("/alerts", follow_redirects=False).status_code == (200 if status == 303 else 303)


def test_who_signed_in_is_who_acted(closed: Dashboard) -> None:
    browser = closed.open()
    sign_in(browser, name="bob", password=PASSWORD)
    alert = str(browser.get("/alerts.json").json()[0]["id"])
    browser.post(f"/alerts/{alert}/acknowledge", data={"csrf": csrf(browser, f"/alerts/{alert}")})

    detail = closed.store.alerts.detail(alert)
    assert detail is not None
    assert [act.who for act in detail.history] == ["bob"]


def test_a_program_sends_the_token(closed: Dashboard) -> None:
    browser = closed.open()

    for token, status in ((TOKEN, 200), (TOKEN[:-1], 401), ("", 401)):
        headers = {"Authorization": f"Bearer {token}", "Accept": "*/*"}
        assert browser.get("/metrics", headers=headers).status_code == status


def test_the_session_is_a_strict_cookie_and_ends_with_sign_out_or_another_password(closed: Dashboard) -> None:
    browser = closed.open()
    token = csrf(browser, "/signin")
    answer = browser.post("/signin", data={"csrf": token, "name": "bob", "password": PASSWORD}, follow_redirects=False)
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part.lower() in answer.headers["set-cookie"].lower()
    cookie = browser.cookies["tocsin_session"]

    browser.post("/signout", data={"csrf": csrf(browser, "/alerts")})
    assert browser.get("/alerts", follow_redirects=False).status_code == 303

    closed.room.settings["web"]["users"] = {"bob": PasswordHasher().hash("another")}
    again = closed.open()
    again.cookies.set("tocsin_session", cookie)
    assert again.get("/alerts", follow_redirects=False).status_code == 303


def test_forged_sessions_are_no_sessions(closed: Dashboard) -> None:
    browser = closed.open()
    sign_in(browser, name="bob", password=PASSWORD)
    cookie = browser.cookies["tocsin_session"]

    for forged in (cookie[:-2], cookie.replace(".", "x", 1), "x", ""):
        stranger = closed.open()
        stranger.cookies.set("tocsin_session", forged)
        assert stranger.get("/alerts", follow_redirects=False).status_code == 303


def test_guessing_is_slowed_down(closed: Dashboard) -> None:
    browser = closed.open()
    assert sign_in(browser, name="bob", password=PASSWORD) == 303, "who is right uses up no try"
    for _ in range(MOST_FAILURES - 1):
        assert browser.app.state.tries.begin(time.monotonic())  # type: ignore[attr-defined]

    assert sign_in(browser, name="", password="guess") == 401
    assert sign_in(browser, name="", password="guess") == 429
    assert sign_in(browser, name="bob", password=PASSWORD) == 429


def test_a_rush_of_tries_gets_no_further_and_those_that_succeed_do_not_count() -> None:
    tries = Tries()
    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(tries.begin, [0.0] * 200)) == MOST_FAILURES, "all of them before any has failed"
    assert not tries.begin(59.0)
    tries.succeeded(0.0)
    assert tries.begin(59.0)
    assert not tries.begin(59.5)
    assert tries.begin(61.0)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_strangers_cannot_send_more_than_a_form(closed: Dashboard) -> None:
    browser = closed.open()
    token = csrf(browser, "/signin")

    assert browser.post("/signin", data={"csrf": token, "password": "x" * 70_000}).status_code == 413
    assert browser.post("/signin", content=iter([b"password=x"])).status_code == 411
    headers = {"Content-Length": "9" * 30}
    assert browser.request("POST", "/signin", content=b"x", headers=headers).status_code == 413


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_host_that_is_none_is_not_served(closed: Dashboard, dashboard: Dashboard) -> None:
    for host in ("[", "", "127.0.0.1.evil.example", "evil.example#127.0.0.1", "127.0.0.1@evil.example"):
        answer = dashboard.open().get("/alerts", headers={"Host": host}, follow_redirects=False)
        assert answer.status_code in (303, 400, 421), host
        assert "evil" not in answer.headers.get("location", "")


def test_signing_in_leads_nowhere_else() -> None:
    assert local("/alerts?state=open") == "/alerts?state=open"
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nb", ""):
        assert local(target) == "/"


def test_without_sign_in_only_names_of_this_machine_are_served(dashboard: Dashboard) -> None:
    browser = dashboard.open()

    assert browser.get("/alerts", headers={"Host": "localhost:8484"}).status_code == 200
    assert browser.get("/alerts", headers={"Host": "[::1]:8484"}).status_code == 200
    assert browser.get("/alerts", headers={"Host": "rebound.example"}).status_code == 421


def test_no_open_dashboard_beyond_loopback(dashboard: Dashboard) -> None:
    dashboard.room.settings["web"] = {"host": "0.0.0.0"}
    dashboard.room.write()

    with pytest.raises(ConfigError, match="`host` is no loopback address, so `token` or `users` must say"):
        load(dashboard.room.config, {})
