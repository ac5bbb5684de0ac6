"""An instance behind proxies that have it below a prefix (A9): what is given out leads on below it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser

from infra.local.demo.receiver import receiver
from infra.local.tools import find_caddy, find_srs
from tests.waiting import until

from .browser import moves, says
from .system import System, environment, free_port, new_name
from .test_whip import an_offer

pytestmark = pytest.mark.media

PROXY = """{{
	admin off
	auto_https off
	persist_config off
}}
http://:{strips} {{
	bind 127.0.0.1
	handle_path /sluice/* {{
		reverse_proxy 127.0.0.1:{inner} {{
			header_up Host 127.0.0.1:{inner}
		}}
	}}
}}
http://:{leaves} {{
	bind 127.0.0.1
	handle /sluice/* {{
		reverse_proxy 127.0.0.1:{inner}
	}}
}}
"""
"""Nothing but the prefix leads to the instance. One takes it off, the other leaves it."""


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {name: free_port() for name in ("strips", "leaves")}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, clip: Path, ports: dict[str, int]) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("prefix")
    given = environment() | {"SLUICE_PUBLIC_URL": f"http://127.0.0.1:{ports['strips']}/sluice"}
    (folder / "proxy").write_text(PROXY.format(inner=given["HTTP_PORT"], **ports))
    argv = [find_caddy().path, "run", "--config", str(folder / "proxy"), "--adapter", "caddyfile"]
    with receiver() as received:
        system = System(folder / "home", clip, received, given)
        system.start()
        own = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        proxy = subprocess.Popen(argv, env=own, stderr=subprocess.DEVNULL)
        try:
            system.prepare()
            yield system
        finally:
            proxy.terminate()
            proxy.wait()
            system.kill_encoders()
            system.stop()


@pytest.fixture(params=["strips", "leaves"])
def base(request: pytest.FixtureRequest, behind: System, ports: dict[str, int]) -> str:
    """The public URL, through either proxy."""
    url = f"http://127.0.0.1:{ports[request.param]}/sluice"
    until(lambda: _answers(f"{url}/v1/health"), "the proxy answers")
    return url


def _answers(url: str) -> bool:
    try:
        return get(url).status_code == 200
    except httpx.TransportError:
        return False


def get(url: str, **more: object) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=20, **more)  # type: ignore[arg-type]


def in_order(url: str) -> list[str]:
    """A stream's HLS from its first playlist to its first segment: every URL on the way."""
    way = [url]
    while not way[-1].partition("?")[0].endswith(".ts"):
        answer = get(way[-1])
        assert answer.status_code == 200, way
        lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
        if not lines:
            return []
        way.append(urljoin(way[-1], lines[-1]))
    assert get(way[-1]).status_code == 200, way
    return way


def test_a9_redirects_and_hls_stay_below_the_prefix(behind: System, base: str) -> None:
    first = get(f"{base}/")
    assert (first.status_code, first.headers["location"]) == (302, "/sluice/mgmt")
    name = new_name("below")
    encoder = behind.publish(name)
    behind.live(name)

    def plays() -> list[str]:
        url = f"{base}/live/{name}.m3u8?viewer=1"
        return in_order(url) if get(url).status_code == 200 else []

    way = until(plays, "it plays by HLS", 40)
    assert all(url.startswith(f"{base}/live/{name}") for url in way), way
    if find_srs():
        assert "hls_ctx=" in way[1], way
        assert "viewer=1" in way[1], way
        answer = httpx.post(
            f"{base}/rtc/v1/whep/?app=live&stream={name}",
            content=an_offer(), headers={"Content-Type": "application/sdp"}, trust_env=False, timeout=20,
        )  # fmt: skip
        assert answer.headers["location"].startswith("/sluice/rtc/v1/")
    behind.end(encoder)
    behind.gone(name)


def test_a9_recordings_and_what_callbacks_name_are_below_the_prefix(behind: System, base: str) -> None:
    name = new_name("kept")
    behind.publish(name, seconds=5).communicate(timeout=40)
    recording = behind.recorded(name)["id"]
    share = behind.api.call("POST", f"/v1/recordings/{recording}/shares", {})
    assert get(f"{base}{share['links']['mp4']}").content[4:8] == b"ftyp"
    bearer = {"Authorization": f"Bearer {behind.instance.at['api_secret']}"}
    of_old = f"{base}/terraform/v1/hooks/record/hls/{recording}/index.mp4"
    answer = httpx.get(of_old, headers=bearer, trust_env=False, timeout=20)
    assert answer.headers["location"].startswith("/sluice/recordings/")
    told = behind.received.wait_for("on_record_end", name, 30)
    assert told is not None
    public = behind.environment["SLUICE_PUBLIC_URL"]
    assert told["artifact_url"].startswith(f"{public}/")
    assert get(told["artifact_url"], follow_redirects=True).content[4:8] == b"ftyp"


def test_a9_play_links_name_the_public_url(behind: System) -> None:
    link = behind.api.call("POST", "/v1/streams/play-links", {"stream": "live/x"})
    public = behind.environment["SLUICE_PUBLIC_URL"]
    assert link["urls"]["hls"].startswith(f"{public}/live/x.m3u8?")
    assert urlsplit(link["urls"]["rtmp"]).netloc == f"127.0.0.1:{behind.environment['RTMP_PORT']}"
    other = behind.api.call("POST", "/v1/streams/play-links", {"stream": "live/x", "host": "other.example"})
    assert other["urls"]["hls"].startswith(f"http://other.example:{behind.environment['HTTP_PORT']}/live/x.m3u8?")


@pytest.mark.browser
def test_a9_pages_and_players_work_below_the_prefix(behind: System, base: str, browser: Browser) -> None:
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    for path in ("/mgmt", "/console", "/console/settings", "/console/golive/live/x"):
        page.goto(f"{base}{path}")
        page.wait_for_url(f"{base}/console/sign-in?then=**")
    page.get_by_label("Password").fill(behind.instance.at["admin_password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text(f"{behind.environment['SLUICE_PUBLIC_URL']}/live/x.m3u8").wait_for()
    name = new_name("seen")
    encoder = behind.publish(name)
    behind.live(name)
    until(lambda: get(f"{base}/live/{name}.m3u8").status_code == 200, "it plays by HLS", 40)
    page.goto(f"{base}/tools/player.html?url=/live/{name}.m3u8")
    assert moves(page), says(page, "Playing", 0)
    assert [url for url in asked if not url.startswith((f"{base}/", "blob:")) and "favicon" not in url] == []
    page.close()
    behind.end(encoder)
    behind.gone(name)
