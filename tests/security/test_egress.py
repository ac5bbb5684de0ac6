"""What users name is reached by a proxy of ours, or at an address that was looked at: wherever redirects, playlists,
segments and keys lead.
"""

from __future__ import annotations

import asyncio
import base64
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from chalicelib.adapters.outgoing import GuardedSender
from chalicelib.wire.addresses import AddressRule
from edge.base.errors import RefusedInputError
from edge.callbacks.outgoing import Outgoing
from edge.egress.passages import Passages, by_proxy, rtmp_app
from edge.egress.proxy import FilteringProxy
from edge.ffmpeg.workers.process import start_to_read
from edge.files.download import Downloads
from edge.files.folders import Folders
from edge.files.probe import Probe
from infra.local.tools import MissingToolError, find_ffmpeg, find_ffprobe

try:
    FFMPEG, FFPROBE = find_ffmpeg().path, find_ffprobe().path
except MissingToolError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@dataclass
class Site:
    """A web server; `pages`: path → status, type, body; `asked`: what it was asked for."""

    port: int = 0
    pages: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def serving() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            status, kind, body = site.pages.get(self.path.partition("?")[0], (404, "text/plain", b""))
            self.send_response(status)
            self.send_header("Location" if status == 302 else "Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - as the base class names it

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield site
        server.shutdown()


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.ts"
    make = ["-f", "lavfi", "-i", "testsrc=d=1:s=64x64:r=10", "-c:v", "libx264", "-f", "mpegts", str(path)]
    subprocess.run([FFMPEG, "-v", "error", *make], check=True)
    return path.read_bytes()


@pytest.fixture
def outside() -> Iterator[Site]:
    """A site that may be read from: in these tests `outside` is a port of this machine that is not ours."""
    with serving() as site:
        yield site


@pytest.fixture
def inside() -> Iterator[Site]:
    """A port of our own."""
    with serving() as site:
        yield site


def playlist(*lines: str) -> tuple[int, str, bytes]:
    head = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0"]
    return 200, "application/vnd.apple.mpegurl", "\n".join([*head, *lines, "#EXT-X-ENDLIST", ""]).encode()


def run(rule: AddressRule, act: Callable[[Passages, FilteringProxy], Awaitable[Any]]) -> Any:
    async def inner() -> Any:
        proxy = FilteringProxy()
        await proxy.start()
        try:
            return await act(Passages(proxy, rule), proxy)
        finally:
            await proxy.close()

    return asyncio.run(inner())


def probe(rule: AddressRule, url: str) -> Any:
    return run(rule, lambda passages, _: Probe(FFPROBE, None, passages.through).look(url))


def but(inside: Site) -> AddressRule:
    """All of this machine but the port of our own."""
    return AddressRule(private=True, loopback=True, own_ports=frozenset({inside.port}))


def test_what_may_be_read_is_read(outside: Site, inside: Site, segment: bytes) -> None:
    outside.pages = {"/a.m3u8": playlist("#EXTINF:1,", "a.ts"), "/a.ts": (200, "video/mp2t", segment)}
    found = probe(but(inside), outside.url("/a.m3u8"))
    assert found.error == ""
    assert found.video is not None
    assert outside.asked[0] == "/a.m3u8", "in origin form, as servers expect it"


@pytest.mark.parametrize("case", ["segment", "key", "variant", "map", "redirect", "redirected segment"])
def test_nothing_that_a_source_names_leads_inside(outside: Site, inside: Site, segment: bytes, case: str) -> None:
    secret = inside.url("/secret.ts")
    inside.pages = {"/secret.ts": (200, "video/mp2t", segment), "/secret.m3u8": playlist("#EXTINF:1,", "/secret.ts")}
    outside.pages = {"/a.ts": (200, "video/mp2t", segment), "/r.ts": (302, secret, b"")}
    outside.pages["/a.m3u8"] = {
        "segment": playlist("#EXTINF:1,", secret),
        "key": playlist(f'#EXT-X-KEY:METHOD=AES-128,URI="{secret}"', "#EXTINF:1,", "a.ts"),
        "variant": playlist("#EXT-X-STREAM-INF:BANDWIDTH=1", inside.url("/secret.m3u8")),
        "map": playlist(f'#EXT-X-MAP:URI="{secret}"', "#EXTINF:1,", "a.ts"),
        "redirect": (302, inside.url("/secret.m3u8"), b""),
        "redirected segment": playlist("#EXTINF:1,", "r.ts"),
    }[case]
    probe(but(inside), outside.url("/a.m3u8"))
    assert outside.asked
    assert inside.asked == [], "or else this would have been asked for"


def test_without_the_proxy_the_same_playlist_would_lead_inside(outside: Site, inside: Site, segment: bytes) -> None:
    inside.pages = {"/secret.ts": (200, "video/mp2t", segment)}
    outside.pages = {"/a.m3u8": playlist("#EXTINF:1,", inside.url("/secret.ts"))}
    asyncio.run(Probe(FFPROBE, None).look(outside.url("/a.m3u8")))
    assert inside.asked


@pytest.mark.parametrize("name", ["concat:/etc/passwd", "file:///etc/passwd", "/etc/passwd", "data:,x"])
def test_a_playlist_names_no_file(outside: Site, inside: Site, segment: bytes, name: str) -> None:
    outside.pages = {"/a.m3u8": playlist("#EXTINF:1,", name)}
    assert probe(but(inside), outside.url("/a.m3u8")).video is None


def test_a_local_playlist_opens_no_other_file(tmp_path: Path, segment: bytes) -> None:
    folders = Folders(tmp_path)
    file_id, target, partial = folders.new(".mp4")
    other = tmp_path / "other.ts"
    other.write_bytes(segment)
    for text in (playlist("#EXTINF:1,", str(other))[2], f"ffconcat version 1.0\nfile {other}\n".encode()):
        (tmp_path / target).write_bytes(text)
        found = asyncio.run(Probe(FFPROBE, folders).look(target))
        assert found.video is None, file_id
    assert not partial.exists()


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "srt", "http", "https"])
def test_our_own_ports_are_read_by_nobody(inside: Site, scheme: str) -> None:
    async def through(passages: Passages, _: FilteringProxy) -> None:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.8.8.8"):
            with pytest.raises(RefusedInputError):
                async with passages.through(
                    f"{scheme}://{host}:{inside.port}" + ("" if scheme == "srt" else "/a/x.flv")
                ):
                    raise AssertionError("it was let through")

    run(but(inside), through)


