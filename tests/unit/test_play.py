"""Play links: who shows one may watch its stream until it ends, and nobody else may."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.model.nodes import Heartbeat, Node
from chalicelib.ports.store import Put
from chalicelib.wire.edge.desired import AdmissionSnapshot
from chalicelib.wire.edge.observed import ObservedNode
from chalicelib.wire.play import play_key, play_refusal, play_token
from edge.cloud.snapshot import Snapshot
from tests.unit.edge_agent.edge_fakes import World, world
from tests.unit.v1_client import V1

KEY = play_key("master", "n1", 0)
PORTS = {"http": 2022, "https": 2443, "rtmp": 1935, "srt": 10080, "rtc": 8000}
names = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=20)


# the rule


@given(stream=names, other=names, now=st.integers(0, 2**33), life=st.integers(-100, 100))
def test_a_link_is_for_one_stream_and_ends(stream: str, other: str, now: int, life: int) -> None:
    token = play_token(KEY, stream, max(0, now + life))
    for param in (f"?sluice_play={token}", f"sluice_play={token}", f"app=live&stream=x&sluice_play={token}&b=c"):
        assert (play_refusal(KEY, stream, param, now) is None) == (now < max(0, now + life))
    if other != stream:
        assert play_refusal(KEY, other, f"?sluice_play={token}", 0) is not None


@pytest.mark.parametrize("generation_node", [("n2", 0), ("n1", 1)])
def test_a_link_of_another_node_or_generation_is_none(generation_node: tuple[str, int]) -> None:
    token = play_token(play_key("master", *generation_node), "live/x", 2**33)
    assert play_refusal(KEY, "live/x", f"?sluice_play={token}", 0) is not None


@given(st.text(max_size=80))
def test_nothing_else_is_a_link(text: str) -> None:
    assert play_refusal(KEY, "live/x", f"?sluice_play={text}", 0) is not None
    assert play_refusal(KEY, "live/x", text, 0) is not None


def test_a_link_cannot_be_stretched_or_doubled() -> None:
    token = play_token(KEY, "live/x", 100)
    later = "200" + token[3:]
    for param in (later, token[:-1], token + "A", token.replace(".", ""), f"0{token}"):
        assert play_refusal(KEY, "live/x", f"?sluice_play={param}", 50) is not None
    assert play_refusal(KEY, "live/x", f"?sluice_play={token}&sluice_play={token}", 50) is not None
    assert play_refusal(KEY, "live/x", "?" + "a=b&" * 200 + f"sluice_play={token}", 50) is not None


# the edge


def tell(folder: Path, story: Any) -> None:
    async def run() -> None:
        async with world(folder) as w:
            await story(w)

    asyncio.run(run())


async def _closed(w: World) -> None:
    snapshot = AdmissionSnapshot(revision="p", key="ab" * 32, play_key=KEY)
    await w.agent.snapshot.confirm(snapshot)


def _now(w: World) -> int:
    return int(w.clock.now().timestamp())


def test_the_edge_lets_in_who_has_a_link(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.srs.service_id = "112t4ds0"
        assert (await w.hook("on_play", "v0", "s")).body == b"0", "anybody, while it is off"
        await _closed(w)
        token = play_token(KEY, "live/s", _now(w) + 60)
        other = play_token(KEY, "live/t", _now(w) + 60)
        late = play_token(KEY, "live/s", _now(w) - 1)
        assert (await w.hook("on_play", "v1", "s", param=f"?sluice_play={token}")).body == b"0"
        assert (await w.hook("on_play", "v2", "s.m3u8", param=f"?sluice_play={token}")).body == b"0"
        for number, param in enumerate(["", f"?sluice_play={other}", f"?sluice_play={late}", "?sluice_pull=d1.x"]):
            refused = await w.hook("on_play", f"x{number}", "s", param=param)
            assert json.loads(refused.body)["code"] != 0
        own = await w.hook("on_play", "own", "s", param=f"?sluice_pull={w.agent.play.own_tag('d1')}")
        assert own.body == b"0"
        assert w.agent.viewers.count("live/s") == 3, "neither the refused nor our own"

    tell(tmp_path, story)


def test_it_stays_closed_over_a_restart_without_the_cloud(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await _closed(w)
        assert Snapshot(w.agent.spool, w.clock).play_key == KEY

    tell(tmp_path, story)


def test_the_front_asks_for_each_playlist(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await _closed(w)
        token = play_token(KEY, "live/s", _now(w) + 60)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{w.agent.local.port}") as http:

            async def asked(url: str) -> int:
                return (await http.get("/front/play", headers={"X-Forwarded-Uri": url})).status_code

            for path in ("/live/s.m3u8", "/live/s.flv", "/__defaultVhost__/live/s.flv", "/live/%73.m3u8"):
                assert await asked(f"{path}?sluice_play={token}") == 204
                assert await asked(f"{path}?hls_ctx=made-up") == 403
            assert await asked(f"/live/t.m3u8?sluice_play={token}") == 403
            assert await asked("") == 403

    tell(tmp_path, story)


# the API


def _node(v1: V1, ports: dict[str, int] = PORTS) -> None:
    at = datetime.now(UTC)
    node = Node(id="n1", name="edge", created_at=at, token_hash="t", snapshot_key="ab", queue_url="queue://n1")
    v1.store.commit(Put(node), Put(Heartbeat(node="n1", last_seen=at, observed=ObservedNode(ports=ports))))


def test_links_are_made_for_what_the_node_serves(v1: V1) -> None:
    _node(v1)
    assert v1("GET", "/v1/settings/play").json == {"auth": False, "version": 0}
    on = v1("PATCH", "/v1/settings/play", {"auth": True}, If_Match='"0"')
    assert on.json == {"auth": True, "version": 1}
    made = v1("POST", "/v1/streams/play-links", {"stream": "live/x", "host": "h.example"}).json
    token = made["token"]
    assert made["urls"] == {
        "flv": f"https://h.example:2443/live/x.flv?sluice_play={token}",
        "hls": f"https://h.example:2443/live/x.m3u8?sluice_play={token}",
        "rtmp": f"rtmp://h.example/live/x?sluice_play={token}",
        "srt": f"srt://h.example:10080?streamid=#!::h=srt,r=live/x,sluice_play={token},m=request",
        "whep": f"https://h.example:2443/rtc/v1/whep/?app=live&stream=x&sluice_play={token}",
    }
    key = play_key("key", "n1", 0)
    assert play_refusal(key, "live/x", f"?sluice_play={token}", datetime.now(UTC).timestamp()) is None
    v1("PATCH", "/v1/settings/play", {"rotate": True})
    again = v1("POST", "/v1/streams/play-links", {"stream": "live/x", "host": "h.example"}).json["token"]
    assert play_refusal(key, "live/x", f"?sluice_play={again}", 0) is not None, "a rotation ends the old key"


def test_the_name_of_the_node_comes_from_the_call_or_has_to_be_said(v1: V1) -> None:
    _node(v1, {"http": 2022, "rtmp": 1935})
    plain = {"X_Forwarded_Host": "edge.example:2022", "X_Forwarded_Proto": "http"}
    made = v1("POST", "/v1/streams/play-links", {"stream": "live/x", "formats": ["hls", "srt"]}, **plain).json
    assert made["urls"]["hls"].startswith("http://edge.example:2022/live/x.m3u8?")
    assert (made["urls"]["srt"], made["urls"]["flv"]) == (None, None)
    refused = v1("POST", "/v1/streams/play-links", {"stream": "live/x"})
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "host")


@pytest.mark.parametrize(
    "bad",
    [
        {"stream": "x"},
        {"stream": "live/../x"},
        {"stream": "live/x", "expires_in_s": 9},
        {"stream": "live/x", "expires_in_s": 10**9},
        {"stream": "live/x", "formats": ["dash"]},
        {"stream": "live/x", "formats": []},
        {"stream": "live/x", "host": "h/evil?"},
    ],
)
def test_bad_wishes_are_refused(v1: V1, bad: dict[str, Any]) -> None:
    _node(v1)
    assert v1("POST", "/v1/streams/play-links", {"host": "h"} | bad).status == 400


def test_who_may_operate_some_streams_makes_links_for_those_only(v1: V1) -> None:
    _node(v1)
    token = v1("POST", "/v1/tokens", {"name": "t", "scope": "operate:streams/play*"}).json["token"]
    assert v1("POST", "/v1/streams/play-links", {"stream": "live/x", "host": "h"}, token=token).status == 403
