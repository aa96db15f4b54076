"""From a sweep to a verdict: the link in each message leads back to the alert, on behalf of who got it."""

from __future__ import annotations

import re

import pytest

from alerts.links import read_verdict_link
from tests.newsroom import HOUR, MISSILE, NOISE, NOW, Room

SECRET = 40 * "k"


def told(room: Room) -> None:
    paper = room.paper("herald").publish(NOISE, at=NOW - HOUR)
    room.write().sweep(now=NOW)
    paper.publish(MISSILE, at=NOW + HOUR)
    room.sweep(now=NOW + HOUR)


def mailed(room: Room) -> str:
    """The HTML of the one mail."""
    ((_, mail),) = room.mailbox.mails
    html = next(part for part in mail.walk() if part.get_content_type() == "text/html").get_payload(decode=True)
    assert isinstance(html, bytes)
    return html.decode()


def test_each_recipient_gets_a_link_of_its_own(room: Room) -> None:
    room.settings["web"] = {"address": "https://desk.example.org/", "secret": "${LINK_KEY}"}
    room.secrets["LINK_KEY"] = SECRET
    told(room)

    event = room.hooks.json(0)
    assert event["data"]["link"] == f"https://desk.example.org/alerts/{event['id']}"
    by_hook = read_verdict_link(event["data"]["verdict"].rpartition("/")[2], SECRET, NOW)
    found = re.search(r'href="https://desk.example.org/verdict/([^"]+)"[^>]*>Was it right\?', mailed(room))
    assert found
    by_mail = read_verdict_link(found[1], SECRET, NOW)
    assert (by_hook.alert, by_hook.who) == (event["id"], "hook/0")
    assert (by_mail.alert, by_mail.who) == (event["id"], "mail/0")


@pytest.mark.parametrize(
    ("web", "link"),
    [({}, ""), ({"address": "https://desk.example.org"}, "https://desk.example.org/alerts/"), ({"secret": "${K}"}, "")],
)
def test_without_address_or_key_there_is_none(room: Room, web: dict[str, str], link: str) -> None:
    room.settings["web"] = web
    room.secrets["K"] = SECRET
    told(room)

    data = room.hooks.json(0)["data"]
    assert data["verdict"] == ""
    assert data["link"].startswith(link) and bool(data["link"]) == bool(link)
    assert "Was it right?" not in mailed(room)
