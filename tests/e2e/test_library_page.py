"""The library as its users use it: a large file that comes in over a bad connection, the trash,
and links that are taken back.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from infra.local.tools import find_ffmpeg
from tests.waiting import until

from .system import System, new_name
from .test_console import WORDS, console, field, plays, signed_in, visitor
from .test_live_page import sluice

pytestmark = [pytest.mark.media, pytest.mark.browser]

LARGE: Final = 80_000_000


@pytest.fixture
def large(tmp_path: Path, clip: Path) -> Path:
    """A film of 80 MB, the end of which is a box that players leave out."""
    path = tmp_path / "night loop 夜.mp4"
    # Ten minutes: what plays faster than the limit of the settings is no source.
    looped = [find_ffmpeg().path, "-v", "error", "-stream_loop", "-1", "-t", "600", "-i", str(clip), "-c", "copy"]
    subprocess.run([*looped, "-movflags", "+faststart", str(path)], check=True)
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", LARGE - file.tell(), b"free"))
        file.truncate(LARGE)
    return path


def sent(page: Page) -> float:
    """How much of the upload the page shows as sent, from 0 to 1."""
    return float(
        page.evaluate("() => { const p = document.querySelector('progress'); return p ? p.value / p.max : 1; }")
    )


def adding(page: Page, system: System, file: Path) -> None:
    """The dialog that adds a source, with a file chosen."""
    page.goto(console(system, "sources"))
    page.get_by_role("button", name="Add a source").first.click()
    field(page, "What it is").select_option("file")
    page.locator("input[type=file]").set_input_files(file)


def test_a_large_file_comes_in_over_a_bad_connection(system: System, browser: Browser, large: Path) -> None:
    parts: list[int] = []
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.on("request", lambda r: parts.append(int(r.headers["upload-offset"])) if r.method == "PUT" else None)
        slow = context.new_cdp_session(page)
        slow.send("Network.enable")

        def at(megabytes: float, *, offline: bool = False) -> None:
            bounds = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": megabytes * 1e6, "offline": offline}
            slow.send("Network.emulateNetworkConditions", bounds)

        at(20)
        adding(page, system, large)
        until(lambda: sent(page) > 0.1, "it is being sent")
        at(20, offline=True)
        page.get_by_text("Connection lost").wait_for()
        at(20)
        until(lambda: sent(page) > 0.3, "it goes on by itself")
        agent = system.agent()
        agent.kill()
        system.wait_for_agent(besides=agent.pid)
        until(lambda: sent(page) > 0.4, "it goes on with the new agent", 60)
        page.get_by_role("button", name="Pause").click()
        page.get_by_text("Paused").wait_for()
        before = max(parts)
        parts.clear()
        page.reload()
        at(-1e-6)
        adding(page, system, large)
        page.get_by_role("dialog").get_by_text("H.264").wait_for(timeout=60_000)
        assert min(parts) >= before > 0, "what was safe was sent once"
        field(page, "On air as").fill(f"live/{new_name('loop')}")
        page.get_by_role("dialog").get_by_role("button", name="Add a source").click()
        page.get_by_text("The source was added.").wait_for(timeout=40_000)
    (source,) = system.api.call("GET", "/v1/sources")["items"]
    try:
        (played,) = source["inputs"]
        assert (played["name"], played["size"]) == (large.name, LARGE)
        kept = system.home / "data" / played["target"]
        found = next(iter(system.home.rglob(played["target"].rpartition("/")[2])), kept)
        assert found.stat().st_size == LARGE
        with found.open("rb") as mine, large.open("rb") as theirs:
            assert mine.read(20_000_000) == theirs.read(20_000_000)
        until(lambda: _state(system, source["id"]) == "running", "it plays", 40)
    finally:
        system.api.call("DELETE", f"/v1/sources/{source['id']}")


def test_the_command_line_brings_a_file_in_by_parts(system: System, large: Path) -> None:
    found = json.loads(sluice(system, "sources", "upload", str(large), "--json"))
    assert (found["name"], found["size"]) == (large.name, LARGE)
    kept = next(system.home.rglob(found["target"].rpartition("/")[2]))
    assert kept.read_bytes() == large.read_bytes()


def _state(system: System, source: str) -> str:
    worker = system.api.call("GET", f"/v1/sources/{source}")["worker"]
    return str(worker["state"]) if worker else ""


def test_what_is_no_media_is_refused_with_the_reason(system: System, browser: Browser, tmp_path: Path) -> None:
    text = tmp_path / "not a film.mp4"
    text.write_bytes(b"this is text, whatever it is called\n" * 1000)
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        adding(page, system, text)
        page.get_by_role("alert").get_by_text("It is nothing that can be played").wait_for()
        page.get_by_role("dialog").get_by_role("button", name="Add a source").click()
        page.get_by_text("Wait until everything is uploaded").wait_for()


def _listed(page: Page, name: str) -> Any:
    return page.get_by_role("region").get_by_role("link", name=f"live/{name}")


def test_what_was_removed_comes_back_or_goes_for_good(system: System, browser: Browser) -> None:
    name = new_name("trash")
    system.publish(name, seconds=6).wait()
    recording = system.recorded(name)
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, f"recordings/{recording['id']}?q={name}"))
        page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
        page.get_by_role("button", name="Undo").click()
        page.get_by_text(f"live/{name} is back.").wait_for()
        _listed(page, name).click()
        page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
        page.get_by_text("No recording fits").wait_for()
        field(page, "Show").select_option("trashed")
        _listed(page, name).wait_for()
        assert "trashed=true" in page.url
        page.get_by_role("button", name=f"Remove for good: live/{name}").click()
        typed = page.get_by_role("dialog").get_by_role("textbox")
        typed.fill("another")
        page.get_by_role("dialog").get_by_role("button", name="Remove for good").click()
        page.get_by_text("That is not its name.").wait_for()
        typed.fill(f"live/{name}")
        page.get_by_role("dialog").get_by_role("button", name="Remove for good").click()
        expect(_listed(page, name)).to_have_count(0)
    assert list((system.home / "objects").rglob(f"*{recording['id']}*/**/*.ts")) == []


def test_what_could_not_be_removed_is_listed_with_the_reason_and_tried_again(system: System, browser: Browser) -> None:
    name = new_name("stuck")
    system.publish(name, seconds=6).wait()
    recording = system.recorded(name)
    (folder,) = (system.home / "objects").rglob(recording["id"])
    foreign = folder / "not ours.txt"  # nothing but objects is removed from there
    foreign.touch()
    system.api.call("DELETE", f"/v1/recordings/{recording['id']}")
    with visitor(browser, "zh", 390) as context:
        page = signed_in(context, system, WORDS["zh"])
        page.goto(console(system, f"recordings?trashed=true&q={name}"))
        page.get_by_role("button", name=f"彻底删除: live/{name}").click()
        typed = page.get_by_role("dialog").get_by_role("textbox")
        typed.fill(f"live/{name}")
        page.get_by_role("dialog").get_by_role("button", name="彻底删除").click()
        page.get_by_role("alert").get_by_text("有文件未能删除").wait_for()
        page.keyboard.press("Escape")
        field(page, "显示").select_option("unremoved")
        row = page.get_by_role("row", name=f"live/{name}")
        row.get_by_text("not ours.txt").wait_for()
        row.get_by_text("后重试").wait_for()
        again = page.get_by_role("button", name=f"重试: live/{name}")
        again.click()
        page.get_by_text("有文件未能删除").first.wait_for()
        foreign.unlink()
        again.click()
        expect(_listed(page, name)).to_have_count(0)
    assert not folder.exists()


def test_a_link_is_given_out_and_taken_back(system: System, browser: Browser) -> None:
    name = new_name("shared")
    system.publish(name, seconds=6).wait()
    recording = system.recorded(name)
    with visitor(browser) as context, visitor(browser) as stranger:
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, f"recordings/{recording['id']}"))
        field(page, "For whom").fill("Ann")
        page.get_by_role("button", name="Make a link").click()
        film = page.locator("code", has_text="index.mp4").inner_text()
        playlist = page.locator("code", has_text="index.m3u8").inner_text()
        elsewhere = stranger.new_page()
        elsewhere.goto(film)
        plays(elsewhere)
        text = httpx.get(playlist, trust_env=False).text
        segment = next(line for line in text.splitlines() if line.endswith(".ts"))
        part = f"{playlist.rpartition('/')[0]}/{segment}"
        whole = httpx.get(part, trust_env=False)
        assert (whole.status_code, whole.headers["access-control-allow-origin"]) == (200, "*")
        assert httpx.get(film, headers={"Range": "bytes=0-99"}, trust_env=False).status_code == 206
        page.get_by_role("button", name="Revoke: Ann").click()
        page.get_by_text("The link was revoked").wait_for()
        assert [httpx.get(url, trust_env=False).status_code for url in (film, playlist, part)] == [403] * 3
        answer = elsewhere.goto(film)
        assert answer is not None
        assert answer.status == 403


def test_filters_are_in_the_address(system: System, browser: Browser) -> None:
    name = new_name("found")
    system.publish(name, seconds=6).wait()
    system.recorded(name)
    with visitor(browser, "zh", 390) as context:
        page = signed_in(context, system, WORDS["zh"])
        page.goto(console(system, "recordings?state=failed"))
        page.get_by_text("没有符合条件的录制。").wait_for()
        field(page, "状态").select_option("ready")
        field(page, "搜索").fill(name)
        page.wait_for_url(re.compile(rf"q={name}&state=ready"))
        _listed(page, name).wait_for()
        page.reload()
        _listed(page, name).wait_for()
        assert field(page, "搜索").input_value() == name


def test_a_playlist_is_ordered_by_keyboard_and_extended(system: System, browser: Browser, tmp_path: Path) -> None:
    films = [tmp_path / f"{name}.mp4" for name in ("first", "second", "third")]
    for film in films:
        made = [find_ffmpeg().path, "-v", "error", "-i", str(system.clip), "-c", "copy", str(film)]
        subprocess.run(made, check=True)
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        adding(page, system, films[0])
        page.locator("input[type=file]").set_input_files(films[1])
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("H.264")).to_have_count(2, timeout=40_000)
        up = dialog.get_by_role("button", name="Move second.mp4 up")
        up.focus()
        page.keyboard.press("Enter")
        expect(dialog.locator("[aria-live]")).to_have_text("second.mp4 is number 1 of 2 now")
        field(page, "On air as").fill(f"live/{new_name('order')}")
        dialog.get_by_role("button", name="Add a source").click()
        page.get_by_text("The source was added.").wait_for(timeout=40_000)
        # One more, without the others.
        page.get_by_role("button", name="Add files").click()
        page.locator("input[type=file]").set_input_files(films[2])
        expect(dialog.get_by_text("H.264")).to_have_count(1, timeout=40_000)
        dialog.get_by_role("button", name="Add", exact=True).last.click()
        page.get_by_text("plays them, too.").wait_for(timeout=40_000)
    (source,) = system.api.call("GET", "/v1/sources")["items"]
    try:
        assert [i["name"] for i in source["inputs"]] == ["second.mp4", "first.mp4", "third.mp4"]
    finally:
        system.api.call("DELETE", f"/v1/sources/{source['id']}")


def test_a_room_is_made_and_its_address_works(system: System, browser: Browser) -> None:
    title, stream = new_name("Guest"), new_name("guest")
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, "rooms"))
        page.get_by_role("button", name="Make a room").first.click()
        field(page, "Name").fill(title)
        field(page, "Stream name").fill(stream)
        page.get_by_role("dialog").get_by_role("button", name="Make a room").click()
        page.wait_for_url(re.compile(r"/console/rooms/.+"))
        panel = page.get_by_role("dialog", name=title)
        panel.get_by_text("Where to publish").wait_for()
        panel.get_by_role("button", name="Show").first.click()
        room = system.api.call("GET", f"/v1/rooms?q={stream}")["items"][0]
        panel.get_by_text(room["secret"], exact=True).wait_for()
        encoder = system.publish(stream, suffix=f"?secret={room['secret']}", seconds=6)
        encoder.wait()
        system.recorded(stream)
        panel.get_by_role("link", name=f"live/{stream}").wait_for()
        page.keyboard.press("Escape")
        page.get_by_label("Search").fill("nothing like it")
        page.get_by_text("Nothing fits what is searched for.").wait_for()
        page.get_by_label("Search").fill(title)
        page.get_by_role("link", name=f"Open {title}").wait_for()
        assert "q=Guest" in page.url
    system.api.call("DELETE", f"/v1/rooms/{room['id']}")
