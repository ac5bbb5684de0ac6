"""The console as its operator uses it: pushes that fail, an edge that is drained, what is not ready,
search and commands, and OBS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.waiting import until

from .fake_obs import fake_obs
from .system import System, free_port, new_name
from .test_console import WORDS, console, signed_in, violations, visitor

pytestmark = [pytest.mark.media, pytest.mark.browser]


@pytest.fixture
def page(system: System, browser: Browser) -> Iterator[Page]:
    # What checks for accessibility is not of the page, and its policy lets in nothing else.
    with visitor(browser, bypass_csp=True) as context:
        yield signed_in(context, system, WORDS["en"])


def test_a_destination_whose_target_dies_says_why_and_when_it_is_tried_again(system: System, page: Page) -> None:
    name = new_name("dies")
    system.publish(name)
    system.live(name)
    port = free_port()
    body = {"url": f"rtmp://127.0.0.1:{port}/live/key-0123456789", "streams": [f"/live/{name}"]}
    made = [system.api.call("POST", "/v1/destinations", body | {"name": n}) for n in ("Dead", "Other")[:1]]
    off = {"name": "Off", "platform": "youtube", "key": "abcd-efgh", "enabled": False}
    made.append(system.api.call("POST", "/v1/destinations", off))
    page.goto(console(system, "restream"))
    dead = page.locator("article", has_text="Dead")
    expect(dead.get_by_text("The server refuses the connection")).to_be_visible(timeout=40_000)
    expect(dead.locator(".state.amber")).to_be_visible(timeout=20_000)
    expect(dead.get_by_text(re.compile(r"next try in \d+ s"))).to_be_visible(timeout=20_000)
    assert "key-0123456789" not in page.content()
    before = system.api.call("GET", f"/v1/destinations/{made[0]['id']}")["push"]["attempt"]
    dead.get_by_role("button", name="Try now").click(timeout=30_000)
    page.get_by_text("It is tried now.").wait_for()
    until(
        lambda: system.api.call("GET", f"/v1/destinations/{made[0]['id']}")["push"]["attempt"] > before, "it was tried"
    )
    # By keyboard to the second place; what is read aloud says so.
    page.get_by_label("Move Dead", exact=False).focus()
    page.keyboard.press("ArrowDown")
    page.get_by_text("Dead is now 2 of 2.").wait_for(state="attached")
    until(lambda: [d["name"] for d in system.api.call("GET", "/v1/destinations")["items"]] == ["Off", "Dead"], "moved")
    # And by buttons, for whoever has neither mouse nor keyboard.
    page.get_by_label("Move Dead", exact=False).click()
    dead.get_by_role("button", name="Move earlier").click()
    until(lambda: [d["name"] for d in system.api.call("GET", "/v1/destinations")["items"]] == ["Dead", "Off"], "moved")
    # What is shown as curl is the call of the button, without the key.
    dead.get_by_text("Show as curl").click()
    expect(dead.locator(".as-curl code")).to_contain_text("$SLUICE_TOKEN")
    # Both together.
    page.get_by_label("Select Dead").check()
    page.get_by_label("Select Off").check()
    assert violations(page) == []
    page.get_by_role("region", name="2 selected").get_by_role("button", name="Stop").click()
    page.get_by_text("Done for 2 destinations.").wait_for()
    assert not any(d["enabled"] for d in system.api.call("GET", "/v1/destinations")["items"])


class Receiver:
    """Lets publish whoever wants; fails in different ways at all else, and takes that, too, once it is well."""

    def __init__(self) -> None:
        receiver = self
        self.well, self.calls = False, 0

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = b'"on_publish"' in self.rfile.read(int(self.headers["Content-Length"]))
                receiver.calls += 1
                well = receiver.well or question
                body = b"0" if well else f'{{"error": "try {receiver.calls}"}}'.encode()
                self.send_response(200 if well else 500 + receiver.calls % 3)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.thread = Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_an_edge_is_drained_refuses_with_the_reason_and_is_resumed(system: System, page: Page) -> None:
    name, live = new_name("late"), new_name("before")
    system.publish(live)
    system.live(live)
    page.goto(console(system, "edges"))
    page.get_by_role("button", name="Drain", exact=True).click()
    page.get_by_text("Drained: takes no new streams").wait_for()
    try:
        page.goto(console(system, f"golive/live/{name}"))
        page.get_by_text(WORDS["en"]["waiting"]).wait_for()
        assert system.refused(f"live/{name}?secret={system.secret}")
        page.get_by_text("The edge is being drained: it takes no new streams.").wait_for()
        assert system.stream(live), "what is live goes on"
        page.goto(console(system, "health"))
        expect(page.locator(".finding", has_text="It is drained and takes no new streams.")).to_be_visible()
        expect(page.locator(".top .health")).not_to_contain_text("All is well")
    finally:
        page.goto(console(system, "edges"))
        page.get_by_role("button", name="Resume", exact=True).click()
    page.get_by_text("Drained: takes no new streams").wait_for(state="hidden")
    again = new_name("again")
    system.publish(again)
    system.live(again)


def test_health_names_what_is_not_ready_and_what_to_do(system: System, page: Page) -> None:
    name = new_name("sick")
    system.publish(name)
    system.live(name)
    body = {"name": "Nowhere", "url": f"rtmp://127.0.0.1:{free_port()}/live/key", "streams": [f"/live/{name}"]}
    system.api.call("POST", "/v1/destinations", body)
    page.goto(console(system, "live"))
    dot = page.locator(".top .health")
    until(lambda: system.api.call("GET", "/v1/readiness")["level"] == "bad", "it is seen", 60)
    expect(dot).to_contain_text("Not ready", timeout=40_000)
    dot.click()
    page.wait_for_url(console(system, "health"))
    expect(page.locator(".finding", has_text="reaches no platform")).to_be_visible()
    expect(page.locator(".finding", has_text="Destination Nowhere")).to_contain_text("Do this:")
    expect(page.get_by_text("What runs here")).to_be_visible()
    assert violations(page) == []


def test_search_and_commands_by_keyboard(system: System, page: Page) -> None:
    name = new_name("found")
    system.publish(name)
    system.live(name)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(console(system, "settings"))
    page.locator("main h1").wait_for()
    page.keyboard.press("Control+k")
    page.locator(".palette input").wait_for()
    page.keyboard.type(name)
    expect(page.locator(".palette [aria-selected=true]")).to_contain_text(name)
    assert violations(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url(console(system, f"live/live/{name}"))
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.get_by_role("button", name="Search and commands").click()
    expect(page.locator(".palette input")).to_be_focused()
    page.keyboard.type("zzzzzz")
    page.get_by_text("Nothing fits.").wait_for()
    page.keyboard.press("Escape")
    page.locator(".palette").wait_for(state="hidden")
    assert complaints == []


def test_activity_is_filtered_by_its_address_and_saved(system: System, page: Page) -> None:
    name = new_name("acts")
    encoder = system.publish(name)
    system.live(name)
    system.end(encoder)
    system.event(name, "session.ended")
    page.goto(console(system, f"activity?show=events&stream=live/{name}"))
    expect(page.get_by_role("row", name=re.compile("On air"))).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as JSON lines").click()
    lines = saved.value.path().read_text().splitlines()
    assert lines
    assert all(f"live/{name}" in line for line in lines)
    assert violations(page) == []


def test_obs_is_set_up_from_the_page_under_its_policy(system: System, browser: Browser) -> None:
    with fake_obs("supersecretpassword") as obs, visitor(browser) as context:
        if obs is None:
            pytest.skip("port 4455 of this machine is taken")
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, "golive/live/show"))
        page.get_by_text("Set OBS up from here").click()
        page.get_by_label("Password of OBS's WebSocket").fill("wrong")
        page.get_by_role("button", name="Set OBS up").click()
        page.get_by_text("OBS refused the password").wait_for()
        page.get_by_label("Password of OBS's WebSocket").fill("supersecretpassword")
        page.get_by_label("Start streaming at once").check()
        page.get_by_role("button", name="Set OBS up").click()
        page.get_by_text("OBS is set up and streams.").wait_for()
        settings = obs.asked["SetStreamServiceSettings"]["streamServiceSettings"]
        assert settings["server"] == system.rtmp("live")
        assert settings["key"] == f"show?secret={system.secret}"
        assert "StartStream" in obs.asked
        other = page.evaluate(
            "() => new Promise((told) => {"
            " addEventListener('securitypolicyviolation', (e) => told(e.effectiveDirective));"
            " try { new WebSocket('ws://127.0.0.1:4456'); } catch { told('connect-src'); } })"
        )
        assert other == "connect-src"
