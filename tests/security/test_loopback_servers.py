"""Servers on loopback are for programs of this machine: no web page talks to them, and no hook is made up."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request as WebRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from edge.base.bounded import new_client
from edge.base.httpserver import Request, Response, Server
from edge.base.loopback import host_allowed
from edge.base.sockets import listen_unix
from edge.hooks import NOT_FOUND, OK, YES, behind_secret
from edge.web.local.app import new_app
from edge.web.local.server import ForPrograms, LocalServer
from infra.local.standin.api import locked
from infra.local.standin.web import Request as StandinRequest
from infra.local.standin.web import json_response, serve
from tests.unit.edge_agent.edge_fakes import new_agent, world

HOST = "127.0.0.1"
FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:{port}"},
    {"Host": "127.0.0.1.evil.example:{port}"},
    {"Host": "localhost.evil.example"},
    {"Host": ""},
    {"Host": "127.0.0.1@evil.example"},
    {"Host": "192.168.1.5:{port}"},
    {"Origin": "http://127.0.0.1:{port}"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Mode": "no-cors"},
]
GOOD = [{}, {"Host": "localhost"}, {"Host": "LOCALHOST:{port}"}, {"Host": "[::1]:{port}"}, {"Host": "127.0.0.1"}]


async def _answers(port: int, headers: dict[str, str]) -> int:
    """The status of a POST with exactly these headers, and the right host unless another is named."""
    sent = {"Host": f"{HOST}:{port}"} | {name: value.format(port=port) for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"POST /x HTTP/1.1\r\n{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


async def _agents(stop: list[Callable[[], Awaitable[None]]]) -> int:
    server = Server(lambda _: Response(200, b"0"), 1000)
    stop.append(server.close)
    return await server.start(HOST, 0)


async def _workers(stop: list[Callable[[], Awaitable[None]]]) -> int:
    async def yes(_: WebRequest) -> PlainTextResponse:
        return PlainTextResponse("yes")

    server = LocalServer(ForPrograms(new_app([Route("/x", yes, methods=["POST"])])))
    stop.append(server.close)
    return await server.start(HOST, 0)


async def _standins(stop: list[Callable[[], Awaitable[None]]]) -> int:
    async def yes(_: StandinRequest) -> object:
        return json_response({})

    server = await serve(yes, 0)  # type: ignore[arg-type]

    async def close() -> None:
        server.close()

    stop.append(close)
    return int(server.sockets[0].getsockname()[1])


@pytest.mark.parametrize("start", [_agents, _workers, _standins])
def test_pages_are_refused_and_programs_are_not(
    start: Callable[[list[Callable[[], Awaitable[None]]]], Awaitable[int]],
) -> None:
    async def run() -> None:
        stop: list[Callable[[], Awaitable[None]]] = []
        port = await start(stop)
        try:
            assert [await _answers(port, headers) for headers in GOOD] == [200] * len(GOOD)
            for headers in FOREIGN:
                assert await _answers(port, headers) == 403, headers
        finally:
            for close in stop:
                await close()

    asyncio.run(run())


def test_two_hosts_or_none_are_no_host() -> None:
    async def run() -> list[bytes]:
        server = Server(lambda _: Response(200, b"0"), 1000)
        port = await server.start(HOST, 0)
        got = []
        for hosts in (b"Host: 127.0.0.1\r\nHost: evil.example\r\n", b""):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"GET / HTTP/1.1\r\n" + hosts + b"\r\n")
            got.append((await reader.readline()).split()[1])
            writer.close()
        await server.close()
        return got

    assert asyncio.run(run()) == [b"403", b"403"]


@given(st.text(alphabet="abc019.:[]@%#/ \t", max_size=20))
def test_only_loopback_is_a_host(text: str) -> None:
    if host_allowed(text):
        name = text.strip().lower()
        assert name.startswith(("127.0.0.1", "localhost", "[::1]"))
        rest = name.removeprefix("127.0.0.1").removeprefix("localhost").removeprefix("[::1]")
        assert not rest or rest == ":" or rest[1:].isdigit()


def test_a_server_on_all_addresses_is_found_by_addresses_and_by_no_name() -> None:
    assert host_allowed("192.0.2.1:8085", "0.0.0.0")
    assert host_allowed("[fd00::1]:8085", "::")
    assert not host_allowed("evil.example:8085", "0.0.0.0")
    assert not host_allowed("192.0.2.1:8085", "127.0.0.1")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/hooks/right-secret/on_publish", YES),
        ("/hooks/right-secret", YES),
        ("/healthz", YES),
        ("/hooks/on_publish", NOT_FOUND),
        ("/hooks", NOT_FOUND),
        ("/", NOT_FOUND),
        ("/hooks/right-secre/on_publish", NOT_FOUND),
        ("/hooks/right-secret2/on_publish", NOT_FOUND),
        ("/hooks//right-secret/on_publish", NOT_FOUND),
        ("/x/hooks/right-secret/on_publish", NOT_FOUND),
        ("/hooks/right-secr\xe9t/on_publish", NOT_FOUND),
    ],
)
def test_hooks_are_taken_behind_the_secret_alone(path: str, answer: Response) -> None:
    assert behind_secret(lambda _: YES, "right-secret")(Request("POST", path, b"")) is answer
    assert behind_secret(lambda _: OK, "")(Request("POST", path, b"")) is OK


def test_nobody_forges_an_unpublish(tmp_path: Path) -> None:
    async def run() -> None:
        async with world(tmp_path, launch=False) as w:
            w.agent.spool.close()
            w.agent.release()
            secret = "a-secret-of-hooks"
            w.agent, _ = new_agent(replace(w.settings, agent_dir=tmp_path / "b", hook_secret=secret), w.clock)
            await w.agent.start()
            body = json.dumps({"action": "on_unpublish", "client_id": "c", "service_id": "s", "app": "live"})
            async with httpx.AsyncClient(trust_env=False) as client:
                base = w.hook_url
                forged = await client.post(f"{base}/hooks/on_unpublish", content=body)
                simple = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
                of_page = await client.post(f"{base}/hooks/{secret}/on_unpublish", content=body, headers=simple)
            assert (forged.status_code, of_page.status_code) == (404, 403)
            await w.agent.stop()

    asyncio.run(run())


def test_the_api_of_the_stand_in_asks_for_its_password() -> None:
    async def yes(_: StandinRequest) -> object:
        return json_response({"code": 0})

    async def run(authorization: str) -> int:
        headers = {"authorization": authorization} if authorization else {}
        answer = await locked(yes, "u:p")(StandinRequest("GET", "/api/v1/versions", {}, b"", headers))  # type: ignore[arg-type]
        return answer.status

    assert [asyncio.run(run(a)) for a in ("", "Basic dTpw", "Basic dTpx", "Bearer u:p")] == [401, 200, 401, 401]


def test_a_socket_is_for_its_owner_and_takes_the_place_of_a_dead_one(tmp_path: Path) -> None:
    path = tmp_path / "s"
    first = listen_unix(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OSError, match="another process"):
        listen_unix(path)
    first.close()
    assert path.is_socket(), "as a killed process leaves it"
    second = listen_unix(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    second.close()
    plain = tmp_path / "file"
    plain.write_text("of somebody")
    link = tmp_path / "link"
    link.symlink_to(path)
    for other in (plain, link):
        with pytest.raises(OSError, match="something else"):
            listen_unix(other)
    assert plain.read_text() == "of somebody"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link", "s"]


def test_the_agent_meets_cloud_front_and_operators_in_sockets(tmp_path: Path) -> None:
    """And serves on TCP what the media server and our own workers need, no more."""

    async def run() -> None:
        async with world(tmp_path, launch=False) as w:
            w.agent.spool.close()
            w.agent.release()
            cloud = Server(w.cloud.handle, 1_000_000)
            await cloud.start_unix(tmp_path / "cloud")
            sockets = {name: tmp_path / name for name in ("local", "status")}
            settings = replace(
                w.settings, agent_dir=tmp_path / "b", cloud_url="http://cloud", cloud_socket=tmp_path / "cloud",
                local_socket=sockets["local"], status_socket=sockets["status"],
            )  # fmt: skip
            agent, _ = new_agent(settings, w.clock)
            await agent.start()
            clients = {name: new_client(socket=path) for name, path in sockets.items()}
            deadline = time.monotonic() + 10
            while not w.cloud.syncs and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
            assert w.cloud.syncs, "it reached the cloud"
            assert (await clients["status"].get("http://x/status")).json()["cloud"]["reachable"]
            asked = "http://x/front/play"
            assert (await clients["local"].get(asked)).status_code == 204
            async with httpx.AsyncClient(trust_env=False, base_url=f"http://{HOST}:{agent.own.port}") as tcp:
                for path in ("/front/play", "/front/authorize", "/rtc/v1/whip/", "/terraform/v1/ffmpeg/vlive/ytdl"):
                    assert (await tcp.get(path)).status_code == 404
                assert (await tcp.get("/slate/unknown")).text == "there is no such relay\n"
                assert (await tcp.get("/slate/x", headers={"Origin": "http://e"})).status_code == 403
            for client in clients.values():
                await client.aclose()
            await agent.stop()
            await cloud.close()
            assert not any(path.exists() for path in sockets.values())

    asyncio.run(run())


def test_requests_in_a_row_are_answered_in_their_order_and_none_is_forgotten() -> None:
    async def slowly(request: Request) -> Response:
        await asyncio.sleep(0.05)
        return Response(200, request.path.encode())

    def handle(request: Request) -> Response | Awaitable[Response]:
        return slowly(request) if "slow" in request.path else Response(200, request.path.encode())

    async def ask() -> list[bytes]:
        server = Server(handle, max_body=100)
        port = await server.start(HOST, 0)
        reader, writer = await asyncio.open_connection(HOST, port)
        paths = ["/slow-1", "/2", "/3", "/slow-4", "/5", "/6"]
        for path in paths:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        answers = [await _body(reader) for _ in paths]
        writer.close()
        await server.close()
        return answers

    async def _body(reader: asyncio.StreamReader) -> bytes:
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)).lower()
        length = int(head.partition(b"content-length: ")[2].split()[0])
        return await reader.readexactly(length)

    assert asyncio.run(ask()) == [b"/slow-1", b"/2", b"/3", b"/slow-4", b"/5", b"/6"]
