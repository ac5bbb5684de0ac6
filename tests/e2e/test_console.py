"""The console, as its users use it: by mouse, in both languages, wide and narrow, in both themes."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.waiting import until

from .system import System, new_name

pytestmark = [pytest.mark.media, pytest.mark.browser]

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (
    "live",
    "golive",
    "restream",
    "recordings",
    "sources",
    "rooms",
    "callbacks",
    "api",
    "edges",
    "activity",
    "health",
    "settings",
)
DIALOGS: Final = ("restream", "sources", "rooms", "api")
FIRST_LOAD_BYTES: Final = 120_000
ALL_BYTES: Final = 300_000
WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {"sign in": "Sign in", "waiting": "Waiting for your encoder", "watch": "Watch it"},
    "zh": {"sign in": "登录", "waiting": "正在等待您的编码器", "watch": "观看"},
}


@contextmanager
def visitor(browser: Browser, language: str = "en", width: int = 1440, **more: Any) -> Iterator[BrowserContext]:
    context = browser.new_context(
        locale="zh-CN" if language == "zh" else "en-GB",
        viewport={"width": width, "height": 900 if width > 760 else 844},
        **more,
    )
    context.set_default_timeout(20_000)
    try:
        yield context
    finally:
        context.close()


def link(system: System) -> str:
    made = system.api.call("POST", "/v1/sign-in-links")
    return f"{system.instance.at['url']}{made['path']}"


def console(system: System, page: str) -> str:
    return f"{system.instance.at['url']}/console/{page}"


def signed_in(context: BrowserContext, system: System, words: dict[str, str]) -> Page:
    page = context.new_page()
    page.goto(link(system))
    page.get_by_role("button", name=words["sign in"]).click()
    page.wait_for_url(console(system, "live"))
    return page


def plays(page: Page) -> None:
    """Pictures move in the page's player."""

    def frames() -> int:
        return int(
            page.evaluate(
                "() => { const v = document.querySelector('video');"
                " return v ? v.getVideoPlaybackQuality().totalVideoFrames : 0; }"
            )
        )

    before = frames()
    until(lambda: frames() > before + 5, "pictures move", 40)


def field(page: Page | Locator, name: str) -> Locator:
    return page.get_by_label(name, exact=True)


