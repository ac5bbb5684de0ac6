"""The front as a firewall: whatever is sent to it on either port, only what its rules list gets past it."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.web.front.links import MOST, find_links, pattern
from edge.web.front.paths import RULES, SIGNED_QUERY, Rule
from tests.front_rig import CREDENTIAL, Front

BY_CADDY = {"host", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "content-length"}
BY_FORWARD_AUTH = {"x-forwarded-method", "x-forwarded-uri"}
OURS = {"x-sluice-accel", "x-sluice-object", "authorization", "accept-encoding"}
UPSTREAM = {
    "local": "local", "rtc": "local", "recordings": "cloud", "objects": "cloud", "cloud": "cloud",
    "versions": "media_api", "media_api": "media_api", "media": "media_http",
}  # fmt: skip
PROXIED = [rule for rule in RULES if rule.name in UPSTREAM]


def raw(front: Front, data: bytes, *, tls: bool = False, wait_s: float = 5.0) -> bytes:
    """Everything that the front answers to some bytes."""
    port = front.https_port if tls else front.port
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as plain:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain, server_hostname="x") if tls else plain as connection:
            return _exchange(connection, data)


def _exchange(connection: socket.socket, data: bytes) -> bytes:
    got = b""
    with contextlib.suppress(TimeoutError, ConnectionError, ssl.SSLError):
        connection.sendall(data)
        while chunk := connection.recv(65536):
            got += chunk
    return got


def request(front: Front, method: str, target: str, *headers: str, body: bytes = b"", tls: bool = False) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: front.example", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return raw(front, "\r\n".join([*lines, "", ""]).encode("latin-1") + body, tls=tls)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def rule_of(upstream: str, path: str, query: str = "") -> Rule | None:
    """The rule by which a request may have come to an upstream. Of media, what begins a viewer's session goes through
    the agent, and nothing else.
    """
    begins = path.lower().endswith(".m3u8") and not re.search(r"(^|&)hls_ctx=", query)
    through = {"media": "local"} if begins else {}

    def fits(pattern: str) -> bool:
        return (
            re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), unquote(path), re.IGNORECASE | re.DOTALL) is not None
        )

    return next(
        (r for r in PROXIED if upstream in (UPSTREAM[r.name], through.get(r.name)) and any(map(fits, r.paths))), None
    )


def check(front: Front) -> int:
    """Compare what has reached the upstreams with the list. How much it was."""
    count = 0
    for upstream, seen in front.seen.items():
        for got in seen:
            count += 1
            path, _, query = got["path"].partition("?")
            assert not re.search(r"//|/\.\.?(/|;|$)|\\|%2f|%5c|%00|%2e", path, re.IGNORECASE), got
            rule = rule_of(upstream, path, query)
            assert rule is not None, got
            assert got.get("method", "GET") in rule.methods, got
            names = set(got["headers"])
            assert names <= {h.lower() for h in rule.headers} | BY_CADDY | OURS | {"transfer-encoding"}, got
            if upstream == "media_api":
                assert got["headers"]["authorization"] == CREDENTIAL
            if rule.query is not None:
                assert {pair.partition("=")[0] for pair in query.split("&") if pair} <= set(rule.query), got
            assert got["headers"]["x-forwarded-for"] == "127.0.0.1", got
    return count


PATHS = [
    "/v1/health", "/terraform/v1/mgmt/versions", "/edge/v1/sync", "/recordings/t/x.ts", "/v1/shares/t/x.m3u8",
    "/live/x.flv", "/live/x.m3u8", "/live/x.ts", "/rtc/v1/whip/", "/api/v1/versions", "/api/v1/clients/",
    "/terraform/v1/ffmpeg/vlive/upload/x.mp4", "/mgmt", "/players/whip.html", "/.well-known/x.txt", "/favicon.ico",
    "/", "/nothing", "/console/x", "/front/authorize", "/front/object", "/slate/x", "/hooks/on_publish", "/config/",
]  # fmt: skip
ODD = [
    "",
    "/",
    "//",
    "/..",
    "/../",
    "/..;/",
    "/.;x",
    "%2f",
    "%2F..%2f",
    "%00",
    "%5c",
    "\\",
    "%2e%2e/",
    "%252e%252e/",
    ";a=b",
]
METHODS = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "M-SEARCH",
    "OPTIONS",
]
QUERIES = [
    "",
    "?",
    "?Action=ListUsers&Version=1",
    "?X-Amz-Signature=1",
    "?token=good",
    "?a;b",
    "?rpc=raw",
    "?%00",
    "?token=a&token=b",
]
HEADERS = [
    "Authorization: AWS4-HMAC-SHA256 Credential=x", "Authorization: Bearer good", "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Uri: /live/x?sluice_play=good", "X-Forwarded-Host: evil", "Forwarded: for=6.6.6.6",
    "X-Real-Ip: 6.6.6.6",
    "X-Sluice-Accel: 1", "X-Sluice-Object: /etc/passwd", "X-Sluice-Scope: admin", "X-Accel-Redirect: x",
    "X-Amz-Target: DynamoDB.Scan", "X-Original-Url: /x", "X-Rewrite-Url: /x", "X-Http-Method-Override: DELETE",
    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nConnection: Upgrade, HTTP2-Settings",
    "Upgrade: websocket\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nConnection: Upgrade",
    "Upgrade: TLS/1.0", "Connection: Authorization", "Connection: close, X-Forwarded-For", "Te: trailers", "Trailer: X",
    "Keep-Alive: x", "Proxy-Connection: keep-alive", "Proxy-Authorization: Basic x", "Expect: 100-continue",
    "Cookie: a=b", "Range: bytes=0-1", "Origin: https://evil.example", "Accept: */*", "X_Forwarded_For: 6.6.6.6",
]  # fmt: skip


PLAIN = st.sampled_from(PATHS)
TARGETS = st.one_of(
    PLAIN,
    st.tuples(PLAIN, st.sampled_from(QUERIES)).map("".join),
    st.tuples(PLAIN, st.sampled_from(ODD), st.sampled_from(QUERIES)).map("".join),
    st.tuples(st.sampled_from(ODD), PLAIN).map("".join),
)


def test_only_what_is_listed_reaches_what_is_behind(front: Front) -> None:
    reached = 0

    @settings(max_examples=600)
    @given(
        st.one_of(st.sampled_from(["GET", "POST"]), st.sampled_from(METHODS)), TARGETS,
        st.lists(st.sampled_from(HEADERS), max_size=5), st.sampled_from([b"", b"", b"", b"x", b"x" * 5000]),
        st.booleans(),
    )  # fmt: skip
    def attack(method: str, target: str, headers: list[str], body: bytes, tls: bool) -> None:
        nonlocal reached
        front.clear()
        assert status(request(front, method, target, *headers, body=body, tls=tls)) != 101
        reached += check(front)

    attack()
    assert reached > 20, "or else this proves little"


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_no_connection_becomes_a_pipe(front: Front, path: str, tls: bool) -> None:
    front.clear()
    for header in (h for h in HEADERS if h.startswith("Upgrade")):
        assert status(request(front, "GET", path, header, tls=tls)) != 101
    for seen in front.seen.values():
        for got in seen:
            assert not {"upgrade", "connection", "http2-settings", "sec-websocket-key", "te"} & set(got["headers"])


SMUGGLED = b"GET /config/ HTTP/1.1\r\nHost: x\r\nX-Smuggled: 1\r\n\r\n"


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 60",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked\r\nContent-Length: 4",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\x0bchunked",
        "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: +4",
        "Content-Length: 0x4",
        "Content-Length: 4\n",
    ],
)
def test_no_request_hides_in_another(front: Front, head: str, tls: bool) -> None:
    front.clear()
    body = b"0\r\n\r\n" + SMUGGLED
    got = raw(front, f"POST /v1/x HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode("latin-1") + body, tls=tls, wait_s=1.0)
    for seen in front.seen.values():
        for one in seen:
            assert one["path"] == "/v1/x", got
            assert "x-smuggled" not in one["headers"]
            assert b"X-Smuggled" not in one["body"].encode()


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/_ministack/reset", 404),
        ("GET", "/v1/../_ministack/reset", 400),
        ("GET", "/v1/%2e%2e/_ministack/reset", 400),
        ("GET", "/v1/x%2f..%2f..%2f..%2f_ministack/reset", 400),
        ("GET", "//_ministack/reset", 400),
        ("GET", "/v1/..;/x", 400),
        ("GET", "/v1/x%00", 400),
        ("GET", "/live/../../outside.ts", 400),
        ("GET", "/..%2foutside.ts", 400),
        ("GET", "/v1x", 404),
        ("GET", "/nothing", 404),
        ("GET", "/restapis/x/api/_user_request_/v1/health", 404),
        ("GET", "/", 302),
        ("GET", "/favicon.ico", 200),
        ("TRACE", "/v1/x", 405),
        ("POST", "/mgmt", 405),
        ("PUT", "/live/x.ts", 405),
        ("POST", "/live/x.flv", 405),
        ("DELETE", "/recordings/x", 405),
        ("POST", "/recordings/x", 405),
        ("PATCH", "/api/v1/clients/", 405),
        ("GET", "/recordings/x?Action=ListUsers", 400),
        ("GET", "/recordings/x?X-Amz-Signature=x", 400),
        ("GET", "/recordings/x?token=1&tok=2", 400),
        ("GET", "/v1/shares/x/y.m3u8?list-type=2", 400),
    ],
)
def test_what_is_refused_says_so(front: Front, method: str, path: str, expected: int) -> None:
    for tls in (False, True):
        got = request(front, method, path, tls=tls)
        assert status(got) == expected, got
        if expected >= 400:
            assert got.rstrip().rpartition(b"\r\n\r\n")[2], "in words"


def test_links_to_recordings_pass_with_their_own_keys(front: Front) -> None:
    query = "&".join(f"{key}=1" for key in SIGNED_QUERY)
    assert front.ask("GET", f"/recordings/x.ts?{query}")[1]["path"] == f"/recordings/x.ts?{query}"


def test_bodies_are_bounded_where_they_are_not_uploads(front: Front) -> None:
    front.clear()
    assert status(request(front, "POST", "/v1/x", body=b"x" * 11_000_000)) == 413
    assert status(request(front, "POST", "/rtc/v1/whip/", body=b"x" * 1_100_000)) == 413
    assert status(request(front, "GET", "/live/x.flv", body=b"x" * 100)) in {413, 502}
    assert not front.seen["media_http"]
    big = b"x" * 12_000_000
    assert status(request(front, "POST", "/terraform/v1/ffmpeg/vlive/upload/a.mp4", body=big)) == 200
    assert len(front.seen["local"][-1]["body"]) == len(big)


def test_a_head_that_is_large_is_refused(front: Front) -> None:
    assert status(request(front, "GET", "/v1/x", f"Accept: {'x' * 60_000}")) == 431
    assert status(request(front, "GET", f"/v1/{'x' * 60_000}")) in {414, 431}


@pytest.mark.slow
def test_a_head_that_never_ends_is_given_up(front: Front) -> None:
    began = time.monotonic()
    raw(front, b"GET /v1/x HTTP/1.1\r\nHost: x\r\n", wait_s=20.0)
    assert 5 < time.monotonic() - began < 15


CREDENTIALS = {"/api/v1/versions", "/api/v1/clients/", "/rtc/v1/whip/", "/terraform/v1/x", "/terraform/v2/x"}
ELSEWHERE = {"/v1/health", "/mgmt", "/players/whip.html", "/live/x.flv", "/live/s-0-1.ts", "/nothing", "/recordings/x"}


@pytest.mark.parametrize("origin", [{}, {"Origin": "https://evil.example"}])
def test_clients_of_the_compatible_api_find_what_they_look_for_once(front: Front, origin: dict[str, str]) -> None:
    for path in CREDENTIALS | ELSEWHERE:
        for method in ("GET", "OPTIONS", "TRACE"):
            headers = httpx.request(
                method, f"http://127.0.0.1:{front.port}{path}", headers=origin, trust_env=False
            ).headers
            told = headers.get_list("access-control-allow-credentials")
            assert told == (["true"] if path in CREDENTIALS else []), (method, path)
            for name in ("origin", "headers", "methods"):
                assert headers.get_list(f"access-control-allow-{name}") == ["*"], (method, path)
            assert headers.get_list("access-control-expose-headers") == ["*"]


def test_pages_are_framed_by_nobody(front: Front) -> None:
    for path in ("/console/live", "/console/app/icon.svg", "/players/whip.html", "/tools/player.html"):
        headers = front.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
    for path in ("/mgmt", "/console/live", "/live/s-0-1.ts", "/v1/health", "/nothing", "/live/x.flv"):
        assert front.get(path).headers.get_list("x-content-type-options") == ["nosniff"]


def test_browsers_are_told_to_keep_to_https_where_the_certificate_is_an_authoritys(front: Front) -> None:
    def told(host: str, *, tls: bool) -> bool:
        got = raw(front, f"GET /mgmt HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(), tls=tls)
        return b"strict-transport-security" in got.lower()

    assert not told("live.example.com", tls=True), "ours is self-signed"
    try:
        front.trusted = ("live.example.com",)
        front.load()
        assert told("live.example.com", tls=True)
        assert not told("other.example.com", tls=True)
        assert not told("live.example.com", tls=False)
    finally:
        front.trusted = ()
        front.load()


def test_links_in_the_folder_of_live_segments_are_not_served(front: Front) -> None:
    hls, outside = front.folder / "hls", front.folder / "outside.ts"
    names = ["live/link.ts", "live/odd (1)+[x]{y}.ts", "live/\u9891.ts", "folder"]
    for name in names:
        (hls / name).symlink_to(front.folder if name == "folder" else outside)
    try:
        assert front.get("/live/link.ts").text == "hush", "or else this test would prove nothing"
        assert find_links(hls) == tuple(sorted(names))
        front.load()
        for path in (*(quote(f"/{name}") for name in names[:3]), "/folder/outside.ts", "/live/../live/link.ts"):
            got = front.ask("GET", path)
            assert got[0] in {400, 404}, got
            assert "hush" not in str(got[1])
        assert front.get("/live/s-0-1.ts").status_code == 200
    finally:
        for name in names:
            (hls / name).unlink()
        front.load()


def test_a_folder_full_of_links_is_not_served_at_all(tmp_path: Path) -> None:
    for number in range(MOST + 5):
        (tmp_path / f"{number}.ts").symlink_to("/etc/passwd")
    assert re.match(pattern(find_links(tmp_path)), "/any/thing.ts")
