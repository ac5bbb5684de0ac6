"""Virtual live, cameras and transcode of the compatible API (sections 13 and 14), and `/v1/sources`, path by path: what
clients send, good and bad, with a node that answers.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.domain.model.sources import Source
from chalicelib.ports.store import Save
from chalicelib.wiring.services import wiring
from tests.fakes import BOOTSTRAP

from .conftest import Answer, Api, Node, _answer

TARGET = {"server": "rtmp://a.example.com/live2", "secret": "key"}
VIDEO = {"codec_type": "video", "codec_name": "h264", "width": 640, "height": 360}
AUDIO = {"codec_type": "audio", "codec_name": "aac", "channels": 2}


@dataclass
class Edge:
    """A node with files; what a probe finds is what is put into `found`, by target."""

    node: Node
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        body = asked["body"]
        match asked["kind"]:
            case "source.copy_file" if body["file"].startswith("/outside"):
                return {"outcome": "refused", "field": "file", "error": "lies outside of the data folder"}
            case "source.copy_file":
                name = str(uuid.uuid4())
                return self._data(name=body["file"].rpartition("/")[2], uuid=name, target=f"upload/{name}.mp4", size=4)
            case "source.probe":
                good = {"size": 4, "format": {"bit_rate": "1000000"}, "video": VIDEO, "audio": AUDIO}
                return self._data(found=[self.found.get(t, good) for t in body["targets"]])
            case "source.adopt":
                return self._data(targets=[t.replace("upload/", "vlive/") for t in body["targets"]])
            case "source.discard":
                self.discarded += body["targets"]
                return self._data()
        return {"outcome": "unknown"}

    @staticmethod
    def _data(**data: Any) -> dict[str, Any]:
        return {"outcome": "answered", "data": data}


@pytest.fixture
def edge(node: Node, client: Client) -> Edge:
    found = Edge(node)
    found.asked = node.answer_with(lambda asked: found.answer(asked))  # noqa: PLW0108 - a test may put another in its place
    return found


@dataclass
class Oryx:
    client: Client

    def __call__(self, path: str, raw: bytes | None = None, **body: Any) -> Answer:
        headers = {"Authorization": f"Bearer {BOOTSTRAP.api_secret}"}
        content = json.dumps(body).encode() if raw is None else raw
        answer = _answer(self.client.http.request("POST", f"/terraform/v1{path}", headers=headers, body=content))
        assert b"hunter2" not in answer.body or answer.status == 200
        return answer

    def data(self, path: str, **body: Any) -> Any:
        answer = self(path, **body)
        assert answer.status == 200, answer.body
        assert answer.json["code"] == 0
        return answer.json["data"]

    def refused(self, path: str, **body: Any) -> str:
        answer = self(path, **body)
        assert answer.status == 500, answer.body
        assert answer.headers["content-type"].startswith("text/plain")
        return str(answer.body.decode()).strip()


@pytest.fixture
def oryx(client: Client) -> Oryx:
    return Oryx(client)


def uploaded(**more: Any) -> dict[str, Any]:
    name = str(uuid.uuid4())
    return {"name": "film.mp4", "size": 4, "uuid": name, "target": f"upload/{name}.mp4", "type": "upload"} | more


PATHS = [
    "/ffmpeg/vlive/secret",
    "/ffmpeg/vlive/streams",
    "/ffmpeg/vlive/server",
    "/ffmpeg/vlive/stream-url",
    "/ffmpeg/vlive/streamUrl",
    "/ffmpeg/vlive/source",
    "/ffmpeg/camera/secret",
    "/ffmpeg/camera/streams",
    "/ffmpeg/camera/stream-url",
    "/ffmpeg/camera/source",
    "/ffmpeg/transcode/query",
    "/ffmpeg/transcode/apply",
    "/ffmpeg/transcode/task",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_path_needs_a_credential_and_json(client: Client, oryx: Oryx, path: str) -> None:
    assert _answer(client.http.request("POST", f"/terraform/v1{path}", headers={}, body=b"{}")).status == 401
    for raw in (b"{", b"[]", b'"x"'):
        assert oryx(path, raw=raw).status == 500


def test_nothing_is_there_at_first(oryx: Oryx) -> None:
    for kind in ("vlive", "camera"):
        assert oryx.data(f"/ffmpeg/{kind}/secret") == {}
        assert oryx.data(f"/ffmpeg/{kind}/streams") == []
    config = oryx.data("/ffmpeg/transcode/query")
    assert config == {
        "all": False, "vcodec": "", "acodec": "", "vbitrate": 0, "abitrate": 0, "achannels": 0, "vprofile": "",
        "vpreset": "", "server": "", "secret": "",
    }  # fmt: skip


# stream-url -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ffmpeg/vlive/stream-url", "/ffmpeg/vlive/streamUrl", "/ffmpeg/camera/stream-url"])
def test_a_stream_is_named_and_nobody_is_asked(oryx: Oryx, path: str) -> None:
    url = "rtsp://admin:hunter2@10.0.0.2/ch1"
    found = oryx.data(path, url=url)
    assert (found["name"], found["target"]) == ("ch1", url)
    assert uuid.UUID(found["uuid"]).version == 4
    for bad in ("", "ftp://x/y.flv", "http://x/film.mp4", "file:///etc/passwd"):
        assert oryx.refused(path, url=bad).startswith("url:")
    assert "url" in oryx.refused(path, url=1)


# server, source -------------------------------------------------------------------------------------------------------


def test_a_server_file_becomes_a_source(oryx: Oryx, edge: Edge) -> None:
    found = oryx.data("/ffmpeg/vlive/server", file="/data/films/film.mp4")
    assert found["name"] == "film.mp4"
    assert found["target"] == f"upload/{found['uuid']}.mp4"
    (file,) = oryx.data("/ffmpeg/vlive/source", platform="wx", files=[found | {"type": "file"}])["files"]
    assert file["target"] == f"vlive/{found['uuid']}.mp4"
    assert file["video"]["codec_name"] == "h264"
    assert file["audio"]["channels"] == 2
    assert [a["kind"] for a in edge.asked] == ["source.copy_file", "source.probe", "source.adopt"]
    assert "outside" in oryx.refused("/ffmpeg/vlive/server", file="/outside/x.mp4")
    assert oryx.refused("/ffmpeg/vlive/server").startswith("file:")


def test_a_source_makes_a_platform_and_keeps_the_other_fields_of_one(oryx: Oryx, edge: Edge) -> None:
    first = oryx.data("/ffmpeg/vlive/source", platform="wx", files=[uploaded()])["files"]
    slot = oryx.data("/ffmpeg/vlive/secret")["wx"]
    assert (slot["enabled"], slot["server"], slot["files"]) == (False, "", first)
    oryx.data("/ffmpeg/vlive/secret", action="update", platform="wx", files=first, enabled=True, label="L", **TARGET)
    second = oryx.data("/ffmpeg/vlive/source", platform="wx", files=[uploaded()])["files"]
    slot = oryx.data("/ffmpeg/vlive/secret")["wx"]
    assert (slot["enabled"], slot["label"], slot["server"], slot["files"]) == (True, "L", TARGET["server"], second)
    assert edge.discarded == [first[0]["target"]]


def test_files_that_another_platform_plays_are_kept(oryx: Oryx, edge: Edge) -> None:
    first = oryx.data("/ffmpeg/vlive/source", platform="wx", files=[uploaded()])["files"]
    oryx.data("/ffmpeg/vlive/secret", action="update", platform="bilibili", files=first, **TARGET)
    oryx.data("/ffmpeg/vlive/source", platform="wx", files=[uploaded()])
    assert edge.discarded == []


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ({"target": ""}, "target"),
        ({"target": "/etc/passwd"}, "target"),
        ({"target": "vlive/other.mp4"}, "target"),
        ({"uuid": "x"}, "uuid"),
        ({"uuid": "../../etc"}, "uuid"),
        ({"type": "strange"}, "type"),
        ({"type": "stream", "target": "file:///etc/passwd"}, "url"),
        ({"size": "big"}, "size"),
    ],
)
def test_a_source_that_is_none_is_refused_before_anybody_is_asked(
    oryx: Oryx, edge: Edge, file: dict[str, Any], reason: str
) -> None:
    assert reason in oryx.refused("/ffmpeg/vlive/source", platform="wx", files=[uploaded(**file)])
    assert edge.asked == []
    assert oryx.data("/ffmpeg/vlive/secret") == {}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"error": "FFmpeg knows no format for it"}, "film.mp4: FFmpeg knows no format"),
        ({"format": {"bit_rate": "6000000"}, "video": VIDEO}, "6000 kbps, and the limit is 5000"),
        ({"format": {}, "video": VIDEO | {"codec_name": "vp9"}}, "vp9"),
        ({"format": {}, "audio": AUDIO}, "no picture"),
    ],
)
def test_what_cannot_be_played_is_told_and_its_upload_goes(
    oryx: Oryx, edge: Edge, found: dict[str, Any], reason: str
) -> None:
    file = uploaded()
    edge.found[file["target"]] = found
    assert reason in oryx.refused("/ffmpeg/vlive/source", platform="wx", files=[file])
    assert edge.discarded == [file["target"]]
    assert oryx.data("/ffmpeg/vlive/secret") == {}


def test_the_limits_of_the_owner_hold(oryx: Oryx, edge: Edge) -> None:
    oryx.data("/mgmt/limits/update", vlive=500, camera=2000)
    assert "limit is 500" in oryx.refused("/ffmpeg/vlive/source", platform="wx", files=[uploaded()])
    camera = oryx.data("/ffmpeg/camera/stream-url", url="rtsp://10.0.0.2/1") | {"type": "stream"}
    assert oryx.data("/ffmpeg/camera/source", platform="wx", files=[camera])["files"][0]["target"] == camera["target"]


@pytest.mark.parametrize("platform", ["", "x", "camera-4-a", "forwarding-1"])
def test_other_platforms_are_refused(oryx: Oryx, edge: Edge, platform: str) -> None:
    assert "platform" in oryx.refused("/ffmpeg/vlive/source", platform=platform, files=[uploaded()])
    body = {"action": "update", "platform": platform, "files": [uploaded()]} | TARGET
    assert "platform" in oryx.refused("/ffmpeg/vlive/secret", **body)


def test_a_node_that_is_away_is_told(oryx: Oryx, node: Node) -> None:
    assert "does not answer" in oryx.refused("/ffmpeg/vlive/server", file="x.mp4")


# secret, streams ------------------------------------------------------------------------------------------------------


def test_only_known_sources_are_taken_and_as_they_were_found(oryx: Oryx, edge: Edge) -> None:
    files = oryx.data("/ffmpeg/vlive/source", platform="wx", files=[uploaded()])["files"]
    update = {"action": "update", "platform": "wx", "enabled": True} | TARGET
    forged = [files[0] | {"target": "/etc/passwd", "type": "file"}]
    oryx.data("/ffmpeg/vlive/secret", files=forged, **update)
    assert oryx.data("/ffmpeg/vlive/secret")["wx"]["files"] == files
    assert "not known" in oryx.refused("/ffmpeg/vlive/secret", files=[uploaded()], **update)
    assert "files" in oryx.refused("/ffmpeg/vlive/secret", files=[], **update)
    assert "files" in oryx.refused("/ffmpeg/vlive/secret", files="x", **update)
    assert "server" in oryx.refused("/ffmpeg/vlive/secret", files=files, **update | {"server": ""})
    assert "action" in oryx.refused("/ffmpeg/vlive/secret", action="delete", platform="wx")


def test_an_update_replaces_every_field(oryx: Oryx, edge: Edge) -> None:
    files = oryx.data("/ffmpeg/vlive/source", platform="wx", files=[uploaded()])["files"]
    update = {"action": "update", "platform": "wx", "files": files} | TARGET
    oryx.data("/ffmpeg/vlive/secret", enabled=True, custom=True, label="L", **update)
    oryx.data("/ffmpeg/vlive/secret", **update)
    slot = oryx.data("/ffmpeg/vlive/secret")["wx"]
    assert (slot["enabled"], slot["custom"], slot["label"]) == (False, False, "")
    (shown,) = oryx.data("/ffmpeg/vlive/streams")
    assert set(shown) == {"platform", "label", "enabled", "custom", "files"}


def test_ten_slots_are_enough_and_known_ones_are_still_updated(oryx: Oryx, edge: Edge) -> None:
    for n in range(10):
        oryx.data("/ffmpeg/vlive/source", platform=f"vlive-{n}-abcdef", files=[uploaded()])
    assert "10 slots" in oryx.refused("/ffmpeg/vlive/source", platform="vlive-10-abcdef", files=[uploaded()])
    oryx.data("/ffmpeg/vlive/source", platform="vlive-9-abcdef", files=[uploaded()])


def test_what_does_not_fit_the_target_is_told(oryx: Oryx, edge: Edge) -> None:
    file = uploaded()
    edge.found[file["target"]] = {"format": {}, "video": VIDEO | {"codec_name": "hevc"}, "audio": AUDIO}
    files = oryx.data("/ffmpeg/vlive/source", platform="wx", files=[file])["files"]
    edge.node.sync(observed={"ffmpeg_version": "5.1.9"})
    update = {"action": "update", "platform": "wx", "files": files}
    assert "hevc" in oryx.refused("/ffmpeg/vlive/secret", **update, **TARGET)
    oryx.data("/ffmpeg/vlive/secret", **update, server="srt://a.example.com:10080?streamid=", secret="x")


def test_a_slot_runs_and_shows_it(oryx: Oryx, edge: Edge) -> None:
    files = oryx.data("/ffmpeg/vlive/source", platform="wx", files=[uploaded()])["files"]
    oryx.data("/ffmpeg/vlive/secret", action="update", platform="wx", files=files, enabled=True, **TARGET)
    source = wiring.store.get(Source, "slot-vlive-wx")
    assert source is not None
    wiring.source_leases.settle(source)
    (desired,) = edge.node.sync().json["desired"]["sources"]
    assert desired["inputs"] == [{"uuid": files[0]["uuid"], "target": files[0]["target"]}]
    assert desired["url"] == "rtmp://a.example.com/live2/key"
    state = {"source": source.id, "fence": desired["fence"], "started_at": "2026-11-22T12:00:00Z"}
    edge.node.tell(edge.node.event("source.state", state="starting", **state))
    (shown,) = oryx.data("/ffmpeg/vlive/streams")
    assert (shown["source"], shown["start"], shown["ready"]) == (files[0]["uuid"], "2026-11-22T12:00:00Z", "")
    assert "frame" not in shown
    running = state | {"ready_at": "2026-11-22T12:00:01Z", "bitrate_kbps": 900.5}
    edge.node.tell(edge.node.event("source.state", state="running", **running))
    (shown,) = oryx.data("/ffmpeg/vlive/streams")
    assert shown["ready"] == "2026-11-22T12:00:01Z"
    assert shown["frame"]["log"] == "bitrate=900.5kbits/s"
    oryx.data("/ffmpeg/vlive/secret", action="update", platform="wx", files=files, **TARGET)
    assert "start" not in oryx.data("/ffmpeg/vlive/streams")[0]
    assert edge.node.sync().json["desired"]["sources"] == []


def test_a_camera_is_a_stream_and_may_be_silent(oryx: Oryx, edge: Edge) -> None:
    url = "rtsp://admin:hunter2@10.0.0.2/1"
    camera = oryx.data("/ffmpeg/camera/stream-url", url=url) | {"type": "stream"}
    edge.found[url] = {"format": {}, "video": VIDEO}
    # The page of the product always says kuaishou here, and the right platform only afterwards.
    files = oryx.data("/ffmpeg/camera/source", platform="kuaishou", files=[camera])["files"]
    update = {"action": "update", "platform": "camera-4-abcdef", "files": files, "enabled": True} | TARGET
    oryx.data("/ffmpeg/camera/secret", extraAudio="silent", **update)
    source = wiring.store.get(Source, "slot-camera-camera-4-abcdef")
    assert source is not None
    assert (source.kind, source.silent_audio) == ("camera", True)
    assert oryx.data("/ffmpeg/camera/secret")["camera-4-abcdef"]["extraAudio"] == "silent"
    shown = {s["platform"]: s for s in oryx.data("/ffmpeg/camera/streams")}
    assert shown["camera-4-abcdef"]["extraAudio"] == "silent"
    assert "type" in oryx.refused("/ffmpeg/camera/source", platform="wx", files=[uploaded()])
    edge.found[url] = {"error": "it does not answer; check host and port"}
    assert "does not answer" in oryx.refused("/ffmpeg/camera/source", platform="wx", files=[camera])


# transcode ------------------------------------------------------------------------------------------------------------

CONFIG = {
    "all": True, "vcodec": "libx264", "vprofile": "main", "vpreset": "fast", "vbitrate": 800, "acodec": "aac",
    "abitrate": 64, "achannels": 2, "server": "rtmp://a.example.com/live2", "secret": "key",
}  # fmt: skip


def test_a_transcode_is_applied_and_asked_for(oryx: Oryx) -> None:
    assert oryx.data("/ffmpeg/transcode/apply", **CONFIG) is None
    assert oryx.data("/ffmpeg/transcode/query") == CONFIG
    task = oryx.data("/ffmpeg/transcode/task")
    assert (task["enabled"], task["input"], task["output"], task["frame"]) == (True, "", "", {"log": "", "update": ""})
    assert uuid.UUID(task["uuid"]).version == 4
    oryx.data("/ffmpeg/transcode/apply")
    assert oryx.data("/ffmpeg/transcode/query")["all"] is False


@pytest.mark.parametrize(
    "bad",
    [
        {"vcodec": "libx264 -y /etc/passwd"},
        {"vcodec": "copy"},
        {"acodec": "libmp3lame"},
        {"vprofile": "high10"},
        {"vpreset": "placebo"},
        {"vbitrate": 99},
        {"vbitrate": 100_001},
        {"abitrate": 9},
        {"achannels": 3},
        {"server": ""},
        {"server": "/etc/passwd"},
        {"vbitrate": "800"},
        {"vbitrate": 800.5},
    ],
)
def test_a_transcode_of_other_values_is_refused(oryx: Oryx, bad: dict[str, Any]) -> None:
    assert oryx.refused("/ffmpeg/transcode/apply", **CONFIG | bad)
    assert oryx.data("/ffmpeg/transcode/query")["all"] is False


def test_a_transcode_follows_what_is_live_and_shows_it(oryx: Oryx, edge: Edge) -> None:
    session = edge.node.go_live()
    oryx.data("/ffmpeg/transcode/apply", **CONFIG)
    source = wiring.store.get(Source, "transcode")
    assert source is not None
    wiring.source_leases.settle(source)
    (desired,) = edge.node.sync().json["desired"]["sources"]
    assert desired["session"] == session
    assert desired["encoding"]["vbitrate"] == 800
    state = {"source": "transcode", "fence": desired["fence"]}
    edge.node.tell(edge.node.event("source.state", state="starting", **state))
    task = oryx.data("/ffmpeg/transcode/task")
    assert task["frame"] == {"log": "", "update": "0001-01-01T00:00:00Z"}
    assert task["output"] == "rtmp://a.example.com/live2/key"
    assert task["input"].startswith("rtmp://localhost/live/")
    edge.node.tell(edge.node.event("source.state", state="running", bitrate_kbps=800.0, **state))
    assert oryx.data("/ffmpeg/transcode/task")["frame"]["log"] == "bitrate=800.0kbits/s"


# our own API ----------------------------------------------------------------------------------------------------------


def new(**more: Any) -> dict[str, Any]:
    base = {"name": "Loop", "kind": "file", "url": "rtmp://a.example.com/live2/hidden-key"}
    return base | {"inputs": [{"file": "/data/film.mp4"}]} | more


def test_a_source_is_added_read_changed_and_removed(api: Api, edge: Edge) -> None:
    made = api("POST", "/v1/sources", new()).json
    assert made["url"] == "rtmp://a.example.com/live2/***"
    path = f"/v1/sources/{made['id']}"
    read = api("GET", path)
    assert read.json["worker"] is None
    assert read.json["waits_for"] == "its node"
    assert read.headers["etag"] == '"1"'
    assert b"hidden-key" not in read.body
    seen: dict[str, Any] = {"If-Match": '"1"'}
    changed = api("PATCH", path, {"name": "Night"}, **seen)
    assert (changed.status, changed.json["name"], changed.json["version"]) == (200, "Night", 2)
    assert api("PATCH", path, {"name": "Late"}, **seen).status == 412
    assert api("POST", f"{path}/stop", {}).json["enabled"] is False
    assert api("POST", f"{path}/restart", {}).status == 409
    assert api("POST", f"{path}/start", {}).json["enabled"] is True
    assert api("POST", f"{path}/restart", {}).status == 200
    assert api("GET", "/v1/sources").json["items"][0]["id"] == made["id"]
    assert api("DELETE", path).status == 204
    assert edge.discarded == [made["inputs"][0]["target"]]
    assert api("GET", path).status == 404


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (new(url="file:///etc/passwd"), "url"),
        (new(inputs=[]), "inputs"),
        (new(inputs=[{}]), "inputs"),
        (new(inputs=[{"file": "a.mp4", "upload": "b"}]), "inputs"),
        (new(inputs=[{"url": "rtmp://h/a/b"}]), "inputs"),
        (new(kind="stream"), "inputs"),
        (new(kind="camera", inputs=[{"url": "rtsp://h/1"}, {"url": "rtsp://h/2"}]), "inputs"),
        (new(kind="stream", inputs=[{"url": "http://h/film.mp4"}]), "url"),
        (new(inputs=[{"upload": "upload/../x.mp4"}]), "uuid"),
        (new(silent_audio=True), "silent_audio"),
        (new(encoding={}), "encoding"),
        (new(kind="transcode"), "inputs"),
        (new(kind="transcode", inputs=[], encoding={"vcodec": "copy"}), "encoding.vcodec"),
        (new(kind="transcode", inputs=[], renditions=[{"url": "file:///x"}]), "url"),
        (new(kind="transcode", inputs=[], renditions=[{"url": new()["url"]}]), "renditions"),
        (new(kind="transcode", inputs=[], streams=["live"]), "streams"),
        (new(node="nowhere"), ""),
        (new(kind="strange"), "kind"),
        (new(unknown=1), "unknown"),
        (new(name=""), "name"),
    ],
)
def test_a_source_that_cannot_be_is_told_where(api: Api, edge: Edge, body: dict[str, Any], where: str) -> None:
    answer = api("POST", "/v1/sources", body)
    assert answer.status == (400 if where else 404)
    if where:
        assert where in {e["field"] for e in answer.json["errors"]}
    assert api("GET", "/v1/sources").json["items"] == []


def test_nothing_else_pushes_where_a_source_does(api: Api, edge: Edge) -> None:
    made = api("POST", "/v1/sources", new()).json
    assert api("POST", "/v1/sources", new(name="Other")).status == 409
    assert api("POST", "/v1/sources", new(name="Other", enabled=False)).status == 201
    api("POST", f"/v1/sources/{made['id']}/stop", {})
    assert api("POST", "/v1/sources", new(name="Third")).status == 201
    assert api("POST", f"/v1/sources/{made['id']}/start", {}).status == 409
    destination = {"name": "Tube", "url": "rtmp://a.example.com/live2/tube"}
    assert api("POST", "/v1/destinations", destination).status == 201
    assert "Tube" in api("POST", "/v1/sources", new(url=destination["url"])).json["detail"]


def test_d1_the_key_of_a_source_s_target_may_hold_anything(api: Api, edge: Edge) -> None:
    made = api("POST", "/v1/sources", new(url="", server="rtmp://h/a", key="room/1#2"))
    kept = wiring.store.get(Source, made.json["id"])
    assert kept is not None
    assert kept.url == "rtmp://h/a#room/1#2"
    path = f"/v1/sources/{made.json['id']}"
    for bad in ("rtmp://h/a/x#y", "rtmp://h/b/***"):
        assert api("PATCH", path, {"url": bad}).json["errors"][0]["field"] == "url"
    assert api("PATCH", path, {"url": made.json["url"], "key": ""}).status == 200
    assert api("PATCH", path, {"key": "k/2"}).status == 200
    kept = wiring.store.get(Source, made.json["id"])
    assert kept is not None
    assert kept.url == "rtmp://h/a#k/2"


def test_d1_neither_is_a_slot_s_server_cut_where_nobody_sees_it(oryx: Oryx, edge: Edge) -> None:
    slot = {"action": "update", "platform": "wx", "enabled": True, "server": "rtmp://h/live/a#b", "secret": ""}
    assert "'#'" in oryx.refused("/ffmpeg/forward/secret", **slot | {"custom": True, "stream": "", "label": "L"})


def test_d3_of_two_that_were_there_before_the_second_names_the_first(api: Api, edge: Edge) -> None:
    first = api("POST", "/v1/sources", new(name="First")).json
    second = api("POST", "/v1/sources", new(name="Second", enabled=False)).json
    for made in (first, second):
        kept = wiring.store.get(Source, made["id"])
        assert kept is not None
        if not kept.enabled:
            wiring.store.commit(Save(kept.model_copy(update={"enabled": True})))
        wiring.source_leases.settle(kept.model_copy(update={"enabled": True}))
    read = api("GET", f"/v1/sources/{second['id']}").json
    assert (read["worker"], read["waits_for"]) == (None, "First, which pushes to the same target")
    assert api("GET", f"/v1/sources/{first['id']}").json["waits_for"] == "its node"


def test_neither_does_a_slot_of_another_kind(api: Api, oryx: Oryx, edge: Edge) -> None:
    files = oryx.data("/ffmpeg/vlive/source", platform="wx", files=[uploaded()])["files"]
    forward = {"action": "update", "platform": "wx", "enabled": True} | TARGET
    vlive = forward | {"files": files}
    oryx.data("/ffmpeg/forward/secret", **forward)
    assert "has the same target" in oryx.refused("/ffmpeg/vlive/secret", **vlive)
    assert "has the same target" in oryx.refused("/ffmpeg/transcode/apply", **CONFIG)
    oryx.data("/ffmpeg/forward/secret", **forward | {"enabled": False})
    oryx.data("/ffmpeg/vlive/secret", **vlive)
    assert "has the same target" in oryx.refused("/ffmpeg/forward/secret", **forward)
    body = {"name": "Tube", "url": "rtmp://a.example.com/live2/key"}
    assert api("POST", "/v1/destinations", body).status == 409
    made = api("POST", "/v1/destinations", body | {"enabled": False})
    assert made.status == 201
    assert api("POST", f"/v1/destinations/{made.json['id']}/enable", {}).status == 409


def test_files_of_a_refused_list_are_not_taken_over(api: Api, edge: Edge) -> None:
    other = uploaded()
    edge.found[other["target"]] = {"format": {}, "video": VIDEO | {"width": 320}, "audio": AUDIO}
    answer = api("POST", "/v1/sources", new(inputs=[{"file": "/data/a.mp4"}, {"upload": other["target"]}]))
    assert "picture size" in answer.json["detail"]
    assert "source.adopt" not in [a["kind"] for a in edge.asked]
    assert other["target"] in edge.discarded


def test_a_playlist_is_extended_by_one_file_and_the_others_are_left_alone(api: Api, edge: Edge) -> None:
    made = api("POST", "/v1/sources", new()).json
    path = f"/v1/sources/{made['id']}"
    edge.asked.clear()
    more = uploaded()
    answer = api("POST", f"{path}/inputs", {"upload": more["target"]})
    assert answer.status == 201
    first, second = answer.json["inputs"]
    assert (first, second["uuid"]) == (made["inputs"][0], more["uuid"])
    (probe,) = (a for a in edge.asked if a["kind"] == "source.probe")
    assert probe["body"]["targets"] == [more["target"]], "the first one is not looked into again"
    assert api("GET", path).json["inputs"] == answer.json["inputs"]
    assert edge.discarded == []
    # What does not fit is not added, and goes.
    other = uploaded()
    edge.found[other["target"]] = {"format": {}, "video": VIDEO | {"width": 320}, "audio": AUDIO}
    assert "picture size" in api("POST", f"{path}/inputs", {"upload": other["target"]}).json["detail"]
    assert other["target"] in edge.discarded
    assert len(api("GET", path).json["inputs"]) == 2


def test_what_is_changed_while_a_file_is_looked_into_stays(
    api: Api, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = api("POST", "/v1/sources", new()).json
    path = f"/v1/sources/{made['id']}"
    answer = edge.answer

    def renaming(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["kind"] == "source.adopt":
            api("PATCH", path, {"name": "Night"})
        return answer(asked)

    monkeypatch.setattr(edge, "answer", renaming)
    extended = api("POST", f"{path}/inputs", {"upload": uploaded()["target"]}).json
    assert (extended["name"], len(extended["inputs"])) == ("Night", 2)


def test_only_what_plays_files_is_extended_and_not_without_end(api: Api, edge: Edge) -> None:
    made = api("POST", "/v1/sources", new()).json
    path = f"/v1/sources/{made['id']}/inputs"
    for body, where in (({}, "inputs"), ({"url": "rtmp://h/a/b"}, "url"), ({"file": "a", "upload": "b"}, "inputs")):
        answer = api("POST", path, body)
        assert (answer.status, answer.json["errors"][0]["field"]) == (400, where)
    assert api("POST", "/v1/sources/nothing/inputs", {"file": "a.mp4"}).status == 404
    kept = wiring.store.get(Source, made["id"])
    assert kept is not None
    many = [kept.inputs[0].model_copy(update={"uuid": str(uuid.uuid4())}) for _ in range(50)]
    wiring.store.commit(Save(kept.model_copy(update={"inputs": many})))
    assert api("POST", path, {"file": "/data/film.mp4"}).json["code"] == "too_many_files"
    camera = api("POST", "/v1/sources", new(kind="stream", url="rtmp://h/a/b", inputs=[{"url": "rtmp://h/a/c"}])).json
    refused = api("POST", f"/v1/sources/{camera['id']}/inputs", {"file": "/data/film.mp4"})
    assert refused.json["code"] == "plays_no_files"


def test_a_transcode_of_ours_waits_for_a_stream(api: Api, edge: Edge) -> None:
    low = {"url": "rtmp://a.example.com/live2/low", "encoding": {"height": 360, "vbitrate": 400}}
    made = api("POST", "/v1/sources", new(kind="transcode", inputs=[], renditions=[low], streams=["/live/*"]))
    assert made.status == 201
    assert made.json["renditions"][0]["url"] == "rtmp://a.example.com/live2/***"
    assert made.json["encoding"]["vcodec"] == "libx264"
    read = api("GET", f"/v1/sources/{made.json['id']}").json
    assert read["waits_for"] == "a live stream"


def test_passwords_of_cameras_are_never_shown(api: Api, edge: Edge) -> None:
    camera = new(kind="camera", inputs=[{"url": "rtsp://admin:hunter2@10.0.0.2/1"}], silent_audio=True)
    made = api("POST", "/v1/sources", camera)
    assert made.status == 201
    for answer in (made, api("GET", "/v1/sources"), api("GET", "/v1/audit")):
        assert b"hunter2" not in answer.body
        assert b"hidden-key" not in answer.body


def test_s3_user_and_password_of_a_camera_go_to_the_node_alone(api: Api, edge: Edge) -> None:
    given = {"url": "rtsp://10.0.0.2/1", "user": "admin", "password": "hun/ter?2#"}
    made = api("POST", "/v1/sources", new(kind="camera", inputs=[given], silent_audio=True))
    assert made.status == 201
    (asked,) = [a for a in edge.asked if a["kind"] == "source.probe"]
    assert asked["body"]["targets"] == ["rtsp://admin:hun%2Fter%3F2%23@10.0.0.2/1"]
    for answer in (made, api("GET", "/v1/sources"), api("GET", "/v1/audit")):
        assert b"hun" not in answer.body
    wrong = new(url="rtmp://t/a/other", inputs=[{"file": "/data/x.mp4", "user": "admin"}])
    refused = api("POST", "/v1/sources", wrong)
    assert refused.status == 400
    assert b"is for URLs" in refused.body
