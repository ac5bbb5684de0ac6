"""Edges as they are operated: named, drained, removed, listed; and what the installation says of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ulid import ULID

from chalicelib.domain.model.destinations import NodeLease
from chalicelib.domain.model.nodes import Heartbeat, NodeConfig
from chalicelib.ports.store import Save
from chalicelib.wiring.services import wiring
from tests.app.conftest import STREAM, Api, Node, enroll
from tests.fakes import BOOTSTRAP

OTHER = "cd" * 16


def publish(node: Node, **more: Any) -> dict[str, Any]:
    body = {"session": str(ULID()), "at": "2026-11-22T12:00:00Z", "stream": STREAM, "client_id": "c", "service_id": "s"}
    param = f"?secret={BOOTSTRAP.publish_secret}"
    answer = node.api("POST", "/edge/v1/publish", body | {"param": param} | more)
    return dict(answer.json)


def test_a_node_keeps_the_name_that_it_is_given(api: Api, node: Node) -> None:
    shown = api("GET", f"/v1/nodes/{node.id}").json
    assert api("PATCH", f"/v1/nodes/{node.id}", {"name": "Frankfurt"}).json["name"] == "Frankfurt"
    assert enroll(Api(api.client)).json["node"] == node.id
    assert api("GET", f"/v1/nodes/{node.id}").json["name"] == "Frankfurt"
    assert api("PATCH", f"/v1/nodes/{node.id}", {"name": "x", "version": shown["version"]}).status == 409
    assert api("PATCH", f"/v1/nodes/{node.id}", {"name": ""}).fields == ["name"]
    assert api("PATCH", "/v1/nodes/none", {"name": "x"}).status == 404


def test_a_drained_node_takes_no_new_streams_and_what_is_live_goes_on(api: Api, node: Node) -> None:
    node.sync()
    node.go_live()
    assert api("POST", f"/v1/nodes/{node.id}/drain").json["draining"] is True
    assert api("POST", f"/v1/nodes/{node.id}/drain").status == 200
    refused = publish(node)
    assert (refused["decision"], refused["code"]) == ("deny", "node_draining")
    assert "drained" in refused["reason"]
    assert publish(node, own=True)["decision"] == "allow"
    assert node.sync().json["snapshot"]["draining"] is True
    assert len(api("GET", "/v1/streams").json["items"]) == 1
    assert [n["id"] for n in api("GET", "/v1/nodes?state=draining").json["items"]] == [node.id]
    assert "node_draining" in {f["code"] for f in api("GET", "/v1/readiness").json["findings"]}
    assert api("POST", f"/v1/nodes/{node.id}/resume").json["draining"] is False
    assert publish(node)["decision"] == "allow"


def test_a_node_with_live_streams_is_not_removed_unless_that_is_forced(api: Api, node: Node) -> None:
    session = node.go_live()
    refused = api("DELETE", f"/v1/nodes/{node.id}")
    assert (refused.status, refused.json["code"], refused.json["params"]) == (409, "node_live", {"count": 1})
    assert api("DELETE", f"/v1/nodes/{node.id}?force=maybe").status == 400
    assert api("DELETE", f"/v1/nodes/{node.id}?now=true").status == 400
    assert api("DELETE", f"/v1/nodes/{node.id}?force=true").status == 204
    assert api("GET", "/v1/nodes").json["items"] == []
    assert api("GET", "/v1/streams").json["items"] == []
    assert [s["id"] for s in api("GET", "/v1/sessions").json["items"]] == [session]
    assert node.sync().status == 403
    assert enroll(Api(api.client)).status == 403


def test_what_it_pushed_is_freed_only_when_it_is_silent_or_that_is_forced(api: Api, node: Node) -> None:
    node.sync()
    made = api("POST", "/v1/destinations", {"name": "d", "url": "rtmp://h/a/key-0123456789"}).json["id"]
    session = node.go_live()
    node.sync()
    node.end(session)
    assert wiring.store.get(NodeLease, node.id, made) is not None
    assert api("DELETE", f"/v1/nodes/{node.id}").json["code"] == "node_pushes"
    seen = wiring.store.get(Heartbeat, node.id)
    assert seen is not None
    wiring.store.commit(Save(seen.model_copy(update={"lost": True})))
    assert api("DELETE", f"/v1/nodes/{node.id}").status == 204
    assert wiring.store.get(NodeLease, node.id, made) is None
    (told,) = [e for e in api("GET", "/v1/events").json["items"] if e["kind"] == "node.revoked"]
    assert told["data"]["destinations_freed"] == [made]
    assert "remove_node" in {e["action"] for e in api("GET", "/v1/audit").json["items"]}


def test_what_belongs_to_a_node_goes_with_it(api: Api, node: Node) -> None:
    node.sync()
    wiring.store.commit(Save(NodeConfig(node=node.id, hls_plain=True)))
    api("POST", f"/v1/nodes/{node.id}/drain")
    assert api("DELETE", f"/v1/nodes/{node.id}").status == 204
    assert wiring.store.get(NodeConfig, node.id) is None
    assert wiring.store.get(Heartbeat, node.id) is None
    assert api("GET", f"/v1/nodes/{node.id}").status == 404
    assert api("POST", f"/v1/nodes/{node.id}/drain").status == 404


def test_nodes_are_searched_and_sorted(api: Api, node: Node) -> None:
    other = enroll(api, OTHER).json["node"]
    api("PATCH", f"/v1/nodes/{other}", {"name": "Aachen"})
    assert [n["name"] for n in api("GET", "/v1/nodes?sort=name").json["items"]] == ["Aachen", "edge-1"]
    assert [n["name"] for n in api("GET", "/v1/nodes?sort=-name").json["items"]] == ["edge-1", "Aachen"]
    assert [n["id"] for n in api("GET", "/v1/nodes?search=AACH").json["items"]] == [other]
    assert [n["id"] for n in api("GET", "/v1/nodes?state=never%20seen&limit=1").json["items"]]
    first = api("GET", "/v1/nodes?sort=name&limit=1").json
    rest = api("GET", f"/v1/nodes?sort=name&limit=1&cursor={first['cursor']}").json
    assert [n["name"] for n in first["items"] + rest["items"]] == ["Aachen", "edge-1"]


def test_a_node_tells_how_busy_it_is_and_whose_clock_goes_wrong(api: Api, node: Node) -> None:
    machine = {"cpu_percent": 12.5, "cpus": 2, "memory_total_bytes": 100, "memory_available_bytes": 50}
    at = (datetime.now(UTC) + timedelta(seconds=90)).isoformat()
    node.sync(observed={"machine": machine, "media_server_up": True}, sent_at=at)
    shown = api("GET", f"/v1/nodes/{node.id}").json
    assert shown["observed"]["machine"]["cpu_percent"] == 12.5
    assert 85 < shown["clock_skew_s"] < 95
    found = {f["code"]: f for f in api("GET", "/v1/readiness").json["findings"]}
    assert found["clock_skew"]["level"] == "warn"
    assert found["clock_skew"]["name"] == "edge-1"


def test_what_is_not_ready_is_told_with_what_to_do(api: Api) -> None:
    told = api("GET", "/v1/readiness").json
    assert told["level"] == "bad"
    assert (told["findings"][0]["code"], bool(told["findings"][0]["hint"])) == ("no_nodes", True)


def test_what_runs_here_is_told(api: Api, node: Node) -> None:
    node.sync(observed={"media_server": "srs", "media_server_version": "7.0.18", "ffmpeg_version": "5.1.9"})
    told = api("GET", "/v1/about").json
    assert told["installation"] in ("standalone", "aws")
    assert (told["uptime_s"] is None) == (told["installation"] == "aws")
    assert told["nodes"][0]["media_server_version"] == "7.0.18"


@pytest.mark.parametrize("path", ["drain", "resume"])
def test_who_only_looks_operates_nothing(api: Api, node: Node, path: str) -> None:
    reader = Api(api.client, api("POST", "/v1/tokens", {"name": "r", "scope": "read"}).json["token"])
    assert reader("POST", f"/v1/nodes/{node.id}/{path}").status == 403
    assert reader("PATCH", f"/v1/nodes/{node.id}", {"name": "x"}).status == 403
    assert reader("DELETE", f"/v1/nodes/{node.id}?force=true").status == 403
    assert reader("GET", "/v1/readiness").status == 200
    assert reader("GET", "/v1/about").status == 200
    assert Api(api.client, None)("GET", "/v1/readiness").status == 401
