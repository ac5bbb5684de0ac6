"""WHEP on the product's own page: HTTP-FLV shows a picture at once, and WebRTC takes over at its next keyframe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from infra.local.demo.media import make_clip
from tests.e2e.browser import flows, said, says
from tests.e2e.system import System, new_name
from tests.waiting import until

from .conftest import needs_srs, with_secret

pytestmark = [pytest.mark.media, pytest.mark.srs, pytest.mark.browser]
KEYFRAME_S = 8
"""Seconds between two keyframes: whoever comes in between waits long for WebRTC."""
BRIDGED = "Playing by HTTP-FLV until WebRTC begins"


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with few keyframes."""
    needs_srs()
    path = tmp_path_factory.mktemp("rare") / "clip.flv"
    make_clip(path, 4.0 * KEYFRAME_S, keyframe_s=KEYFRAME_S)
    return path


@pytest.fixture
def name(system: System, rare: Path) -> Iterator[str]:
    """A stream that goes on, a second or so behind a keyframe."""
    made = new_name("rare")
    encoder = system.encode(
        ["-stream_loop", "-1", "-i", str(rare), "-c", "copy", "-f", "flv", with_secret(system, made)]
    )
    system.live(made)
    yield made
    system.end(encoder)
    system.gone(made)


@pytest.fixture
def closed(system: System) -> Iterator[System]:
    system.api.call("PATCH", "/v1/settings/play", {"auth": True})
    yield system
    system.api.call("PATCH", "/v1/settings/play", {"auth": False})


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(locale="en-GB")
    yield opened
    opened.close()


def visit(page: Page, web: str, name: str, more: str = "") -> None:
    here = web.replace("127.0.0.1", "localhost")
    page.goto(f"{here}/players/whep.html?stream={name}&autostart=true{more}", wait_until="commit")
    page.wait_for_selector("#video", state="attached")


def visit_between(page: Page, web: str, name: str, more: str = "") -> None:
    """Open the page while a keyframe is not just coming; then it shows HTTP-FLV."""
    for _ in range(3):
        visit(page, web, name, more)
        until(lambda: said(page).startswith("Playing"), "there is a picture")
        if BRIDGED in said(page):
            return
    pytest.fail("WebRTC was always first")


def box(page: Page, which: str) -> Any:
    return page.locator(which).bounding_box()


def test_the_picture_of_flv_is_there_until_that_of_webrtc(page: Page, web: str, name: str) -> None:
    visit_between(page, web, name)
    assert box(page, "#bridge") == box(page, "#video"), "nothing jumps"
    before = box(page, "#video")
    until(lambda: said(page) == "Playing", "WebRTC takes over", 2 * KEYFRAME_S)
    assert flows(page)
    assert box(page, "#bridge") is None, "one picture is enough"
    assert box(page, "#video") == before
    assert page.evaluate("document.getElementById('bridge').src") == "", "and nothing more is fetched for it"


def test_without_flv_it_is_webrtc_alone_and_nothing_is_said(page: Page, web: str, name: str) -> None:
    page.route("**/*.flv*", lambda route: route.abort())
    visit(page, web, name)
    told = set()
    until(lambda: told.add(said(page)) or said(page) == "Playing", "WebRTC plays", 2 * KEYFRAME_S)  # type: ignore[func-returns-value]
    assert flows(page)
    assert {words[:22] for words in told} - {"", "Playing"} == {"Waiting for the stream"}


def test_a_stream_that_ends_meanwhile_is_not_said_to_play(system: System, page: Page, web: str, name: str) -> None:
    visit_between(page, web, name)
    system._encoders[-1].kill()
    assert "Waiting for the stream" in says(page, "Waiting for the stream", 2 * KEYFRAME_S)
    assert box(page, "#bridge") is None


def test_a_link_lets_in_both(closed: System, page: Page, web: str, name: str) -> None:
    link = closed.api.call("POST", "/v1/streams/play-links", {"stream": f"live/{name}"})
    query = link["urls"]["flv"].partition("?")[2]
    visit(page, web, name)
    assert "You may not watch this stream" in says(page, "You may not watch")
    visit_between(page, web, name, f"&{query}")
    until(lambda: said(page) == "Playing", "WebRTC takes over", 2 * KEYFRAME_S)
    assert flows(page)
