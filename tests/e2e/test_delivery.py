"""Delivery with real encoders, players and a real browser: what was published by one protocol is watched by the others,
and nobody publishes with a wrong secret (sections 6, 8.2, 15; checklist 18.1, item 10).
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from infra.local.demo import media
from infra.local.tools import find_srs
from tests.waiting import until

from .browser import moves, said, says
from .system import System, new_name

pytestmark = [pytest.mark.media, pytest.mark.browser]
needs_srs = pytest.mark.skipif(not find_srs(), reason="SRT, WebRTC and reloads need SRS: name one with SRS_BIN")


def address(system: System, path: str) -> str:
    """By a name: browsers send no media to 127.0.0.1."""
    return f"{system.instance.at['url'].replace('127.0.0.1', 'localhost')}{path}"


def opened(browser: Browser, system: System, path: str) -> Page:
    page = browser.new_page(locale="en-US")
    page.goto(address(system, path), wait_until="commit")
    page.wait_for_selector("#say", state="attached")
    return page


def srt(system: System, name: str, mode: str, secret: str = "") -> str:
    more = f",secret={secret}" if secret else ""
    return f"srt://127.0.0.1:{system.environment['SRT_PORT']}?streamid=#!::r=live/{name}{more},m={mode}"


def shows(url: str) -> bool:
    """Whether a player decodes some seconds of it."""
    return media.decode(url, frames=20, seconds=2, timeout_s=25) == ""


@contextmanager
def on_air(system: System, browser: Browser, protocol: str, name: str) -> Iterator[None]:
    """`live/<name>` is published by a protocol while the block runs."""
    if protocol == "whip":
        page = opened(browser, system, f"/players/whip.html?stream={name}&secret={system.secret}&autostart=true")
        assert says(page, "On air") == "On air"
        yield
        page.close()
        return
    encoder = system.publish(name) if protocol == "rtmp" else _by_srt(system, name)
    yield
    system.end(encoder)


def _by_srt(system: System, name: str) -> subprocess.Popen[bytes]:
    encoder = media.publish(system.clip, srt(system, name, "publish", system.secret), loop=-1)
    system._encoders.append(encoder)
    return encoder


@needs_srs
@pytest.mark.srs
@pytest.mark.parametrize("protocol", ["rtmp", "srt", "whip"])
def test_what_is_published_is_watched_everywhere(system: System, browser: Browser, protocol: str) -> None:
    name = new_name(protocol)
    with on_air(system, browser, protocol, name):
        assert system.live(name)["protocol"] == {"whip": "webrtc"}.get(protocol, protocol)
        base = system.instance.at["url"]
        assert shows(f"{base}/live/{name}.flv"), "HTTP-FLV"
        until(lambda: shows(f"{base}/live/{name}.m3u8"), "HLS", 40)
        page = opened(browser, system, f"/players/whep.html?stream={name}&autostart=true")
        assert moves(page), "WHEP"
        page.close()
        for kind in ("flv", "m3u8"):
            page = opened(browser, system, f"/tools/player.html?url=/live/{name}.{kind}")
            assert moves(page, 45), f"{kind} in the browser: {said(page)}"
            page.close()
        if protocol == "srt":  # SRS makes RTMP of SRT, and not the other way round
            # SRS hands on what it gets, so that a viewer begins anywhere between two keyframes.
            until(lambda: shows(srt(system, name, "request")), "SRT", 60)
        assert shows(srt(system, name, "request").replace("r=live", "h=srt,r=live")), "SRT, whichever way it came"
    system.gone(name, 60)


@needs_srs
@pytest.mark.srs
def test_a_wrong_secret_is_refused_by_each_protocol(system: System, browser: Browser) -> None:
    name = new_name("refused")
    assert system.refused(f"live/{name}?secret=wrong-secret")
    assert media.try_publish(system.clip, srt(system, name, "publish", "wrong-secret"), 8) != ""
    page = opened(browser, system, f"/players/whip.html?stream={name}&secret=wrong-secret&autostart=true")
    assert says(page, "Refused").startswith("Refused: the secret is wrong")
    page.close()
    assert system.stream(name) is None
    with on_air(system, browser, "whip", name):
        assert system.live(name)["protocol"] == "webrtc", "what was refused blocks nobody"
    system.gone(name, 60)


@needs_srs
@pytest.mark.srs
def test_what_a_callback_refuses_by_whip_blocks_nobody(system: System, browser: Browser) -> None:
    name = new_name("no")
    answer = system.received.answer
    system.received.answer = lambda call: (200, b"1" if call["action"] == "on_publish" else b"0")
    try:
        page = opened(browser, system, f"/players/whip.html?stream={name}&secret={system.secret}&autostart=true")
        assert "Refused" in says(page, "Refused")
        page.close()
    finally:
        system.received.answer = answer
    encoder = system.publish(name)
    # The media server by itself would hold the name for half a minute.
    system.live(name, 12)
    system.end(encoder)
    system.gone(name)


@contextmanager
def slow_target(seconds: float) -> Iterator[str]:
    """A target of callbacks that thinks before it lets somebody publish."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(seconds if b"on_publish" in sent else 0)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"code":0}')

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@needs_srs
@pytest.mark.srs
@pytest.mark.parametrize("protocol", ["rtmp", "whip", "srt"])
def test_f3_a_slow_callback_loses_no_stream(system: System, browser: Browser, protocol: str) -> None:
    """SRS 7.0.18 removes a new source whose publisher waits in `on_publish`, unless somebody watches it (bug 4656)."""
    name = new_name("kept")
    base = system.instance.at["url"]
    with slow_target(3.5) as target:
        system.api.call("PATCH", "/v1/settings/callbacks", {"target": target})
        with on_air(system, browser, protocol, name):
            system.live(name)
            assert shows(f"{base}/live/{name}.flv"), "HTTP-FLV"
            page = opened(browser, system, f"/players/whep.html?stream={name}&autostart=true")
            assert moves(page), "WHEP"
            page.close()
            assert system.stream(name), "and nobody was cut off"
        system.gone(name, 60)
    system.api.call("PATCH", "/v1/settings/callbacks", {"target": system.received.url})


