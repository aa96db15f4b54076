"""Parsing: FAULTS.md P01–P10 and P12, formats, identity, dates, and that only what is new is parsed."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.documents.dates import entry_time, iso_time
from extractors.documents.document import Reading, Unreadable, read
from extractors.documents.raw import split
from extractors.documents.rows import Row, Rows, key_digest, story_digest, unpack
from extractors.feeds import ParsedFeed, Parser
from tocsin.config.settings import FetchSettings
from tocsin.errors import ParseError
from tocsin.model import Entry

SHARED = Path(__file__).parents[2].parent / "shared" / "feeds"
URL = "https://feeds.example/rss/world.xml"
PATIENT = FetchSettings(parse_timeout=dt.timedelta(seconds=60))

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared feeds are not here")


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser(PATIENT) as pool:
        yield pool


def parse(parser: Parser, body: bytes | str, *, content_type: str = "", seen: str = "") -> ParsedFeed:
    data = body.encode() if isinstance(body, str) else body
    return asyncio.run(parser.parse(data, subject="one", content_type=content_type, url=URL, seen=seen))


def error(parser: Parser, body: bytes | str) -> str:
    with pytest.raises(ParseError) as caught:
        parse(parser, body)
    assert str(caught.value).startswith("not a readable feed: one: ")
    return caught.value.cause


def rss(*items: str, head: str = "<title>World</title>") -> str:
    return f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel>{head}{''.join(items)}</channel></rss>"


def item(number: int, *, title: str = "", more: str = "") -> str:
    return (
        f"<item><title>{title or f'Story {number}'}</title><link>https://feeds.example/{number}</link>"
        f"<guid>id-{number}</guid>{more}</item>"
    )


def full(body: bytes, *, seen: Rows = Rows(), url: str = URL, limit: int = 1_000) -> Reading:  # noqa: B008
    return read(body, content_type="", url=url, max_entries=limit, seen=seen)


# Formats


def test_rss_gives_clean_entries(parser: Parser) -> None:
    parsed = parse(
        parser,
        """<?xml version="1.0"?>
        <rss version="2.0"><channel><title>World &amp;amp; more</title><ttl>15</ttl>
        <item><title>&lt;b&gt;Launch&lt;/b&gt; seen</title><link>/1</link><guid>tag:1</guid>
        <pubDate>Tue, 24 Nov 2026 15:00:00 KST</pubDate><source url="https://wire.example/">The Wire</source>
        <description><![CDATA[<p>First.</p><p>Second &amp; last.</p><script>x</script>]]></description></item>
        </channel></rss>""",
    )
    assert (parsed.title, parsed.asked_s, parsed.incomplete, parsed.warnings) == ("World & more", 900, False, ())
    (entry,) = parsed.entries
    assert (entry.key, entry.link, entry.title) == ("tag:1", "https://feeds.example/1", "Launch seen")
    assert entry.summary == "First. Second & last."
    assert entry.published == dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
    assert entry.publisher == "The Wire"


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-GB"><title>A</title>
<entry xml:lang="ko"><id>urn:1</id><title type="html">T &amp;lt;i&amp;gt;x</title><link href="https://a.example/1"/>
<updated>2026-11-24T06:00:00+09:00</updated><content type="html">&lt;p&gt;Text&lt;/p&gt;</content></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">
<channel rdf:about="https://r.example/"><title>R</title><link>https://r.example/</link>
<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency></channel>
<item rdf:about="https://r.example/1"><title>One</title><link>https://r.example/1</link>
<dc:date>2026-11-23T21:00:00Z</dc:date></item></rdf:RDF>"""
JSON_FEED = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "J",
        "language": "fr",
        "items": [
            {
                "id": 7,
                "external_url": "https://j.example/7",
                "title": "Sept",
                "content_html": "<p>Un</p><p>deux</p>",
                "date_published": "2026-11-24T06:00:00+09:00",
            },
            {"id": "8", "url": "https://j.example/8", "content_text": "no title \ud800 here", "language": "en"},
            "nonsense",
        ],
    }
)


