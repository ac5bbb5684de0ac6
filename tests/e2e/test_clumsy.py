"""The console in clumsy hands: double clicks, pastes into the wrong field, two tabs at once, a login that ends in the
middle, names that nobody expects.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from infra.local.tools import find_ffmpeg

from .system import System, new_name
from .test_console import WORDS, console, field, signed_in, visitor

pytestmark = [pytest.mark.media, pytest.mark.browser]

RTL = "ערוץ \u202emehr 4 🎬 قناة"
WIDE = "W" * 100


@pytest.fixture
def page(system: System, browser: Browser) -> Iterator[Page]:
    with visitor(browser) as context:
        yield signed_in(context, system, WORDS["en"])


def made(system: System, **more: Any) -> Any:
    body = {"name": new_name("to"), "server": "rtmp://127.0.0.1:9/app", "key": "abcd", "streams": ["/live/none"]}
    return system.api.call("POST", "/v1/destinations", body | {"enabled": False} | more)


def editing(page: Page, system: System, name: str) -> Locator:
    page.goto(console(system, "restream"))
    page.locator("article", has_text=name).get_by_role("button", name="Edit").click()
    return page.get_by_role("dialog")


def adding(page: Page, system: System) -> Locator:
    page.goto(console(system, "restream"))
    page.get_by_role("button", name="Add a destination").first.click()
    return page.get_by_role("dialog")


def kept(system: System, name: str) -> list[Any]:
    return [d for d in system.api.call("GET", "/v1/destinations", search=name)["items"] if d["name"] == name]


def test_what_is_pressed_twice_is_done_once(system: System, page: Page) -> None:
    name = new_name("twice")
    dialog = adding(page, system)
    field(dialog, "Name").fill(name)
    field(dialog, "Server").fill("rtmp://127.0.0.1:9/app")
    field(dialog, "Stream key").fill("abcd")
    dialog.get_by_role("button", name="Add a destination").dblclick()
    expect(dialog).to_have_count(0)
    page.locator("article", has_text=name).wait_for()
    assert len(kept(system, name)) == 1


def test_a_whole_address_pasted_as_the_key_is_put_where_it_belongs(system: System, page: Page) -> None:
    name = new_name("pasted")
    dialog = adding(page, system)
    field(dialog, "Name").fill(name)
    field(dialog, "Stream key").fill(" rtmp://127.0.0.1:9/app/abcd-1234?x=1/2 ")
    expect(field(dialog, "Server")).to_have_value("rtmp://127.0.0.1:9/app")
    expect(field(dialog, "Stream key")).to_have_value("abcd-1234?x=1/2")
    dialog.get_by_role("button", name="Add a destination").click()
    expect(dialog).to_have_count(0)
    (target,) = kept(system, name)
    assert target["url"] == "rtmp://127.0.0.1:9/app/***?***"


def test_of_two_tabs_the_second_is_told_what_the_first_made_of_it(system: System, page: Page) -> None:
    target = made(system)
    other = page.context.new_page()
    first, second = (editing(tab, system, target["name"]) for tab in (page, other))
    field(first, "Streams").fill("/live/of-the-first")
    field(second, "Streams").fill("/live/of-the-second")
    first.get_by_role("button", name="Save").click()
    expect(first).to_have_count(0)
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("/live/of-the-first")
    assert kept(system, target["name"])[0]["streams"] == ["/live/of-the-first"]
    expect(field(second, "Streams")).to_have_value("/live/of-the-second")
    second.get_by_role("button", name="Save").click()
    expect(second).to_have_count(0)
    assert kept(system, target["name"])[0]["streams"] == ["/live/of-the-second"]


def test_one_that_was_removed_meanwhile_is_said_to_be_gone(system: System, page: Page) -> None:
    target = made(system)
    dialog = editing(page, system, target["name"])
    system.api.call("DELETE", f"/v1/destinations/{target['id']}")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not there any more")
    page.keyboard.press("Escape")
    expect(page.locator("article", has_text=target["name"])).to_have_count(0)


def test_a_login_that_ends_in_the_middle_loses_nothing_that_was_typed(system: System, page: Page) -> None:
    target = made(system)
    dialog = editing(page, system, target["name"])
    field(dialog, "Streams").fill("/live/typed-before")
    (mine,) = [at for at in page.context.cookies() if at["httpOnly"]]
    page.context.clear_cookies(name=mine["name"])
    dialog.get_by_role("button", name="Save").click()
    again = page.get_by_role("dialog", name="Your login has ended")
    field(again, "Password").fill(system.instance.at["admin_password"])
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_count(0)
    dialog = page.get_by_role("dialog")
    expect(field(dialog, "Streams")).to_have_value("/live/typed-before")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    assert kept(system, target["name"])[0]["streams"] == ["/live/typed-before"]


def test_back_out_of_a_dialog_leaves_a_page_that_works(system: System, page: Page) -> None:
    page.goto(console(system, "golive"))
    page.get_by_role("link", name="Restream").first.click()
    page.get_by_role("button", name="Add a destination").first.click()
    page.get_by_role("dialog").wait_for()
    page.go_back()
    page.wait_for_url(console(system, "golive"))
    expect(page.get_by_role("dialog")).to_have_count(0)
    field(page, "Stream").first.fill("live/after")
    page.go_forward()
    page.get_by_role("button", name="Add a destination").first.click()
    page.get_by_role("dialog").wait_for()


def test_a_destination_of_no_platform_is_one_and_can_become_one(system: System, page: Page) -> None:
    own, twitch = made(system), made(system, platform="twitch", server="", key="live_1_abcd")
    expect(field(editing(page, system, own["name"]), "Platform")).to_have_value("custom")
    dialog = editing(page, system, twitch["name"])
    expect(field(dialog, "Platform")).to_have_value("twitch")
    field(dialog, "Platform").select_option("custom")
    field(dialog, "Server").fill("rtmp://127.0.0.1:9/app")
    field(dialog, "Stream key").fill("abcd")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    (now,) = kept(system, twitch["name"])
    assert (now["platform"], now["url"]) == ("custom", "rtmp://127.0.0.1:9/app/***")


@pytest.mark.parametrize("width", [390, 1440])
def test_names_that_nobody_expects_widen_no_page(system: System, browser: Browser, width: int) -> None:
    room = system.api.call("POST", "/v1/rooms", {"title": WIDE})
    for name in (RTL, WIDE):
        made(system, name=name, key=new_name("key"), streams=[f"/live/{'y' * 100}"], enabled=True)
    system.publish("y" * 100)
    system.live("y" * 100)
    with visitor(browser, width=width) as context:
        page = signed_in(context, system, WORDS["en"])
        for place in (
            "live",
            f"live/live/{'y' * 100}",
            "restream",
            "rooms",
            f"rooms/{room['id']}",
            "activity",
            "health",
        ):
            page.goto(console(system, place))
            page.locator("main h1").wait_for()
            page.wait_for_timeout(1500)
            wider = "() => [document.documentElement, ...document.querySelectorAll('dialog, .card')]"
            wider += ".filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className || e.tagName)"
            assert page.evaluate(wider) == [], place
    system.api.call("DELETE", f"/v1/rooms/{room['id']}")


def test_files_that_are_empty_or_shout_their_ending(system: System, page: Page, tmp_path: Path) -> None:
    empty, loud, fake = tmp_path / "empty.mp4", tmp_path / "LOUD.MP4", tmp_path / "FAKE.MP4"
    empty.touch()
    fake.write_text("this is text\n" * 100)
    ffmpeg = [find_ffmpeg().path, "-v", "error", "-i", str(system.clip), "-c", "copy", "-f", "mp4", str(loud)]
    subprocess.run(ffmpeg, check=True)
    page.goto(console(system, "sources"))
    page.get_by_role("button", name="Add a source").first.click()
    field(page, "What it is").select_option("file")
    page.locator("input[type=file]").set_input_files([empty, loud, fake])
    page.get_by_text("empty.mp4 is empty.").wait_for()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("H.264")).to_have_count(1, timeout=40_000)
    expect(dialog.get_by_role("alert")).to_contain_text("nothing that can be played", timeout=40_000)
    expect(dialog.locator(".ordered li")).to_have_count(2)
