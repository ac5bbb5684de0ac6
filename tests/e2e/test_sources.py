"""What is played, as a target gets it: files without a seam at their end, other streams, a camera that stalls, and what
is live, encoded anew.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.tools import find_ffprobe
from tests.media.rig import FFMPEG
from tests.waiting import until

from .rtmp_sink import Publish, RtmpSink
from .system import System, free_port, new_name

pytestmark = pytest.mark.media

CAMERA = Path(__file__).parents[1] / "media" / "rtsp_camera.py"
SYSTEM_PYTHON = "/usr/bin/python3"
PASSWORD = "p@ss#w?rd:1"  # as cameras' owners choose them
SEAM_MS = 120
"""Three pictures of 25 a second: nobody sees that."""


class Client:
    """A client of the compatible API."""

    def __init__(self, system: System) -> None:
        bearer = {"Authorization": f"Bearer {system.instance.at['api_secret']}"}
        self.url = f"{system.api.url}/terraform/v1/ffmpeg"
        self.http = httpx.Client(headers=bearer, timeout=40, trust_env=False)

    def call(self, path: str, **body: Any) -> Any:
        answer = self.http.post(f"{self.url}{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def refused(self, path: str, **body: Any) -> str:
        answer = self.http.post(f"{self.url}{path}", json=body)
        assert answer.status_code == 500, answer.text
        return answer.text

    def upload(self, file: Path, name: str, **more: Any) -> httpx.Response:
        with file.open("rb") as content:
            return self.http.post(f"{self.url}/vlive/upload/{name}", files={"file": (name, content)}, **more)


@pytest.fixture
def oryx(system: System) -> Iterator[Client]:
    client = Client(system)
    yield client
    for source in system.api.call("GET", "/v1/sources")["items"]:
        system.api.call("DELETE", f"/v1/sources/{source['id']}")
    client.http.close()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two films of a few seconds, encoded alike, with B-frames and sound that is not as long as the picture."""
    folder = tmp_path_factory.mktemp("films")
    made = []
    for n in (2, 3):
        path = folder / f"film {n} it's.mp4"
        inputs = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", f"sine=f={n * 200}:r=44100"]
        codecs = [
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-g",
            "25",
            "-bf",
            "2",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
        ]
        subprocess.run([FFMPEG, "-v", "error", *inputs, "-t", str(n), *codecs, str(path)], check=True, timeout=60)
        made.append(path)
    return made


def began(sink: RtmpSink, key: str, count: int = 1, seconds: float = 20) -> Publish:
    until(lambda: len(sink.of(key)) >= count, f"{key} gets media for the {count}. time", seconds, 0.02)
    return sink.of(key)[count - 1]


def assert_seamless(publish: Publish) -> None:
    stamps = [stamp for _, stamp in publish.video]
    steps = [b - a for a, b in itertools.pairwise(stamps)]
    assert min(steps) > 0, "no timestamp goes back or stands still"
    assert max(steps) <= SEAM_MS


def slot(sink: RtmpSink, key: str, **more: Any) -> dict[str, Any]:
    return {"action": "update", "server": sink.url("")[:-1], "secret": key, "enabled": True} | more


def test_an_uploaded_file_is_looped_without_a_seam_and_stops_at_once(
    oryx: Client, sink: RtmpSink, films: list[Path]
) -> None:
    key = new_name("key")
    found = oryx.upload(films[0], "film.mp4").json()["data"]
    assert found["target"] == f"upload/{found['uuid']}.mp4"
    sent = found | {"name": "film.mp4", "type": "upload"}
    files = oryx.call("/vlive/source", platform="wx", files=[sent])["files"]
    assert files[0]["target"] == f"vlive/{found['uuid']}.mp4"
    oryx.call("/vlive/secret", platform="wx", files=files, **slot(sink, key))
    first = began(sink, key)
    until(lambda: first.video and first.video[-1][1] > 7000, "the film of two seconds went over its end", 20)
    assert_seamless(first)
    (shown,) = oryx.call("/vlive/streams")
    assert shown["source"] == found["uuid"]
    assert shown["frame"]["log"]
    assert len(sink.of(key)) == 1, "one connection"
    oryx.call("/vlive/secret", platform="wx", files=files, **slot(sink, key, enabled=False))
    until(lambda: first.ended is not None, "it stopped", 4, 0.02)
    assert "frame" not in until(lambda: [s for s in oryx.call("/vlive/streams") if "frame" not in s], "it shows so")[0]


