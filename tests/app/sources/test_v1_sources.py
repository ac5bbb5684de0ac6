"""Sources by `/v1`."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chalicelib.domain.model.sources import Source
from chalicelib.ports.store import Save
from chalicelib.wiring.services import wiring
from tests.app.conftest import Api

from .conftest import AUDIO, CONFIG, TARGET, VIDEO, Edge, Oryx, uploaded


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