def test_the_password_leads_back_to_where_one_was(system: System, browser: Browser) -> None:
    with visitor(browser) as context:
        page = context.new_page()
        page.goto(console(system, "settings"))
        page.get_by_label("Password").fill("this is wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        page.get_by_label("Password").fill(system.instance.at["admin_password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(console(system, "settings"))
        page.get_by_text("Who may publish").wait_for()


def test_a_link_works_once_and_is_gone_from_the_address(system: System, browser: Browser) -> None:
    once = link(system)
    with visitor(browser) as context, visitor(browser) as other:
        for visit, works in ((context, True), (other, False)):
            page = visit.new_page()
            page.goto(once)
            page.get_by_role("button", name="Sign in").click()
            if works:
                page.wait_for_url(console(system, "live"))
                assert "#" not in page.evaluate("() => location.href")
            else:
                page.get_by_role("alert").wait_for()


@pytest.fixture(scope="module")
def things(_system: System) -> Iterator[list[str]]:
    """The pages of single things: one that is live, a recording, a room, a delivery."""
    system = _system
    system.prepare()
    past, live = new_name("past"), new_name("seen")
    system.publish(past, seconds=6).wait()
    encoder = system.publish(live)
    system.live(live)
    system.add_destination(live, "rtmp://127.0.0.1:9/app/key")
    room = system.api.call("POST", "/v1/rooms", {"title": "Guest"})
    recording = system.recorded(past)
    (delivery, *_) = system.api.call("GET", "/v1/deliveries")["items"]
    yield [f"live/live/{live}", f"recordings/{recording['id']}", f"rooms/{room['id']}", f"callbacks/{delivery['id']}"]
    system.end(encoder)
    system.api.call("DELETE", f"/v1/rooms/{room['id']}")


def violations(page: Page) -> list[str]:
    """What keeps somebody from using the page as it is now, and by how much it is too wide."""
    page.evaluate((ROOT / "console/node_modules/axe-core/axe.min.js").read_text())
    seen = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    found = [f"{v['id']}: {v['nodes'][0]['html']}" for v in seen["violations"]]
    return found + ([f"{wide} px too wide"] if wide > 0 else [])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_can_be_used_by_everybody(
    system: System, browser: Browser, things: list[str], theme: str, language: str
) -> None:
    found: list[str] = []
    # What checks is not of the page, and its policy lets in nothing else.
    with visitor(browser, language, bypass_csp=True) as context:
        context.add_init_script(f"localStorage.setItem('sluice.theme', '{theme}')")
        page = signed_in(context, system, WORDS[language])

        def check(name: str, width: int) -> None:
            found.extend(f"{name} {width}: {each}" for each in violations(page))

        # Things and dialogs in one width a theme, pages in both.
        panels = 1440 if theme == "light" else 360
        for width in (1440, 360):
            page.set_viewport_size({"width": width, "height": 800})
            for name in (*PAGES, *(things if width == panels else ())):
                page.goto(console(system, name))
                page.locator("main h1").wait_for()
                page.wait_for_timeout(500)
                check(name, width)
                act = page.locator("main .button.primary:visible").first
                if width == panels and name in DIALOGS:
                    act.click()
                    page.get_by_role("dialog").wait_for()
                    check(f"{name}, its dialog", width)
    assert found == []


PLAYERS: Final = (
    "tools/player.html?url=/live/seen.m3u8",
    "players/whip.html?stream=seen",
    "players/whep.html?stream=seen",
)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_players_can_be_used_by_everybody(system: System, browser: Browser, language: str) -> None:
    found: list[str] = []
    with visitor(browser, language, bypass_csp=True) as context:
        page = context.new_page()
        for name in PLAYERS:
            for theme, width in (("light", 1440), ("dark", 360)):
                page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(f"{system.instance.at['url']}/{name}")
                page.locator("main button").first.wait_for()
                found.extend(f"{name} {theme}: {each}" for each in violations(page))
    assert found == []


@pytest.mark.parametrize("status", [500, 503, 0])
def test_a_page_says_that_the_api_is_away_and_goes_on_by_itself(system: System, browser: Browser, status: int) -> None:
    def fail(route: Route) -> None:
        if status:
            route.fulfill(status=status, json={"title": "no", "status": status, "detail": "no"})
        else:
            route.abort()

    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, "edges"))
        page.get_by_text("Online").wait_for()
        page.route("**/v1/**", fail)
        page.get_by_text("The server does not answer.").wait_for()
        expect(page.get_by_text("Online")).to_be_visible()
        page.unroute("**/v1/**")
        page.get_by_role("button", name="Try now").click()
        page.get_by_text("The server does not answer.").wait_for(state="hidden")


MOST_SHIFTED: Final = 0.01
"""Of what Chromium calls layout shift; 0.1 is good to the makers of browsers."""
SHIFTS: Final = """
window.shifted = 0;
const count = (e) => { window.shifted += e.hadRecentInput ? 0 : e.value; };
const observer = new PerformanceObserver((list) => list.getEntries().forEach(count));
observer.observe({ type: "layout-shift", buffered: true });
"""


SLOWLY: Final = """
const asked = window.fetch;
window.fetch = async (...call) => {
  const answer = await asked(...call);
  await new Promise((done) => setTimeout(done, 1500));
  return answer;
};
"""


@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_jumps_while_a_slow_api_answers(
    system: System, browser: Browser, things: list[str], width: int
) -> None:
    assert system.refused("live/turned-away?secret=wrong")
    with visitor(browser, width=width) as context:
        signed_in(context, system, WORDS["en"]).close()
        context.add_init_script(SHIFTS + SLOWLY)
        # All at once: they wait anyway.
        opened = {name: context.new_page() for name in (*PAGES, *things, "golive/live/turned-away")}
        for name, page in opened.items():
            page.goto(console(system, name), wait_until="commit")
        for page in opened.values():
            page.locator("main .page:not(.settling)").wait_for(state="attached", timeout=60_000)
            page.wait_for_timeout(100)
        shifted = {name: page.evaluate("window.shifted") for name, page in opened.items()}
        moved = {name: value for name, value in shifted.items() if value > MOST_SHIFTED}
    assert moved == {}