def test_uploads_are_checked_before_they_are_read(oryx: Client, system: System, films: list[Path]) -> None:
    url, folder = f"{oryx.url}/vlive/upload", system.home / "upload"
    before = set(folder.iterdir())  # what other tests brought in and did not use
    assert httpx.post(f"{url}/film.mp4", files={"file": ("film.mp4", b"x")}).status_code == 401
    assert "must end with" in oryx.upload(films[0], "film.exe").text
    text = oryx.http.post(f"{url}/film.mp4", files={"file": ("film.mp4", b"text")})  # S5
    assert (text.status_code, "no format" in text.text) == (400, True)
    assert "another name" in oryx.http.post(f"{url}/film.mp4", files={"file": ("other.mp4", b"x")}).text
    assert "no file" in oryx.http.post(f"{url}/film.mp4", files={"file": ("film.mp4", b"x")}, data={"a": "b"}).text
    assert "multipart" in oryx.http.post(f"{url}/film.mp4", content=b"x").text
    assert set(folder.iterdir()) == before, "nothing of them is left"


def test_a_server_file_a_download_and_a_stream_are_played(
    oryx: Client, system: System, sink: RtmpSink, films: list[Path]
) -> None:
    shutil.copy(films[0], system.home / films[0].name)
    server_file = oryx.call("/vlive/server", file=str(system.home / films[0].name)) | {"type": "file"}
    assert "outside" in oryx.refused("/vlive/server", file=str(films[0]))
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(films[0].parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{http.server_address[1]}"
        download = oryx.call("/vlive/ytdl", url=f"{at}/film%202%20it's.mp4") | {"type": "ytdl"}
        assert "404" in oryx.refused("/vlive/ytdl", url=f"{at}/none.mp4")
        http.shutdown()
    name = new_name("from")
    system.publish(name)
    system.live(name)
    stream = oryx.call("/vlive/stream-url", url=system.rtmp(f"live/{name}")) | {"type": "stream"}
    keys = {}
    for n, source in enumerate((server_file, download, stream)):
        platform, keys[source["type"]] = f"vlive-{n}-abcdef", new_name("key")
        files = oryx.call("/vlive/source", platform=platform, files=[source])["files"]
        oryx.call("/vlive/secret", platform=platform, files=files, **slot(sink, keys[source["type"]]))
    for key in keys.values():
        began(sink, key)


def test_a_list_of_files_is_played_without_a_seam_and_begins_anew_when_told(
    oryx: Client, system: System, sink: RtmpSink, films: list[Path]
) -> None:
    inputs = []
    for film in films:
        target = oryx.upload(film, "film.mp4").json()["data"]["target"]
        inputs.append({"upload": target})
    key, other = new_name("key"), new_name("key")
    body = {"name": key, "kind": "file", "url": sink.url(key), "inputs": inputs}
    source = system.api.call("POST", "/v1/sources", body)
    first = began(sink, key)
    until(lambda: first.video and first.video[-1][1] > 9000, "both films and the first one again", 20)
    assert_seamless(first)
    system.api.call("POST", f"/v1/sources/{source['id']}/restart", {})
    second = began(sink, key, 2)
    assert first.ended is not None
    assert first.ended <= second.began, "never two at one target"
    system.api.call("PATCH", f"/v1/sources/{source['id']}", {"url": sink.url(other)})
    moved = began(sink, other)
    until(lambda: second.ended, "the other target was left")
    assert second.ended is not None
    assert second.ended <= moved.began
    folder = system.home / "vlive"
    assert len(list(folder.glob("*.mp4"))) >= 2
    system.api.call("DELETE", f"/v1/sources/{source['id']}")
    until(lambda: moved.ended, "it stopped")
    for shown in source["inputs"]:
        assert not (system.home / shown["target"]).exists()


# cameras --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def camera() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A real RTSP server. Gives its port and process."""
    check = [SYSTEM_PYTHON, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')"]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(check, capture_output=True, check=False).returncode:
        pytest.skip("a camera needs gir1.2-gst-rtsp-server-1.0 and GStreamer's plug-ins: infra/install-media-tools")
    port = free_port()
    process = subprocess.Popen([SYSTEM_PYTHON, str(CAMERA), str(port), "admin", PASSWORD])
    time.sleep(1.0)
    yield port, process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()


def test_a_camera_without_sound_gets_silence_and_comes_back_after_a_stall(
    oryx: Client, system: System, sink: RtmpSink, camera: tuple[int, subprocess.Popen[bytes]]
) -> None:
    port, process = camera
    key = new_name("camera")
    wrong = f"rtsp://admin:wrong@127.0.0.1:{port}/silent"
    sent = oryx.call("/camera/stream-url", url=wrong) | {"type": "stream"}
    assert "credentials" in oryx.refused("/camera/source", platform="wx", files=[sent])
    sent = oryx.call("/camera/stream-url", url=f"rtsp://admin:{PASSWORD}@127.0.0.1:{port}/silent") | {"type": "stream"}
    files = oryx.call("/camera/source", platform="kuaishou", files=[sent])["files"]
    assert files[0]["audio"] is None
    platform = "camera-4-abcdef"
    oryx.call("/camera/secret", platform=platform, files=files, extraAudio="silent", **slot(sink, key))
    first = began(sink, key)
    until(lambda: first.media - len(first.video) > 50, "silence is sent beside the picture")
    os.kill(process.pid, signal.SIGSTOP)
    stalled = time.time()
    until(lambda: first.ended, "the stalled worker was killed", 17, 0.05)
    assert first.ended is not None
    assert first.ended - stalled <= 15
    os.kill(process.pid, signal.SIGCONT)
    began(sink, key, 2, seconds=35)
    (source,) = (s for s in system.api.call("GET", "/v1/sources")["items"] if s["id"] == f"slot-camera-{platform}")
    assert PASSWORD not in json.dumps(source)
    log = (system.home / "logs" / "agent.log").read_text()
    assert PASSWORD not in log


# transcode ------------------------------------------------------------------------------------------------------------


def looked_at(url: str) -> dict[str, Any]:
    argv = [
        find_ffprobe().path,
        "-v",
        "error",
        "-print_format",
        "json",
        "-show_streams",
        "-rw_timeout",
        "15000000",
        url,
    ]
    said = subprocess.run(argv, capture_output=True, check=True, timeout=30).stdout
    return {s["codec_type"]: s for s in json.loads(said)["streams"]}


def kbps(url: str, seconds: int) -> float:
    """The bitrate of the picture over so many seconds, by its own timestamps."""
    argv = [find_ffprobe().path, "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,size"]
    argv += ["-print_format", "json", "-read_intervals", f"%+{seconds}", url]
    said = subprocess.run(argv, capture_output=True, check=True, timeout=seconds + 20).stdout
    packets = [(float(p["pts_time"]), int(p["size"])) for p in json.loads(said)["packets"]]
    return sum(size for _, size in packets[:-1]) * 8 / 1000 / (packets[-1][0] - packets[0][0])


def test_a_transcode_has_what_was_asked_for_and_follows_changes(oryx: Client, system: System, sink: RtmpSink) -> None:
    name, out, key = new_name("from"), new_name("out"), new_name("key")
    system.publish(name)
    system.live(name)
    config = {
        "all": True, "vcodec": "libx264", "vprofile": "main", "vpreset": "veryfast", "vbitrate": 600, "acodec": "aac",
        "abitrate": 48, "achannels": 1, "server": system.rtmp("live"), "secret": f"{out}?secret={system.secret}",
    }  # fmt: skip
    oryx.call("/transcode/apply", **config)
    system.live(out)
    task = oryx.call("/transcode/task")
    assert task["input"] == f"rtmp://localhost/live/{name}"
    assert task["output"].startswith(system.rtmp(f"live/{out}"))
    streams = looked_at(system.rtmp(f"live/{out}"))
    assert (streams["video"]["codec_name"], streams["video"]["profile"]) == ("h264", "Main")
    assert (streams["audio"]["codec_name"], streams["audio"]["channels"]) == ("aac", 1)
    assert abs(kbps(system.rtmp(f"live/{out}"), 8) - 600) <= 0.15 * 600
    to_sink = config | {"vprofile": "high", "server": sink.url("")[:-1], "secret": key}
    oryx.call("/transcode/apply", **to_sink)
    began(sink, key)
    system.gone(out)
    applied = time.time()
    oryx.call("/transcode/apply", **to_sink | {"vbitrate": 300})
    assert (began(sink, key, 2).first or 0) - applied <= 4.0
    oryx.call("/transcode/apply", **to_sink | {"vbitrate": 300, "all": False})
    until(lambda: sink.of(key)[1].ended, "it stopped", 5, 0.05)
