"""The API of Oryx's clients against the running product, call by call and on real media. Written from its contract."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from infra.local.demo import media
from infra.local.demo.receiver import Received
from tests.waiting import until

from .rtmp_sink import RtmpSink
from .system import System, new_name

pytestmark = pytest.mark.media

OPEN = ["/mgmt/versions", "/host/versions", "/mgmt/check", "/mgmt/envs", "/mgmt/init", "/mgmt/beian/query"]
TOKEN = [
    "/mgmt/token",
    "/mgmt/secret/query",
    "/mgmt/status",
    "/mgmt/limits/query",
    "/hooks/srs/secret/query",
    "/hooks/srs/secret",
    "/mgmt/streams/query",
    "/mgmt/hooks/query",
    "/live/room/list",
    "/hooks/record/query",
    "/hooks/record/files",
    "/ffmpeg/forward/secret",
    "/ffmpeg/forward/streams",
]
CORS = ["origin", "headers", "methods"]


class Client:
    """A client as the product's users have them."""

    def __init__(self, system: System) -> None:
        self._http = httpx.Client(base_url=f"{system.api.url}/terraform/v1", timeout=30, trust_env=False)
        self._bearer = system.instance.at["api_secret"]
        self.password = system.instance.at["admin_password"]

    def close(self) -> None:
        self._http.close()

    def raw(self, path: str, body: Any = None, *, bearer: str | None = "", method: str = "POST") -> httpx.Response:
        """`bearer` '' stands for the right one, None for none."""
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer or self._bearer}"}
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        return self._http.request(method, path, content=content, headers=headers)

    def call(self, path: str, **body: Any) -> Any:
        answer = self.raw(path, body)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        assert answer.json()["code"] == 0
        return answer.json()["data"]

    def fails(self, path: str, body: Any = None, *, status: int = 500, bearer: str | None = "") -> str:
        answer = self.raw(path, body, bearer=bearer)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.text.endswith("\n")
        return answer.text


@pytest.fixture
def client(system: System) -> Iterator[Client]:
    client = Client(system)
    yield client
    client.close()


# envelope, credentials


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", OPEN)
def test_open_calls_need_nothing(client: Client, path: str, method: str) -> None:
    answer = client.raw(path, bearer=None, method=method)
    assert (answer.status_code, answer.json()["code"]) == (200, 0)
    assert isinstance(answer.json()["server"], int)
    assert answer.headers["server"].startswith("Oryx/v")
    assert all(answer.headers[f"access-control-allow-{name}"] == "*" for name in CORS)
    assert answer.headers.get_list("access-control-allow-credentials") == ["true"]


@pytest.mark.parametrize("path", TOKEN)
def test_token_calls_take_a_bearer_or_a_token_and_nothing_else(client: Client, path: str) -> None:
    token = client.call("/mgmt/login", password=client.password)["token"]
    assert {client.raw(path).status_code, client.raw(path, {"token": token}, bearer=None).status_code} == {200}
    client.fails(path, {}, status=401, bearer=None)
    client.fails(path, {"token": client._bearer}, status=401, bearer=None)
    client.fails(path, {}, status=401, bearer=token)
    assert "wrong" not in client.fails(path, {"token": token}, status=401, bearer="wrong-wrong")


def test_tokens_are_hs256_for_a_year_and_no_other(client: Client) -> None:
    result = client.call("/mgmt/login", password=client.password)
    assert result["bearer"] == client._bearer
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", result["createAt"])
    claims = jwt.decode(result["token"], client._bearer, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 365 * 86400
    assert claims["v"] == "1.0"
    now = int(time.time())
    forged = {
        "without expiry": jwt.encode({"v": "1.0"}, client._bearer, algorithm="HS256"),
        "expired": jwt.encode({"exp": now - 10}, client._bearer, algorithm="HS256"),
        "from the future": jwt.encode({"iat": now + 900, "exp": now + 9000}, client._bearer, algorithm="HS256"),
        "HS512": jwt.encode({"exp": now + 900}, client._bearer * 2, algorithm="HS512"),
        "none": jwt.encode({"exp": now + 900}, "", algorithm="none"),
    }
    for token in forged.values():
        client.fails("/mgmt/token", {"token": token}, status=401, bearer=None)
    renewed = client.call("/mgmt/token")
    assert set(renewed) == {"token", "createAt", "expireAt"}


def test_a_wrong_password_and_a_second_init_are_refused(client: Client) -> None:
    assert client.call("/mgmt/init") == {"init": True}
    client.fails("/mgmt/init", {"password": "another"}, bearer=None)
    client.fails("/mgmt/login", {}, bearer=None)
    client.fails("/mgmt/login", None, bearer=None)
    assert "open-sesame" not in client.fails("/mgmt/login", {"password": "open-sesame"}, status=401, bearer=None)
    assert client.call("/mgmt/login", password=client.password)["token"]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"1", b'"x"', b"\xff\xfe", b'{"all": "yes"}', b'{"all": 1}', b"{" * 100_000]
)
def test_bad_bodies_are_plain_text_errors(client: Client, body: bytes) -> None:
    client.fails("/hooks/record/apply", body)