def test_atom_rdf_and_json_feed_are_read(parser: Parser) -> None:
    when = dt.datetime(2026, 11, 23, 21, tzinfo=dt.UTC)
    (atom,) = parse(parser, ATOM).entries
    assert (atom.key, atom.title, atom.summary, atom.published) == ("urn:1", "T <i>x", "Text", when)
    assert (atom.link, atom.language) == ("https://a.example/1", "ko")
    rdf = parse(parser, RDF)
    assert (rdf.entries[0].key, rdf.entries[0].published, rdf.asked_s) == ("https://r.example/1", when, 1800)
    seven, eight = parse(parser, JSON_FEED).entries
    assert (seven.key, seven.link, seven.summary, seven.published) == ("7", "https://j.example/7", "Un deux", when)
    assert (seven.language, eight.language) == ("fr", "en")
    assert (eight.title, eight.summary) == ("no title here", "no title here")


def test_a_lie_about_the_charset_is_read_whatever_else_is_installed(parser: Parser) -> None:
    """In the tests' environment is chardet, which feedparser would ask, and which cannot load its tables there."""
    body = "<?xml version='1.0' encoding='utf-8'?>" + rss(item(1, title="Étude: a café in the old town"))

    (entry,) = parse(parser, body.encode("latin-1")).entries

    assert entry.title == "Étude: a café in the old town"


def test_rss_of_all_ages_is_read(parser: Parser) -> None:
    for version in ("0.91", "0.92", "2.0"):
        body = f"<rss version='{version}'><channel><title>x</title><item><title>One</title></item></channel></rss>"
        assert [entry.title for entry in parse(parser, body).entries] == ["One"]
    old = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://my.netscape.com/rdf/simple/0.9/">'
        "<channel><title>x</title></channel><item><title>One</title></item></rdf:RDF>"
    )
    assert [entry.title for entry in parse(parser, old).entries] == ["One"]


# Identity (P12)


def test_the_ladder_of_identity_is_id_then_link_then_text(parser: Parser) -> None:
    entries = parse(
        parser,
        rss(
            "<item><guid> tag:\n1 </guid><title>a</title><link>https://x.example/1</link></item>",
            "<item><guid>TAG: 1</guid><title>b</title></item>",
            "<item><title>c</title><link>https://x.example/3</link></item>",
            "<item><title>d</title><description>e</description></item>",
        ),
    ).entries
    assert [entry.key for entry in entries[:3]] == ["tag: 1", "TAG: 1", "https://x.example/3"]
    assert entries[3].key == f"text:{entries[3].digest}"


def test_one_id_for_several_stories_loses_none_of_them(parser: Parser) -> None:
    stories = [f"<item><guid>g</guid><title>No. {n}</title><link>https://x.example/{n}</link></item>" for n in "abc"]
    entries = parse(parser, rss(*stories)).entries
    assert len({entry.key for entry in entries}) == 3
    again = parse(parser, rss(*reversed(stories))).entries
    assert {entry.key for entry in again} == {entry.key for entry in entries}


def test_the_same_entry_twice_is_one(parser: Parser) -> None:
    assert len(parse(parser, rss(item(1), item(2), item(1))).entries) == 2


def test_the_digest_follows_the_text_and_nothing_else() -> None:
    def digest(more: str, title: str = "t") -> str:
        return full(rss(item(1, title=title, more=more)).encode()).entries[0].digest

    assert digest("<pubDate>Tue, 24 Nov 2026 06:00:00 GMT</pubDate>") == digest("<category>x</category>")
    assert digest("") != digest("", title="other")
    assert digest("<description>a</description>") != digest("<description>b</description>")


def test_an_endless_id_is_cut_but_stays_an_identity(parser: Parser) -> None:
    keys = [
        parse(parser, rss(f"<item><guid>{'x' * 5_000}{end}</guid><title>t</title></item>")).entries[0].key
        for end in "aab"
    ]
    assert keys[0] == keys[1] != keys[2]
    assert all(len(key) <= 500 for key in keys)


