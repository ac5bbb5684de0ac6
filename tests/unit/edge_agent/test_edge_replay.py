"""Real hook traffic of SRS 7.0.18, replayed against the real agent's hook server with segment files made for it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.unit.edge_agent.edge_fakes import World, until, world
from tests.unit.edge_agent.fake_servers import sha256_of

DATA = Path(__file__).parents[2] / "data" / "hooks-7.0.18.jsonl"
SRS_ROOT = "/usr/local/srs/objs/nginx/html"

Scenario = list[dict[str, Any]]


def scenarios() -> dict[str, Scenario]:
    found: dict[str, Scenario] = {}
    for line in DATA.read_text().splitlines():
        row = json.loads(line)
        if "scenario" in row:
            found[row["scenario"]] = current = []
        else:
            current.append(row)
    return found


async def play(w: World, scenario: Scenario) -> list[tuple[str, bytes]]:
    """Send a scenario's hooks one after the other, as the SRS beside the agent would; the answers."""
    answers = []
    for row in scenario:
        text = row["body"].replace(SRS_ROOT, str(w.hls))
        hook = json.loads(text, strict=False)
        name = f"{hook['app']}/{hook.get('stream', '')}"
        w.srs.service_id = hook["service_id"]
        if hook["action"] == "on_hls":
            path = Path(hook["file"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{path.name}:{hook['duration']}".encode() * 50)
        if hook["action"] == "on_unpublish" and w.srs.publishers.get(name) == hook["client_id"]:
            del w.srs.publishers[name]
        answer = await w.raw(text.encode(), f"/hooks{row['path']}")
        assert answer.status == 200
        if hook["action"] == "on_publish" and answer.body == b"0":
            w.srs.publishers.setdefault(name, hook["client_id"])
        answers.append((hook["action"], answer.body))
    return answers


@pytest.mark.parametrize("name", [n for n in scenarios() if scenarios()[n]])
def test_a_recorded_scenario_leaves_the_right_state(name: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with world(tmp_path) as w:
            w.cloud.deny = {"deny1"}
            answers = await play(w, scenarios()[name])
            await check(w, name, scenarios()[name], answers)

    uvloop.run(run())


async def check(w: World, name: str, scenario: Scenario, answers: list[tuple[str, bytes]]) -> None:
    hooks = [json.loads(row["body"], strict=False) for row in scenario]
    good = [h for h in hooks if ".." not in h["app"]]
    hls = [h for h in good if h["action"] == "on_hls"]
    refused = {"rtmp_publish_denied": 1, "rtmp_busy_second_publisher": 1, "weird_names": 1}.get(name, 0)
    said_no = [a for a, body in answers if a == "on_publish" and body != b"0"]
    assert len(said_no) == refused
    sessions = {h["stream"] for h in hls}
    if name == "srs_killed_mid_publish":
        await w.kill_media_server()
        w.srs.publishers.clear()
        await until(lambda: not w.agent.watch.seen.up)
        w.clock.ahead_s = 10
        w.agent.watch.wake()
    await until(lambda: len(w.cloud.of_kind("session.ended")) == len(sessions), 20)
    await until(lambda: len(w.cloud.of_kind("recording.part_done")) == len(sessions), 20)
    assert len(w.cloud.of_kind("session.live")) == len(sessions)
    assert len(w.cloud.of_kind("session.admitted")) == len(sessions)
    assert len(w.cloud.of_kind("recording.started")) == len(sessions)
    inferred = [e["body"]["inferred"] for e in w.cloud.of_kind("session.ended")]
    assert inferred == [name == "srs_killed_mid_publish"] * len(sessions)
    assert not w.agent.book.opened()
    check_recordings(w, hls)
    assert [e["seq"] for e in w.cloud.events] == sorted(e["seq"] for e in w.cloud.events)


def check_recordings(w: World, hls: list[dict[str, Any]]) -> None:
    """Every announced segment is in the store once, whole, in order, and listed with its hash."""
    by_stream: dict[str, list[int]] = {}
    for h in hls:
        by_stream.setdefault(h["stream"], []).append(round(h["duration"] * 1000))
    manifests = {m["stream"]["stream"]: m for m in w.store.manifests().values()}
    assert {n: [s["duration_ms"] for s in m["segments"]] for n, m in manifests.items()} == by_stream
    for m in manifests.values():
        assert m["gaps"] == []
        for s in m["segments"]:
            assert sha256_of(w.store.objects[s["key"]]) == s["sha256"]
    assert len(w.store.objects) == len(hls) + len(manifests)
    assert list((w.settings.agent_dir / "segments").glob("*/*.ts")) == []


def test_viewers_are_counted_at_the_edge(tmp_path: Path) -> None:
    async def run() -> None:
        async with world(tmp_path) as w:
            w.srs.service_id = "112t4ds0"
            await w.hook("on_play", "v1", "s")
            await w.hook("on_play", "v2", "s.m3u8", stream_url="/live/s")
            await w.hook("on_play", "own", "s", param=f"?sluice_pull={w.agent.play.own_tag('dest1')}")
            await w.hook("on_play", "v3", "s", param="?sluice_pull=dest1.made-up")
            await w.hook("on_stop", "v3", "s")
            assert w.agent.viewers.count("live/s") == 2
            await w.hook("on_stop", "v1", "s")
            assert w.agent.viewers.count("live/s") == 1

    asyncio.run(run())
