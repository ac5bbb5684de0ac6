"""Sources by the compatible API: slots of files, streams, cameras, and transcodes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.domain.model.sources import Source
from chalicelib.wiring.services import wiring
from tests.app.conftest import Node, _answer

from .conftest import AUDIO, CONFIG, TARGET, VIDEO, Edge, Oryx, uploaded

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


def test_d1_neither_is_a_slot_s_server_cut_where_nobody_sees_it(oryx: Oryx, edge: Edge) -> None:
    slot = {"action": "update", "platform": "wx", "enabled": True, "server": "rtmp://h/live/a#b", "secret": ""}
    assert "'#'" in oryx.refused("/ffmpeg/forward/secret", **slot | {"custom": True, "stream": "", "label": "L"})
