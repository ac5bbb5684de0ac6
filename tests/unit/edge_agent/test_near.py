"""Calls to programs of this machine: what comes back is what httpx's own transport brings, whatever the peer does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.base.near import MAX_HEAD, MAX_UNREAD, NearTransport

HOST = "127.0.0.1"
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MAKERS: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "ours": lambda: NearTransport(4),
    "of httpx": lambda: httpx.AsyncHTTPTransport(trust_env=False),
}


async def heard(reader: asyncio.StreamReader) -> bytes:
    """The head of a request, and its body where that has a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


def says(*parts: bytes, close: bool = False) -> Peer:
    """A peer that answers each request with these bytes, a piece at a time."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await heard(reader)
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            if close:
                return

    return peer


@asynccontextmanager
async def serving(peer: Peer, path: str | None = None) -> AsyncIterator[str]:
    """A peer that listens, and the address of something there; all that it has to do with anybody ends with it."""
    tasks: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(served(reader, writer)))

    if path is None:
        server = await asyncio.start_server(begin, HOST, 0, limit=2**20)
        port = server.sockets[0].getsockname()[1]
    else:
        server, port = await asyncio.start_unix_server(begin, path), 0
    try:
        yield f"http://{HOST}:{port}/x?y=1"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed is gone then


def story(peer: Peer, act: Callable[[httpx.AsyncClient, str], Awaitable[Any]], transport: str = "ours") -> Any:
    """What `act` gives, with a client and the address of a peer."""

    async def run() -> Any:
        async with serving(peer) as url, httpx.AsyncClient(transport=MAKERS[transport](), trust_env=False) as http:
            return await asyncio.wait_for(act(http, url), 20)

    return asyncio.run(run())


async def got(http: httpx.AsyncClient, url: str) -> tuple[int, bytes]:
    answer = await http.get(url)
    return answer.status_code, answer.content


@pytest.mark.parametrize("transport", MAKERS)
@pytest.mark.parametrize(
    ("answer", "close", "found"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", False, (200, b"hello")),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", False, (404, b"")),
        (b"HTTP/1.1 204 None\r\n\r\n", False, (204, b"")),
        (b"HTTP/1.1 304 Same\r\nETag: x\r\n\r\n", False, (304, b"")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            False,
            (200, b"abcde"),
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", True, (200, b"until the end")),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil", True, (200, b"until")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!", False, (200, b"!")),
    ],
)
def test_an_answer_is_read_however_its_body_ends(
    transport: str, answer: bytes, close: bool, found: tuple[int, bytes]
) -> None:
    assert story(says(answer, close=close), got, transport) == found
    pieces = [answer[n : n + 1] for n in range(len(answer))]
    assert story(says(*pieces, close=close), got, transport) == found


@given(st.lists(st.binary(max_size=3000), max_size=6), st.booleans(), st.integers(1, 700))
@settings(max_examples=40)
def test_whatever_a_body_holds_arrives(parts: list[bytes], chunked: bool, step: int) -> None:
    body = b"".join(parts)
    if chunked:
        framed = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts if p) + b"0\r\n\r\n"
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed
    else:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    peer = says(*(answer[n : n + step] for n in range(0, len(answer), step)))
    assert story(peer, got) == (200, body)


@pytest.mark.parametrize("transport", MAKERS)
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (2 * MAX_HEAD) + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(transport: str, answer: bytes) -> None:
    with pytest.raises(httpx.TransportError):
        story(says(answer, close=True), got, transport)


@pytest.mark.parametrize("transport", MAKERS)
def test_a_connection_is_used_again_unless_the_peer_ends_it(transport: str) -> None:
    seen: list[int] = []

    def counted(close: bool) -> Peer:
        answers = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", close=close)

        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(1)
            await answers(reader, writer)

        return peer

    async def thrice(http: httpx.AsyncClient, url: str) -> None:
        for _ in range(3):
            assert await got(http, url) == (200, b"ok")
            await asyncio.sleep(0.01)

    story(counted(close=False), thrice, transport)
    assert len(seen) == 1
    story(counted(close=True), thrice, transport)
    assert len(seen) == 1 + 3


def test_what_comes_unasked_is_nobodys_answer() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def twice(http: httpx.AsyncClient, url: str) -> list[tuple[int, bytes]]:
        first = await got(http, url)
        await asyncio.sleep(0.01)
        return [first, await got(http, url)]

    other = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"
    assert story(says(answer + other), twice) == [(200, b"ok")] * 2
    assert story(says(answer, other), twice) == [(200, b"ok")] * 2


@pytest.mark.parametrize("transport", MAKERS)
def test_a_head_has_no_body(transport: str) -> None:
    async def heads(http: httpx.AsyncClient, url: str) -> list[str]:
        return [(await http.head(url)).headers["content-length"] for _ in range(2)]

    assert story(says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), heads, transport) == ["5", "5"]


@pytest.mark.parametrize("transport", MAKERS)
def test_a_peer_that_says_nothing_is_not_waited_for_longer_than_is_allowed(transport: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        await asyncio.sleep(20)

    async def in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        await asyncio.sleep(20)

    for peer in (silent, in_the_middle):
        with pytest.raises(httpx.ReadTimeout):
            story(peer, lambda http, url: http.get(url, timeout=0.1), transport)


@pytest.mark.parametrize("transport", MAKERS)
def test_what_is_sent_arrives_in_either_form(transport: str) -> None:
    seen: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await (
                reader.readexactly(200_000) if b"chunked" not in head.lower() else reader.readuntil(b"0\r\n\r\n")
            )
            seen.append(body)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def parts() -> AsyncIterator[bytes]:
        for n in range(3):
            yield bytes([97 + n]) * 4
            yield b""

    async def both(http: httpx.AsyncClient, url: str) -> None:
        await http.post(url, content=b"x" * 200_000)
        await http.put(url, content=parts())

    story(peer, both, transport)
    assert seen == [b"x" * 200_000, b"4\r\naaaa\r\n4\r\nbbbb\r\n4\r\ncccc\r\n0\r\n\r\n"]


@pytest.mark.parametrize("transport", MAKERS)
def test_a_peer_that_refuses_in_the_middle_of_a_body_is_heard(transport: str) -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too large\r\nContent-Length: 3\r\n\r\nno\n")
        await writer.drain()
        while await reader.read(65536):  # else the kernel resets the connection, and the answer with it
            pass

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b"x" * 65536
            await asyncio.sleep(0)

    async def puts(http: httpx.AsyncClient, url: str) -> tuple[int, bytes]:
        answer = await http.put(url, content=endless())
        return answer.status_code, answer.content

    assert story(refuses, puts, transport) == (413, b"no\n")


def test_a_body_that_nobody_reads_holds_its_sender_up() -> None:
    sent = 0

    async def pours(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await heard(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 80000000\r\n\r\n")
        for _ in range(800):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async def slowly(http: httpx.AsyncClient, url: str) -> tuple[int, int]:
        async with http.stream("GET", url) as answer:
            await asyncio.sleep(0.5)
            held = sent
            return held, sum([len(part) async for part in answer.aiter_raw()])

    held, read = story(pours, slowly)
    assert read == 80_000_000
    assert held < 40_000_000, f"what the kernel takes, and {MAX_UNREAD} bytes"


def test_of_many_calls_only_so_many_are_under_way() -> None:
    open_, most = 0, 0

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_, most
        while True:
            await heard(reader)
            open_ += 1
            most = max(most, open_)
            await asyncio.sleep(0.02)
            open_ -= 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def many(http: httpx.AsyncClient, url: str) -> None:
        assert await asyncio.gather(*(got(http, url) for _ in range(20))) == [(200, b"ok")] * 20

    story(peer, many)
    assert most == 4


def test_one_that_is_given_up_leaves_room_for_the_next() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"/silent" in await heard(reader):
            await asyncio.sleep(20)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def some(http: httpx.AsyncClient, url: str) -> None:
        for _ in range(8):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await http.get(url.replace("/x", "/silent"))
        assert await got(http, url) == (200, b"ok")

    story(silent, some)


@pytest.mark.parametrize("header", ["a\r\nX: y", "a\nb", "a\0b"])
def test_no_header_becomes_two(header: str) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        story(says(b""), lambda http, url: http.get(url, headers={"X-Name": header}))


def test_nobody_there_is_told(tmp_path: Path) -> None:
    async def asked() -> None:
        for transport in (NearTransport(1), NearTransport(1, str(tmp_path / "none.sock"))):
            async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
                for _ in range(3):
                    with pytest.raises(httpx.ConnectError):
                        await http.get("http://127.0.0.1:9/")

    asyncio.run(asked())


def test_all_goes_to_the_socket_whatever_host_is_named(tmp_path: Path) -> None:
    async def asked() -> bytes:
        heads = []

        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await heard(reader))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        path = str(tmp_path / "s.sock")
        async with (
            serving(peer, path),
            httpx.AsyncClient(transport=NearTransport(1, path), trust_env=False) as http,
        ):
            await http.get("http://cloud.example.com/edge")
        return heads[0]

    head = asyncio.run(asked())
    assert head.startswith(b"GET /edge HTTP/1.1\r\n")
    assert b"\r\nHost: cloud.example.com\r\n" in head