# Dates (P10)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Tue, 24 Nov 2026 15:00:00 KST", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 15:00:00 JST", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 09:00:00 MSK", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 11:30:00 IST", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 07:00:00 BST", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 07:00:00 CET", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 08:00:00 (CEST)", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 01:00:00 EST", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 06:00:00 GMT", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 15:00:00 +0900", "2026-11-24T06:00:00+00:00"),
        ("Tue, 24 Nov 2026 06:00:00 XYZ", "2026-11-24T06:00:00+00:00"),
        ("2026-11-24T15:00:00+09:00", "2026-11-24T06:00:00+00:00"),
        ("2026-11-24 15:00 KST", "2026-11-24T06:00:00+00:00"),
        ("Tuesday, November 24, 2026 - 06:00", "2026-11-24T06:00:00+00:00"),
        ("Tue, 31 Dec 2099 00:00:00 GMT", "2099-12-31T00:00:00+00:00"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("0000-01-01T00:00:00Z", None),
        ("99999-01-01T00:00:00Z", None),
        ("Nov 2026", None),
        ("06:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_utc_whatever_zone_they_name(text: str, wanted: str | None) -> None:
    entry = full(rss(item(1, more=f"<pubDate>{text}</pubDate>")).encode()).entries[0]
    assert (entry.published.isoformat() if entry.published else None) == wanted


def test_an_entry_without_date_of_publication_has_that_of_its_update() -> None:
    body = ATOM.encode()
    assert full(body).entries[0].published == dt.datetime(2026, 11, 23, 21, tzinfo=dt.UTC)
    undated = re.sub(rb"<updated>.*?</updated>", b"", body)
    assert full(undated).entries[0].published is None


@given(st.text(max_size=40))
def test_no_text_of_a_date_raises(text: str) -> None:
    for time_ in (entry_time(text, None), iso_time(text)):
        assert time_ is None or time_.tzinfo is not None


@given(st.tuples(*[st.integers(-5, 70)] * 6), st.integers(-10, 20_000))
def test_no_reading_of_a_date_raises(parts: tuple[int, ...], year: int) -> None:
    entry_time("1 KST", (year, *parts[1:]))


# P01–P03, P05–P09: what is no feed, or would be dangerous


def test_a_body_that_names_a_file_is_not_opened(parser: Parser, tmp_path: Path) -> None:
    target = tmp_path / "feed.xml"
    target.write_text(rss(item(1)))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for body in (str(target), str(fifo), f"file://{target}", "/etc/passwd", "/dev/zero", "http://127.0.0.1:9/feed"):
        assert error(parser, body) == "is neither RSS nor Atom nor JSON Feed"


def test_the_parser_process_has_no_environment_no_files_and_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_CANARY", "canary-secret")
    before = _children()
    with Parser(PATIENT) as own:
        parse(own, rss(item(1)))
        (pid,) = _children() - before
        assert b"canary" not in Path(f"/proc/{pid}/environ").read_bytes()
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max open files\s+3\s", limits)
        assert re.search(r"Max address space\s+192000000\s", limits)
    assert _children() == before


def _children() -> set[int]:
    return {int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


XXE = (
    '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<rss version='2.0'><channel><title>&x;</title><item><title>&x;</title></item></channel></rss>"
)


def test_external_entities_are_not_read(parser: Parser) -> None:
    parsed = parse(parser, XXE)
    assert "root:" not in parsed.title + "".join(entry.title for entry in parsed.entries)


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0" encoding="punycode"?><rss version="2.0"><channel><title>\xe4</title></channel></rss>',
        b'<?xml version="1.0" encoding="undefined"?><rss version="2.0"><channel><title>\xe4</title></channel></rss>',
        b'<?xml version="1.0" encoding="idna"?><rss version="2.0"><channel><title>xn--.\xe4.</title></channel></rss>',
        b'<?xml version="1.0" encoding="ut\x00f"?><rss version="2.0"><channel><title>\xe4</title></channel></rss>',
        b'<!DOCTYPE rss [<!ENTITY x "\\">]><rss version="2.0"><channel><title>&x;</title></channel></rss>',
        b'<rss version="2.0"><channel><title>&#1114112;</title><item><title>x</item></channel></rss>',
        b'<rss version="2.0"><channel><title>&#99999999999;</title><item><title>x</item></channel></rss>',
        b'<rss version="2.0"><channel><title>&#55296;</title><item><title>x</item></channel></rss>',
        b'<rss version="2.0"><channel><title>&#' + b"9" * 5_000 + b";</title><item><title>x</item></channel></rss>",
        b'<rss version="2.0" xmlns:gml="http://www.opengis.net/gml" xmlns:georss="http://www.georss.org/georss"><channel>'
        b'<item><georss:where><gml:Point srsName="EPSG:x"><gml:pos>1 2</gml:pos></gml:Point></georss:where></item>'
        b"</channel></rss>",
        b'{"version": "https://jsonfeed.org/version/1.1", "items": [' + b"1" * 5_000 + b"]}",
        b'{"items": ' + b"[" * 200_000,
    ],
)  # fmt: skip
def test_what_makes_parsers_raise_is_text_or_an_error_and_the_next_feed_goes_on(parser: Parser, body: bytes) -> None:
    try:
        parse(parser, body)
    except ParseError as caught:
        assert caught.cause
    assert len(parse(parser, rss(item(1))).entries) == 1


def test_what_burns_the_parser_is_killed_at_the_limit_and_the_next_feed_goes_on() -> None:
    burning = f"<rss version='2.0'><channel><item><author>{'a' * 100_000}</author></item></channel></rss>"
    with Parser(FetchSettings(parse_timeout=dt.timedelta(seconds=1.5))) as own:
        started = time.monotonic()
        assert error(own, burning) == "kept the parser busy for more than 1.5 s (fetch.parse_timeout)"
        assert time.monotonic() - started < 30
        assert len(parse(own, rss(item(1))).entries) == 1


def test_several_feeds_share_the_pool_and_a_burning_one_takes_one_process() -> None:
    burning = f"<rss version='2.0'><channel><item><author>{'a' * 100_000}</author></item></channel></rss>".encode()

    async def play(own: Parser) -> list[object]:
        bodies = [burning, *(rss(item(n)).encode() for n in range(20))]
        return await asyncio.gather(*(own.parse(body, subject="x") for body in bodies), return_exceptions=True)

    with Parser(FetchSettings(parse_timeout=dt.timedelta(seconds=1.5), parsers=2)) as own:
        first, *rest = asyncio.run(play(own))
    assert isinstance(first, ParseError)
    assert all(isinstance(result, ParsedFeed) and len(result.entries) == 1 for result in rest)


def test_a_document_that_needs_too_much_memory_is_an_error(parser: Parser) -> None:
    bomb = (
        "<!DOCTYPE rss ["
        + "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
        + '<!ENTITY l0 "lol">]>'
        + rss(item(1, title="&l9;"))[38:]
    )
    try:
        assert len(parse(parser, bomb).entries[0].title) <= 1_000
    except ParseError as caught:
        assert "memory" in caught.cause or "busy" in caught.cause or "parser" in caught.cause
    assert len(parse(parser, rss(item(1))).entries) == 1


def test_of_too_many_entries_the_newest_are_kept_with_a_warning(parser: Parser) -> None:
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    oldest_first = [
        item(n, more=f"<pubDate>{start + dt.timedelta(minutes=n):%a, %d %b %Y %H:%M:%S} GMT</pubDate>")
        for n in range(20_000)
    ]
    parsed = parse(parser, rss(*oldest_first))
    assert parsed.warnings == ("19,000 entries beyond the newest 1,000 were left out (fetch.max_entries)",)
    assert [entry.key for entry in parsed.entries] == [f"id-{n}" for n in range(19_000, 20_000)]
    malformed = rss(*oldest_first[:1_500]).replace("</channel>", "&nbsp;</channel>")
    parsed = parse(parser, malformed)
    assert [entry.key for entry in parsed.entries] == [f"id-{n}" for n in range(500, 1_500)]
    assert len(parsed.warnings) == 2


def test_a_hundred_thousand_entries_are_capped_in_time() -> None:
    body = rss(*(f"<item><guid>{n}</guid></item>" for n in range(100_000)))
    with Parser(FetchSettings()) as own:
        parsed = parse(own, body)
    assert [entry.key for entry in parsed.entries] == [str(n) for n in range(1_000)]


def test_endless_fields_are_cut(parser: Parser) -> None:
    (entry,) = parse(
        parser, rss(item(1, title="x" * 3_000_000, more=f"<description>{'y ' * 200_000}</description>"))
    ).entries
    assert (len(entry.title), len(entry.summary) <= 20_000) == (1_000, True)


@pytest.mark.parametrize("depth", [1_000, 200_000])
def test_deep_nesting_is_read_or_refused(parser: Parser, depth: int) -> None:
    body = rss(f"<item><title>t</title>{'<a>' * depth}{'</a>' * depth}</item>")
    with contextlib.suppress(ParseError):
        assert len(parse(parser, body).entries) == 1
    assert len(parse(parser, rss(item(1))).entries) == 1


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (b"<title>a\x00b\x07</title>", "ab"),
        ("<title>a\u202eb\u2066</title>".encode(), "ab"),
        (b"<title>a\xed\xa0\xbdb</title>", "a\ufffd\ufffd\ufffdb"),
        ("<title>café</title>".encode("latin-1"), "café"),
        ("<title>café “q”</title>".encode("cp1252"), "café “q”"),
        (b"\xef\xbb\xbf<title>caf\xc3\xa9</title>", "café"),
    ],
)  # fmt: skip
def test_broken_bytes_become_clean_text(parser: Parser, body: bytes, title: str) -> None:
    document = body.replace(b"<title>", b"<rss version='2.0'><channel><item><title>").replace(
        b"</title>", b"</title></item></channel></rss>"
    )
    got = parse(parser, document).entries[0].title
    assert got == title or "\ufffd" in title
    assert got.encode()


