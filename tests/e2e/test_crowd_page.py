"""Long lists: whatever there is, a page draws a part of it and asks for a part of it; the rest is found by turning
pages and by searching. That nothing takes long follows, and is measured elsewhere: tests count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from infra.local.demo.receiver import Received

from .browser import a_browser
from .crowd import DESTINATIONS, RECORDINGS, STREAMS, MadeUpNode, add_destinations, fill_library
from .system import System, environment
from .test_console import WORDS, console, signed_in, visitor

pytestmark = [pytest.mark.media, pytest.mark.browser]

MOST_ELEMENTS = 3000


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory, clip: Path, received: Received) -> Iterator[System]:
    """An instance of its own with very much on it."""
    home = tmp_path_factory.mktemp("crowd") / "home"
    for filled in (False, True):
        system = System(home, clip, received, environment())
        if filled:
            fill_library(home)
        system.start()
        if not filled:
            system.stop()
    add_destinations(system)
    node = MadeUpNode(system, STREAMS)
    node.go_live()
    with node.beating():
        yield system
    system.stop()


@pytest.fixture(scope="module")
def page(crowded: System) -> Iterator[Page]:
    with a_browser() as browser, _visit(browser, crowded) as found:
        yield found


class _visit:  # noqa: N801 -- used as a word of a `with`
    def __init__(self, browser: Browser, system: System) -> None:
        self._visitor, self._system = visitor(browser), system

    def __enter__(self) -> Page:
        return signed_in(self._visitor.__enter__(), self._system, WORDS["en"])

    def __exit__(self, *_: object) -> None:
        self._visitor.__exit__(None, None, None)


def _elements(page: Page) -> int:
    return int(page.evaluate("() => document.getElementsByTagName('*').length"))


@pytest.mark.parametrize(
    ("name", "each", "on_page", "of"),
    [
        ("live", "article", 48, STREAMS),
        ("restream", "article", 48, DESTINATIONS),
        ("recordings", "tbody tr", 50, RECORDINGS),
    ],
)
def test_a_page_of_a_long_list_stays_small_and_the_rest_is_turned_to(
    crowded: System, page: Page, name: str, each: str, on_page: int, of: int
) -> None:
    page.goto(console(crowded, name))
    expect(page.locator(each)).to_have_count(on_page, timeout=20_000)
    first = page.locator(each).first.inner_text()
    pager = page.get_by_role("navigation", name="Pages of the list")
    expect(pager).to_contain_text(re.compile(rf"1 to {on_page}"))
    pager.get_by_role("button", name="Next").click()
    expect(pager).to_contain_text(re.compile(rf"{on_page + 1} to {2 * on_page}"), timeout=20_000)
    if name != "recordings":  # a library is read in parts, and not counted
        expect(pager).to_contain_text(f"of {of}")
    expect(page.locator(each)).to_have_count(on_page)
    assert page.locator(each).first.inner_text() != first
    assert _elements(page) < MOST_ELEMENTS
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.wait_for_timeout(6000)
    # The feed of changes is asked again as often as something changes, at most three times a second.
    often = Counter(path for path in asked if not path.endswith(("/thumbnail", "/changes")))
    assert max(often.values(), default=0) <= 7, often
    pager.get_by_role("button", name="Back").click()
    expect(pager.get_by_role("button", name="Back")).to_be_disabled()
    expect(pager).to_contain_text(re.compile(rf"1 to {on_page}"))


PLACES = """async () => {
    const pager = document.querySelector('.pager');
    pager.scrollIntoView({ block: 'end' });
    const places = [];
    for (let frame = 0; frame < 10; frame++) {
        places.push(Math.round(pager.getBoundingClientRect().top));
        await new Promise(requestAnimationFrame);
    }
    return places;
}"""


@pytest.mark.parametrize("name", ["live", "restream"])
def test_what_turns_the_pages_is_where_one_goes_to_press_it(crowded: System, page: Page, name: str) -> None:
    page.goto(console(crowded, name))
    expect(page.locator("article")).to_have_count(48, timeout=20_000)
    # What was scrolled past must not take its size only now: who presses where the button was would miss it.
    assert len(set(page.evaluate(PLACES))) == 1


def test_a_page_that_is_refused_is_told_and_nothing_shown_is_lost(crowded: System, page: Page) -> None:
    page.goto(console(crowded, "restream"))
    pager = page.get_by_role("navigation", name="Pages of the list")
    told = {"title": "Bad Request", "detail": "is not one that this API gave out", "code": "cursor_unknown"}
    page.route(
        lambda url: "/v1/destinations?" in url and "cursor=" in url,
        lambda route: route.fulfill(status=400, json=told, content_type="application/problem+json"),
    )
    pager.get_by_role("button", name="Next").click()
    expect(pager.get_by_role("alert")).to_contain_text("not one that this API gave out")
    expect(pager).to_contain_text("1 to 48")
    expect(page.locator("article")).to_have_count(48)
    page.unroute_all()
    pager.get_by_role("button", name="Back").click()
    expect(pager.get_by_role("alert")).to_have_count(0)
    expect(pager.get_by_role("button", name="Next")).to_be_enabled()


def test_turning_pages_by_keyboard_keeps_the_focus(crowded: System, page: Page) -> None:
    page.goto(console(crowded, "restream"))
    pager = page.get_by_role("navigation", name="Pages of the list")
    following = pager.get_by_role("button", name="Next")
    following.focus()
    for first in (49, 97):
        page.keyboard.press("Enter")
        expect(pager).to_contain_text(f"{first} to {first + 47}", timeout=20_000)
        expect(following).to_be_focused()


def test_what_is_on_no_page_yet_is_found(crowded: System, page: Page) -> None:
    page.goto(console(crowded, "live"))
    expect(page.locator("h1")).to_contain_text(f"{STREAMS} on air")
    page.get_by_label("Filter by name or edge").fill("crowd-007")
    expect(page.locator("article")).to_have_count(1, timeout=20_000)
    page.goto(console(crowded, "restream"))
    page.get_by_label("Search", exact=True).fill("Target 499")
    expect(page.locator("article")).to_have_count(1, timeout=20_000)
    page.goto(console(crowded, "golive/live/crowd-003"))
    page.get_by_text("live/crowd-003 is on air").wait_for()
    page.goto(console(crowded, "live/live/crowd-003"))
    page.get_by_role("dialog", name="live/crowd-003").wait_for()
    held: list[Route] = []
    page.route("**/palette-dialog*.js", lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
    page.goto(console(crowded, "settings"))
    page.locator("main h1").wait_for()
    with page.expect_request("**/palette-dialog*.js"):
        page.keyboard.press("Control+k")
    page.keyboard.type("Evening show 998")  # while its part of the console is on its way
    held[0].continue_()
    expect(page.locator(".palette [aria-selected=true]")).to_contain_text("Evening show 998")


def test_a_destination_is_moved_to_another_page(crowded: System, page: Page) -> None:
    page.goto(console(crowded, "restream"))
    page.get_by_label("Move Target 047", exact=False).focus()
    page.keyboard.press("ArrowDown")
    page.get_by_text(f"Target 047 is now 49 of {DESTINATIONS}.").wait_for(state="attached")
    expect(page.locator("article").last).to_contain_text("Target 048")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("article").first).to_contain_text("Target 047")
