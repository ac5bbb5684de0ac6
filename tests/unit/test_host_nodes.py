"""What nodes ask the host for: nudges, uploads, files."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from chalice import Response

from chalicelib.adapters.local.database import Database
from chalicelib.adapters.local.folder import FolderObjects
from chalicelib.adapters.local.nudges import LocalNudger
from chalicelib.adapters.local.queues import LocalQueue
from chalicelib.domain.errors import UnauthenticatedError
from chalicelib.routes.application import Application
from chalicelib.wire.recording import node_of_key
from infra.local.host.asgi import HostApp
from infra.local.host.files import Files
from infra.local.host.polls import PATH as POLL
from infra.local.host.polls import Polls
from infra.local.host.pools import Pools
from infra.local.host.uploads import PATH as PUT
from infra.local.host.uploads import Uploads

from .host_rig import KEY, RECORDING, SESSION, client, run


def node_of(header: str | None) -> str:
    if header != "Bearer token-of-n1":
        raise UnauthenticatedError("the node token is unknown")
    return "n1"


BEARER = {"Authorization": "Bearer token-of-n1"}


def a_poll(nudger: LocalNudger) -> Polls:
    return Polls(nudger, node_of, Pools())


def test_a_nudge_ends_the_poll_of_its_node() -> None:
    nudger = LocalNudger()

    async def go() -> list[httpx.Response]:
        async with client(a_poll(nudger)) as http:
            held = asyncio.ensure_future(http.get(POLL, headers=BEARER))
            await asyncio.sleep(0.1)
            nudger.nudge("poll:n2")
            await asyncio.sleep(0.1)
            assert not held.done(), "another node's nudge"
            await asyncio.to_thread(nudger.nudge, "poll:n1")
            first = await held
            nudger.nudge("poll:n1")  # while nobody waits
            return [first, await http.get(POLL, headers=BEARER)]

    assert [answer.json() for answer in run(go())] == [{"nudged": True}] * 2
    assert nudger._waiting == {}


def test_a_poll_without_the_token_is_refused() -> None:
    async def go() -> httpx.Response:
        async with client(a_poll(LocalNudger())) as http:
            return await http.get(POLL, headers={"Authorization": "Bearer other"})

    assert run(go()).status_code == 401


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "objects", lambda key, life, name: key)


def put(objects: FolderObjects, queue: LocalQueue, key: str, body: Any, sent: bytes | None = None, **more: str) -> int:
    digest = base64.b64encode(hashlib.sha256(body if sent is None else sent).digest()).decode()

    async def go() -> int:
        async with client(Uploads(objects, queue, node_of, Pools())) as http:
            headers = BEARER | {"x-amz-checksum-sha256": digest} | more
            return (await http.put(f"{PUT}{key}", content=body, headers=headers)).status_code

    return int(run(go()))


def test_an_object_is_stored_under_its_checksum_by_its_own_node_alone(
    objects: FolderObjects, database: Database
) -> None:
    queue = LocalQueue(database, "objects", 60.0)
    body = b"G" + bytes(2_000_000)
    assert put(objects, queue, KEY, body) == 204
    assert objects.read(KEY) == body
    for key, status in {
        KEY.replace("/n1/", "/n2/"): 403,
        "recordings/x": 403,
        KEY.replace("recordings", "recordings/.."): 403,
        f"recordings/{RECORDING}/index.mp4": 403,
    }.items():
        assert put(objects, queue, key, body) == status, key
    other = KEY.replace("00000000-2000", "00000001-2000")
    assert put(objects, queue, other, body, sent=b"something else") == 400
    assert put(objects, queue, other, body, None, **{"x-amz-checksum-sha256": "x"}) == 400
    assert put(objects, queue, other, body, Authorization="Bearer other") == 401
    assert [o.key for o in objects.list("recordings/")] == [KEY]
    assert [p.name for p in objects.root.rglob("*") if p.is_file()] == ["00000000-2000.ts"], "nothing half is left"


def test_a_manifest_that_arrives_is_announced(objects: FolderObjects, database: Database) -> None:
    queue = LocalQueue(database, "objects", 60.0)
    key = f"recordings/{RECORDING}/n1/{SESSION}/manifest.json"
    assert put(objects, queue, key, b"{}") == 204
    told = queue.receive()
    assert told is not None
    assert json.loads(told.body)["Records"][0]["s3"]["object"]["key"] == key


def test_the_node_of_a_key() -> None:
    assert node_of_key(KEY) == "n1"
    assert node_of_key(f"recordings/{RECORDING}/n1/{SESSION}/manifest.json") == "n1"
    assert node_of_key(f"recordings/{RECORDING}/manifest.json") is None


def test_files_are_given_out_whole_in_part_or_by_the_front(objects: FolderObjects, tmp_path: Path) -> None:
    objects.write(KEY, b"0123456789", "video/mp2t")
    app = Application(app_name="test", configure_logs=False)

    @app.route("/recordings/{name}", methods=["GET", "HEAD"])  # type: ignore[untyped-decorator]
    def give(name: str) -> Response:
        return Response("", headers={"X-Accel-Redirect": KEY if name == "x" else name, "Content-Type": "video/mp2t"})

    pools = Pools()
    web = HostApp(app, pools, {}, Files(lambda key: [objects.path(key)], pools))

    async def ask() -> dict[str, httpx.Response]:
        async with client(web) as http:
            return {
                "whole": await http.get("/recordings/x"),
                "part": await http.get("/recordings/x", headers={"Range": "bytes=2-4"}),
                "none": await http.get("/recordings/x", headers={"Range": "bytes=90-"}),
                "head": await http.head("/recordings/x"),
                "front": await http.get("/recordings/x", headers={"X-Sluice-Accel": "1"}),
                "missing": await http.get("/recordings/none"),
            }

    found = run(ask())
    assert (found["whole"].content, found["whole"].headers["content-type"]) == (b"0123456789", "video/mp2t")
    assert (found["part"].status_code, found["part"].content) == (206, b"234")
    assert found["none"].status_code == 416
    assert (found["head"].content, found["head"].headers["content-length"]) == (b"", "10")
    assert (found["front"].content, found["front"].headers["x-accel-redirect"]) == (b"", KEY)
    assert found["missing"].status_code == 404
    assert all("x-accel-redirect" not in found[name].headers for name in found if name != "front")