@needs_srs
@pytest.mark.srs
def test_f3_a_slow_callback_loses_no_name_beyond_ascii(system: System) -> None:
    name = f"{new_name('kept')}直播间"
    with slow_target(3.5) as target:
        system.api.call("PATCH", "/v1/settings/callbacks", {"target": target})
        app = f"live?secret={system.secret}"
        names = ["-rtmp_app", app, "-rtmp_playpath", name, "-rtmp_tcurl", system.rtmp(app)]
        encoder = system.encode(
            ["-stream_loop", "-1", "-i", str(system.clip), "-c", "copy", "-f", "flv", *names, system.rtmp(app)]
        )
        system.live(name)
        assert shows(system.rtmp(f"live/{name}"))
        system.end(encoder)
        system.gone(name)
    system.api.call("PATCH", "/v1/settings/callbacks", {"target": system.received.url})


def _publisher(system: System, name: str) -> str:
    """The media server's id of the client that publishes."""
    url, bearer = (
        f"{system.instance.at['url']}/api/v1/streams/?count=1000",  # ten, when it is not said how many
        {"Authorization": f"Bearer {system.instance.at['api_secret']}"},
    )
    rows = httpx.get(url, headers=bearer, trust_env=False).json()["streams"]
    return str(next(row["publish"]["cid"] for row in rows if row["name"] == name))


def _lengths(playlist: str) -> list[float]:
    return [float(found) for found in re.findall(r"#EXTINF:([\d.]+)", playlist)]


@pytest.fixture
def call(system: System) -> Iterator[Callable[[str, dict[str, Any]], httpx.Response]]:
    """A call of the compatible API; what it changes of HLS is put back."""

    def call(path: str, body: dict[str, Any]) -> httpx.Response:
        url = f"{system.instance.at['url']}/terraform/v1/mgmt/{path}"
        headers = {"Authorization": f"Bearer {system.instance.at['api_secret']}"}
        return httpx.post(url, json=body, headers=headers, timeout=30, trust_env=False)

    yield call
    for path in ("hlsll/update", "hphls/update"):
        assert call(path, {}).json()["code"] == 0


Call = Callable[[str, dict[str, Any]], httpx.Response]


