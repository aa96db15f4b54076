"""OPML: the lists of feeds that feed readers exchange, in and out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ElementTree, ParseError, SubElement, indent, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import ValidationError

from extractors.text import plain
from tocsin.config.addresses import parse_address
from tocsin.config.feeds import Feed
from tocsin.errors import TocsinError

MAX_BYTES = 10_000_000
MAX_DEPTH = 50


class OpmlError(TocsinError):
    """A file is no OPML that can be read."""

    def __init__(self, subject: str, cause: str) -> None:
        super().__init__("cannot import", subject=subject, cause=cause)


@dataclass(frozen=True, slots=True)
class Imported:
    """What a list holds: `feeds` that can be polled, and in words what was left out and why."""

    feeds: tuple[Feed, ...]
    left_out: tuple[str, ...]


def read_opml(data: bytes, *, subject: str, ids: Collection[str] = (), addresses: Collection[str] = ()) -> Imported:
    """The feeds of an OPML document; OpmlError, naming `subject`, where it is none.

    Each gets an id made of its title, different from all of `ids`; its folders become tags. Feeds at `addresses` (as
    configured) and those that stand twice are left out, as are addresses that may not be polled.
    """
    taken = set(ids)
    seen = {str(parse_address(address)) for address in addresses}
    feeds: list[Feed] = []
    left_out: list[str] = []
    for outline, folders in _outlines(_root(data, subject)):
        title = _title(outline)
        try:
            url = str(parse_address((outline.get("xmlUrl") or "").strip()))
            if url in seen:
                raise ValueError("is there already")
            feeds.append(_feed(url, title, _tags(outline, folders), taken))
        except ValidationError:
            left_out.append(f"{title}: cannot be read")
        except ValueError as error:
            left_out.append(f"{title}: {str(error).partition(';')[0]}")
        else:
            seen.add(url)
            taken.add(feeds[-1].id)
    return Imported(tuple(feeds), tuple(left_out))


def write_opml(feeds: Sequence[Feed], *, title: str = "Tocsin") -> bytes:
    """An OPML 2.0 document of `feeds`. It holds their addresses, with whatever secrets are in them."""
    root = Element("opml", version="2.0")
    SubElement(SubElement(root, "head"), "title").text = title
    body = SubElement(root, "body")
    for feed in feeds:
        values = {"type": "rss", "text": feed.title, "title": feed.title, "xmlUrl": feed.url, "language": feed.language}
        if feed.tags:
            values["category"] = ",".join(feed.tags)
        SubElement(body, "outline", values)
    indent(ElementTree(root))
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def feed_id(title: str, *, taken: Collection[str]) -> str:
    """An id made of `title` that is not in `taken`."""
    ascii_ = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "_", ascii_).strip("_")[:56] or "feed"
    number = 1
    while (name := stem if number == 1 else f"{stem}_{number}") in taken:
        number += 1
    return name


def _root(data: bytes, subject: str) -> Element:
    if len(data) > MAX_BYTES:
        raise OpmlError(subject, f"is larger than {MAX_BYTES // 1_000_000} MB")
    try:
        root: Element = fromstring(data)
    except ParseError as error:
        raise OpmlError(subject, f"is not valid XML ({error})") from error
    except (DefusedXmlException, LookupError, ValueError):
        raise OpmlError(subject, "holds entities or a charset that are not read") from None
    if root.tag.rpartition("}")[2].lower() != "opml":
        raise OpmlError(subject, "is XML, but no OPML")
    return root


def _outlines(root: Element) -> Iterator[tuple[Element, tuple[str, ...]]]:
    """Each outline that has a feed's address, with the titles of the folders it lies in, in document order."""
    stack: list[tuple[Element, tuple[str, ...]]] = [(root, ())]
    while stack:
        element, folders = stack.pop()
        if element.get("xmlUrl"):
            yield element, folders
        elif element.tag == "outline" and len(folders) < MAX_DEPTH:
            folders = (*folders, _title(element))
        stack.extend((child, folders) for child in reversed(element))


def _title(outline: Element) -> str:
    found = outline.get("title") or outline.get("text") or ""
    return plain(found, limit=200) or "untitled"


def _tags(outline: Element, folders: Sequence[str]) -> tuple[str, ...]:
    names = [*folders, *re.split(r"[,/]", outline.get("category") or "")]
    tags = (feed_id(name, taken=()) for name in names if name.strip())
    return tuple(dict.fromkeys(tag for tag in tags if tag != "feed"))


def _feed(url: str, title: str, tags: tuple[str, ...], taken: Collection[str]) -> Feed:
    return Feed.model_validate({"id": feed_id(title, taken=taken), "url": url, "title": title, "tags": tags})
