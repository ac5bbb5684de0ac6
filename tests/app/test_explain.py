"""`POST /v1/explain` with its codes: a publish that might come, and a session that came."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.model.destinations import Lease
from chalicelib.ports.store import Put
from chalicelib.routes.v1.docs import description
from chalicelib.wiring.installation import now
from chalicelib.wiring.services import wiring

from .conftest import Api, Node

TARGET = {"name": "Tube", "platform": "custom", "url": "rtmp://a.example.com/live2/key", "streams": ["/live/*"]}


def _told(api: Api, **sent: Any) -> dict[str, Any]:
    answer = api("POST", "/v1/explain", sent)
    assert answer.status == 200, answer.body
    return dict(answer.json)


def _codes(told: dict[str, Any]) -> list[str]:
    parts = [told["admission"], told["callback"], told["recording"], *told["pushes"], *told["limits"]]
    assert all(part["reason"] and isinstance(part["params"], dict) for part in parts)
    return [part["code"] for part in parts]


def test_every_reason_of_a_publish_has_a_code(api: Api) -> None:
    assert api("POST", "/v1/destinations", TARGET).status == 201
    told = _told(api, stream="live/cam")
    assert _codes(told) == ["secret_missing", "callbacks_off", "records_all", "pattern_matches"]
    assert (told["pushes"][0]["params"], told["session"]) == ({"pattern": "/live/*"}, None)
    assert _codes(_told(api, stream="other/cam", param="?secret=wrong"))[:1] == ["secret_wrong"]
    for bad in ({}, {"stream": "live/cam", "session": "s"}):
        assert api("POST", "/v1/explain", bad).fields == ["stream"]


def test_what_became_of_a_session(api: Api, node: Node) -> None:
    session = node.go_live()
    told = _told(api, session=session)
    assert (told["stream"], told["session"]["id"], told["session"]["state"]) == ("live/x", session, "live")
    assert _codes(told)[0] == "admitted", "by what is not known"
    assert told["recording"]["code"] == "is_recorded"
    made = api("POST", "/v1/destinations", TARGET).json["id"]
    lease = {"destination": made, "node": node.id, "session": session, "fence": 1, "held": True}
    wiring.store.commit(Put(Lease.model_validate(lease | {"granted_at": now()})))
    target = next(p for p in _told(api, session=session)["pushes"] if p["destination"] == made)
    assert (target["pushed"], target["code"], target["params"]) == (True, "gets_it", {"node": node.id})
    node.end(session)
    told = _told(api, session=session)
    assert (told["session"]["state"], told["pushes"][0]["code"]) == ("ended", "session_over")
    assert api("POST", "/v1/explain", {"session": "01JD0000000000000000000009"}).status == 404


def test_every_field_is_described() -> None:
    schemas = description()["components"]["schemas"]
    for name in (
        "AdmissionShown",
        "CallbackOutlook",
        "RecordingOutlook",
        "PushOutlook",
        "LimitOutlook",
        "AddressShown",
    ):
        for field, schema in schemas[name]["properties"].items():
            assert schema.get("description") or "$ref" in schema, (name, field)
