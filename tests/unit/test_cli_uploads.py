"""`sluice sources upload`: part by part, over whatever breaks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cli.client import Api, CliError
from infra.cli.uploads import Upload

PART = 10


@dataclass
class Edge:
    """Takes parts; before each it does what `breaks` says: lose the part, lose its answer, or forget the upload."""

    size: int
    breaks: list[str] = field(default_factory=list)
    kept: bytes = b""
    begun: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/uploads":
            self.begun.append(json.loads(request.content))
            shown = {"path": "/edge/uploads/u", "token": "t", "offset": len(self.kept), "chunk_bytes": PART}
            return httpx.Response(201, json=shown)
        assert request.headers["authorization"] == "Bearer t"
        if request.url.path.endswith("/complete"):
            return httpx.Response(200, json={"target": "upload/u.mp4", "size": len(self.kept)})
        return self._part(request)

    def _part(self, request: httpx.Request) -> httpx.Response:
        fault = self.breaks.pop(0) if self.breaks else ""
        if fault == "lost":
            raise httpx.WriteError("gone")
        if fault == "forgotten":
            self.kept = b""
            return httpx.Response(404, json={"code": "not_found", "detail": "there is no such upload"})
        if fault in ("disk_full", "not_media"):
            return httpx.Response(400 if fault == "not_media" else 507, json={"code": fault, "detail": fault})
        if int(request.headers["upload-offset"]) != len(self.kept):
            return httpx.Response(409, json={"code": "upload_offset", "params": {"offset": len(self.kept)}})
        assert request.headers["x-checksum-sha256"] == hashlib.sha256(request.content).hexdigest()
        self.kept += request.content
        if fault == "unanswered":
            raise httpx.ReadError("gone")
        return httpx.Response(200, json={"offset": len(self.kept)})


def send(folder: Path, content: bytes, breaks: list[str]) -> tuple[Edge, dict[str, Any], list[float]]:
    film, waited = folder / "film.mp4", list[float]()
    film.write_bytes(content)
    edge = Edge(len(content), breaks)
    api = Api("http://h", "secret", httpx.MockTransport(edge))
    return edge, Upload(api, film, "n1", lambda _safe, _size: None, waited.append).run(), waited


@given(
    content=st.binary(min_size=1, max_size=95),
    breaks=st.lists(st.sampled_from(["", "lost", "unanswered", "forgotten"]), max_size=7),
)
def test_a_file_comes_in_whole_whatever_breaks(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, breaks: list[str]
) -> None:
    edge, found, waited = send(tmp_path_factory.mktemp("up"), content, list(breaks))
    assert edge.kept == content
    assert found["target"] == "upload/u.mp4"
    assert len(waited) <= len([b for b in breaks if b])
    assert {b["fingerprint"] for b in edge.begun} == {edge.begun[0]["fingerprint"]}
    assert edge.begun[0]["node"] == "n1"


@pytest.mark.parametrize("code", ["disk_full", "not_media"])
def test_what_is_refused_for_good_is_not_tried_again(tmp_path: Path, code: str) -> None:
    with pytest.raises(CliError, match=code):
        send(tmp_path, b"x" * 30, ["", code])


def test_when_nobody_answers_for_long_it_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="the same command goes on"):
        send(tmp_path, b"x" * 30, ["lost"] * 20)
