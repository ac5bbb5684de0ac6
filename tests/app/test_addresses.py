"""`GET /v1/addresses`: where a stream is published and watched, or why not."""

from __future__ import annotations

from typing import Any

from tests.fakes import BOOTSTRAP

from .conftest import Answer, Api, Node

SECRET = BOOTSTRAP.publish_secret
FROM = {"X-Forwarded-Host": "media.example", "X-Forwarded-Proto": "http"}
PORTS = {"http": 2022, "rtmp": 1935, "srt": 10080, "rtc": 8000}


def _seen(node: Node, **observed: Any) -> None:
    told = {"media_server": "srs", "media_server_up": True, "ports": PORTS} | observed
    assert node.sync(observed=told).status == 200


def _ask(api: Api, stream: str, token: str | None = "") -> Answer:
    more: dict[str, Any] = FROM
    return api("GET", f"/v1/addresses?stream={stream}", token=token, **more)


def _of(api: Api, stream: str = "live/cam", token: str | None = "") -> dict[tuple[str, str], dict[str, Any]]:
    found = _ask(api, stream, token).json["items"]
    return {(a["direction"], a["protocol"]): a for a in found}


def test_addresses_hold_what_encoders_ask_for(api: Api, node: Node) -> None:
    assert _of(api)["publish", "rtmp"]["code"] == "node_never_seen"
    _seen(node)
    found = _of(api)
    rtmp = found["publish", "rtmp"]
    assert (rtmp["server"], rtmp["key"]) == ("rtmp://media.example/live", f"cam?secret={SECRET}")
    assert (rtmp["url"], rtmp["available"]) == (f"rtmp://media.example/live/cam?secret={SECRET}", True)
    srt = f"srt://media.example:10080?streamid=#!::r=live/cam,secret={SECRET},m=publish"
    assert found["publish", "srt"]["url"] == srt
    assert found["publish", "whip"]["code"] == "needs_https"
    assert found["play", "hls"]["url"] == "http://media.example:2022/live/cam.m3u8"
    assert found["play", "whep"]["url"] == "http://media.example:2022/rtc/v1/whep/?app=live&stream=cam"
    assert all(SECRET not in a["url"] for (direction, _), a in found.items() if direction == "play")


def test_whatever_can_not_be_used_says_why(api: Api, node: Node) -> None:
    _seen(node, media_server="stand-in")
    codes = {key: a["code"] for key, a in _of(api).items()}
    assert codes == {
        ("publish", "rtmp"): "",
        ("publish", "srt"): "media_server_has_no_srt",
        ("publish", "whip"): "media_server_has_no_webrtc",
        ("play", "hls"): "",
        ("play", "flv"): "media_server_has_no_flv",
        ("play", "whep"): "media_server_has_no_webrtc",
        ("play", "rtmp"): "",
    }
    assert all(bool(a["why"]) == bool(a["code"]) == (not a["available"]) for a in _of(api).values())
    _seen(node, media_server_up=False)
    assert {a["code"] for a in _of(api).values()} == {"media_server_down"}
    assert _ask(api, "a%20b").status == 400


def test_the_secret_stands_where_the_media_server_takes_it(api: Api, node: Node) -> None:
    _seen(node)
    rtmp = _of(api, "live/%E7%9B%B4%E6%92%AD")["publish", "rtmp"]
    assert (rtmp["server"], rtmp["key"]) == (f"rtmp://media.example/live?secret={SECRET}", "直播")
    room = api("POST", "/v1/rooms", {"title": "Guest"}).json
    assert _of(api, f"live/{room['stream']}")["publish", "rtmp"]["key"] == f"{room['stream']}?secret={room['secret']}"
    assert api("PATCH", "/v1/settings/publish", {"auth": False}).status == 200
    assert _of(api)["publish", "rtmp"]["key"] == "cam"


def test_who_may_not_change_the_secret_does_not_see_it(api: Api, node: Node) -> None:
    _seen(node)
    reader = api("POST", "/v1/tokens", {"name": "reader", "scope": "read"}).json["token"]
    assert _of(api, token=reader)["publish", "rtmp"]["key"] == "cam?secret=***"
    assert api("PATCH", "/v1/settings/play", {"auth": True}).status == 200
    assert _of(api)["play", "hls"]["code"] == "needs_link"


def test_events_are_found_by_stream_session_and_node(api: Api, node: Node) -> None:
    refused = {"code": "secret_wrong", "reason": "the secret is wrong", "name": "live/cam"}
    names = [*(f"live/{n}" for n in range(3)), "live/cam"]
    told = node.tell(*(node.event("publish.refused", **refused | {"name": name}) for name in names))
    assert told == ["accepted"] * 4

    def found(query: str) -> list[str]:
        return [e["data"]["name"] for e in api("GET", f"/v1/events?{query}").json["items"]]

    assert found("kind=publish.refused&stream=live/cam&limit=1") == ["live/cam"]
    assert found("kind=publish.refused&stream=live/0&limit=1") == ["live/0"]
    assert found(f"node={node.id}&limit=2&kind=publish.") == ["live/cam", "live/2"]
    assert found("stream=live/other") == found("session=none") == found("node=other") == []
    first = api("GET", "/v1/events?kind=publish.refused&limit=2").json
    more = api("GET", f"/v1/events?kind=publish.refused&limit=2&cursor={first['cursor']}").json["items"]
    assert [e["data"]["name"] for e in more] == ["live/1", "live/0"]
    assert api("GET", "/v1/events?streem=live/cam").status == 400