def test_an_api_that_takes_its_time_is_waited_for_and_nothing_jumps(system: System, browser: Browser) -> None:
    made = system.api.call(
        "POST", "/v1/destinations", {"name": "Slow", "url": "rtmp://192.0.2.9/a/k", "enabled": False}
    )
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    try:
        with visitor(browser) as context:
            page = signed_in(context, system, WORDS["en"])
            page.add_init_script(SHIFTS)
            page.route("**/v1/destinations?**", hold)
            page.goto(console(system, "restream"))
            page.locator(".waiting[aria-busy=true]").wait_for()
            until_held(page, held)
            page.unroute_all()  # what was held goes on
            held.clear()
            card = page.locator("article", has_text="Slow")
            card.wait_for()
            assert page.evaluate("window.shifted") <= MOST_SHIFTED
            # A button that works says so, and is pressed once however often it is pressed.
            page.route("**/v1/destinations/*/enable", hold)
            start = card.get_by_role("button", name="Start")
            start.click()
            expect(start).to_be_disabled()
            expect(start).to_have_attribute("aria-busy", "true")
            start.dispatch_event("click")
            until_held(page, held)
            assert len(held) == 1
            held.pop().fulfill(
                status=503, json={"title": "no", "status": 503, "detail": "later", "code": "unavailable"}
            )
            expect(start).to_be_enabled()
    finally:
        system.api.call("DELETE", f"/v1/destinations/{made['id']}")


def until_held(page: Page, held: list[Route]) -> None:
    """Until a call was made whose answer is held back."""
    while not held:
        page.wait_for_timeout(50)


def test_an_api_that_is_gone_is_told_of_once(system: System, browser: Browser) -> None:
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.route("**/v1/settings/**", lambda route: route.abort())
        page.route("**/v1/logins", lambda route: route.abort())
        page.goto(console(system, "settings"))
        page.get_by_role("alert").wait_for()
        # Each of its parts waits, and goes on when it is there again.
        expect(page.locator(".waiting").first).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(1)
        page.unroute_all()
        page.get_by_role("button", name="Try now").click()
        page.get_by_role("heading", name="Who may publish").wait_for()
        expect(page.get_by_role("alert")).to_have_count(0)


def test_what_is_loaded_stays_small() -> None:
    """Compressed, as the front sends it."""
    built = ROOT / "edge/web/pages/console/app"
    first = re.findall(r"assets/[\w.-]+", (built / "index.html").read_text())

    def size(files: Callable[[], Iterator[Path]]) -> int:
        return sum(len(gzip.compress(path.read_bytes())) for path in files())

    assert size(lambda: (built / name for name in first)) < FIRST_LOAD_BYTES
    assert size(lambda: (p for p in (built / "assets").iterdir() if not p.name.startswith("hls."))) < ALL_BYTES


def test_what_was_typed_survives_the_end_of_the_login(system: System, browser: Browser) -> None:
    name = new_name("typed")
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, "restream"))
        page.get_by_role("button", name="Add a destination").first.click()
        field(page, "Name").fill(name)
        field(page, "Server").fill("rtmp://127.0.0.1:9/live")
        field(page, "Stream key").fill("key-0123456789")
        system.api.call("DELETE", "/v1/logins")
        again = page.get_by_role("dialog", name="Your login has ended")
        field(again, "Password").fill("not that one")
        again.get_by_role("button", name="Sign in").click()
        again.get_by_text("The password is wrong.").wait_for()
        field(again, "Password").fill(system.instance.at["admin_password"])
        again.get_by_role("button", name="Sign in").click()
        again.wait_for(state="hidden")
        page.get_by_role("dialog").get_by_role("button", name="Add a destination").click()
        page.get_by_role("heading", name=name).wait_for()
    system.remove_destinations()


def test_two_who_change_the_same_thing_are_told(system: System, browser: Browser) -> None:
    body = {"name": "Before", "url": "rtmp://127.0.0.1:9/live/key-0123456789", "enabled": False}
    made = system.api.call("POST", "/v1/destinations", body)
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, "restream"))
        page.get_by_role("button", name="Edit").click()
        field(page, "Name").fill("Mine")
        system.api.call("PATCH", f"/v1/destinations/{made['id']}", {"name": "Theirs"})
        save = page.get_by_role("dialog").get_by_role("button", name="Save")
        save.click()
        page.get_by_text("it is called Theirs").wait_for()
        save.click()
        page.get_by_role("heading", name="Mine").wait_for()
    system.remove_destinations()
