"""Publishing by encoders that others wrote."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import says
from tests.e2e.system import System, new_name
from tests.waiting import until

from .conftest import needs_srs, program, running, seen, with_secret

pytestmark = pytest.mark.media
Encoder = Callable[[System, str], list[str]]


def _gstreamer(system: System, mux: str, sink: list[str]) -> list[str]:
    """A clip as it is, at its own pace."""
    flow = f"filesrc location={system.clip} ! flvdemux name=d {mux} name=m".split()
    video = ["d.video", "!", "queue", "!", "h264parse", "config-interval=1", "!", "identity", "sync=true", "!", "m."]
    audio = ["d.audio", "!", "queue", "!", "aacparse", "!", "identity", "sync=true", "!", "m."]
    return [program("gst-launch-1.0", "gstreamer1.0-tools"), "-q", *flow, "!", *sink, *video, *audio]


def _rtmp2sink(system: System, name: str) -> list[str]:
    return _gstreamer(system, "flvmux streamable=true", ["rtmp2sink", f"location={with_secret(system, name)}"])


def _stream_id(system: System, name: str) -> str:
    return f"#!::r=live/{name},secret={system.secret},m=publish"


def _srt(system: System) -> str:
    return f"srt://127.0.0.1:{system.environment['SRT_PORT']}"


def _srtsink(system: System, name: str) -> list[str]:
    needs_srs()
    sink = ["srtsink", f"uri={_srt(system)}?mode=caller", f"streamid={_stream_id(system, name)}"]
    return _gstreamer(system, "mpegtsmux alignment=7", sink)


def _ffmpeg(system: System, container: str, url: str) -> list[str]:
    flow = ["-re", "-stream_loop", "-1", "-i", str(system.clip), "-c", "copy", "-f", container, url]
    return [program("ffmpeg", "ffmpeg"), "-v", "error", "-nostdin", *flow]


def _ffmpeg_srt(system: System, name: str) -> list[str]:
    needs_srs()
    return _ffmpeg(system, "mpegts", f"{_srt(system)}?streamid={_stream_id(system, name)}")


ENCODERS: dict[str, Encoder] = {
    "FFmpeg, RTMP": lambda system, name: _ffmpeg(system, "flv", with_secret(system, name)),
    "FFmpeg, SRT": _ffmpeg_srt,
    "GStreamer rtmp2sink": _rtmp2sink,
    "GStreamer srtsink": _srtsink,
}


@pytest.mark.parametrize("client", ENCODERS)
def test_a_stream_is_published(client: str, system: System) -> None:
    name = new_name("by")
    with running(ENCODERS[client](system, name)) as encoder:
        protocol = system.live(name, 15)["protocol"]
        assert encoder.poll() is None
    system.gone(name)
    seen("publish", client, f"live, by {protocol}")


@pytest.mark.parametrize("client", ENCODERS)
def test_a_wrong_secret_is_refused(client: str, system: System) -> None:
    name = new_name("not")

    def refused() -> bool:
        found = system.api.call("GET", "/v1/events", kind="publish.refused", limit=50)["items"]
        return ("secret_wrong", f"live/{name}") in [(e["data"]["code"], e["data"]["name"]) for e in found]

    with running([word.replace(system.secret, "wrong-secret") for word in ENCODERS[client](system, name)]):
        until(refused, "it is refused, and told")
    assert system.stream(name) is None


@pytest.mark.browser
@pytest.mark.srs
def test_a_browser_publishes_by_whip(system: System, web: str, browser: Browser) -> None:
    needs_srs()
    name = new_name("whip")
    page = browser.new_page()
    here = web.replace("127.0.0.1", "localhost")
    page.goto(f"{here}/players/whip.html?stream={name}&secret={system.secret}&autostart=true")
    assert "On air" in says(page, "On air")
    assert system.live(name)["protocol"] == "webrtc"
    page.close()
    seen("publish", "Chromium, WHIP", "live, by webrtc")
