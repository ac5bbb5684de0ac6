"""Play links with real viewers: a link of the stream lets in, nothing else does, and our own pushes go on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from infra.local.tools import find_ffmpeg
from tests.waiting import until

from .rtmp_sink import RtmpSink
from .system import System, new_name

pytestmark = pytest.mark.media


def watches(url: str) -> bool:
    """Whether a player gets a picture."""
    argv = [find_ffmpeg().path, "-nostdin", "-v", "error", "-rw_timeout", "8000000", "-i", url]
    done = subprocess.run(
        [*argv, "-frames:v", "1", "-c:v", "copy", "-f", "null", "-"], timeout=30, capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.fixture
def closed(system: System) -> Iterator[System]:
    """The instance with play authentication on."""
    system.api.call("PATCH", "/v1/settings/play", {"auth": True})
    yield system
    system.api.call("PATCH", "/v1/settings/play", {"auth": False})


def test_a_link_lets_in_and_nothing_else_does(closed: System, sink: RtmpSink) -> None:
    name, key = new_name("play"), new_name("key")
    closed.add_destination(name, sink.url(key))
    encoder = closed.publish(name)
    closed.live(name)
    made = closed.api.call("POST", "/v1/streams/play-links", {"stream": f"live/{name}"})
    short = closed.api.call("POST", "/v1/streams/play-links", {"stream": f"live/{name}", "expires_in_s": 10})
    other = closed.api.call("POST", "/v1/streams/play-links", {"stream": "live/other"})
    ends = time.monotonic() + 11
    kinds = ["rtmp"]
    if closed.agent_status()["media_server"]["kind"] == "srs":
        kinds += ["flv", "hls"]
    until(lambda: watches(made["urls"]["rtmp"]), "a link lets in", 30)
    for kind in kinds:
        url = made["urls"][kind]
        if kind == "hls":
            until(lambda url=url: watches(url), "the first playlist is there", 30)  # type: ignore[misc]
        assert watches(url), kind
        assert not watches(url.partition("?")[0]), f"{kind} without a link"
        assert not watches(url.replace(made["token"], other["token"])), f"{kind} with the link of another stream"
    time.sleep(max(0.0, ends - time.monotonic()))
    if "hls" in kinds:
        forged = made["urls"]["hls"].partition("?")[0] + "?hls_ctx=abcdefgh"
        assert not any(watches(forged) for _ in range(3)), "a made-up context of the media server opens nothing"
    for kind in kinds:
        assert not watches(short["urls"][kind]), f"{kind} with a link that has ended"
    assert not watches(made["urls"]["rtmp"].partition("?")[0] + "?sluice_pull=d1"), "nobody passes for one of ours"
    until(lambda: sink.flowing(key), "our own worker still pulls")
    closed.end(encoder)
    closed.gone(name)
