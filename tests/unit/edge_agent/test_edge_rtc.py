"""`/rtc/`: which address is offered, which port is written, and what passes through (sections 15.2, 18.1 item 10)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chalicelib.wire.hooks import Hook
from edge.base.bounded import new_client
from edge.options import RtcOptions
from edge.web.local.app import new_app
from edge.web.local.server import LocalServer
from edge.web.rtc.bearer import with_bearer
from edge.web.rtc.candidate import Choice, best_private, choose, host_of, with_eip
from edge.web.rtc.proxy import Judge, RtcProxy
from edge.web.rtc.sdp import with_port
from tests.unit.edge_agent.fake_servers import HOST

NONE = Choice("none")
CANDIDATE = b"a=candidate:0 1 udp 2130706431 192.0.2.2 8000 typ host generation 0\r\n"
PORTS = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("query", "real", "host", "options", "expected"),
    [
        ("eip=192.0.2.9", None, "a.example.com", RtcOptions(), NONE),
        ("eip=", None, "192.0.2.1", RtcOptions(), Choice("address", "192.0.2.1")),
        ("app=live", None, "a.example.com", RtcOptions(name_lookup=False), NONE),
        ("", None, "localhost:2022", RtcOptions(), Choice("private")),
        ("", None, "localhost", RtcOptions(candidate=True), Choice("private")),
        ("", None, "localhost", RtcOptions(docker=True, candidate=True), NONE),
        ("", None, "localhost", RtcOptions(docker=True), Choice("address", "127.0.0.1")),
        ("", None, "192.0.2.1:2022", RtcOptions(), Choice("address", "192.0.2.1")),
        ("", None, "[2001:DB8::1]:2022", RtcOptions(), Choice("address", "2001:db8::1")),
        ("", None, "[::1]", RtcOptions(), Choice("address", "::1")),
        ("", None, "A.Example.com:80", RtcOptions(), Choice("lookup", "a.example.com")),
        ("", "192.0.2.7:1", "a.example.com", RtcOptions(), Choice("address", "192.0.2.7")),
        ("", "", "192.0.2.1", RtcOptions(), Choice("address", "192.0.2.1")),
        ("", None, None, RtcOptions(), NONE),
        ("", None, "[::1", RtcOptions(), NONE),
    ],
)
def test_the_rules_hold_in_their_order(
    query: str, real: str | None, host: str | None, options: RtcOptions, expected: Choice
) -> None:
    assert choose(query, real, host, options) == expected


@given(st.text())
def test_any_host_header_is_understood_or_none(header: str) -> None:
    assert host_of(header) == host_of(header).lower()
    choice = choose("", None, header, RtcOptions())
    assert "&" not in with_eip("", choice.value if choice.kind == "address" else "")


@given(st.ip_addresses(), PORTS)
def test_an_address_is_sent_as_it_is_with_any_port(address: object, port: int) -> None:
    text = f"[{address}]" if ":" in str(address) else str(address)
    for header in (text, f"{text}:{port}"):
        assert choose("", None, header, RtcOptions()) == Choice("address", str(address))


def test_the_query_of_the_client_stays_as_it_came() -> None:
    assert with_eip("app=live&stream=a%2Fb&x", "::1") == "app=live&stream=a%2Fb&x&eip=::1"
    assert with_eip("", "192.0.2.1") == "eip=192.0.2.1"
    assert with_eip("a=b", "") == "a=b"


def test_the_own_address_is_of_an_ethernet_if_there_is_one() -> None:
    found = {"lo": ["127.0.0.1"], "docker0": ["172.17.0.1"], "eth1": ["192.0.2.4"], "wlan0": ["192.0.2.5"]}
    assert best_private(found) == "192.0.2.4"
    assert best_private({"lo": ["127.0.0.1"], "wlan0": ["192.0.2.5"]}) == "192.0.2.5"
    assert best_private({"lo": ["127.0.0.1"]}) == "127.0.0.1"


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"candidate", b""))), PORTS)
def test_only_candidates_change_and_nothing_is_added(lines: list[bytes], port: int) -> None:
    sdp = b"\r\n".join([b"v=0 8000 x", *(line.replace(b"{", b"") for line in lines)]) + b"\r\n"
    assert with_port(sdp + CANDIDATE, 8000, port) == sdp + CANDIDATE.replace(b" 8000 ", b" %d " % port)
    without_end = (sdp + CANDIDATE).rstrip()
    assert with_port(without_end, 8000, 18000) == sdp + CANDIDATE.rstrip().replace(b" 8000 ", b" 18000 ")
    assert with_port(sdp, 8000, port) == sdp


def test_an_sdp_in_json_is_rewritten_too() -> None:
    body = json.dumps({"code": 0, "sdp": f"v=0\r\n{CANDIDATE.decode()}", "sessionid": "x 8000 candidate"}).encode()
    after = json.loads(with_port(body, 8000, 33005))
    assert after == {
        "code": 0,
        "sdp": f"v=0\r\n{CANDIDATE.decode()}".replace("8000", "33005"),
        "sessionid": "x 8000 candidate",
    }
    for odd in (b'{"candidate', b'{"sdp": 8, "candidate": 1}', b'["candidate"]'):
        assert with_port(odd, 8000, 1) == odd


Judging = Callable[[Hook], Awaitable[str | None]]


async def agrees(_: Hook) -> str | None:
    return None


async def _media_server(request: Request) -> Response:
    """Answers with what reached it, in an SDP."""
    body = (await request.body()).decode()
    seen = json.dumps([request.method, str(request.url.path), request.url.query, dict(request.headers), body])
    headers = {"Location": "/rtc/v1/whip/?action=delete&token=x", "Server": "SRS", "Access-Control-Allow-Origin": "x"}
    return Response(f"s={seen}\r\n{CANDIDATE.decode()}", 201, headers, "application/sdp")


class Said:
    """A judge of whom these two answer."""

    def __init__(self, refusal: Judging, broken_off: Judging = agrees) -> None:
        self._refusal, self._broken_off = refusal, broken_off

    async def refusal(self, hook: Hook) -> str | None:
        return await self._refusal(hook)

    async def broken_off(self, hook: Hook) -> str | None:
        return await self._broken_off(hook)


@asynccontextmanager
async def front(
    options: RtcOptions, *, up: bool = True, judge: Judge | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    media = LocalServer(new_app([Route("/{path:path}", _media_server, methods=["GET", "POST", "DELETE"])]))
    port = await media.start(HOST, 0)
    if not up:
        await media.close()
    near = new_client()
    agent = LocalServer(new_app(RtcProxy(f"http://{HOST}:{port}", options, near, judge=judge).routes()))
    try:
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{await agent.start(HOST, 0)}", trust_env=False) as client:
            yield client
    finally:
        await agent.close()
        await near.aclose()
        if up:
            await media.close()


def tell(
    options: RtcOptions,
    story: Callable[[httpx.AsyncClient], Awaitable[None]],
    *,
    up: bool = True,
    judge: Judge | None = None,
) -> None:
    async def run() -> None:
        async with front(options, up=up, judge=judge) as client:
            await story(client)

    asyncio.run(run())


def test_a_call_passes_with_its_candidate_and_comes_back_with_the_port() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        sent = {"Host": "192.0.2.1:2022", "Content-Type": "application/sdp", "X-Forwarded-For": "198.51.100.7"}
        answer = await client.post("/rtc/v1/whip/?app=live&stream=a%2Fb", content=b"v=0", headers=sent)
        assert (answer.status_code, answer.headers["location"]) == (201, "/rtc/v1/whip/?action=delete&token=x")
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert b" 18000 typ" in answer.content
        assert answer.headers.get_list("server") == ["Oryx/v5.15.20"]
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        method, path, query, headers, body = json.loads(answer.text.partition("\r\n")[0][2:])
        assert (method, path, body) == ("POST", "/rtc/v1/whip/", "v=0")
        assert query == "app=live&stream=a%2Fb&eip=192.0.2.1"
        assert (headers["host"], headers["x-forwarded-for"]) == ("192.0.2.1:2022", "198.51.100.7")

    tell(RtcOptions(public_port=18000), story)


def test_a_name_that_dns_does_not_know_is_an_error_with_a_hint() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.post("/rtc/v1/whep/", headers={"Host": "no-such-name.invalid"})
        assert answer.status_code == 500
        assert answer.text.startswith("webrtc: DNS does not know the name")
        assert "invalid" not in answer.text

    tell(RtcOptions(), story)


def test_a_body_that_is_no_sdp_by_its_size_is_refused() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        assert (await client.post("/rtc/v1/whip/", content=bytes(2_000_000))).status_code == 413

    tell(RtcOptions(), story)


def test_a_media_server_that_is_down_is_a_502() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.post("/rtc/v1/whip/", content=b"v=0")
        assert (answer.status_code, answer.text) == (502, "the media server does not answer\n")

    tell(RtcOptions(), story, up=False)


def test_a9_the_place_of_a_session_is_below_the_prefix_of_a_proxy() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.post("/rtc/v1/whip/?app=live&stream=x", content=b"v=0", headers={"Host": "192.0.2.1"})
        assert answer.headers["location"] == "/sluice/rtc/v1/whip/?action=delete&token=x"

    tell(RtcOptions(prefix="/sluice"), story)


@pytest.mark.parametrize(
    ("method", "path", "query", "header", "after"),
    [
        ("POST", "/rtc/v1/whip/", "stream=x", "Bearer 0123456789abcdef", "stream=x&secret=0123456789abcdef"),
        ("POST", "/rtc/v1/whip", "", "bearer  0123456789abcdef ", "secret=0123456789abcdef"),
        ("POST", "/rtc/v1/whip/", "stream=x&secret=y", "Bearer 0123456789abcdef", "stream=x&secret=y"),
        ("POST", "/rtc/v1/whep/", "stream=x", "Bearer 0123456789abcdef", "stream=x"),
        ("DELETE", "/rtc/v1/whip/", "stream=x", "Bearer 0123456789abcdef", "stream=x"),
        ("POST", "/rtc/v1/whip/", "stream=x", "Basic 0123456789abcdef", "stream=x"),
        ("POST", "/rtc/v1/whip/", "stream=x", "Bearer a&b=c-0123456789", "stream=x"),
        ("POST", "/rtc/v1/whip/", "stream=x", f"Bearer srs-v2-{'0' * 32}", "stream=x"),
        ("POST", "/rtc/v1/whip/", "stream=x", f"Bearer sluice_{'x' * 43}", "stream=x"),
        ("POST", "/rtc/v1/whip/", "stream=x", None, "stream=x"),
    ],
)
def test_n4_the_bearer_token_of_whip_is_the_secret(
    method: str, path: str, query: str, header: str | None, after: str
) -> None:
    assert with_bearer(query, method, path, header) == after


def test_n4_it_reaches_the_media_server_in_the_query_alone() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        sent = {"Host": "192.0.2.1", "Authorization": "Bearer 0123456789abcdef"}
        answer = await client.post("/rtc/v1/whip/?app=live&stream=x", content=b"v=0", headers=sent)
        _, _, query, headers, _ = json.loads(answer.text.partition("s=")[2].partition("\r\n")[0])
        assert query == "app=live&stream=x&secret=0123456789abcdef&eip=192.0.2.1"
        assert "authorization" not in headers

    tell(RtcOptions(), story)


@pytest.mark.parametrize("path", ["/rtc/v1/whip/", "/rtc/v1/whep/", "/rtc/v1/publish/"])
def test_f4_a_media_server_without_webrtc_is_said_to_be_one(path: str) -> None:
    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.post(f"{path}?app=live&stream=x&secret=wrong", content=b"v=0")
        assert answer.status_code == 501
        assert answer.text == "webrtc: this media server, the stand-in, has no WebRTC: use SRS (SRS_BIN)\n"

    tell(RtcOptions(available=False), story, up=False)


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("/rtc/v1/whip/", "app=live&stream=a%2Fb&secret=wrong", b"v=0"),
        ("/rtc/v1/whip", "app=live&stream=a%2Fb&secret=wrong&vhost=__defaultVhost__", b"v=0"),
        ("/rtc/v1/publish/", "", b'{"streamurl": "webrtc://h/live/a%2Fb?secret=wrong", "sdp": "v=0"}'),
    ],
)
def test_f3_an_offer_that_would_be_refused_does_not_reach_the_media_server(path: str, query: str, body: bytes) -> None:
    """It keeps what it refused for half a minute, in which nobody else can publish the stream."""
    asked: list[Hook] = []

    async def refusal(hook: Hook) -> str | None:
        asked.append(hook)
        return "the secret is wrong"

    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.post(f"{path}?{query}", content=body, headers={"X-Forwarded-For": "198.51.100.7"})
        assert (answer.status_code, answer.text) == (403, "the secret is wrong\n")

    tell(RtcOptions(), story, up=False, judge=Said(refusal))
    (hook,) = asked
    assert (hook.app, hook.stream, hook.ip) == ("live", "a/b", "198.51.100.7")
    assert "secret=wrong" in hook.param
    assert not hook.tcUrl


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("/rtc/v1/whep/", "app=live&stream=a%2Fb&token=wrong", b"v=0"),
        ("/rtc/v1/play/", "", b'{"streamurl": "webrtc://h/live/a%2Fb?token=wrong", "sdp": "v=0"}'),
    ],
)
def test_a_viewer_who_may_not_watch_is_told_so(path: str, query: str, body: bytes) -> None:
    """The media server breaks the connection off instead."""
    asked: list[Hook] = []

    async def refusal(hook: Hook) -> str | None:
        asked.append(hook)
        return "the link is wrong"

    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.post(f"{path}?{query}", content=body)
        assert (answer.status_code, answer.text) == (403, "the link is wrong\n")

    tell(RtcOptions(), story, up=False, judge=Said(refusal))
    (hook,) = asked
    assert (hook.action, hook.app, hook.stream) == ("on_play", "live", "a/b")
    assert "token=wrong" in hook.param


def test_f3_only_offers_are_asked_about() -> None:
    async def refusal(_: Hook) -> str | None:
        return "no"

    async def story(client: httpx.AsyncClient) -> None:
        sent = {"Host": "192.0.2.1"}
        assert (await client.delete("/rtc/v1/whip/?action=delete&token=x", headers=sent)).status_code == 201
        # What names no stream is the media server's to refuse.
        assert (await client.post("/rtc/v1/publish/", content=b"[]", headers=sent)).status_code == 201

    tell(RtcOptions(), story, judge=Said(refusal))


@pytest.mark.parametrize(("why", "status"), [("3 streams are live already", 403), (None, 502)])
def test_who_offered_hears_why_the_media_server_broke_it_off(why: str | None, status: int) -> None:
    """It closes the connection without a word when a limit or the callback refuses."""
    asked: list[Hook] = []

    async def broken_off(hook: Hook) -> str | None:
        asked.append(hook)
        return why

    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.post("/rtc/v1/whip/?secret=x", content=b"v=0", headers={"Host": "192.0.2.1"})
        assert (answer.status_code, answer.text) == (status, f"{why or 'the media server does not answer'}\n")
        assert (await client.delete("/rtc/v1/whip/?token=x", headers={"Host": "192.0.2.1"})).status_code == 502

    tell(RtcOptions(), story, up=False, judge=Said(agrees, broken_off))
    (hook,) = asked
    assert (hook.app, hook.stream) == ("live", "livestream"), "what the media server takes where nothing is named"
