"""What lies in a bucket is given out by the host as if it lay in the folder, whole and in parts, without its store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import httpx
import pytest
from chalice import Response

from chalicelib.adapters.aws.s3 import S3Objects
from chalicelib.adapters.aws.s3_client import open_store
from chalicelib.routes.application import Application
from chalicelib.wiring.stores import Remote
from infra.local.host.asgi import HostApp
from infra.local.host.files import Files
from infra.local.host.pools import Pools
from tests.conftest import free_port
from tests.s3_server import S3Server, s3_server

KEY = "recordings/1485a3a4-ea1b-41b9-a18e-afd0f600c9b1/index.mp4"
BODY = bytes(range(256)) * 8000
T = TypeVar("T")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3"), free_port()) as running:
        for name in ("older", "newer"):
            running.bucket(name)
        yield running


def host(*stores: S3Objects) -> tuple[HostApp, Files]:
    app, pools = Application(app_name="test", configure_logs=False), Pools()

    @app.route("/recordings/{name}", methods=["GET", "HEAD"])  # type: ignore[untyped-decorator]
    def give(name: str) -> Response:
        headers = {"X-Accel-Redirect": KEY if name == "x" else name, "Content-Type": "video/mp4", "Cache-Control": "a"}
        return Response("", headers=headers)

    def remote(store: S3Objects, key: str) -> Remote:
        return Remote(lambda head: store.link(key, 60, head=head))

    files = Files(lambda key: [remote(s, key) for s in stores], pools)
    return HostApp(app, pools, {}, files), files


def ask(hosted: tuple[HostApp, Files], work: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    async def run() -> T:
        web, files = hosted
        transport = httpx.ASGITransport(app=web)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as http:
            try:
                return await work(http)
            finally:
                await files.close()

    return asyncio.run(run())


def test_whole_in_parts_and_by_its_headers(server: S3Server) -> None:
    store = open_store(server.store("newer"))
    store.write(KEY, BODY, "binary/whatever")

    async def work(http: httpx.AsyncClient) -> dict[str, httpx.Response]:
        return {
            "whole": await http.get("/recordings/x"),
            "part": await http.get("/recordings/x", headers={"Range": "bytes=1000-1999"}),
            "end": await http.get("/recordings/x", headers={"Range": "bytes=-10"}),
            "none": await http.get("/recordings/x", headers={"Range": "bytes=99999999-"}),
            "head": await http.head("/recordings/x"),
            "front": await http.get("/recordings/x", headers={"X-Sluice-Accel": "1"}),
            "missing": await http.get("/recordings/none"),
        }

    found: dict[str, Any] = ask(host(store), work)
    assert (found["whole"].status_code, found["whole"].content) == (200, BODY)
    assert found["front"].content == BODY, "the front has no such file: it goes through here all the same"
    assert (found["part"].status_code, found["part"].content) == (206, BODY[1000:2000])
    assert found["part"].headers["content-range"] == f"bytes 1000-1999/{len(BODY)}"
    assert (found["end"].status_code, found["end"].content) == (206, BODY[-10:])
    assert found["none"].status_code == 416
    assert (found["head"].status_code, found["head"].content) == (200, b"")
    assert int(found["head"].headers["content-length"]) == len(BODY)
    assert found["missing"].status_code == 404
    for answer in found.values():
        told = {name.lower() for name in answer.headers}
        assert not {name for name in told if name.startswith(("x-amz", "x-accel", "access-control", "server"))}
    for name in ("whole", "part", "head"):
        assert (found[name].headers["content-type"], found[name].headers["cache-control"]) == ("video/mp4", "a")


def test_the_newest_store_that_has_it(server: S3Server) -> None:
    older, newer = open_store(server.store("older", prefix="p")), open_store(server.store("newer", prefix="q"))
    older.write(KEY, b"older", "video/mp4")

    async def work(http: httpx.AsyncClient) -> bytes:
        return (await http.get("/recordings/x")).content

    assert ask(host(newer, older), work) == b"older"
    newer.write(KEY, b"newer", "video/mp4")
    assert ask(host(newer, older), work) == b"newer"


def test_a_store_that_is_away_is_503(server: S3Server) -> None:
    away = server.store("newer").model_copy(update={"endpoint": f"http://127.0.0.1:{free_port()}"})

    async def work(http: httpx.AsyncClient) -> httpx.Response:
        return await http.get("/recordings/x")

    answer = ask(host(open_store(away)), work)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "X-Amz" not in answer.text


def test_a_wrong_key_is_not_the_store_s_answer_to_the_world(server: S3Server) -> None:
    wrong = server.store("newer").model_copy(update={"secret_key": "wrong"})

    async def work(http: httpx.AsyncClient) -> httpx.Response:
        return await http.get("/recordings/x")

    answer = ask(host(open_store(wrong)), work)
    assert answer.status_code in (404, 503)
    assert "Signature" not in answer.text


def test_one_who_leaves_lets_the_store_go(server: S3Server) -> None:
    store = open_store(server.store("newer"))
    store.write(KEY, BODY * 4, "video/mp4")
    (web, files), sent = host(store), 0

    async def run() -> None:
        nonlocal sent
        requests = [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]

        async def receive() -> Any:
            return requests.pop(0) if requests else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            nonlocal sent
            sent += len(message.get("body", b""))
            await asyncio.sleep(0)

        scope = {
            "type": "http", "method": "GET", "path": "/recordings/x", "raw_path": b"/recordings/x",
            "query_string": b"", "headers": [],
        }  # fmt: skip
        await web(scope, receive, send)
        await files.close()

    asyncio.run(run())
    assert sent < len(BODY) * 4