def test_streams_of_our_own_are_read_as_streams_alone(inside: Site) -> None:
    async def ways(proxy: FilteringProxy) -> list[bool]:
        passages, found = Passages(proxy, but(inside), {inside.port}), []
        for scheme in ("rtmp", "rtsp", "http"):
            try:
                async with passages.through(f"{scheme}://127.0.0.1:{inside.port}/live/x.flv"):
                    found.append(True)
            except RefusedInputError:
                found.append(False)
        return found

    assert run(but(inside), lambda _, proxy: ways(proxy)) == [True, False, False]


METADATA = [
    "169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "169.254.170.2",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::169.254.169.254]", "[2002:a9fe:a9fe::1]", "0.0.0.0", "[::]",
]  # fmt: skip


@pytest.mark.parametrize("host", METADATA)
def test_metadata_and_the_like_are_reached_by_no_way(host: str) -> None:
    anything = AddressRule(private=True, loopback=True)

    async def ways(passages: Passages, proxy: FilteringProxy) -> None:
        for camera in (False, True):
            with pytest.raises(RefusedInputError):
                async with passages.through(f"http://{host}/x.flv", camera=camera):
                    raise AssertionError("it was let through")
        with proxy.ticket(anything) as url:
            async with httpx.AsyncClient(proxy=url, trust_env=False) as client:
                assert (await client.get(f"http://{host}/")).status_code in {400, 403}
        outgoing = Outgoing(anything)
        assert (await outgoing.post(f"http://{host}/", b"", {}, 1.0)).failure == "address"
        await outgoing.close()

    run(anything, ways)
    sender = GuardedSender(allow_private=True, allow_loopback=True)
    assert sender.post(f"http://{host}/", b"", {}, 1.0).failure == "address"
    sender.close()


def test_callbacks_reach_none_of_our_own_ports(outside: Site, inside: Site) -> None:
    outside.pages = inside.pages = {"/x": (200, "text/plain", b"0")}
    sender = GuardedSender(allow_private=True, allow_loopback=True, own_ports={inside.port})
    assert sender.post(outside.url("/x"), b"", {}, 2.0).status == 200
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        assert sender.post(f"http://{host}:{inside.port}/x", b"", {}, 2.0).failure == "address"
    sender.close()
    closed = GuardedSender(allow_private=True, allow_loopback=False)
    assert closed.post(outside.url("/x"), b"", {}, 2.0).failure == "address", "two switches"
    closed.close()

    async def of_the_node() -> None:
        outgoing = Outgoing(but(inside))
        assert (await outgoing.post(outside.url("/x"), b"", {}, 2.0)).status == 200
        assert (await outgoing.post(inside.url("/x"), b"", {}, 2.0)).failure == "address"
        await outgoing.close()

    asyncio.run(of_the_node())
    assert inside.asked == []


def test_all_addresses_of_a_name_are_tried(outside: Site) -> None:
    """`localhost` is ::1 as well in most places, where nobody listens here."""
    outside.pages = {"/x": (200, "text/plain", b"0")}
    url = outside.url("/x").replace("127.0.0.1", "localhost")
    sender = GuardedSender(allow_private=True, allow_loopback=True)
    assert sender.post(url, b"", {}, 2.0).status == 200
    sender.close()


