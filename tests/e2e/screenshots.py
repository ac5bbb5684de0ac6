"""Pictures of every page of the console, in both languages and themes, of an instance with something on it:
`make screenshots`. They are looked at, and the best lie in `docs/console`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Browser

from infra.local.demo import media
from infra.local.demo.media import make_clip
from infra.local.demo.receiver import receiver
from infra.local.tools import find_ffmpeg

from .browser import a_browser
from .system import System, environment, free_port

PAGES = (
    "live", "live/live/show", "golive", "restream", "recordings", "sources", "rooms", "callbacks", "api", "edges",
    "activity", "health", "settings",
)  # fmt: skip
SIZES = {"wide": (1440, 900), "narrow": (360, 800)}


def main(target: Path) -> None:
    """Into a folder, as `page-language-theme-size.png`."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, receiver() as received:
        clip = Path(folder) / "clip.flv"
        make_clip(clip, 30, keyframe_s=1)
        system = System(Path(folder) / "home", clip, received, environment())
        system.start()
        try:
            names = [*PAGES, *_busy(system)]
            with a_browser() as browser:
                for language in ("en", "zh"):
                    for theme in ("light", "dark"):
                        _take(system, browser, target, names, language, theme)
        finally:
            system.kill_encoders()
            system.stop()


def _busy(system: System) -> list[str]:
    """Has something go on; gives the pages of single things."""
    system.prepare()
    past = system.publish("evening", seconds=10)
    past.wait()
    system.publish("show")
    other = _another_clip(system.clip.with_name("other.flv"))
    system._encoders.append(media.publish(other, system.rtmp(f"live/lobby?secret={system.secret}"), loop=-1))
    system.live("show")
    for name, url in (("Copy", system.rtmp("copies/show")), ("Down", f"rtmp://127.0.0.1:{free_port()}/live/key")):
        system.api.call("POST", "/v1/destinations", {"name": name, "url": url, "streams": ["/live/show"]})
    room = system.api.call("POST", "/v1/rooms", {"title": "Guest"})
    system.refused("live/show2?secret=wrong")
    recording = system.recorded("evening")
    system.live("lobby")
    (delivery, *_) = system.api.call("GET", "/v1/deliveries", stream="live/evening", kind="on_record_end")["items"]
    return [f"recordings/{recording['id']}", f"rooms/{room['id']}", f"callbacks/{delivery['id']}"]


def _another_clip(path: Path) -> Path:
    """With another picture than the test pattern."""
    picture = ["-f", "lavfi", "-i", "gradients=size=640x360:rate=25:speed=0.02:n=4:duration=20"]
    sound = ["-f", "lavfi", "-t", "20", "-i", "sine=frequency=330"]
    how = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-b:v", "500k", "-c:a", "aac"]
    subprocess.run([find_ffmpeg().path, "-v", "error", "-y", *picture, *sound, *how, str(path)], check=True)
    return path


def _take(system: System, browser: Browser, target: Path, names: Iterable[str], language: str, theme: str) -> None:
    url = system.instance.at["url"]
    context = browser.new_context(locale="zh-CN" if language == "zh" else "en-GB")
    context.add_init_script(f"localStorage.setItem('sluice.theme', '{theme}')")
    page = context.new_page()
    page.goto(f"{url}{system.api.call('POST', '/v1/sign-in-links')['path']}")
    page.locator("button[type=submit]").click()
    page.wait_for_url(f"{url}/console/live")
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for name in names:
            page.goto(f"{url}/console/{name}")
            page.locator("main h1").wait_for()
            page.wait_for_timeout(3000 if name.startswith(("live", "recordings/")) else 1200)
            # Of a single thing the id says nothing.
            short = name.replace("/", "-") if name in PAGES else f"{name.partition('/')[0]}-one"
            page.screenshot(path=target / f"{short}-{language}-{theme}-{size}.png")
    context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".cache/screenshots"))
