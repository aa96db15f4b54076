"""`tocsin feeds`: what an operator does to the list of feeds, and what comes of it in the next sweep."""

from __future__ import annotations

import json

from flows.tally import Tally
from tests.cli.conftest import Run
from tests.newsroom import NOISE, NOW, Paper, Room


def listed(run: Run) -> list[str]:
    return [each["id"] for each in json.loads(run("feeds", "list", "--json").out)]


def polled(room: Room) -> Tally:
    with room.opened() as sweep:
        sweep.store.feeds.ensure(sweep.feeds, now=NOW)
        return sweep.poll(now=NOW)


def test_a_feed_is_added_by_the_address_of_its_site_and_polled_from_then_on(room: Room, run: Run) -> None:
    post = room.paper("post").publish(NOISE)
    del room.feeds["post"]
    link = f"<link rel='alternate' type='application/rss+xml' title='Post' href='{room.press.url}/post'>"
    room.paper("site").answers(f"<html><head>{link}</head></html>".encode())
    del room.feeds["site"]

    done = run("feeds", "add", f"{room.press.url}/site", "--publisher", "Post Media", "--tag", "world")

    assert (done.code, done.out) == (0, "added as post: post; polled from the next sweep on\n")
    (feed,) = json.loads(run("feeds", "list", "--json").out)
    assert (feed["id"], feed["publisher"], feed["tags"]) == ("post", "Post Media", ["world"])
    asked = len(post.requests)
    assert polled(room).articles == 1
    assert len(post.requests) == asked + 1


def test_what_is_no_feed_or_is_there_already_is_not_added(room: Room, run: Run) -> None:
    room.paper("herald").publish(NOISE)
    room.write()
    room.press.papers["page"] = Paper("page").answers(b"<html>nothing</html>")
    before = (room.config / "feeds.yaml").read_text()

    nothing = run("feeds", "add", f"{room.press.url}/page")
    twice = run("feeds", "add", f"{room.press.url}/herald")
    absent = run("feeds", "add", f"{room.press.url}/nowhere")

    assert (nothing.code, nothing.err) == (1, "no feed there\n")
    assert twice.code != 0
    assert absent.code != 0
    assert "404" in absent.err
    assert "Traceback" not in twice.err + absent.err
    assert (room.config / "feeds.yaml").read_text() == before


def test_what_is_exported_is_imported_by_another_watch(room: Room, run: Run) -> None:
    room.paper("herald", tags=["world"]).publish(NOISE)
    room.paper("post").publish(NOISE)
    room.write()
    target = room.folder / "feeds.opml"
    assert run("feeds", "export", str(target)).code == 0
    assert f"{room.press.url}/herald" in run("feeds", "export").out

    again = run("feeds", "import", str(target))
    assert again.code == 0
    assert again.out.endswith("0 feeds added, 2 left out\n")
    del room.feeds["herald"], room.feeds["post"]
    room.write()
    done = run("feeds", "import", str(target))

    assert (done.code, done.out) == (0, "2 feeds added, 0 left out\n")
    assert sorted(listed(run)) == ["herald", "post"]
    assert polled(room).articles == 2


def test_an_import_of_what_is_no_list_says_so(room: Room, run: Run) -> None:
    file = room.folder / "list.opml"
    file.write_text("<!DOCTYPE opml [<!ENTITY a 'b'>]><opml><body>&a;</body></opml>")

    done = run("feeds", "import", str(file))

    assert done.code == 2
    assert done.err.startswith("tocsin: cannot import: ")
    assert "Traceback" not in done.err
