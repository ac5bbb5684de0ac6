"""Kicking by name and by session: the node that has the stream is asked, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chalice.test import Client

from tests.fakes import BOOTSTRAP

from .conftest import Api, Node, enroll

STREAM = {"app": "live", "stream": "there"}


@pytest.fixture
def nodes(client: Client) -> list[Node]:
    """Two nodes."""
    given = [enroll(Api(client), nonce * 16).json for nonce in ("ab", "cd")]
    return [Node(Api(client, g["token"]), g["node"]) for g in given]


@pytest.fixture
def clients(api: Api) -> Api:
    """A client of the compatible API."""
    assert api.token == BOOTSTRAP.api_secret
    return api


def kick(api: Api, **fields: Any) -> Any:
    body = {"vhost": "__defaultVhost__", "app": "live", "stream": "there"} | fields
    return api.client.http.post(
        "/terraform/v1/mgmt/streams/kickoff",
        headers={"Authorization": f"Bearer {api.token}"},
        body=json.dumps(body).encode(),
    )


def test_the_right_node_is_asked(clients: Api, nodes: list[Node]) -> None:
    here, there = nodes
    session = there.go_live(STREAM)
    here.go_live({"app": "live", "stream": "here"})
    here.sync()
    heard = there.answer_with(lambda _: {"outcome": "answered"})
    assert kick(clients).status_code == 200
    assert [q["body"]["session"] for q in heard] == [session]
    assert here.sync().json["questions"] == []


@pytest.mark.parametrize("fields", [{"stream": "nobody"}, {"app": "other"}, {"vhost": "v"}, {"stream": "../x"}])
def test_a_stream_that_nobody_publishes_is_told(clients: Api, nodes: list[Node], fields: dict[str, str]) -> None:
    nodes[0].go_live(STREAM)
    answer = kick(clients, **fields)
    assert (answer.status_code, answer.body) == (500, b"no such stream is live\n")


def test_what_the_node_says_is_told(clients: Api, nodes: list[Node]) -> None:
    nodes[0].go_live(STREAM)
    nodes[0].answer_with(lambda _: {"outcome": "failed", "error": "kick: the media server does not answer"})
    answer = kick(clients)
    assert (answer.status_code, answer.body) == (500, b"kick: the media server does not answer\n")


def listed(api: Api) -> list[str]:
    """What `streams/query` has."""
    answer = api.client.http.post(
        "/terraform/v1/mgmt/streams/query", headers={"Authorization": f"Bearer {api.token}"}, body=b"{}"
    )
    return [s["stream"] for s in json.loads(answer.body)["data"]["streams"] or []]


def test_a5_what_was_cut_off_is_not_listed_from_then_on(clients: Api, nodes: list[Node]) -> None:
    node = nodes[0]
    session = node.go_live(STREAM)
    node.answer_with(lambda _: {"outcome": "answered"})
    assert listed(clients) == ["there"]
    assert kick(clients).status_code == 200
    assert listed(clients) == []
    assert clients("GET", "/v1/streams").json["items"] == []
    assert kick(clients).body == b"no such stream is live\n"
    node.go_live(STREAM)
    assert listed(clients) == ["there"], "the publisher may come back at once"
    node.end(session)
    assert [s["id"] for s in clients("GET", "/v1/sessions").json["items"]] == [session]


def test_a5_what_could_not_be_cut_off_stays_listed(clients: Api, nodes: list[Node]) -> None:
    nodes[0].go_live(STREAM)
    nodes[0].answer_with(lambda _: {"outcome": "failed", "error": "kick: the media server does not answer"})
    assert kick(clients).status_code == 500
    assert listed(clients) == ["there"]
