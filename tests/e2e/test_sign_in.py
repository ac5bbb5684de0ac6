"""The link that the start prints: opened in a browser, it signs in once and sets a password."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from .browser import a_browser, says
from .system import System

pytestmark = [pytest.mark.media, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as browser:
        yield browser


def test_the_printed_link_signs_in_once(system: System, browser: Browser) -> None:
    link = f"{system.api.url}{system.api.call('POST', '/v1/sign-in-links', {})['path']}"
    page = browser.new_context(locale="en-US").new_page()
    page.goto(link)
    page.fill("#password", "short")
    page.click("#go")
    assert says(page, "A password has").startswith("A password has at least 8")
    page.fill("#password", "a-new-password")
    page.click("#go")
    assert says(page, "You are signed in").startswith("You are signed in")
    assert "#" not in page.url, "the token is in no history"
    me = page.evaluate("fetch('/v1/me', {headers: {'X-Sluice-Console': '1'}}).then((a) => a.json())")
    assert me["scopes"] == ["admin"]
    assert page.evaluate("document.cookie") == "", "no script reads the cookie"
    body = {"password": "a-new-password"}
    login = httpx.post(f"{system.api.url}/terraform/v1/mgmt/login", json=body, trust_env=False)
    assert login.status_code == 200

    again = browser.new_context(locale="zh-CN").new_page()
    again.goto(link)
    again.click("#go")
    assert says(again, "此链接").startswith("此链接已使用")
    system.api.call("POST", "/v1/password", {"password": system.instance.at["admin_password"]})
