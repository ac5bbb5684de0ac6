"""Both APIs by HTTP clients of several languages: text is text, errors are errors, and only binary is binary (A1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.system import System

from .conftest import seen
from .senders import SENDERS, Got, Wanted

pytestmark = pytest.mark.media
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Case:
    """A request, and what is to come back. `holds`: of the body."""

    wanted: Wanted
    status: int
    type: str
    holds: Callable[[bytes], object]


def _data(body: bytes) -> Any:
    found = json.loads(body)
    assert found["code"] == 0
    return found["data"]


def _cases(system: System, web: str, recording: dict[str, Any]) -> list[Case]:
    bearer = {"Authorization": f"Bearer {system.instance.at['api_secret']}"}
    sent = bearer | {"Content-Type": JSON}
    share = system.api.call("POST", f"/v1/recordings/{recording['id']}/shares", {})
    mp4 = f"{web}{share['links']['mp4']}"
    icon = (Path(__file__).parents[2] / "edge/web/pages/favicon.ico").read_bytes()
    old = f"{web}/terraform/v1"
    return [
        Case(Wanted("GET", f"{web}/v1/health"), 200, JSON, lambda b: json.loads(b) == {"status": "ok"}),
        Case(Wanted("GET", f"{web}/v1/streams", bearer), 200, JSON, lambda b: b'"going"' in b),
        Case(Wanted("GET", f"{web}/v1/streams"), 401, PROBLEM, lambda b: json.loads(b)["status"] == 401),
        Case(Wanted("GET", f"{web}/v1/events?limit=x", bearer), 400, PROBLEM, lambda b: b"limit" in b),
        Case(Wanted("GET", f"{web}/v1/no-such", bearer), 404, PROBLEM, json.loads),
        Case(Wanted("POST", f"{web}/v1/rooms", sent, '{"title": "房间"}'), 201, JSON, lambda b: "房间" in b.decode()),
        Case(Wanted("POST", f"{web}/v1/rooms", sent, "{"), 400, PROBLEM, json.loads),
        Case(Wanted("POST", f"{old}/mgmt/versions"), 200, JSON, lambda b: _data(b)["version"]),
        Case(Wanted("GET", f"{old}/mgmt/versions"), 200, JSON, lambda b: _data(b)["version"]),
        Case(
            Wanted("POST", f"{old}/mgmt/streams/query", sent, "{}"),
            200, JSON, lambda b: "going" in [s["stream"] for s in _data(b)["streams"]],
        ),
        Case(Wanted("POST", f"{old}/mgmt/token", {}, "{}"), 401, TEXT, lambda b: b.startswith(b"auth: ")),
        Case(Wanted("POST", f"{old}/mgmt/streams/kickoff", sent, "{}"), 500, TEXT, lambda b: b.endswith(b"\n")),
        Case(
            Wanted("POST", f"{old}/live/room/create", sent, '{"title": "<b>&房间"}'),
            200, JSON, lambda b: _data(b)["title"] == "<b>&房间",
        ),
        Case(Wanted("GET", f"{old}/no/such"), 404, TEXT, lambda b: b == b"there is no such call\n"),
        Case(Wanted("GET", f"{web}/live/going.m3u8"), 200, "application/vnd.apple.mpegurl", lambda b: b"#EXTM3U" in b),
        Case(Wanted("GET", f"{web}/favicon.ico"), 200, "", lambda b: b == icon),
        Case(Wanted("GET", mp4), 200, "video/mp4", lambda b: b[4:8] == b"ftyp" and len(b) > 100_000),
        Case(Wanted("GET", mp4, {"Range": "bytes=4-7"}), 206, "video/mp4", lambda b: b == b"ftyp"),
    ]  # fmt: skip


def _right(case: Case, got: Got) -> bool:
    return got.status == case.status and got.type.startswith(case.type) and bool(case.holds(got.body))


@pytest.mark.parametrize("client", SENDERS)
def test_a1_every_client_understands_both_apis(
    client: str, system: System, web: str, playing: str, recording: dict[str, Any], tmp_path: Path
) -> None:
    cases = _cases(system, web, recording)
    answers = SENDERS[client](tmp_path, [c.wanted for c in cases])
    wrong = [
        (c.wanted.method, c.wanted.url.removeprefix(web), g.status, g.type, g.body[:200])
        for c, g in zip(cases, answers, strict=True)
        if not _right(c, g)
    ]
    assert wrong == []
    seen("API", client, f"JSON, text, errors, a download and a part of it: {len(cases)} calls")
