"""Cleaning: what strangers write becomes one line of plain text, and links are http(s) or nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.text import MAX_LINK, identifier, plain, web_link


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Plain words", "Plain words"),
        ("  two\tlines\r\nand\u2028three\x85four ", "two lines and three four"),
        ("<p>One.</p><p>Two.</p>", "One. Two."),
        ("first<br/>second<li>third</li>", "first second third"),
        ("a<b>bold</b>ly", "aboldly"),
        ("<script>alert(1)</script><style>p{}</style>kept", "kept"),
        ('<a href="javascript:alert(1)" onclick="x()">link</a>', "link"),
        ("<img src=x onerror=alert(1)>words", "words"),
        ("<!-- comment -->words", "words"),
        ("5 < 6 & 7 > 4", "5 < 6 & 7 > 4"),
        ("AT&amp;T &quot;said&quot; it&#8217;s &nbsp; so", 'AT&T "said" it’s so'),
        ("Kim&amp;#8217;s &amp;amp; Moon&amp;#039;s", "Kim’s & Moon's"),
        ("&lt;b&gt;shown as written&lt;/b&gt;", "<b>shown as written</b>"),
        ("nul\x00 bell\x07 esc\x1b[31m del\x7f", "nul bell esc[31m del"),
        ("nul&#0; by entity", "nul\ufffd by entity"),
        ("right\u202eleft\u2066iso\u2069 mark\u200f", "rightleftiso mark"),
        ("zero\u200bwidth\ufeff soft\xadhyphen", "zerowidth softhyphen"),
        ("by entity &#8238;gnp&#x200b;", "by entity gnp"),
        ("lone \ud83d surrogate \udc00", "lone surrogate"),
        ("family 👨\u200d👩\u200d👧 stays", "family 👨\u200d👩\u200d👧 stays"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("decomposed e\u0301", "decomposed \u00e9"),
        ("non\ufffecharacter \U0001ffff", "noncharacter"),
        ("{{7*7}} ${x} %s", "{{7*7}} ${x} %s"),
        ("", ""),
    ],
)
def test_text_is_cleaned(text: str, wanted: str) -> None:
    assert plain(text, limit=1000) == wanted


def test_long_text_ends_at_a_word() -> None:
    assert plain("word " * 100, limit=23) == "word word word word…"
    assert plain("x" * 100, limit=10) == "xxxxxxxxx…"
    assert len(plain("<p>" + "y" * 2_000_000, limit=500)) == 500


@given(st.text(max_size=300))
def test_whatever_goes_in_what_comes_out_can_be_stored_and_sent(text: str) -> None:
    clean = plain(text, limit=200)
    assert len(clean) <= 200
    assert clean.encode().decode() == clean
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in clean)
    assert clean == " ".join(clean.split())
    assert not any("\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069" for letter in clean)


@given(st.text(alphabet=st.sampled_from("<>&;/'\"= abpscript!-[]\x00\u202e\ud800"), max_size=60))
def test_no_markup_comes_to_life_again(text: str) -> None:
    clean = plain(text, limit=200)
    assert plain(clean.replace("&", "&amp;").replace("<", "&lt;"), limit=400) == clean


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("https://example.org/a?b=c&d=e", "https://example.org/a?b=c&d=e"),
        (" HTTP://example.org/ \n", "HTTP://example.org/"),
        ("https://example.org/two\n lines", "https://example.org/two%20lines"),
        ("/world/1.html", "https://feeds.example/world/1.html"),
        ("1.html", "https://feeds.example/rss/1.html"),
        ("//other.example/1", "https://other.example/1"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("mailto:a@b.example", ""),
        ("http://", ""),
        ("http://[::1", ""),
        ("https://example.org/" + "x" * MAX_LINK, ""),
        ("", ""),
        ("https://exa\u202emple.org/", "https://example.org/"),
    ],
)
def test_links_are_of_the_web_or_nothing(link: str, wanted: str) -> None:
    assert web_link(link, relative_to="https://feeds.example/rss/world.xml") == wanted


def test_a_relative_link_without_a_base_is_nothing() -> None:
    assert web_link("/world/1.html") == ""


def test_identifiers_differ_by_case_but_not_by_white_space() -> None:
    assert identifier(" tag:a\n b\x00 ") == "tag:a b"
    assert identifier("ABC") != identifier("abc")
