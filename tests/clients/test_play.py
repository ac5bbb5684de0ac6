"""Playing by players that others wrote; hls.js and mpegts.js on the product's own page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from infra.local.demo import media
from infra.local.tools import find_srs
from tests.e2e.browser import flows, moves, said, says
from tests.e2e.system import System, new_name
from tests.waiting import until

from .conftest import needs_srs, program, running, seen

pytestmark = pytest.mark.media
SOUND = "d.audio ! queue ! fakesink async=false"
"""Where sound comes first, a demultiplexer without a taker for it gives up."""
PICTURE = 640 * 360 * 3 // 2
"""Bytes of one picture of the clip, decoded (I420)."""


@pytest.mark.parametrize("protocol", ["RTMP", "HLS", "HTTP-FLV"])
def test_ffmpeg_plays(protocol: str, system: System, web: str, playing: str) -> None:
    if protocol == "HTTP-FLV":
        needs_srs()
    urls = {"RTMP": system.rtmp(f"live/{playing}"), "HLS": f"{web}/live/{playing}.m3u8"}
    assert media.decode(urls.get(protocol, f"{web}/live/{playing}.flv"), frames=40, seconds=3) == ""
    seen("play", f"FFmpeg, {protocol}", "decoded")


@pytest.mark.parametrize("protocol", ["RTMP", "HLS", "HTTP-FLV"])
def test_gstreamer_plays(protocol: str, system: System, web: str, playing: str, tmp_path: Path) -> None:
    if protocol == "HTTP-FLV":
        needs_srs()
    sources = {
        "RTMP": f"rtmp2src location={system.rtmp(f'live/{playing}')} ! flvdemux name=d {SOUND} d.video",
        "HLS": f"souphttpsrc location={web}/live/{playing}.m3u8 ! hlsdemux ! tsdemux",
        "HTTP-FLV": f"souphttpsrc location={web}/live/{playing}.flv ! flvdemux name=d {SOUND} d.video",
    }
    pictures = tmp_path / "pictures"
    flow = f"{sources[protocol]} ! queue ! h264parse ! openh264dec ! filesink location={pictures}"
    # hlsdemux goes on for ever, so whoever has enough ends it.
    with running([program("gst-launch-1.0", "gstreamer1.0-tools"), "-q", *flow.split()]):
        until(lambda: pictures.exists() and pictures.stat().st_size >= 40 * PICTURE, "40 pictures came", 30)
    seen("play", f"GStreamer, {protocol}", "decoded")


@pytest.mark.browser
@pytest.mark.parametrize(("player", "suffix"), [("hls.js", "m3u8"), ("mpegts.js", "flv")])
def test_a_page_plays(player: str, suffix: str, web: str, playing: str, browser: Browser) -> None:
    if suffix == "flv":
        needs_srs()
    page = browser.new_page()
    page.goto(f"{web}/tools/player.html?url=/live/{playing}.{suffix}")
    assert moves(page), said(page)
    page.close()
    seen("play", f"{player} in Chromium", "plays")


PAGES = {
    "HLS": "/tools/player.html?url=/live/{name}.m3u8",
    "HTTP-FLV": "/tools/player.html?url=/live/{name}.flv",
    "WHEP": "/players/whep.html?stream={name}&autostart=true",
}


@pytest.mark.browser
@pytest.mark.parametrize("protocol", PAGES)
def test_f3_a_page_waits_for_its_stream_and_takes_it_up_again(
    protocol: str, system: System, web: str, browser: Browser
) -> None:
    if protocol != "HLS":
        needs_srs()
    name = new_name("waited")
    page = browser.new_page()
    # Browsers send no media to 127.0.0.1.
    page.goto(web.replace("127.0.0.1", "localhost") + PAGES[protocol].format(name=name), wait_until="commit")
    page.wait_for_selector("#say", state="attached")
    assert "Waiting for the stream" in says(page, "Waiting for the stream")
    page.wait_for_timeout(3000)
    assert "Waiting for the stream" in said(page)
    for _ in range(2):
        encoder = system.publish(name)
        assert flows(page), said(page)
        assert "Playing" in says(page, "Playing")
        system.end(encoder)
        system.gone(name)
    page.close()
    seen("play", f"{protocol} on the page, opened before the stream", "plays, and again after a republish")


@pytest.mark.browser
@pytest.mark.parametrize(("lang", "words"), [("en", "This media server has no "), ("zh", "此媒体服务器不支持 ")])
def test_f4_a_page_says_what_this_media_server_has_not(
    lang: str, words: str, system: System, web: str, playing: str, browser: Browser
) -> None:
    if find_srs():
        pytest.skip("SRS has it all")
    page = browser.new_page()
    for path in (PAGES["HTTP-FLV"], PAGES["WHEP"], "/players/whip.html?stream={name}&autostart=true"):
        page.goto(
            f"{web.replace('127.0.0.1', 'localhost')}{path.format(name=playing)}&lang={lang}", wait_until="commit"
        )
        page.wait_for_selector("#say", state="attached")
        assert words in says(page, words), path
    page.close()
