"""What a platform gets of a server and a key, command by command, against what OBS sends for the same two fields (D1).

OBS hands both to its librtmp: the application is all behind the host, one closing slash cut off (`RTMP_ParseURL2`);
`tcUrl` is the server up to there; `releaseStream`, `FCPublish` and `publish` carry the key as it was typed
(`SendReleaseStream`, `SendFCPublish`, `SendPublish` in librtmp's rtmp.c).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.domain.targets import join_target, whole_url
from edge.ffmpeg.workers.argv import build_argv
from edge.ffmpeg.workers.spec import Reading, WorkerSpec
from tests.compatibility import section
from tests.e2e.rtmp_sink import rtmp_sink
from tests.e2e.srt_sink import srt_sink

from .rig import FFMPEG

pytestmark = pytest.mark.media
TYPED = [
    ("/live", "abcd-efgh"),
    ("/live2/", "abcd-efgh-1234"),
    ("/a/b/c", "k"),
    ("/rtmp/", "FB-123-0-Ab?s_bl=1&s_psm=1&a=AbxYz"),
    ("/live-bvc/", "?streamname=live_1&key=0a&schedule=rtmp&pflag=1"),
    ("/app", "live_1?bandwidthtest=true"),
    ("/live", "room/17"),
    ("/live", "a?sign=x/y+z=="),
    ("/live", "50%25 %C3%BC"),
    ("/live", "名前 'é' \"#1\""),
    ("/x?vhost=v.example", "k"),
    ("/ondemand/x", "k"),
    ("/live", "mp4:clip.mp4"),
]


def as_obs(server: str, key: str) -> dict[str, object]:
    """What OBS sends."""
    app = server.partition("://")[2].partition("/")[2].removesuffix("/")
    called = server.removesuffix("/")
    return {"app": app, "tcUrl": called, "releaseStream": key, "FCPublish": key, "publish": key}


def seen(clip: Path, target_at: Callable[[str], str]) -> tuple[str, dict[str, object]]:
    """(address of the receiver, what arrives there of the worker's own command line). `target_at`: the target there."""
    with rtmp_sink() as sink:
        host = f"rtmp://127.0.0.1:{sink.port}"
        argv = build_argv(FFMPEG, WorkerSpec("p", str(clip), target_at(host), Reading("file", loop=False)))
        subprocess.run([part for part in argv if part != "-re"], timeout=60, check=False, capture_output=True)
        found = dict(sink.commands)
        connect = found["connect"][0]
        assert isinstance(connect, dict)
        names = {name: found[name][1] for name in ("releaseStream", "FCPublish", "publish")}
        return host, {"app": connect["app"], "tcUrl": connect["tcUrl"], **names}


def test_d1_platforms_get_what_obs_sends(clip: Path) -> None:
    rows = []
    for path, key in TYPED:
        host, found = seen(clip, lambda at, path=path, key=key: join_target(at + path, key))  # type: ignore[misc]
        assert found == as_obs(host + path, key), (path, key)
        rows.append([f"`rtmp://host{path}`", f"`{key}`", f"`{found['app']}`", f"`{found['publish']}`", "the same"])
    header = ["Server", "Key", "Application that arrives", "Name that arrives", "OBS, all five values"]
    section("destinations", header, rows, "Seen with FFmpeg on a receiver of the tests.")


@pytest.mark.parametrize(
    ("url", "app", "key"),
    [
        ("/live/k", "live", "k"),
        ("/a/b/c/k?x=1/2", "a/b/c", "k?x=1/2"),
        ("/app?vhost=v/k", "app?vhost=v", "k"),
    ],
)
def test_d1_a_url_given_whole_is_cut_where_a_user_sees_it(clip: Path, url: str, app: str, key: str) -> None:
    _, found = seen(clip, lambda at: whole_url("custom", at + url, "", ""))
    assert (found["app"], found["publish"]) == (app, key)


NAMES = [
    "#!::r=live/name?secret=S,m=publish",
    "#!::r=live/name?secret=a+b/c==&t=1&timeout=5,m=publish",
    "#!::r=live/50%25#2,m=publish",
    "#!::r=live/直播,m=publish",
    "publish:live/cam+1",
    "x" * 512,
]


def test_d1_srt_listeners_get_the_streamid_to_the_letter() -> None:
    rows = []
    for name in NAMES:
        with srt_sink() as sink:
            target = join_target(f"srt://127.0.0.1:{sink.port}?latency=20&streamid=", name)
            spec = WorkerSpec("p", "rtmp://127.0.0.1/live/x", target)
            argv = build_argv(FFMPEG, spec)
            made = ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=25", "-t", "1", "-c:v", "mpeg2video"]
            output = argv[argv.index("mpegts") - 1 :]
            with subprocess.Popen([FFMPEG, "-nostdin", "-v", "error", *made, *output]) as child:
                came = sink.came.wait(30)
                child.kill()
            assert came
            assert sink.stream_ids == [name]
            shown = name if len(name) < 100 else "512 letters"
            rows.append([f"`srt://host:10080?streamid={shown}`", f"`{shown}`"])
    section(
        "srt destinations", ["Target", "`streamid` that arrives"], rows, "Seen with FFmpeg and a listener of the tests."
    )
