"""The dashboard in a real browser: Chromium, headless, which may talk to nothing but the dashboard."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, ViewportSize, sync_playwright

from tests.newsroom import Room
from tests.web.conftest import Dashboard, poisoned, stock
from tests.web.test_backtests import keep
from tocsin.model import AlertState, Judgement

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
COMPARED = "/backtests/compare?a=loose&b=strict"
PAGES = ("/watches/test", "/alerts", "/events", "/articles", "/rules", "/feeds", "/backtests", COMPARED)
WIDTHS = (1280, 390)
PICTURES = "TOCSIN_PICTURES"
"""Names a folder for pictures of every page."""


@dataclass
class Visit:
    """One browser at one dashboard, and everything that went wrong in it."""

    dashboard: Dashboard
    base: str
    context: BrowserContext
    page: Page
    wrong: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def goto(self, path: str) -> None:
        """Open a page of the dashboard."""
        self.page.goto(f"{self.base}{path}")

    def drawn(self) -> None:
        """Wait until every chart of the page is drawn."""
        for place in self.page.locator("[data-chart]").all():
            place.and_(self.page.locator("[data-drawn]")).locator("svg.main-svg").first.wait_for()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser, started once; each visit has a profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), headless=True)
        yield browser
        browser.close()


@contextmanager
def served(dashboard: Dashboard) -> Iterator[str]:
    """The dashboard on a port of loopback."""
    app = dashboard.open().app
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", lifespan="off", server_header=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


Visiting = Callable[..., Visit]


@pytest.fixture
def visiting(room: Room, chromium: Browser) -> Iterator[Visiting]:
    """Makes visits, each of which must end without an error, and without a request to elsewhere."""
    with ThreadPoolExecutor(1) as thread:
        # Playwright's loop runs in this thread, and a sweep runs one of its own.
        thread.submit(stock, room).result()
        (room.config / "places.yaml").write_text("seats: {KP: [39, 125.8], UN: [40.8, -74]}\n")
        for name, two in (("loose", 2), ("strict", 3)):
            thread.submit(keep, room.state, name, two=two).result()
    visits: list[Visit] = []
    with ExitStack() as stack:
        dashboard = Dashboard(room, stack)
        base = stack.enter_context(served(dashboard))

        def visit(*, width: int = 1280, dark: bool = False) -> Visit:
            viewport: ViewportSize = {"width": width, "height": 800}
            context = chromium.new_context(viewport=viewport, color_scheme="dark" if dark else "light")
            context.set_default_timeout(60_000)
            made = Visit(dashboard, base, context, context.new_page())
            watch(made)
            visits.append(made)
            return made

        yield visit
        for each in visits:
            each.context.close()
    for each in visits:
        assert each.wrong == []
        assert each.left == []


def watch(visit: Visit) -> None:
    """Note what the browser complains of; let no request leave the dashboard."""

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            visit.wrong.append(message.text)

    def asked(route: Route) -> None:
        parts = urlsplit(route.request.url)
        if f"{parts.scheme}://{parts.netloc}" == visit.base:
            route.continue_()
        else:
            visit.left.append(route.request.url)
            route.abort()

    visit.page.on("console", said)
    visit.page.on("pageerror", lambda error: visit.wrong.append(str(error)))
    visit.context.route("**/*", asked)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_charts_are_drawn_with_alerts_as_marks(visiting: Visiting, width: int) -> None:
    visit = visiting(width=width)
    visit.goto("/")
    visit.drawn()

    assert visit.page.title().startswith("Test")
    assert visit.page.locator("[data-chart]").count() == 2
    assert visit.page.locator("#types-chart .bars path, #types-chart .barlayer path").count() >= 1
    assert visit.page.locator("#index-chart .scatterlayer .points path").count() == 2
    assert visit.page.locator("#index-chart .scatterlayer .lines path").count() >= 1


def test_the_map_is_drawn_and_leads_to_its_events_by_keyboard_too(visiting: Visiting) -> None:
    visit = visiting()
    visit.goto("/watches/test")
    circle = visit.page.get_by_role("link", name=re.compile("North Korea, place not named: \\d+ event"))
    box = circle.first.locator("circle").bounding_box()
    assert box is not None
    assert box["width"] >= 6
    assert len(visit.page.locator(".map .land").first.get_attribute("d") or "") > 1_000

    circle.first.focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/events?actor=KP&since=*")

    assert visit.page.locator(".cards > li").count() >= 1


def test_two_backtests_are_chosen_and_seen_side_by_side(visiting: Visiting) -> None:
    visit = visiting()
    visit.goto("/backtests")
    visit.page.get_by_label("Before").select_option("loose")
    visit.page.get_by_label("After").select_option("strict")
    visit.page.get_by_role("button", name="Compare").click()
    visit.page.wait_for_url(f"**{COMPARED}")
    visit.drawn()

    assert visit.page.locator("#weeks-chart .barlayer .trace").count() == 2
    assert visit.page.get_by_text("0 gained, 1 lost, 0 moved by strict.").is_visible()


def test_an_analyst_filters_reads_acknowledges_and_judges(visiting: Visiting) -> None:
    visit = visiting()
    page = visit.page
    visit.goto("/alerts")
    page.get_by_label("Threshold").fill("new_missile_test")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/alerts?threshold=new_missile_test")
    assert page.locator(".cards > li").count() == 1

    page.locator(".cards h2 a").click()
    page.locator("mark").first.wait_for()
    page.get_by_label("Note").first.fill("on it")
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("Acknowledged.").wait_for()
    page.get_by_role("button", name="Duplicate").click()
    page.get_by_text("Your verdict is kept.").wait_for()
    page.get_by_role("button", name="Mute", exact=True).click()
    page.get_by_role("button", name="End this mute").wait_for()

    (alert,) = visit.dashboard.store.alerts.recent(state=AlertState.ACKNOWLEDGED)
    assert alert.threshold == "new_missile_test"
    assert [each.value for each in visit.dashboard.store.verdicts.list(alert=alert.id)] == [Judgement.DUPLICATE]


def test_words_are_searched_by_keyboard_alone(visiting: Visiting) -> None:
    visit = visiting()
    visit.goto("/articles")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    visit.page.keyboard.press("/")
    visit.page.keyboard.type("harvest")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/articles?q=harvest")

    assert visit.page.locator(".cards > li").count() == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_passes_axe_and_fits_its_window(visiting: Visiting, width: int, dark: bool) -> None:
    visit = visiting(width=width, dark=dark)
    (alert, *_) = visit.dashboard.store.alerts.recent()
    more = (f"/alerts/{alert.id}", f"/events/{alert.events[0]}", "/articles/1", "/nowhere")

    for path in (*PAGES, *more):
        visit.goto(path)
        visit.drawn()
        found = Axe().run(visit.page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        wide = visit.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} wide"
    visit.wrong[:] = [line for line in visit.wrong if "404" not in line]  # the browser tells of the page that is not


def test_nothing_that_feeds_say_is_run(visiting: Visiting) -> None:
    visit = visiting()
    visit.page.on("dialog", lambda dialog: visit.wrong.append(dialog.message))
    article, event, alert = poisoned(visit.dashboard.store, visit.dashboard.now)

    for path in (*PAGES, f"/articles/{article}", f"/events/{event}", f"/alerts/{alert}"):
        visit.goto(path)
        visit.drawn()
        assert visit.page.locator("a[href^=javascript]").count() == 0


@pytest.mark.skipif(not os.environ.get(PICTURES), reason=f"makes pictures for people into the folder {PICTURES}")
def test_pictures_of_every_page(visiting: Visiting) -> None:
    folder = Path(os.environ[PICTURES])
    for width, dark in itertools.product(WIDTHS, (False, True)):
        visit = visiting(width=width, dark=dark)
        (alert, *_) = visit.dashboard.store.alerts.recent()
        for path in (*PAGES, f"/alerts/{alert.id}", f"/events/{alert.events[0]}", "/articles/1"):
            visit.goto(path)
            visit.drawn()
            one = "-one" if path.count("/") > 1 else ""
            name = f"{path.split('/')[1]}{one}-{width}-{'dark' if dark else 'light'}.png"
            visit.page.screenshot(path=folder / name, full_page=True)
