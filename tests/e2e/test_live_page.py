"""What is on air, fresh and pictured: pictures move while somebody looks and are not made otherwise, a change elsewhere
is on the page at once, and a test card goes on air and ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.waiting import until

from .system import System, new_name
from .test_console import WORDS, console, plays, signed_in, visitor

pytestmark = [pytest.mark.media, pytest.mark.browser]

ROOT: Final = Path(__file__).parents[2]
JPEG: Final = b"\xff\xd8\xff"


def sluice(system: System, *argv: str) -> str:
    """The command line, as a program of its own; gives what it prints."""
    given = os.environ | {"SLUICE_HOME": str(system.home)}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *argv],
        env=given,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(system: System, name: str) -> str:
    """When the node told the numbers of a stream."""
    return str((system.stream(name) or {}).get("seen_at"))


def made(system: System) -> int:
    return int(system.agent_status()["thumbnails_made"])


def seen(page: Page, name: str) -> str:
    """What the picture of a stream shows."""
    picture = page.get_by_role("img", name=f"Picture of live/{name}")
    picture.wait_for(timeout=30_000)
    return str(
        picture.evaluate(
            "(img) => { const c = document.createElement('canvas'); c.width = 320; c.height = 180;"
            " c.getContext('2d').drawImage(img, 0, 0, 320, 180); return img.naturalWidth ? c.toDataURL() : ''; }"
        )
    )


def jpeg(system: System, name: str) -> bytes:
    """The picture as a client of the API gets it."""
    session = (system.stream(name) or {})["session"]
    bearer = {"Authorization": f"Bearer {system.instance.at['api_secret']}"}
    answer = httpx.get(f"{system.instance.at['url']}/v1/streams/{session}/thumbnail", headers=bearer, trust_env=False)
    assert answer.headers["content-type"] == "image/jpeg"
    return answer.content


def test_pictures_move_while_somebody_looks_and_are_not_made_otherwise(system: System, browser: Browser) -> None:
    name = new_name("pictured")
    system.publish(name)
    system.live(name)
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, "restream"))
        page.locator("main h1").wait_for()
        time.sleep(2)
        before = made(system)
        time.sleep(12)
        assert made(system) == before, "nobody looks at what is live"
        page.goto(console(system, "live"))
        first, file = seen(page, name), jpeg(system, name)
        assert first
        assert file.startswith(JPEG)
        assert len(file) < 40_000
        until(lambda: seen(page, name) not in ("", first), "another picture", 60, 0.5)
        until(lambda: jpeg(system, name) != file, "another file", 30, 1)
        page.goto("about:blank")
        time.sleep(2)
        after = made(system)
        assert after > before + 1
        time.sleep(12)
        assert made(system) == after, "nobody looks any more"


def test_numbers_are_fresh_and_drawn(system: System, browser: Browser) -> None:
    name = new_name("numbers")
    system.publish(name)
    session = system.live(name)["session"]
    with visitor(browser, "zh", 390) as context:
        page = signed_in(context, system, WORDS["zh"])
        page.goto(console(system, f"live/live/{name}"))
        page.locator(".graph canvas").wait_for(timeout=40_000)
        expect(page.get_by_role("img", name="kbit/s")).to_be_visible()
        page.get_by_text("以表格显示").click()
        expect(page.get_by_role("rowheader").first).to_be_visible()
        before = told(system, name)
        until(lambda: told(system, name) != before, "fresher numbers", 5)
    points = system.api.call("GET", f"/v1/streams/{session}/history")["points"]
    assert any(p["kbps"] and p["kbps"] > 10 for p in points)


def test_a_change_by_the_command_line_is_on_the_page_without_a_reload(system: System, browser: Browser) -> None:
    name = new_name("elsewhere")
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, "restream"))
        page.locator("main h1").wait_for()
        page.wait_for_timeout(1500)
        page.evaluate("() => { window.stayed = true }")
        sluice(system, "destinations", "add", name, "rtmp://127.0.0.1:9/live/key")
        page.get_by_role("heading", name=name).wait_for(timeout=4000)
        found = next(d for d in system.api.call("GET", "/v1/destinations")["items"] if d["name"] == name)
        sluice(system, "destinations", "remove", found["id"], "--yes")
        page.get_by_role("heading", name=name).wait_for(state="detached", timeout=4000)
        assert page.evaluate("() => window.stayed")


def test_a_test_card_goes_on_air_and_ends(system: System, browser: Browser, tmp_path: Path) -> None:
    name = new_name("测试")
    with visitor(browser) as context:
        page = signed_in(context, system, WORDS["en"])
        page.goto(console(system, f"golive/live/{name}"))
        page.get_by_text(WORDS["en"]["waiting"]).wait_for()
        page.get_by_role("button", name=f"Publish a test card as live/{name}").click()
        page.get_by_text(f"live/{name} is on air").wait_for(timeout=30_000)
        page.get_by_role("link", name=WORDS["en"]["watch"]).click()
        plays(page)
        page.goto(console(system, "live"))
        assert seen(page, name)
        sluice(system, "picture", f"live/{name}", str(tmp_path / "now.jpg"))
        assert (tmp_path / "now.jpg").read_bytes().startswith(JPEG)
        assert f"live/{name}" in sluice(system, "test-cards", "list", "--json")
        assert '"lane": "publish"' in sluice(system, "life", f"live/{name}", "--json")
        page.goto(console(system, f"golive/live/{name}"))
        page.get_by_role("button", name=f"Stop the test card live/{name}").click()
        page.get_by_text(WORDS["en"]["waiting"]).wait_for(timeout=30_000)
        expect(page.get_by_role("button", name=f"Publish a test card as live/{name}")).to_be_visible()
    system.gone(name)
    assert system.api.call("GET", "/v1/test-cards")["items"] == []