@needs_srs
@pytest.mark.srs
def test_hls_modes_change_under_a_live_publisher(system: System, call: Call) -> None:
    """The instance's own fragment is 2 s as well, so the window tells the modes apart, and what the server is told."""
    name = new_name("modes")
    system.publish(name)
    system.live(name)
    client, url = _publisher(system, name), f"{system.instance.at['url']}/live/{name}.m3u8"
    modes = system.home / "media-server" / "hls.conf"
    assert call("hphls/update", {"noHlsCtx": True}).json()["data"] is None
    assert "hls_ctx off;" in modes.read_text()
    until(lambda: httpx.get(url, trust_env=False).headers.get("cache-control") == "public, max-age=1", "a file", 20)
    assert call("hlsll/update", {"hlsLowLatency": True}).json()["code"] == 0
    assert call("hlsll/query", {}).json()["data"] == {"hlsLowLatency": True}
    assert call("hphls/query", {}).json()["data"] == {"noHlsCtx": True}
    assert modes.read_text() == "hls_fragment 2;\nhls_window 16;\nhls_ctx off;\nhls_aof_ratio 5;\n"

    def whole_window() -> list[float]:
        answer = httpx.get(url, trust_env=False)
        lengths = _lengths(answer.text)
        assert answer.headers["cache-control"] == "public, max-age=1"
        return lengths if sum(lengths) >= 14 else []

    lengths = until(whole_window, "a window is full", 60)
    assert sum(lengths) <= 22, lengths
    assert all(length <= 4.5 for length in lengths), lengths
    assert "hls_ctx" not in httpx.get(url, trust_env=False).text
    assert shows(url)
    assert call("hlsll/update", {"hlsLowLatency": False}).json()["code"] == 0
    assert call("hphls/update", {"noHlsCtx": False}).json()["code"] == 0
    assert "hls_window 60;" in modes.read_text()
    until(lambda: "cache-control" not in httpx.get(url, trust_env=False).headers, "from the media server again", 5)
    until(lambda: "hls_ctx=" in httpx.get(url, trust_env=False).text, "each viewer has a session again", 5)
    assert _publisher(system, name) == client, "the publisher was not cut off"


def test_plain_playlists_play_in_a_browser(system: System, browser: Browser, call: Call) -> None:
    name = new_name("plain")
    system.publish(name)
    system.live(name)
    assert call("hphls/update", {"noHlsCtx": True}).json()["code"] == 0
    url = f"{system.instance.at['url']}/live/{name}.m3u8"
    until(lambda: httpx.get(url, trust_env=False).headers.get("cache-control") == "public, max-age=1", "a file", 30)
    until(lambda: _lengths(httpx.get(url, trust_env=False).text), "a segment", 30)
    playlist = httpx.get(url, trust_env=False).text
    segment = httpx.get(f"{url.rpartition('/')[0]}/{playlist.strip().splitlines()[-1]}", trust_env=False)
    assert segment.headers["cache-control"] == "public, max-age=600"
    assert segment.headers["content-type"] == "video/mp2t"
    page = opened(browser, system, f"/tools/player.html?url=/live/{name}.m3u8")
    assert moves(page)
    page.close()


@pytest.mark.skipif(bool(find_srs()), reason="SRS has a low-latency mode")
def test_the_stand_in_says_that_it_has_no_low_latency(system: System, call: Call) -> None:
    answer = call("hlsll/update", {"hlsLowLatency": True})
    assert answer.status_code == 500
    assert "use SRS" in answer.text


def test_the_front_over_https_and_what_is_not_there(system: System, browser: Browser) -> None:
    base = f"https://127.0.0.1:{system.environment['HTTPS_PORT']}"
    with httpx.Client(verify=False, trust_env=False, timeout=10) as client:
        assert client.get(f"{base}/v1/health").json() == {"status": "ok"}
        assert client.get(f"{base}/").headers["location"] == "/mgmt"
        assert client.get(f"{base}/api/v1/versions").json()["code"] == 0
        refused = client.get(f"{base}/api/v1/summaries")
        assert (refused.status_code, refused.text) == (401, "auth: a bearer or a token is needed\n")
        bearer = {"Authorization": f"Bearer {system.instance.at['api_secret']}"}
        assert client.get(f"{base}/api/v1/streams/", headers=bearer).json()["code"] == 0
        login = client.post(f"{base}/terraform/v1/mgmt/login", json={"password": system.instance.at["admin_password"]})
        token = login.json()["data"]["token"]
        assert client.get(f"{base}/api/v1/streams/", params={"token": token}).json()["code"] == 0
    page = opened(browser, system, "/tools/player.html?url=/live/not-there.m3u8")
    assert "Waiting for the stream" in says(page, "Waiting for the stream")
    page.goto(address(system, "/tools/player.html?url=javascript:alert(1)"))
    assert says(page, "Only http").startswith("Only http:// and https://")
    page.goto(address(system, "/mgmt"))
    page.wait_for_url("**/console/sign-in?then=**")
    page.close()


def test_the_front_comes_back_by_itself(system: System) -> None:
    front = system.child("--adapter")
    assert front is not None
    front.kill()

    def serves() -> bool:
        try:
            return httpx.get(f"{system.instance.at['url']}/v1/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    until(serves, "the front serves again", 20)
    until(lambda: system.agent_status()["front"] == {"loaded": True, "error": ""}, "the agent knows", 5)