def test_requests_are_read_leniently(client: Client) -> None:
    client.call("/mgmt/limits/update", VLIVE=6000, Camera=7000, unknown={"x": 1})
    assert client.call("/mgmt/limits/query") == {"vlive": 6000, "camera": 7000}
    client.fails("/mgmt/limits/update", {"vlive": 1})
    client.fails("/mgmt/limits/update", {"vlive": 1.5, "camera": 2})
    client.fails("/mgmt/limits/update", {"vlive": None, "camera": 2})
    assert client.raw("/mgmt/versions?callback=alert", bearer=None).json()["code"] == 0


def test_options_and_unknown_paths(client: Client) -> None:
    for path in ("/mgmt/versions", "/no/such/call"):
        answer = client.raw(path, bearer=None, method="OPTIONS")
        assert (answer.status_code, answer.text) == (200, "")
        assert all(answer.headers[f"access-control-allow-{name}"] == "*" for name in CORS)
    assert client.raw("/no/such/call").status_code == 404
    assert client.raw("/ai/transcript/query").status_code == 404


def test_what_is_sent_is_escaped_and_footers_are_kept(client: Client) -> None:
    client.call("/mgmt/beian/update", beian="title", text="<b>&流</b>")
    assert client.call("/mgmt/beian/query")["title"] == "<b>&流</b>"
    assert b"<b>" not in client.raw("/mgmt/beian/query").content
    client.fails("/mgmt/beian/update", {"beian": "title"})


def test_environment_and_status(client: Client, system: System) -> None:
    found = client.call("/mgmt/envs", locale="zh")
    assert str(found["rtmpPort"]) == system.rtmp("").split(":")[2].split("/")[0]
    assert {type(found[k]) for k in ("rtmpPort", "httpPort", "srtPort", "rtcPort")} == {str}
    assert {type(found[k]) for k in ("forwardLimit", "vLiveLimit", "cameraLimit")} == {int}
    state = client.call("/mgmt/status")
    assert state["version"].startswith("v")
    assert (state["upgrading"], state["strategy"]) == (False, "manual")


# publishing


def test_a_room_has_its_own_secret(client: Client, system: System) -> None:
    room = client.call("/live/room/create", title="Room")
    assert re.fullmatch(r"[0-9a-f]{12}", room["stream"])
    assert re.fullmatch(r"[0-9A-F]{16}", room["secret"])
    assert (room["assistant"], room["aiPostEnabled"], room["aiChatMaxWords"]) == (True, False, 0)
    try:
        assert system.refused(f"live/{room['stream']}?secret={system.secret}")
        encoder = system.publish(room["stream"], suffix=f"?secret={room['secret']}")
        assert system.live(room["stream"])
        shown = client.call("/mgmt/streams/query")["streams"]
        assert [s["stream"] for s in shown] == [room["stream"]]
        assert room["secret"] not in json.dumps(shown)
        client.call("/mgmt/streams/kickoff", vhost="__defaultVhost__", app="live", stream=room["stream"])
        assert client.call("/mgmt/streams/query")["streams"] is None, "A5: from the answer on"
        assert system.stream(room["stream"]) is None
        encoder.wait(timeout=20)
        client.fails("/mgmt/streams/kickoff", {"vhost": "__defaultVhost__", "app": "live", "stream": "nobody"})
        assert system.refused(f"live/other?secret={room['secret']}"), "a room's secret is for its stream only"

        changed = client.call("/live/room/update", **{**room, "stream": "renamed-room", "title": "New"})
        assert changed["title"] == "New"
        assert client.call("/live/room/query", uuid=room["uuid"])["stream"] == "renamed-room"
        assert [r["uuid"] for r in client.call("/live/room/list")["rooms"]] == [room["uuid"]]
        client.fails("/live/room/update", {**room, "uuid": ""})
        client.fails("/live/room/update", {**room, "secret": "short"})
    finally:
        client.call("/live/room/remove", uuid=room["uuid"])
    assert client.call("/live/room/list")["rooms"] is None
    client.fails("/live/room/query", {"uuid": room["uuid"]})


