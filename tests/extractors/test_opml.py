"""OPML in and out, and what becomes of strangers' lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractors.opml import OpmlError, feed_id, read_opml, write_opml
from tocsin.config.additions import add_feeds, as_yaml
from tocsin.config.feeds import Feed, read_feeds
from tocsin.errors import ConfigError, Problem

SHARED = Path(__file__).parents[2].parent / "shared"
LIST = b"""<?xml version="1.0" encoding="UTF-8"?>
<opml version="1.1"><head><title>Mine</title></head><body>
<outline text="World news"><outline text="Asia">
  <outline text="Korea &amp;amp; Japan" type="rss" xmlUrl="https://one.example/rss" category="/wires,Politics"/>
</outline>
<outline title="The Wire" text="x" xmlUrl=" https://two.example/rss "/></outline>
<outline text="A file" xmlUrl="file:///etc/passwd"/>
<outline text="Twice" xmlUrl="https://TWO.example:443/rss"/>
<outline text="Mine already" xmlUrl="https://mine.example/rss"/>
<outline text="The Wire" xmlUrl="https://three.example/rss"/>
<outline text="No address"/>
</body></opml>"""


def test_a_list_is_read_with_folders_as_tags() -> None:
    found = read_opml(LIST, subject="list", ids=["korea_japan"], addresses=["https://mine.example/rss"])
    assert [(feed.id, feed.url, feed.title, feed.tags) for feed in found.feeds] == [
        ("korea_japan_2", "https://one.example/rss", "Korea & Japan", ("world_news", "asia", "wires", "politics")),
        ("the_wire", "https://two.example/rss", "The Wire", ("world_news",)),
        ("the_wire_2", "https://three.example/rss", "The Wire", ()),
    ]
    assert found.left_out == (
        "A file: has the scheme file",
        "Twice: is there already",
        "Mine already: is there already",
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot import: list: is not valid XML (no element found: line 1, column 0)"),
        (b"<opml><body>", "cannot import: list: is not valid XML (no element found: line 1, column 12)"),
        (b"<rss/>", "cannot import: list: is XML, but no OPML"),
        (
            b'<!DOCTYPE opml [<!ENTITY a "b">]><opml/>',
            "cannot import: list: holds entities or a charset that are not read",
        ),
        (
            b'<?xml version="1.0" encoding="punycode"?><opml/>',
            "cannot import: list: holds entities or a charset that are not read",
        ),
        (b"<opml>" + b" " * 10_000_000, "cannot import: list: is larger than 10 MB"),
    ],
)
def test_what_is_no_list_is_called_by_its_name(data: bytes, words: str) -> None:
    with pytest.raises(OpmlError) as caught:
        read_opml(data, subject="list")
    assert str(caught.value) == words


def test_deep_nesting_is_read() -> None:
    deep = b"<opml><body>" + b'<outline text="a">' * 5_000
    deep += b'<outline text="x" xmlUrl="https://x.example/"/>' + b"</outline>" * 5_000 + b"</body></opml>"
    assert [feed.tags for feed in read_opml(deep, subject="list").feeds] == [("a",)]


def test_what_is_written_is_read_back() -> None:
    feeds = read_opml(LIST, subject="list").feeds
    again = read_opml(write_opml(feeds), subject="list")
    assert [(feed.url, feed.title, feed.tags) for feed in again.feeds] == [
        (feed.url, feed.title, feed.tags) for feed in feeds
    ]
    assert again.left_out == ()


@pytest.mark.parametrize(
    ("title", "id"),
    [("The Wire!", "the_wire"), ("한국", "feed"), ("Élysée", "elysee"), ("", "feed"), ("x" * 90, "x" * 56)],
)
def test_ids_are_made_of_titles(title: str, id: str) -> None:
    assert feed_id(title, taken=()) == id
    assert feed_id(title, taken=[id]) == f"{id}_2"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared lists are not here")
def test_public_lists_are_read() -> None:
    count = 0
    for path in sorted((SHARED / "opml").rglob("*.opml")):
        try:
            found = read_opml(path.read_bytes(), subject=path.name)
        except OpmlError as error:
            assert error.cause
            continue
        assert len({feed.id for feed in found.feeds}) == len(found.feeds)
        count += len(found.feeds)
    assert count > 100


# Into feeds.yaml


def test_feeds_are_added_without_touching_what_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    before = "# Ours\nfeeds:\n  - id: mine   # the first\n    url: https://mine.example/rss\n    title: Mine\n"
    path.write_text(before)
    added = read_opml(LIST, subject="list", addresses=["https://mine.example/rss"]).feeds
    add_feeds(tmp_path, added)
    problems: list[Problem] = []
    assert path.read_text().startswith(before)
    assert read_feeds(tmp_path, problems)[1:] == added
    assert problems == []
    assert sorted(child.name for child in tmp_path.iterdir()) == ["feeds.yaml"]


@pytest.mark.parametrize(
    "before",
    [
        "feeds: []\n",
        "feeds: [ ]  # none yet\n",
        "feeds:\n",
        "feeds: null",
        "# Ours\n\n",
        "feeds:\n- id: mine\n  url: https://mine.example/rss\n  title: Mine\n",
        "feeds:\n\n# the first\n    - id: mine\n      url: https://mine.example/rss\n      title: Mine\n",
    ],
)
def test_feeds_are_added_however_the_list_is_written(before: str, tmp_path: Path) -> None:
    (tmp_path / "feeds.yaml").write_text(before)
    added = read_opml(LIST, subject="list", addresses=["https://mine.example/rss"]).feeds
    add_feeds(tmp_path, added)
    problems: list[Problem] = []
    assert read_feeds(tmp_path, problems)[before.count("id:") :] == added
    assert problems == []


def test_a_first_feed_makes_the_file(tmp_path: Path) -> None:
    added = read_opml(LIST, subject="list").feeds
    add_feeds(tmp_path, added)
    assert read_feeds(tmp_path, []) == added


def test_what_would_break_the_file_leaves_it_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text("feeds:\n  - {id: one, title: One, url: 'https://one.example/rss'}\n")
    same = Feed.model_validate({"id": "one", "title": "One", "url": "https://other.example/rss"})
    with pytest.raises(ConfigError, match=r"feeds.yaml:3: feeds\[1\].id: is that of the feed in line 2 too"):
        add_feeds(tmp_path, [same])
    assert path.read_text().count("id:") == 1
    assert sorted(child.name for child in tmp_path.iterdir()) == ["feeds.yaml"]


def test_only_what_is_not_the_default_is_written() -> None:
    feed = Feed.model_validate(
        {"id": "a", "title": "A: b", "url": "https://a.example/", "state_media": "KP", "enabled": False}
    )
    assert as_yaml([feed]) == (
        "  - id: a\n    url: https://a.example/\n    title: 'A: b'\n    state_media: KP\n    enabled: false\n"
    )