@pytest.mark.parametrize(
    ("declared", "sent", "encoded", "text"),
    [
        ("utf-8", "", "utf-8", "선제 타격"),
        ("iso-8859-1", "", "utf-8", "Kim’s “test”"),
        ("", "text/xml; charset=iso-8859-1", "utf-8", "Kim’s “test”"),
        ("euc-kr", "", "euc-kr", "선제 타격"),
        ("windows-1251", "application/xml; charset=utf-8", "windows-1251", "Путин"),
        ("gb2312", "", "gb18030", "导弹"),
        ("utf-16", "", "utf-16", "선제 타격"),
        ("utf-8", "", "utf-16", "선제 타격"),
        ("nonsense", "", "utf-8", "선제 타격"),
        ("utf-7", "", "utf-8", "plain"),
    ],
)
def test_the_charset_is_found_although_it_is_not_well_declared(
    parser: Parser, declared: str, sent: str, encoded: str, text: str
) -> None:
    head = f"<?xml version='1.0' encoding='{declared}'?>" if declared else ""
    body = f"{head}<rss version='2.0'><channel><item><title>{text}</title></item></channel></rss>".encode(encoded)
    assert parse(parser, body, content_type=sent).entries[0].title == text


def test_a_cut_document_gives_what_it_holds_and_says_so(parser: Parser) -> None:
    whole = rss(*(item(n) for n in range(100)))
    parsed = parse(parser, whole[: whole.index("id-72")])
    assert parsed.incomplete
    assert parsed.warnings == ("the document is cut short",)
    # The last one lacks its id: whole, it would be another entry.
    assert [entry.key for entry in parsed.entries] == [f"id-{n}" for n in range(72)]
    assert parsed.raws == ()


