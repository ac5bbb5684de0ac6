"""A real browser: Debian's Chromium with a made-up camera, driven by Playwright."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_FLAGS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Chromium, or a skip that says how to get it."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def said(page: Page) -> str:
    """What the page tells its user."""
    return page.inner_text("#say")


def says(page: Page, text: str, seconds: float = 20) -> str:
    """What the page tells once that holds `text`; what it tells instead when the time is over."""
    deadline = time.monotonic() + seconds
    while text not in (now := said(page)) and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    return now


def moves(page: Page, seconds: float = 30) -> bool:
    """Whether pictures come: the video's time goes on for more than a second."""
    deadline = time.monotonic() + seconds
    start: float | None = None
    while time.monotonic() < deadline:
        at = float(page.evaluate("document.getElementById('video').currentTime"))
        start = at if start is None and at > 0 else start
        if start is not None and at > start + 1:
            return True
        page.wait_for_timeout(200)
    return False


def flows(page: Page, seconds: float = 30) -> bool:
    """Whether pictures come now: twenty more than there were, whatever the page does to its player meanwhile."""
    deadline = time.monotonic() + seconds
    count = "document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames"
    came, last = 0, int(page.evaluate(count))
    while came < 20 and time.monotonic() < deadline:
        page.wait_for_timeout(100)
        now = int(page.evaluate(count))
        came, last = came + max(0, now - last), now
    return came >= 20
