"""`GET /v1/addresses`: where a stream is published and watched, or why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from ulid import ULID

from chalicelib.wiring.services import wiring
from tests.fakes import BOOTSTRAP

from .conftest import Answer, Api, Node, enroll

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
    whip = "http://media.example:2022/rtc/v1/whip/?app=live&stream=cam"
    assert [found["publish", "whip"][f] for f in ("url", "server", "key")] == [f"{whip}&secret={SECRET}", whip, SECRET]
    assert [found["publish", "srt"][f] for f in ("server", "key")] == [srt, ""]
    watched = "srt://media.example:10080?streamid=#!::h=srt,r=live/cam,m=request"
    assert [found["play", "srt"][f] for f in ("url", "server", "key")] == [watched, "", ""]
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
        ("play", "srt"): "media_server_has_no_srt",
    }
    assert all(bool(a["why"]) == bool(a["code"]) == (not a["available"]) for a in _of(api).values())
    _seen(node, media_server_up=False)
    down = _of(api)
    assert {a["code"] for a in down.values()} == {"media_server_down"}
    assert down["publish", "rtmp"]["key"] == f"cam?secret={SECRET}", "an encoder can be set up all the same"
    _seen(node, ports={"http": 80, "rtmp": 1936})
    found = _of(api)
    assert {found["publish", p]["code"] for p in ("srt", "whip")} == {"port_unknown"}
    assert found["publish", "rtmp"]["server"] == "rtmp://media.example:1936/live"
    assert found["play", "hls"]["url"] == "http://media.example/live/cam.m3u8", "the usual port goes without saying"
    assert _ask(api, "a%20b").status == 400


def test_the_secret_stands_where_the_media_server_takes_it(api: Api, node: Node) -> None:
    _seen(node)
    found = _of(api, "live/%E7%9B%B4%E6%92%AD")
    rtmp = found["publish", "rtmp"]
    assert (rtmp["server"], rtmp["key"]) == (f"rtmp://media.example/live?secret={SECRET}", "直播")
    assert rtmp["url"] == f"rtmp://media.example/live?secret={SECRET}/直播"
    assert found["publish", "srt"]["url"].endswith(f"?streamid=#!::r=live/直播,secret={SECRET},m=publish")
    assert found["play", "flv"]["code"] == "name_not_ascii"
    other = _of(api, "//v.example/live/cam")
    assert other["publish", "rtmp"]["key"] == f"cam?vhost=v.example&secret={SECRET}"
    assert other["play", "srt"]["url"].endswith("#!::h=v.example,r=live/cam,m=request")
    assert other["play", "hls"]["url"].endswith("/live/cam.m3u8?vhost=v.example")
    room = api("POST", "/v1/rooms", {"title": "Guest"}).json
    assert _of(api, f"live/{room['stream']}")["publish", "rtmp"]["key"] == f"{room['stream']}?secret={room['secret']}"
    assert api("PATCH", "/v1/settings/publish", {"auth": False}).status == 200
    assert _of(api)["publish", "rtmp"]["key"] == "cam"


def test_who_may_not_change_the_secret_does_not_see_it(api: Api, node: Node) -> None:
    _seen(node)
    reader = api("POST", "/v1/tokens", {"name": "reader", "scope": "read"}).json["token"]
    told = _ask(api, "live/cam", reader)
    rtmp = next(a for a in told.json["items"] if a["protocol"] == "rtmp")
    assert (rtmp["key"], rtmp["masked"], SECRET.encode() in told.body) == ("cam?secret=***", True, False)
    assert not any(a["masked"] for a in _of(api).values())
    room = api("POST", "/v1/rooms", {"title": "Guest"}).json
    own = api("POST", "/v1/tokens", {"name": "guest", "scope": f"read admin:rooms/{room['id']}"}).json["token"]
    assert _of(api, f"live/{room['stream']}", own)["publish", "whip"]["key"] == room["secret"]
    assert _of(api, token=own)["publish", "whip"]["key"] == "***", "of the room alone"
    helper = api("POST", "/v1/tokens", {"name": "help", "scope": "read", "kind": "support"}).json["token"]
    assert _of(api, token=helper)["publish", "rtmp"]["key"] == "cam?secret=***"
    assert api("PATCH", "/v1/settings/play", {"auth": True}).status == 200
    assert _of(api)["play", "hls"]["code"] == "needs_link"


def _hosts(api: Api) -> dict[str, tuple[str, str, str]]:
    """Code, server and playlist, by the host that the node told."""
    items = _ask(api, "live/cam").json["items"]
    of = {(a["node"], a["direction"], a["protocol"]): a for a in items}
    nodes = dict.fromkeys(a["node"] for a in items)
    return {
        of[n, "publish", "rtmp"]["server"]: (of[n, "publish", "rtmp"]["code"], n, of[n, "play", "hls"]["url"])
        for n in nodes
    }


def test_each_of_several_nodes_says_its_own_name(api: Api, node: Node) -> None:
    _seen(node)
    second = enroll(api, "f" * 32).json
    other = Node(replace(api, token=second["token"]), second["node"])
    _seen(other, host="2001:db8::1")
    found = _hosts(api)
    assert found[""][:2] == ("host_unknown", node.id), "the name that was called may be anyone's"
    assert found["rtmp://[2001:db8::1]/live"] == ("", other.id, "http://[2001:db8::1]:2022/live/cam.m3u8")
    _seen(node, host="first.example")
    assert "rtmp://first.example/live" in _hosts(api)
    _seen(other, host="evil.example/?")
    assert _hosts(api)[""][:2] == ("host_unknown", other.id)


@pytest.mark.parametrize("cloud", ["standalone"], indirect=True)
def test_the_public_url_leads_to_the_only_node_or_to_the_one_of_its_name(
    api: Api, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = replace(wiring.config, outside_url="https://live.example.com/sluice")
    monkeypatch.setitem(wiring.__dict__, "config", public)
    _seen(node)
    hls = "https://live.example.com/sluice/live/cam.m3u8"
    assert _hosts(api) == {"rtmp://live.example.com/live": ("", node.id, hls)}
    assert _of(api)["publish", "whip"]["code"] == "", "it is HTTPS"
    _seen(node, host="media.example.com")
    assert _hosts(api) == {"rtmp://media.example.com/live": ("", node.id, hls)}
    second = enroll(api, "f" * 32).json
    _seen(Node(replace(api, token=second["token"]), second["node"]), host="two.example", ports=PORTS | {"https": 443})
    _seen(node, host="live.example.com")
    found = _hosts(api)
    assert found["rtmp://live.example.com/live"][2] == hls
    assert found["rtmp://two.example/live"][2] == "https://two.example/live/cam.m3u8"


@pytest.mark.parametrize(
    ("host", "code"), [("localhost", ""), ("127.0.0.2", ""), ("[::1]", ""), ("10.0.0.2", "needs_https")]
)
def test_browsers_give_the_camera_to_this_machine_without_https(api: Api, node: Node, host: str, code: str) -> None:
    _seen(node)
    more: dict[str, Any] = FROM | {"X-Forwarded-Host": f"{host}:2022"}
    items = api("GET", "/v1/addresses", **more).json["items"]
    assert next(a for a in items if a["protocol"] == "whip")["code"] == code


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


def test_events_are_found_by_their_time(api: Api, node: Node) -> None:
    def told(name: str, at: datetime) -> dict[str, Any]:
        made = node.event("publish.refused", code="secret_wrong", reason="no", name=name)
        return made | {"id": str(ULID.from_datetime(at + timedelta(seconds=3))), "at": at.isoformat()}

    noon = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    times = {str(n): noon + timedelta(minutes=10 * n) for n in range(5)} | {"old": noon - timedelta(days=30)}
    assert set(node.tell(*(told(name, at) for name, at in times.items()))) == {"accepted"}

    def found(**query: datetime) -> list[str]:
        more = "".join(f"&{name}={quote(at.isoformat())}" for name, at in query.items())
        answer = api("GET", f"/v1/events?kind=publish.refused{more}").json
        assert answer["cursor"] is None or not query.get("since")
        return [e["data"]["name"] for e in answer["items"]]

    assert found(since=times["3"]) == ["4", "3"], "from then on"
    assert found(until=times["1"]) == ["0", "old"], "before"
    assert found(since=times["1"], until=times["3"]) == ["2", "1"]
    assert found(since=times["4"] + timedelta(seconds=1)) == []
    for bad in ("yesterday", "2026-11-22T12:00:00"):
        assert api("GET", f"/v1/events?since={bad}").fields == ["since"], "without a zone it is no time"


@pytest.mark.parametrize(
    "query", ["until=9999-12-31T23:59:59Z", "since=0001-01-01T00:00:00Z", "until=0001-01-01T00:00:00Z"]
)
def test_events_of_any_time_can_be_asked_for(api: Api, node: Node, query: str) -> None:
    told = {"code": "secret_wrong", "reason": "the secret is wrong", "name": "live/cam"}
    assert node.tell(*(node.event("publish.refused", **told) for _ in range(2))) == ["accepted"] * 2
    found = api("GET", f"/v1/events?limit=1&{query}")
    assert (found.status, len(found.json["items"])) == (200, 0 if query.startswith("until=0") else 1)
