"""The local server: what holds for every route, on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chalicelib.wire.oryx import envelope
from edge.base.errors import RequestRefusedError
from edge.web.local.app import new_app
from edge.web.local.replies import success
from edge.web.local.server import LocalServer
from tests.unit.edge_agent.fake_servers import HOST


async def _echo(request: Request) -> Response:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
    return success({"size": size, "text": "<&>", "client": request.client.host if request.client else ""})


async def _refuse(_: Request) -> Response:
    raise RequestRefusedError(409, "the file is there already: give it another name")


async def _crash(_: Request) -> Response:
    raise ValueError("hush")


@asynccontextmanager
async def local() -> AsyncIterator[httpx.AsyncClient]:
    routes = [
        Route("/echo", _echo, methods=["GET", "POST"]),
        Route("/refuse", _refuse),
        Route("/crash", _crash),
    ]
    server = LocalServer(new_app(routes))
    port = await server.start(HOST, 0)
    try:
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", trust_env=False) as client:
            yield client
    finally:
        await server.close()


def tell(story: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with local() as client:
            await story(client)

    asyncio.run(run())


async def _parts() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield bytes(100_000)


def test_a_result_comes_in_the_envelope_with_cors() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.post("/echo", content=_parts(), headers={"X-Forwarded-For": "192.0.2.7"})
        assert answer.status_code == 200
        body = answer.json()
        assert (body["code"], body["data"]) == (0, {"size": 2_000_000, "text": "<&>", "client": "192.0.2.7"})
        assert b"<" not in answer.content
        assert answer.headers.get_list("server") == ["Oryx/v5.15.20"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers.get_list("access-control-allow-credentials") == ["true"]

    tell(story)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/refuse", 409, "the file is there already: give it another name\n"),
        ("/echo/", 404, "there is no such call\n"),
        ("/nothing", 404, "there is no such call\n"),
        ("/crash", 500, "something went wrong on our side; it was logged\n"),
    ],
)
def test_an_error_is_one_line_of_text(path: str, status: int, text: str) -> None:
    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.get(path)
        assert (answer.status_code, answer.text) == (status, text)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["access-control-allow-origin"] == "*"

    tell(story)


def test_browsers_may_ask_for_any_path() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        for path in ("/echo", "/nothing"):
            answer = await client.request("OPTIONS", path)
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer.headers["access-control-allow-methods"] == "*"

    tell(story)


def test_an_address_in_use_is_an_error_at_once() -> None:
    async def run() -> None:
        first, second = LocalServer(new_app([])), LocalServer(new_app([]))
        port = await first.start(HOST, 0)
        try:
            with pytest.raises(OSError, match="in use"):
                await second.start(HOST, port)
        finally:
            await second.close()
            await first.close()

    asyncio.run(run())


def test_the_envelope_is_json_that_ends_no_script() -> None:
    text = envelope({"a": "</script>&"})
    assert not set("<>&") & set(text)
    assert json.loads(text)["data"] == {"a": "</script>&"}