def test_a_malformed_but_whole_document_is_not_taken_for_cut(parser: Parser) -> None:
    parsed = parse(parser, rss(item(1, more="<description>a & b &nbsp; c</description>")))
    assert (parsed.incomplete, parsed.warnings) == (False, ("the document is malformed",))
    assert parsed.entries[0].summary == "a & b c"


PAGE = b"""<!DOCTYPE html><html><head><title>News &amp; more</title>
<link rel="alternate" type="application/rss+xml" title="All" href="/rss.xml">
<link rel="alternate" type="text/html" href="/mobile"></head><body><a href="/feed/sport">Sport</a></body></html>"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty"),
        (b" \r\n\t", "the body is empty"),
        (PAGE, "is a web page (“News & more”), not a feed; it names the feed https://feeds.example/rss.xml"),
        (b"<html><body>captive portal", "is a web page, not a feed"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 20, "is neither RSS nor Atom nor JSON Feed"),
        (b"<opml version='2.0'><body/></opml>", "is a list of feeds (OPML), which `tocsin feeds import` reads"),
        (b'{"status": "ok"}', "is JSON, but no JSON Feed: it has no list of items"),
        (b'{"items": [', "is no valid JSON"),
        (b"<", "is neither RSS nor Atom nor JSON Feed"),
        (b"Not Found", "is neither RSS nor Atom nor JSON Feed"),
    ],
)
def test_what_is_no_feed_is_called_by_its_name(parser: Parser, body: bytes, words: str) -> None:
    assert error(parser, body) == words


def test_a_feed_with_the_doctype_of_a_page_is_a_feed(parser: Parser) -> None:
    assert len(parse(parser, f"<!DOCTYPE html>{ATOM}").entries) == 1


def test_an_empty_feed_is_a_feed(parser: Parser) -> None:
    assert parse(parser, rss()).entries == ()


def test_the_feeds_behind_a_page_are_found(parser: Parser) -> None:
    def found(page: bytes) -> list[tuple[str, str]]:
        feeds = asyncio.run(parser.discover(page, url="https://news.example/front/", subject="x"))
        return [(feed.url, feed.title) for feed in feeds]

    assert found(PAGE) == [("https://news.example/rss.xml", "All")]
    plain_links = b'<a href="/feed/sport" title="Sport">x</a><a href="news/atom.xml">y</a><a href="/about">z</a>'
    assert found(plain_links) == [
        ("https://news.example/feed/sport", "Sport"),
        ("https://news.example/front/news/atom.xml", ""),
    ]
    assert found(b'<link rel="alternate" type="application/atom+xml" href="javascript:x">') == []


# Only what is new is parsed


def rows_of(reading: Reading, seen: Rows) -> Rows:
    new = (
        Row(reading.raws[index] if reading.raws else bytes(8), key_digest(entry.key), story_digest(entry))
        for index, entry in enumerate(reading.entries)
    )
    return Rows(reading.frame, (*(seen.rows[index] for index in reading.kept), *new))


def follow(bodies: Sequence[bytes]) -> tuple[dict[str, Entry], dict[str, Entry], int]:
    """What a store holds after polling `bodies` in turn: parsing only what is new, parsing all; and how many parsed."""
    lean: dict[str, Entry] = {}
    whole: dict[str, Entry] = {}
    seen, parsed = Rows(), 0
    for body in bodies:
        try:
            reading = full(body, seen=seen)
        except Unreadable:
            with pytest.raises(Unreadable):
                full(body)
            continue
        seen = unpack(rows_of(reading, seen).packed())
        parsed += len(reading.entries)
        every = full(body).entries
        for store, entries in ((lean, reading.entries), (whole, every)):
            for entry in entries:
                if entry.key not in store or store[entry.key].digest != entry.digest:
                    store[entry.key] = entry
        assert lean == whole
        assert {row.key for row in seen.rows} == {key_digest(entry.key) for entry in every}
    return lean, whole, parsed


def versions(body: bytes) -> list[bytes]:
    """A feed as it might have been: without its newest entries, with them, one edited, turned round, some gone."""
    raw = split(body)
    if raw is None or len(raw.entries) < 4:
        return [body, body] if len(body) < 200_000 else []
    count = min(len(raw.entries), 6)
    everything = list(range(count))
    edited = raw.document(everything).replace(b"</title>", b" (updated)</title>", 2)
    return [
        raw.document(everything[2:]),
        raw.document(everything),
        edited,
        raw.document(everything[:1]) + b"<broken",
        raw.document([*reversed(everything)]),
    ]


@needs_shared
@pytest.mark.parametrize("letter", "0123456789abcdef")
def test_what_is_stored_is_the_same_as_by_full_parses_for_every_real_feed(letter: str) -> None:
    for path in sorted((SHARED / "real").glob(f"{letter}*")):
        follow(versions(path.read_bytes()))


@needs_shared
@pytest.mark.parametrize("name", ["economist", "ft-home", "wsj_world"])
def test_what_is_stored_is_the_same_as_by_full_parses_over_the_snapshots(name: str) -> None:
    bodies = [path.read_bytes() for path in sorted((SHARED / "snapshots").glob(f"*_{name}.xml"))]
    assert len(bodies) > 20
    follow(bodies)


NUMBERS = st.lists(st.integers(0, 9), max_size=8)


@given(st.lists(st.tuples(NUMBERS, st.sampled_from(["", "!", "&nbsp;"]), st.sampled_from(["one", "two"])), max_size=6))
def test_what_is_stored_is_the_same_as_by_full_parses_for_made_feeds(
    polls: list[tuple[list[int], str, str]],
) -> None:
    bodies = [
        rss(*(item(n, title=f"Story {n}{mark if n % 3 == 0 else ''}") for n in numbers), head=f"<title>{head}</title>")
        for numbers, mark, head in polls
    ]
    follow([body.encode() for body in bodies])


def test_one_new_entry_costs_one_entry() -> None:
    bodies = [rss(*(item(n) for n in range(start, 30))).encode() for start in (3, 2, 1, 1, 0)]
    _, _, parsed = follow(bodies)
    assert parsed == 27 + 1 + 1 + 0 + 1


def test_a_new_date_of_the_feed_alone_costs_nothing() -> None:
    bodies = [
        rss(item(1), item(2), head=f"<title>x</title><lastBuildDate>{date}</lastBuildDate>").encode()
        for date in ("Mon, 23 Nov 2026 06:00:00 GMT", "Tue, 24 Nov 2026 06:00:00 GMT")
    ]
    assert follow(bodies)[2] == 2


def test_another_frame_is_parsed_as_a_whole() -> None:
    bodies = [rss(item(1), item(2), head=f"<title>{title}</title>").encode() for title in ("one", "two")]
    assert follow(bodies)[2] == 4


@pytest.mark.parametrize(
    "body",
    [
        b"<rss><channel><item>a<item>b</item></item></channel></rss>",
        b"<rss><channel><item>a</item><item>b</channel></rss>",
        b"<rss><channel><item/><item>b</item></channel></rss>",
        b"<rss><channel></item></channel></rss>",
        b"<rss><channel><!-- <item>a</item> </channel></rss>",
        b"<rss><channel><item><![CDATA[ </item></channel></rss>",
        b"<rss><channel></channel></rss>",
        b"",
    ],
)
def test_what_cannot_be_split_for_certain_is_not_split(body: bytes) -> None:
    assert split(body) is None


def test_tags_in_comments_and_cdata_do_not_split() -> None:
    entries = [b"<item><!-- </item> <item> -->a</item>", b"<item ><![CDATA[<item></item>]]>b</item >"]
    raw = split(b"<rss><!-- <item> --><channel>" + b"\n".join(entries) + b"</channel></rss>")
    assert raw is not None
    assert list(raw.entries) == entries
    assert (raw.head, raw.tail) == (b"<rss><!-- <item> --><channel>", b"</channel></rss>")


@given(st.lists(st.tuples(st.binary(min_size=8, max_size=8), st.integers(0, 255)), max_size=5), st.text(max_size=20))
def test_rows_survive_packing_and_nothing_else_passes_for_rows(parts: list[tuple[bytes, int]], noise: str) -> None:
    rows = Rows(b"frame..." if parts else bytes(8), tuple(Row(raw, raw[::-1], raw[:7], edits) for raw, edits in parts))
    assert unpack(rows.packed()) == rows
    assert isinstance(unpack(noise), Rows)
    assert unpack("AAAA") == Rows()


def test_the_newest_entries_are_told_without_parsing_them_all() -> None:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    items = [
        item(n, more=f"<pubDate>{start + dt.timedelta(hours=hours):%a, %d %b %Y %H:%M:%S} GMT</pubDate>")
        for n, hours in enumerate(itertools.chain(range(0, 40, 2), range(1, 40, 2)))
    ]
    reading = full(rss(*items).encode(), limit=4)
    assert {entry.published for entry in reading.entries} == {start + dt.timedelta(hours=h) for h in (36, 37, 38, 39)}