def test_a_new_secret_leaves_live_streams_alone_and_auth_off_still_tracks(client: Client, system: System) -> None:
    before, name, other = system.secret, new_name("sec"), new_name("open")
    system.publish(name)
    system.live(name)
    try:
        client.fails("/hooks/srs/secret/update", {"secret": "short"})
        client.call("/hooks/srs/secret/update", secret="another-secret-123")
        assert client.call("/hooks/srs/secret/query") == {"publish": "another-secret-123"}
        assert system.refused(f"live/{other}?secret={before}")
        assert system.stream(name) is not None
        client.call("/hooks/srs/secret/disable", pubNoAuth=True)
        system.publish(other, suffix="")
        assert system.live(other)
        assert system.received.wait_for("on_publish", other, 20)
    finally:
        client.call("/hooks/srs/secret/disable", pubNoAuth=False)
        client.call("/hooks/srs/secret/update", secret=before)


def test_callbacks_are_set_asked_and_shown(client: Client, system: System) -> None:
    received: Received = system.received
    kept = client.call("/mgmt/hooks/query")
    name = new_name("cb")
    try:
        client.call("/mgmt/hooks/apply", target=received.url, opaque="o-1", all=True, host="http://public.example")
        shown = client.call("/mgmt/hooks/query")
        assert (shown["target"], shown["opaque"], shown["all"]) == (received.url, "o-1", True)
        received.answer = lambda call: (200, b'{"code":1}' if call["action"] == "on_publish" else b"0")
        assert system.refused(f"live/{name}?secret={system.secret}")
        first = received.wait_for("on_publish", name, 10)
        assert first is not None
        assert first["param"] == f"?secret={system.secret}"
        assert first["opaque"] == "o-1"
        assert json.loads(client.call("/mgmt/hooks/query")["req"])["action"] == "on_publish"
        assert client.call("/mgmt/hooks/example") is None
        assert client.raw("/mgmt/hooks/example?fail=true").status_code == 500
    finally:
        received.answer = lambda _: (200, b"0")
        client.call("/mgmt/hooks/apply", **{k: kept[k] for k in ("target", "opaque", "all", "host")})


# recording


def test_recording_by_the_compatible_calls(client: Client, system: System) -> None:
    name = new_name("orec")
    encoder = system.publish(name)
    system.live(name)

    def files() -> list[dict[str, Any]]:
        return [f for f in client.call("/hooks/record/files") if f["stream"] == name]

    running = until(lambda: [f for f in files() if f["progress"] and f["nn"] >= 2], "two segments are recorded", 40)[0]
    assert set(running) == {"uuid", "vhost", "app", "stream", "progress", "update", "nn", "duration", "size"}
    client.fails("/hooks/record/remove", {"uuid": running["uuid"]})
    closed = client.raw(f"/hooks/record/hls/{running['uuid']}.m3u8", bearer=None, method="GET")
    assert closed.status_code == 401, "open only where the owner says so"
    system.api.call("PATCH", "/v1/settings/record", {"open_recordings": True})
    live = client.raw(f"/hooks/record/hls/{running['uuid']}.m3u8", bearer=None, method="GET")
    assert live.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    assert live.text.endswith("#EXT-X-ENDLIST")

    client.call("/hooks/record/end", uuid=running["uuid"])
    done = until(
        lambda: [f for f in files() if f["uuid"] == running["uuid"] and not f["progress"]], "it is finished", 30
    )[0]
    other = until(lambda: [f for f in files() if f["uuid"] != running["uuid"]], "the other one is there", 30)[0]
    assert other["progress"], "the live stream goes on in a new recording"
    assert system.stream(name) is not None
    system.end(encoder)

    base = f"{system.api.url}/terraform/v1/hooks/record/hls"
    lines = client.raw(f"/hooks/record/hls/{done['uuid']}/index.m3u8", bearer=None, method="GET").text.split("\n")
    assert lines[:3] == ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-ALLOW-CACHE:YES"]
    paths = [line for line in lines if line.startswith("/")]
    assert len(paths) == done["nn"]
    assert all(p.startswith(f"/terraform/v1/hooks/record/hls/record/{done['uuid']}/") for p in paths)
    mp4 = f"{base}/{done['uuid']}/index.mp4"
    for url in (f"{base}/{done['uuid']}.m3u8", mp4):
        assert abs(media.duration(url) - done["duration"]) < 1.0
    _assert_ranges(mp4)
    told = system.received.wait_for("on_record_end", name, 20)
    assert told is not None
    assert told["artifact_code"] == 0
    assert told["artifact_url"].endswith(f"/terraform/v1/hooks/record/hls/{done['uuid']}/index.mp4")
    assert told["artifact_path"].endswith(f"/record/{done['uuid']}/index.mp4")
    assert Path(told["artifact_path"]).read_bytes()[4:8] == b"ftyp"

    until(lambda: all(not f["progress"] for f in files()), "all are finished", 60)
    for f in files():
        client.call("/hooks/record/remove", uuid=f["uuid"])
    assert files() == []
    client.fails("/hooks/record/remove", {"uuid": done["uuid"]})
    client.fails("/hooks/record/end", {"uuid": done["uuid"]})
    assert client.raw(f"/hooks/record/hls/{done['uuid']}/index.mp4", bearer=None, method="GET").status_code == 500


