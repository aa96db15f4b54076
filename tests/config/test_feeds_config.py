"""feeds.yaml: what is read, and each message for what is not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tocsin.config.addresses import parse_address
from tocsin.config.feeds import Feed, read_feeds
from tocsin.errors import Problem


def read(tmp_path: Path, text: str) -> tuple[tuple[Feed, ...], list[str]]:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "feeds.yaml").write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    feeds = read_feeds(folder, problems)
    return feeds, [str(problem) for problem in sorted(problems)]


def test_a_feed_is_read_with_its_defaults(tmp_path: Path) -> None:
    feeds, problems = read(
        tmp_path,
        """\
feeds:
  - id: kcna
    url: http://www.example.org/rss
    title: KCNA
    state_media: KP
    tags: [korea, state]
    language: en
    interval: {min: 2m, max: 30m}
    known_good: 2026-10-01
  - id: wire
    url: https://news.example.com/world.xml?edition=int
    title: Wire, world
    publisher: Wire
    family: Wire Group
    enabled: false
""",
    )
    assert problems == []
    kcna, wire = feeds
    assert (kcna.publisher, kcna.family, kcna.state_media) == ("KCNA", "KCNA", "KP")
    assert (kcna.interval.min, kcna.interval.max) == (dt.timedelta(minutes=2), dt.timedelta(minutes=30))
    assert kcna.known_good == dt.date(2026, 10, 1)
    assert (wire.publisher, wire.family, wire.enabled) == ("Wire", "Wire Group", False)
    assert (wire.interval.min, wire.interval.max) == (dt.timedelta(minutes=5), dt.timedelta(hours=1))


def test_an_absent_file_is_no_feeds(tmp_path: Path) -> None:
    assert read_feeds(tmp_path, []) == ()


MESSAGES = [
    ("url: file:///etc/passwd", "url: has the scheme file; allowed: http, https"),
    ("url: ftp://example.org/rss", "url: has the scheme ftp; allowed: http, https"),
    ("url: gopher://example.org/1", "url: has the scheme gopher; allowed: http, https"),
    ("url: data:text/xml,x", "url: has the scheme data; allowed: http, https"),
    ("url: feed://example.org/rss", "url: has the scheme feed; allowed: http, https"),
    ("url: example.org/rss", "url: has no scheme; allowed: http, https"),
    ("url: http:///rss", "url: has no host; allowed: http://host/path, https://host/path"),
    (
        "url: http://2130706433/",
        "url: has a host written as a number; write an IP address as four decimal numbers",
    ),
    (
        "url: http://example.org:6379/",
        "url: has port 6379, where no feeds are served; allowed: 80, 443, most above 1023",
    ),
    (
        r"url: 'http://a@b\@c'",
        "url: has spaces, control characters or backslashes in the address; write it plainly",
    ),
    (
        "url: https://example.org/\n    interval: {min: 2h, max: 1h}",
        "interval: has bounds out of order; allowed: 30s ≤ min ≤ max ≤ 7d",
    ),
    (
        "url: https://example.org/\n    interval: {min: 5}",
        "interval.min: is not a duration; write a number and a unit: 30s, 15m, 2h, 7d, 4w",
    ),
    ("url: https://example.org/\n    known_good: lately", "known_good: is not a date; write 2026-01-31"),
    (
        "url: https://example.org/\n    colour: red",
        "colour: is not a known key; allowed: id, url, title, publisher, family, language, tags, state_media, "
        "interval, enabled, known_good",
    ),
]


@pytest.mark.parametrize(("lines", "message"), MESSAGES, ids=[message for _, message in MESSAGES])
def test_each_wrong_value_is_named_with_its_line(tmp_path: Path, lines: str, message: str) -> None:
    _, problems = read(tmp_path, f"feeds:\n  - id: one\n    title: One\n    {lines}\n")
    line = 4 + lines.count("\n")
    assert problems == [f"config/feeds.yaml:{line}: feeds[0].{message}"]


def test_ids_and_addresses_stand_once(tmp_path: Path) -> None:
    _, problems = read(
        tmp_path,
        """\
feeds:
  - {id: one, title: One, url: "https://example.org/rss"}
  - {id: one, title: Two, url: "https://example.org/two"}
  - {id: three, title: Three, url: "https://EXAMPLE.org:443/rss"}
""",
    )
    assert problems == [
        "config/feeds.yaml:3: feeds[1].id: is that of the feed in line 2 too",
        "config/feeds.yaml:4: feeds[2].url: is that of the feed in line 2 too",
    ]


def test_one_bad_feed_does_not_hide_the_problems_of_the_next(tmp_path: Path) -> None:
    feeds, problems = read(
        tmp_path,
        "feeds:\n  - {id: A!, title: x, url: 'https://example.org/'}\n  - {id: b, url: 'https://example.org/b'}\n"
        "  - {id: c, title: c, url: 'https://example.org/c'}\n",
    )
    assert [feed.id for feed in feeds] == ["c"]
    assert [problem.partition(": ")[0] for problem in problems] == ["config/feeds.yaml:2", "config/feeds.yaml:3"]
    assert "feeds[1].title: is missing" in problems[1]


def test_the_address_is_kept_out_of_the_representation() -> None:
    feed = Feed.model_validate({"id": "a", "title": "A", "url": "https://user:canary@example.org/?key=canary"})
    assert "canary" not in repr(feed)
    assert "canary" not in str(feed)


def test_addresses_come_in_one_normal_form() -> None:
    assert str(parse_address("HTTP://Exämple.ORG:80/a#part")) == "http://xn--exmple-cua.org/a"