def test_the_proxy_is_for_whom_it_was_made(outside: Site) -> None:
    outside.pages = {"/x": (200, "text/plain", b"hello")}

    async def ask(_: Passages, proxy: FilteringProxy) -> None:
        async def get(by: str) -> int:
            async with httpx.AsyncClient(proxy=by, trust_env=False) as client:
                return (await client.get(outside.url("/x"))).status_code

        with proxy.ticket(AddressRule(loopback=True)) as url, proxy.ticket(AddressRule()) as other:
            assert await get(url) == 200
            assert await get(other) == 403, "each by its own rule"
            name, secret = url.removeprefix("http://").partition("@")[0].split(":")
            for wrong in (f"{name}:{secret}x", f"{name}:", f"x:{secret}"):
                assert await get(f"http://{wrong}@127.0.0.1:{proxy.port}") == 407
            assert await get(f"http://127.0.0.1:{proxy.port}") == 407
        assert await get(url) == 407, "it ends with the program"

    run(AddressRule(), ask)


@pytest.mark.parametrize(
    "line",
    [
        "CONNECT 127.0.0.1:{port}/x HTTP/1.1",
        "CONNECT 127.0.0.1 HTTP/1.1",
        "CONNECT 127.1:{port} HTTP/1.1",
        "CONNECT 8.8.8.8@127.0.0.1:{port} HTTP/1.1",
        "GET http://8.8.8.8\\@127.0.0.1:{port}/ HTTP/1.1",
        "GET http://2130706433:{port}/ HTTP/1.1",
        "GET http://127.0.0.1:{port}/ HTTP/1.1",
        "GET /x HTTP/1.1",
        "GET https://127.0.0.1:{port}/ HTTP/1.1",
        "GET ftp://127.0.0.1:{port}/ HTTP/1.1",
        "PUT http://127.0.0.1:{port}/ HTTP/1.1",
    ],
)
def test_no_odd_request_gets_past_the_proxy(inside: Site, line: str) -> None:
    async def ask(_: Passages, proxy: FilteringProxy) -> bytes:
        with proxy.ticket(AddressRule()) as url:
            login = httpx.URL(url).userinfo
            shown = base64.b64encode(login).decode()
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            head = line.format(port=inside.port)
            writer.write(f"{head}\r\nHost: 8.8.8.8\r\nProxy-Authorization: Basic {shown}\r\n\r\n".encode())
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return answer

    answer = run(AddressRule(), ask)
    assert answer.split(b" ")[1] in {b"400", b"403", b"405"}, answer
    assert inside.asked == []


def test_downloads_go_by_the_proxy(outside: Site, inside: Site, tmp_path: Path, segment: bytes) -> None:
    outside.pages = {
        "/a.ts": (200, "video/mp2t", segment),
        "/r.ts": (302, inside.url("/secret.ts"), b""),
        "/l.m3u8": playlist("#EXTINF:1,", inside.url("/secret.ts")),
    }
    inside.pages = {"/secret.ts": (200, "video/mp2t", segment)}
    folders = Folders(tmp_path)

    async def fetch(passages: Passages, _: FilteringProxy) -> list[str]:
        downloads = Downloads(FFMPEG, max_bytes=10_000_000, open_way=passages.through)
        said = []
        for path in ("/a.ts", "/r.ts", "/l.m3u8"):
            try:
                said.append((await downloads.fetch(outside.url(path), folders)).target)
            except Exception as error:
                said.append(str(error))
        return said

    said = run(but(inside), fetch)
    assert said[0].startswith("upload/"), said
    assert inside.asked == [], said


def test_no_proxy_of_the_operator_leads_around_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("HTTPS_PROXY", "http://other")

    async def environment() -> dict[str, str]:
        child = await start_to_read(["env", "-0"], by_proxy("http://ours"))
        out, _ = await child.communicate()
        return dict(line.split("=", 1) for line in out.decode().split("\0") if "_proxy=" in line.lower())

    assert asyncio.run(environment()) == dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://ours")


def test_a_name_is_pinned_to_the_address_that_was_looked_at() -> None:
    async def ways(passages: Passages, _: FilteringProxy) -> list[tuple[str, tuple[str, ...]]]:
        found = []
        for url in ("rtmp://localhost:9/a/b?x=y", "rtsp://u:p@localhost:9/x", "srt://localhost:9?streamid=x"):
            async with passages.through(url) as way:
                found.append((way.url, way.options))
        return found

    rtmp, rtsp, srt = run(AddressRule(loopback=True), ways)
    assert rtmp[0].replace("[::1]", "127.0.0.1") == "rtmp://127.0.0.1:9/a/b?x=y"
    assert rtmp[1] == ("-rtmp_tcurl", "rtmp://localhost:9/a")
    assert rtsp[0].replace("[::1]", "127.0.0.1") == "rtsp://u:p@127.0.0.1:9/x"
    assert srt[0].replace("[::1]", "127.0.0.1") == "srt://127.0.0.1:9?streamid=x"


@pytest.mark.parametrize(
    ("path", "app"), [("/a/b", "a"), ("/a", "a"), ("/a/b/c", "a/b"), ("/a/mp4:b/c", "a"), ("/a/b/c/d", "a/b"), ("", "")]
)
def test_the_application_is_found_as_ffmpeg_finds_it(path: str, app: str) -> None:
    assert rtmp_app(path) == app