def _assert_ranges(url: str) -> None:
    with httpx.Client(follow_redirects=True, timeout=20, trust_env=False) as http:
        whole = http.get(url)
        assert whole.status_code == 200
        assert whole.headers["content-type"] == "video/mp4"
        size = len(whole.content)
        assert int(whole.headers["content-length"]) == size
        part = http.get(url, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{size}"
        assert http.get(url, headers={"Range": f"bytes={size}-"}).status_code == 416


def test_globs_allow_and_deny(client: Client, system: System) -> None:
    yes, no = new_name("gyes"), new_name("gno")
    client.fails("/hooks/record/globs", {"globs": ["/live/[a"]})
    client.fails("/hooks/record/post-processing", {"postProcess": "post-cp-file", "postCpDir": "/no/such/folder"})
    client.fails("/hooks/record/post-processing", {"postProcess": "other"})
    try:
        client.call("/hooks/record/globs", globs=["/live/gyes*", ""])
        assert client.call("/hooks/record/query")["globs"] == ["/live/gyes*"]
        encoders = [system.publish(name) for name in (yes, no)]
        for name in (yes, no):
            system.live(name)
        until(
            lambda: [f for f in client.call("/hooks/record/files") if f["stream"] == yes],
            "the allowed one is recorded",
            40,
        )
        for encoder in encoders:
            system.end(encoder)
        assert not [f for f in client.call("/hooks/record/files") if f["stream"] == no]
    finally:
        client.call("/hooks/record/globs", globs=[])


# forward


def test_forward_is_seen_and_killed_at_once(client: Client, system: System, sink: RtmpSink) -> None:
    name, platform = new_name("fwd"), "forwarding-4-abcdef"
    system.publish(name)
    system.live(name)
    slot = {"platform": platform, "stream": name, "server": sink.url("").rstrip("/"), "secret": name, "label": "L"}

    def state() -> dict[str, Any]:
        found = [s for s in client.call("/ffmpeg/forward/streams") if s["platform"] == platform]
        return dict(found[0]) if found else {}

    try:
        client.fails("/ffmpeg/forward/secret", {"action": "update", "platform": "x", "server": "rtmp://h/a"})
        client.fails("/ffmpeg/forward/secret", {"action": "update", "platform": platform})
        client.fails("/ffmpeg/forward/secret", {"action": "remove"})
        client.call("/ffmpeg/forward/secret", action="update", enabled=True, custom=True, **slot)
        kept = client.call("/ffmpeg/forward/secret")[platform]
        assert (kept["server"], kept["secret"], kept["enabled"]) == (slot["server"], name, True)
        until(lambda: "frame" in state(), "it is pushed", 20)
        running = state()
        assert running["stream"] == f"live/{name}"
        assert running["start"]
        assert running["frame"]["log"]
        client.call("/ffmpeg/forward/secret", action="update", enabled=False, **slot)
        until(lambda: "frame" not in state(), "its push is gone", 4)
        until(lambda: not system.workers(), "its worker is gone", 3)
    finally:
        client.call("/ffmpeg/forward/secret", action="update", enabled=False, **slot)


def test_ten_slots_at_once(client: Client, system: System, sink: RtmpSink) -> None:
    name = new_name("ten")
    keys = [f"{name}-{n}" for n in range(10)]
    slots = [
        {"platform": f"forwarding-{n}-0000aa", "stream": name, "server": sink.url("").rstrip("/"), "secret": key}
        for n, key in enumerate(keys)
    ]
    try:
        known = set(client.call("/ffmpeg/forward/secret"))
        for platform in known - {s["platform"] for s in slots}:
            system.api.call("DELETE", f"/v1/destinations/slot-{platform}")
        for slot in slots:
            client.call("/ffmpeg/forward/secret", action="update", enabled=True, **slot)
        client.fails("/ffmpeg/forward/secret", {**slots[0], "action": "update", "platform": "forwarding-11-0000aa"})
        system.publish(name)
        system.live(name)
        until(lambda: all(sink.flowing(key) for key in keys), "all ten flow", 30)
        shown = client.call("/ffmpeg/forward/streams")
        assert [s["platform"] for s in shown] == sorted(s["platform"] for s in slots)
    finally:
        for slot in slots:
            client.call("/ffmpeg/forward/secret", action="update", enabled=False, **slot)
    until(lambda: not system.workers(), "no worker is left", 10)
