"""A node that answers questions about files, and a client of the compatible API."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from chalice.test import Client

from tests.app.conftest import Answer, Node, _answer
from tests.fakes import BOOTSTRAP

TARGET = {"server": "rtmp://a.example.com/live2", "secret": "key"}
VIDEO = {"codec_type": "video", "codec_name": "h264", "width": 640, "height": 360}
AUDIO = {"codec_type": "audio", "codec_name": "aac", "channels": 2}


CONFIG = {
    "all": True, "vcodec": "libx264", "vprofile": "main", "vpreset": "fast", "vbitrate": 800, "acodec": "aac",
    "abitrate": 64, "achannels": 2, "server": "rtmp://a.example.com/live2", "secret": "key",
}  # fmt: skip


@dataclass
class Edge:
    """A node with files; what a probe finds is what is put into `found`, by target."""

    node: Node
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        body = asked["body"]
        match asked["kind"]:
            case "source.copy_file" if body["file"].startswith("/outside"):
                return {"outcome": "refused", "field": "file", "error": "lies outside of the data folder"}
            case "source.copy_file":
                name = str(uuid.uuid4())
                return self._data(name=body["file"].rpartition("/")[2], uuid=name, target=f"upload/{name}.mp4", size=4)
            case "source.probe":
                good = {"size": 4, "format": {"bit_rate": "1000000"}, "video": VIDEO, "audio": AUDIO}
                return self._data(found=[self.found.get(t, good) for t in body["targets"]])
            case "source.adopt":
                return self._data(targets=[t.replace("upload/", "vlive/") for t in body["targets"]])
            case "source.discard":
                self.discarded += body["targets"]
                return self._data()
        return {"outcome": "unknown"}

    @staticmethod
    def _data(**data: Any) -> dict[str, Any]:
        return {"outcome": "answered", "data": data}


@pytest.fixture
def edge(node: Node, client: Client) -> Edge:
    found = Edge(node)
    found.asked = node.answer_with(lambda asked: found.answer(asked))  # noqa: PLW0108 - a test may put another in its place
    return found


@dataclass
class Oryx:
    client: Client

    def __call__(self, path: str, raw: bytes | None = None, **body: Any) -> Answer:
        headers = {"Authorization": f"Bearer {BOOTSTRAP.api_secret}"}
        content = json.dumps(body).encode() if raw is None else raw
        answer = _answer(self.client.http.request("POST", f"/terraform/v1{path}", headers=headers, body=content))
        assert b"hunter2" not in answer.body or answer.status == 200
        return answer

    def data(self, path: str, **body: Any) -> Any:
        answer = self(path, **body)
        assert answer.status == 200, answer.body
        assert answer.json["code"] == 0
        return answer.json["data"]

    def refused(self, path: str, **body: Any) -> str:
        answer = self(path, **body)
        assert answer.status == 500, answer.body
        assert answer.headers["content-type"].startswith("text/plain")
        return str(answer.body.decode()).strip()


@pytest.fixture
def oryx(client: Client) -> Oryx:
    return Oryx(client)


def uploaded(**more: Any) -> dict[str, Any]:
    name = str(uuid.uuid4())
    return {"name": "film.mp4", "size": 4, "uuid": name, "target": f"upload/{name}.mp4", "type": "upload"} | more
