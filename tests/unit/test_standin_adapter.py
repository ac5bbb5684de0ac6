"""The life cycle of clients and streams in the stand-in, with hand-made notices in nginx's place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from infra.local.standin.adapter import Adapter
from infra.local.standin.api import Api
from infra.local.standin.hooks import Identity
from infra.local.standin.settings import Settings
from infra.local.standin.web import Request


class FakeHooks:
    """Keeps what was sent; answers as `say` decides, and not before `gate` is open."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.say: Callable[[Mapping[str, Any]], bool] = lambda body: True
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, body: Mapping[str, Any]) -> bool:
        self.sent.append(body)
        await self.gate.wait()
        return self.say(body)

    @property
    def actions(self) -> list[str]:
        return [body["action"] for body in self.sent]


class World:
    """An adapter, and nginx played by the test."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(
            rtmp_port=22010,
            api_port=22011,
            http_port=22012,
            hook_url="http://127.0.0.1:22013/hooks",
            hls_dir=folder / "hls",
            work_dir=folder / "w",
            nginx="/none",
            rtmp_module="/none",
            slots=2,
        )
        self.hooks = FakeHooks()
        self.adapter = Adapter(self.settings, Identity("vid-1", "srv"), self.hooks)
        self.api = Api(self.adapter, self)
        self.dropped: list[tuple[str, str]] = []

    async def drop(self, slot: str, client: str) -> None:
        self.dropped.append((slot, client))

    async def stat(self) -> Mapping[tuple[str, str], ET.Element]:
        return {}

    async def connect(self, app: str = "live") -> str:
        body = f"app={quote(app)}&flashver=&swfurl=&tcurl=rtmp://h/{app}&pageurl=&addr=1.2.3.4&epoch=1&call=connect"
        answer = await self.adapter.handle(Request("POST", "/connect", {}, body.encode()))
        return answer.headers.get("Location", "")

    async def tell(self, call: str, client: str, name: str = "x", slot: str = "slot0") -> int:
        fields = {"app": slot, "tcurl": "rtmp://h/live", "addr": "1.2.3.4", "clientid": client, "call": call}
        if call != "disconnect":
            fields["name"] = name
        body = "&".join(f"{key}={quote(value)}" for key, value in fields.items())
        return (await self.adapter.handle(Request("POST", f"/{call}", {}, body.encode()))).status

    def write_fragment(self, number: int, slot: str = "slot0", name: str = "x") -> None:
        folder = self.settings.parts_dir / slot
        (folder / f"{name}-{number}.ts").write_bytes(b"media")
        entries = "".join(f"#EXTINF:2.000,\n{name}-{n}.ts\n" for n in range(number + 1))
        (folder / f"{name}.m3u8").write_text(f"#EXTM3U\n{entries}")


def play_out(scenario: Awaitable[None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await scenario

    asyncio.run(main())


def test_publishing_again_on_one_connection_keeps_the_client_and_closes_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        assert await w.connect() == "slot0"
        for _ in range(2):
            assert await w.tell("publish", "7") == 200
            w.write_fragment(0)
            await w.tell("publish_done", "7")
        await w.tell("disconnect", "7")
        once = ["on_connect", "on_publish", "on_hls", "on_unpublish"]
        assert w.hooks.actions == [*once, *once, "on_close"]
        assert len({body["client_id"] for body in w.hooks.sent}) == 1
        files = [body["file"] for body in w.hooks.sent if body["action"] == "on_hls"]
        assert [Path(f).read_bytes() for f in files] == [b"media", b"media"]
        assert len(set(files)) == 2

    play_out(scenario())


def test_the_last_segments_come_before_the_unpublish_though_nginx_tells_of_the_disconnect_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        await w.connect()
        await w.tell("publish", "7")
        await w.tell("disconnect", "7")
        w.write_fragment(0)
        w.write_fragment(1)
        await w.tell("publish_done", "7")
        assert w.hooks.actions == ["on_connect", "on_publish", "on_hls", "on_hls", "on_unpublish", "on_close"]
        assert w.adapter.clients == {}

    play_out(scenario())


def test_a_publisher_that_leaves_while_it_is_asked_for_ends_like_any_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        await w.connect()
        w.hooks.gate.clear()
        asking = asyncio.create_task(w.tell("publish", "7"))
        await asyncio.sleep(0)
        leaving = [asyncio.create_task(w.tell(call, "7")) for call in ("disconnect", "publish_done")]
        await asyncio.sleep(0)
        w.hooks.gate.set()
        await asyncio.gather(asking, *leaving)
        assert w.hooks.actions == ["on_connect", "on_publish", "on_unpublish", "on_close"]

    play_out(scenario())


def test_a_busy_stream_is_asked_for_and_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        await w.connect()
        assert await w.tell("publish", "7") == 200
        assert await w.tell("publish", "8") == 403
        await w.tell("disconnect", "8")
        assert w.hooks.actions == ["on_connect", "on_publish", "on_connect", "on_publish", "on_close"]
        (stream,) = w.adapter.streams.values()
        assert (stream.active, stream.publisher) == (True, w.hooks.sent[0]["client_id"])
        await w.tell("publish_done", "7")
        assert await w.tell("publish", "9") == 200
        await w.tell("publish_done", "9")

    play_out(scenario())


def test_the_stream_is_busy_until_its_last_segment_was_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        await w.connect()
        await w.tell("publish", "7")
        w.write_fragment(0)
        w.hooks.gate.clear()
        ending = asyncio.create_task(w.tell("publish_done", "7"))
        while "on_hls" not in w.hooks.actions:
            await asyncio.sleep(0.01)
        (stream,) = w.adapter.streams.values()
        assert stream.active
        assert "on_unpublish" not in w.hooks.actions
        w.hooks.gate.set()
        await ending
        assert not stream.active

    play_out(scenario())


def test_a_name_that_is_no_file_is_refused_after_the_agent_was_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        await w.connect("live/..")
        assert await w.tell("publish", "7") == 403
        await w.tell("disconnect", "7")
        assert w.hooks.actions == ["on_connect", "on_publish", "on_close"]
        assert w.hooks.sent[1]["app"] == "live/.."
        assert not (tmp_path / "hls").exists()

    play_out(scenario())


def test_a_lost_fragment_does_not_keep_the_stream_busy(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        await w.connect()
        await w.tell("publish", "7")
        w.write_fragment(0)
        w.write_fragment(1)
        (w.settings.parts_dir / "slot0" / "x-0.ts").unlink()
        await w.tell("publish_done", "7")
        assert w.hooks.actions == ["on_connect", "on_publish", "on_hls", "on_unpublish"]

    play_out(scenario())


def test_applications_beyond_the_slots_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        for number, app in enumerate(("live", "push")):
            slot = await w.connect(app)
            assert await w.tell("play", str(number), slot=slot) == 200
        assert await w.connect("third") == ""
        await w.tell("play_done", "0")
        await w.tell("disconnect", "0")
        assert await w.connect("third") == "slot0"

    play_out(scenario())


def test_a_termination_announces_the_last_segment_under_another_id_and_no_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        await w.connect()
        await w.tell("publish", "7")
        stopping = asyncio.create_task(w.adapter.stop(w))
        while not w.dropped:
            await asyncio.sleep(0.01)
        w.write_fragment(0)
        await w.tell("disconnect", "7")
        await w.tell("publish_done", "7")
        await stopping
        assert w.dropped == [("slot0", "7")]
        assert w.hooks.actions == ["on_connect", "on_publish", "on_hls"]
        assert w.hooks.sent[2]["client_id"] != w.hooks.sent[0]["client_id"]
        assert await w.tell("publish", "8") == 403

    play_out(scenario())


def test_the_api_kicks_the_right_connection_and_knows_no_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        await w.connect()
        await w.tell("publish", "7")
        client = w.hooks.sent[0]["client_id"]
        answer = await w.api.handle(Request("DELETE", f"/api/v1/clients/{client}", {}, b""))
        assert b'"code":0' in answer.body
        assert w.dropped == [("slot0", "7")]
        answer = await w.api.handle(Request("DELETE", "/api/v1/clients/nobody", {}, b""))
        assert (answer.status, answer.body) == (200, b'{"code":2049}')
        await w.tell("publish_done", "7")

    play_out(scenario())


def test_the_api_pages_its_lists_and_redirects_as_srs_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        w = World(tmp_path)
        await w.connect()
        for number in range(25):
            await w.tell("play", str(number), name=f"s{number}")

        async def rows(**query: str) -> int:
            answer = await w.api.handle(Request("GET", "/api/v1/clients/", query, b""))
            return answer.body.count(b'"id":')

        assert [await rows(), await rows(count="1"), await rows(count="20"), await rows(start="20", count="20")] == [
            *[10, 10, 20, 5]
        ]
        answer = await w.api.handle(Request("GET", "/api/v1/streams", {}, b""))
        assert (answer.status, answer.headers["Location"]) == (302, "/api/v1/streams/")

    play_out(scenario())
