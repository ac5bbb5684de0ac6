"""Test cards: who may, what is refused, what the node is told, and how they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.domain.model.sources import Source
from chalicelib.ports.store import Save
from chalicelib.services.publishing.cards import MOST_AT_ONCE
from chalicelib.wiring.services import wiring

from .conftest import Api, Node

ABLE: dict[str, Any] = {"observed": {"ffmpeg": {"cards": True}}}


@pytest.fixture
def able(node: Node) -> Node:
    """A node whose FFmpeg can make cards."""
    node.sync(**ABLE)
    return node


def start(api: Api, stream: str = "live/card", **more: Any) -> Any:
    return api("POST", "/v1/test-cards", {"stream": stream} | more)


def told(node: Node) -> list[dict[str, Any]]:
    """What the node is to play."""
    desired = node.sync(**ABLE).json["desired"]
    return list(desired["sources"]) if desired else []


def settled(card: str) -> None:
    """What follows from a change of the table."""
    source = wiring.store.get(Source, card)
    assert source is not None
    wiring.source_leases.settle(source)


def test_a_card_is_published_by_its_node_and_ends_when_it_is_stopped(api: Api, able: Node) -> None:
    card = start(api, "live/测试", minutes=2).json
    assert (card["stream"], card["node"], card["state"]) == ("live/测试", able.id, "waiting")
    settled(card["id"])
    (wanted,) = told(able)
    assert (wanted["kind"], wanted["stream"]["app"], wanted["stream"]["stream"]) == ("card", "live", "测试")
    assert datetime.fromisoformat(wanted["until"]) <= datetime.now(UTC) + timedelta(minutes=2)
    state = {"source": card["id"], "fence": wanted["fence"]}
    able.tell(able.event("source.state", state="running", **state))
    assert [c["state"] for c in api("GET", "/v1/test-cards").json["items"]] == ["running"]
    assert api("DELETE", f"/v1/test-cards/{card['id']}").status == 204
    assert api("GET", "/v1/test-cards").json["items"] == []
    assert told(able) == []
    assert api("DELETE", f"/v1/test-cards/{card['id']}").status == 404


def test_one_that_came_to_its_end_is_gone(api: Api, able: Node) -> None:
    card = start(api).json["id"]
    settled(card)
    (wanted,) = told(able)
    stopped = {"source": card, "fence": wanted["fence"], "state": "stopped", "finished": True}
    able.tell(able.event("source.state", **stopped))
    assert wiring.store.get(Source, card) is None
    assert start(api).status == 201


def test_one_whose_time_is_over_is_put_away_though_its_node_says_nothing(api: Api, able: Node) -> None:
    card = start(api).json["id"]
    assert wiring.test_cards.sweep() == 0
    source = wiring.store.get(Source, card)
    assert source is not None
    wiring.store.commit(Save(source.model_copy(update={"until": datetime.now(UTC)})))
    assert wiring.test_cards.sweep() == 1
    assert api("GET", "/v1/test-cards").json["items"] == []


def test_a_stream_has_one_card_and_none_while_it_is_live(api: Api, able: Node) -> None:
    assert start(api).status == 201
    assert start(api).json["code"] == "card_runs"
    able.go_live({"app": "live", "stream": "there"})
    assert start(api, "live/there").json["code"] == "busy"
    assert start(api, "live/there.x").json["code"] == "busy", "which the media server takes for the same"
    for number in range(1, MOST_AT_ONCE):
        assert start(api, f"live/n{number}").status == 201
    assert start(api, "live/more").json["code"] == "cards_enough"


@pytest.mark.parametrize(
    "sent",
    [{"stream": "live"}, {"stream": "live/../x"}, {"stream": "live/a b"}, {"stream": "//other/live/x"}, {"minutes": 11},
     {"minutes": 0}, {"node": "nobody"}, {"url": "rtmp://x/y"}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(api: Api, able: Node, sent: dict[str, Any]) -> None:
    assert start(api, **sent).status in (400, 404)
    assert api("GET", "/v1/test-cards").json["items"] == []


def test_a_card_is_no_source_to_edit(api: Api, able: Node) -> None:
    card = start(api).json["id"]
    assert api("PATCH", f"/v1/sources/{card}", {"name": "x"}).json["code"] == "is_a_card"
    assert api("POST", f"/v1/sources/{card}/stop").json["code"] == "is_a_card"
    body = {"name": "x", "kind": "card", "url": "rtmp://example.com/live/x", "inputs": [{"file": "a.mp4"}]}
    assert api("POST", "/v1/sources", body).status == 400
    assert api("GET", "/v1/sources").json["items"] == []


def test_a_node_that_can_not_is_not_asked(api: Api, client: Client, node: Node) -> None:
    bearer = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}

    def refused() -> Any:
        return client.http.post("/v1/test-cards", headers=bearer, body=b'{"stream":"live/x"}').json_body

    node.sync()
    assert refused()["code"] == "agent_too_old"
    node.sync(observed={"ffmpeg": {"missing": {"test card": ["encoder libx264"]}}})
    assert (refused()["code"], refused()["params"]) == ("ffmpeg_lacks", {"what": "encoder libx264"})


def test_who_may_only_read_starts_none(api: Api, client: Client, able: Node) -> None:
    reader = Api(client, api("POST", "/v1/tokens", {"name": "r", "scope": "read"}).json["token"])
    assert start(reader).status == 403
    operator = Api(client, api("POST", "/v1/tokens", {"name": "o", "scope": "operate"}).json["token"])
    card = start(operator).json["id"]
    assert reader("DELETE", f"/v1/test-cards/{card}").status == 403
    assert [c["id"] for c in reader("GET", "/v1/test-cards").json["items"]] == [card]
