"""The console, as its users use it: by mouse, in both languages, wide and narrow, in both themes."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from infra.local.demo import media

from .browser import a_browser
from .system import System, free_port, new_name, until

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
FIRST_LOAD_BYTES: Final = 120_000
ALL_BYTES: Final = 300_000
WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "sign in": "Sign in",
        "none live": "Nothing is on air.",
        "waiting": "Waiting for your encoder",
        "refused": "The last try was refused",
        "why": "The secret is wrong.",
        "stream": "Stream",
        "watch": "Watch it",
        "add": "Add a destination",
        "name": "Name",
        "server": "Server",
        "key": "Stream key",
        "streams": "Streams",
        "running": "Running",
        "retrying": "Retrying",
        "ready": "Ready",
        "share": "Make a link",
        "download": "Download MP4",
        "remove": "Remove",
        "undo": "Undo",
        "rotate": "Make a new secret",
        "new secret": "New secret",
        "rotated": "The new secret holds.",
        "more": "More",
        "sign out": "Sign out",
    },
    "zh": {
        "sign in": "登录",
        "none live": "目前没有直播。",
        "waiting": "正在等待您的编码器",
        "refused": "上一次推流被拒绝",
        "why": "密钥错误。",
        "stream": "流名",
        "watch": "观看",
        "add": "添加转推目标",
        "name": "名称",
        "server": "服务器",
        "key": "串流密钥",
        "streams": "流",
        "running": "运行中",
        "retrying": "重试中",
        "ready": "就绪",
        "share": "生成链接",
        "download": "下载 MP4",
        "remove": "删除",
        "undo": "撤销",
        "rotate": "更换密钥",
        "new secret": "新密钥",
        "rotated": "新密钥已生效。",
        "more": "更多",
        "sign out": "退出登录",
    },
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as found:
        yield found


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


def field(page: Page, name: str) -> Any:
    return page.get_by_label(name, exact=True)


@dataclass
class Day:
    """A streamer at his console."""

    system: System
    page: Page
    words: dict[str, str]
    name: str

    def goes_live(self) -> subprocess.Popen[bytes]:
        """Refused first, and told why; then on air, and seen."""
        page, words = self.page, self.words
        page.goto(console(self.system, f"golive/live/{self.name}"))
        page.get_by_text(words["waiting"]).wait_for()
        expect(page.get_by_text(self.system.instance.at["rtmp"], exact=True)).to_be_visible()
        assert self.system.refused(f"live/{self.name}?secret=wrong")
        page.get_by_text(words["refused"]).wait_for()
        page.get_by_text(words["why"]).wait_for()
        encoder = self.system.publish(self.name)
        page.get_by_role("link", name=words["watch"]).click()
        plays(page)
        page.keyboard.press("Escape")
        page.wait_for_url(console(self.system, "live"))
        return encoder

    def restreams(self) -> None:
        """To a target that dies; removed, and not removed after all."""
        page, words = self.page, self.words
        page.goto(console(self.system, "restream"))
        page.get_by_role("button", name=words["add"]).first.click()
        values = {"name": "Copy", "server": self.system.rtmp("copies"), "key": new_name("copy")}
        for label, value in (values | {"streams": f"/live/{self.name}"}).items():
            field(page, words[label]).fill(value)
        page.get_by_role("dialog").get_by_role("button", name=words["add"]).click()
        page.get_by_text(words["running"]).wait_for()
        (target,) = self.system.api.call("GET", "/v1/destinations")["items"]
        dead = f"rtmp://127.0.0.1:{free_port()}/copies/x"
        self.system.api.call("PATCH", f"/v1/destinations/{target['id']}", {"url": dead})
        page.get_by_text(words["retrying"]).wait_for()
        page.get_by_role("button", name=words["remove"]).click()
        page.get_by_role("button", name=words["undo"]).click()
        page.get_by_text("Copy", exact=True).wait_for()
        self.system.remove_destinations()

    def keeps(self) -> None:
        """The recording: watched, whole, given away."""
        page, words = self.page, self.words
        recording = self.system.recorded(self.name)
        page.goto(console(self.system, "recordings"))
        page.get_by_role("link", name=f"live/{self.name}").click()
        page.get_by_role("dialog").get_by_text(words["ready"]).wait_for()
        plays(page)
        whole = page.get_by_role("link", name=words["download"]).get_attribute("href") or ""
        assert abs(media.duration(whole) * 1000 - recording["mp4_duration_ms"]) < 100
        page.get_by_role("button", name=words["share"]).click()
        shared = page.locator("code", has_text="index.m3u8").inner_text()
        assert httpx.get(shared, trust_env=False).text.startswith("#EXTM3U")

    def rotates(self) -> None:
        """The dialog names who used the secret; then the old one is refused, the new one taken."""
        page, words, before, new = self.page, self.words, self.system.secret, "a-new-secret-of-mine"
        try:
            page.goto(console(self.system, "settings"))
            page.get_by_role("button", name=words["rotate"]).click()
            page.get_by_role("dialog").get_by_text(f"live/{self.name}").wait_for()
            field(page, words["new secret"]).fill(new)
            page.get_by_role("dialog").get_by_role("button", name=words["rotate"]).click()
            page.get_by_text(words["rotated"]).wait_for()
            assert self.system.refused(f"live/{new_name('late')}?secret={before}")
            again = new_name("again")
            encoder = self.system.publish(again, suffix=f"?secret={new}")
            self.system.live(again)
            self.system.end(encoder)
        finally:
            self.system.api.call("PATCH", "/v1/settings/publish", {"secret": before})

    def leaves(self, *, narrow: bool) -> None:
        """Nothing is shown afterwards."""
        page = self.page
        if narrow:
            page.get_by_role("button", name=self.words["more"]).click()
        page.get_by_role("button", name=self.words["sign out"]).click()
        page.wait_for_url(re.compile(r"/console/sign-in"))
        page.goto(console(self.system, "live"))
        page.wait_for_url(re.compile(r"/console/sign-in\?then="))


@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("zh", 390)])
def test_a_streamers_first_day(system: System, browser: Browser, language: str, width: int) -> None:
    words, asked, complaints = WORDS[language], list[str](), list[str]()
    with visitor(browser, language, width) as context:
        page = signed_in(context, system, words)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_text(words["none live"]).wait_for()
        day = Day(system, page, words, new_name("day"))
        encoder = day.goes_live()
        day.restreams()
        system.end(encoder)
        day.keeps()
        day.rotates()
        day.leaves(narrow=width < 760)
    assert complaints == []
    ours = (f"{system.instance.at['url']}/", "blob:", "data:")
    assert [url for url in asked if not url.startswith(ours)] == []


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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_can_be_used_by_everybody(system: System, browser: Browser, theme: str, language: str) -> None:
    axe = (ROOT / "console/node_modules/axe-core/axe.min.js").read_text()
    system.add_destination(new_name("seen"), "rtmp://127.0.0.1:9/app/key")
    room = system.api.call("POST", "/v1/rooms", {"title": "Guest"})
    found: list[str] = []
    # What checks is not of the page, and its policy lets in nothing else.
    with visitor(browser, language, bypass_csp=True) as context:
        context.add_init_script(f"localStorage.setItem('sluice.theme', '{theme}')")
        page = signed_in(context, system, WORDS[language])
        for width in (1440, 360):
            page.set_viewport_size({"width": width, "height": 800})
            for name in PAGES:
                page.goto(console(system, name))
                page.locator("main h1").wait_for()
                page.wait_for_timeout(700)
                page.evaluate(axe)
                seen = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
                found += [f"{name} {width}: {v['id']}: {v['nodes'][0]['html']}" for v in seen["violations"]]
                wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
                found += [f"{name}: {wide} px too wide at {width} px"] if wide > 0 else []
    system.api.call("DELETE", f"/v1/rooms/{room['id']}")
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


def test_what_is_loaded_stays_small() -> None:
    """Compressed, as the front sends it."""
    built = ROOT / "edge/web/pages/console/app"
    first = re.findall(r"assets/[\w.-]+", (built / "index.html").read_text())

    def size(files: Callable[[], Iterator[Path]]) -> int:
        return sum(len(gzip.compress(path.read_bytes())) for path in files())

    assert size(lambda: (built / name for name in first)) < FIRST_LOAD_BYTES
    assert size(lambda: (p for p in (built / "assets").iterdir() if not p.name.startswith("hls."))) < ALL_BYTES
