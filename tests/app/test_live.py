"""What the node of a live session shows of it: by way of the front beside it, or asked for."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from chalice.test import Client

from .conftest import Api, Node, enroll

STREAM = {"app": "live", "stream": "there"}
JPEG = b"\xff\xd8picture"


@pytest.fixture
def node(client: Client) -> Node:
    """A node with a live stream."""
    given = enroll(Api(client), "ab" * 16).json
    return Node(Api(client, given["token"]), given["node"])


@pytest.fixture
def session(node: Node) -> str:
    """The live session."""
    found = node.go_live(STREAM)
    node.sync()
    return found


def beside(node: str) -> dict[str, Any]:
    """As the front of a node asks."""
    return {"X-Sluice-Node": node}


def answered(data: Any) -> Any:
    return lambda _: {"outcome": "answered", "data": data}


def test_the_front_beside_the_stream_goes_on_by_itself(api: Api, node: Node, session: str) -> None:
    heard = node.answer_with(answered({"jpeg": ""}))
    for what, there in (("thumbnail", "thumbnail"), ("history?step_s=60", "history/60")):
        answer = api("GET", f"/v1/streams/{session}/{what}", **beside(node.id))
        assert (answer.status, answer.headers["x-sluice-here"]) == (200, f"{session}/{there}")
    assert heard == []


def test_for_all_others_the_node_is_asked(api: Api, node: Node, session: str) -> None:
    heard = node.answer_with(answered({"jpeg": base64.b64encode(JPEG).decode()}))
    answer = api("GET", f"/v1/streams/{session}/thumbnail", **beside("another"))
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "image/jpeg", JPEG)
    assert answer.headers["cache-control"] == "no-store"
    assert [q["body"]["session"] for q in heard] == [session]


@pytest.mark.parametrize(("why", "status"), [("no_video", 404), ("no_picture_yet", 404), ("of_the_future", 404)])
def test_why_there_is_no_picture_is_told_by_code(api: Api, node: Node, session: str, why: str, status: int) -> None:
    node.answer_with(answered({"why": why}))
    answer = api("GET", f"/v1/streams/{session}/thumbnail")
    assert (answer.status, answer.json["code"]) == (status, why)


def test_a_picture_that_is_none_is_refused(api: Api, node: Node, session: str) -> None:
    node.answer_with(answered({"jpeg": "<script>"}))
    bearer = {"Authorization": f"Bearer {api.token}"}
    assert api.client.http.get(f"/v1/streams/{session}/thumbnail", headers=bearer).status_code == 502


def test_the_history_has_its_gaps(api: Api, node: Node, session: str) -> None:
    points = [{"at": 10, "kbps": 5.5, "viewers": 1}, {"at": 40, "kbps": None, "viewers": 0}]
    node.answer_with(answered({"step_s": 10, "points": points}))
    assert api("GET", f"/v1/streams/{session}/history").json == {"step_s": 10, "points": points}


@pytest.mark.parametrize("what", ["thumbnail", "history"])
def test_who_may_not_look_sees_nothing(api: Api, client: Client, session: str, what: str) -> None:
    path = f"/v1/streams/{session}/{what}"
    assert Api(client)("GET", path).status == 401
    made = api("POST", "/v1/tokens", {"name": "rooms", "scope": "read:rooms"}).json
    assert Api(client, made["token"])("GET", path).status == 403
    assert api("GET", f"/v1/streams/01ARZ3NDEKTSV4RRFFQ69G5FAV/{what}").status == 404


def test_another_step_is_refused(api: Api, session: str) -> None:
    assert api("GET", f"/v1/streams/{session}/history?step_s=1").status == 400
    assert api("GET", f"/v1/streams/{session}/thumbnail?width=9").status == 400


def test_while_somebody_looks_the_node_tells_its_numbers_every_second(api: Api, node: Node, session: str) -> None:
    assert api("GET", "/v1/streams").json["items"][0]["seen_at"] is None
    assert node.sync().json["interval_s"] == 30
    api("GET", "/v1/streams")
    assert node.sync().json["interval_s"] == 30
    for _ in range(3):
        api("GET", "/v1/streams?fresh=true")
        assert node.sync().json["interval_s"] == 1


def test_how_old_the_numbers_are_is_told(api: Api, node: Node, session: str) -> None:
    stream = {"vhost": "__defaultVhost__", **STREAM}
    node.sync(observed={"sessions": [{"session": session, "stream": stream, "state": "live", "viewers": 3}]})
    (shown,) = api("GET", "/v1/streams").json["items"]
    assert (shown["viewers"], datetime.fromisoformat(shown["seen_at"]) <= datetime.now(UTC)) == (3, True)


def test_the_life_of_a_session_is_on_one_axis(api: Api, client: Client, node: Node, session: str) -> None:
    made = api("POST", "/v1/destinations", {"name": "Copy", "url": "rtmp://example.com/live/key"}).json["id"]
    push = {"destination": made, "fence": 1, "attempt": 1}
    stream = {"vhost": "__defaultVhost__", **STREAM}
    node.tell(node.event("push.state", session, stream, state="running", **push))
    refused = {"code": "busy", "reason": "the stream has a publisher", "name": "live/there", "client_ip": "192.0.2.1"}
    node.tell(node.event("publish.refused", None, stream, **refused))
    life = api("GET", f"/v1/sessions/{session}/life").json
    assert life["session"]["stream"] == "live/there"
    assert life["whole"]
    found = {(i["lane"], i["state"]) for i in life["items"]}
    assert {("publish", "live"), ("refusal", "refused")} <= found
    node.end(session)
    assert api("GET", f"/v1/sessions/{session}/life").json["session"]["ended_at"]
    assert api("GET", "/v1/sessions/01ARZ3NDEKTSV4RRFFQ69G5FAV/life").status == 404
    assert Api(client)("GET", f"/v1/sessions/{session}/life").status == 401
