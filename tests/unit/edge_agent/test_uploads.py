"""Uploads part by part: what is safe, what is refused, and what is left when it breaks off."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.wire.inputs import UploadBegun
from chalicelib.wire.sources import Probed, SourceVideo
from edge.base.errors import NotHereError, RefusedInputError
from edge.files import folders as folders_module
from edge.files import resumable
from edge.files.folders import Folders
from edge.files.resumable import KEEP_S, LARGEST_CHUNK, Resumables
from edge.files.upload_calls import UploadCalls
from edge.web.local.app import new_app

MB = 1024 * 1024


class OneProbe:
    """Finds in every file what it is told to."""

    found = Probed(video=SourceVideo(codec_name="h264", width=640, height=360))

    async def why_not(self, path: Path, target: str) -> tuple[str, Probed]:
        assert path.is_file()
        return self.found.error, self.found


class Rig:
    """The calls of a node, by HTTP."""

    def __init__(self, root: Path, probe: OneProbe) -> None:
        self.folders = Folders(root)
        self.calls = UploadCalls(self.folders, probe, max_bytes=100 * MB)  # type: ignore[arg-type]
        self.kept = Resumables(self.folders, max_bytes=100 * MB)
        transport = httpx.ASGITransport(new_app(self.calls.routes()))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://node")

    def begin(self, size: int, name: str = "film.mp4", fingerprint: str = "") -> UploadBegun:
        return self.kept.begin(name, size, fingerprint)

    async def call(
        self, method: str, begun: UploadBegun, *, offset: int | str = "", tail: str = "", **more: Any
    ) -> Any:
        headers = {"Authorization": f"Bearer {begun.token}", "Upload-Offset": str(offset)} | more.pop("headers", {})
        return await self.http.request(method, f"/v1/uploads/{begun.id}{tail}", headers=headers, **more)

    async def put(self, begun: UploadBegun, offset: int, data: bytes, **headers: str) -> Any:
        return await self.call("PUT", begun, offset=offset, content=data, headers=headers)


@pytest.fixture
def probe() -> OneProbe:
    return OneProbe()


@pytest.fixture
def rig(tmp_path: Path, probe: OneProbe) -> Rig:
    return Rig(tmp_path / "data", probe)


def test_a_file_comes_in_part_by_part_and_is_looked_into(rig: Rig) -> None:
    data = os.urandom(3 * MB + 5)

    async def run() -> None:
        begun = rig.begin(len(data), "夜 loop.mp4")
        assert begun.offset == 0
        for at in range(0, len(data), MB):
            part = data[at : at + MB]
            answer = await rig.put(begun, at, part, **{"X-Checksum-Sha256": hashlib.sha256(part).hexdigest()})
            assert (answer.status_code, answer.json()["offset"]) == (200, at + len(part))
        head = await rig.call("HEAD", begun)
        assert head.headers["upload-offset"] == str(len(data))
        for _ in range(2):
            whole = await rig.call("POST", begun, tail="/complete")
            assert whole.status_code == 200, whole.text
            assert whole.json()["video"]["width"] == 640
            assert whole.json()["name"] == "夜 loop.mp4"
        path = rig.folders.path(whole.json()["target"])
        assert path.read_bytes() == data
        assert rig.folders.given_name(path) == "夜 loop.mp4"
        assert (await rig.put(begun, len(data), b"x")).json()["code"] == "upload_done"

    asyncio.run(run())


def test_what_is_no_media_is_removed_with_the_reason(rig: Rig, probe: OneProbe) -> None:
    probe.found = Probed(error="FFmpeg knows no format for it")

    async def run() -> None:
        begun = rig.begin(4)
        await rig.put(begun, 0, b"text")
        answer = await rig.call("POST", begun, tail="/complete")
        assert (answer.status_code, answer.json()["code"]) == (400, "not_media")
        assert "FFmpeg knows no format" in answer.json()["detail"]
        assert list((rig.folders.root / "upload").iterdir()) == []
        assert (await rig.call("GET", begun)).status_code == 404

    asyncio.run(run())


def test_a_part_at_the_wrong_place_is_told_where_to_go_on(rig: Rig) -> None:
    async def run() -> None:
        begun = rig.begin(100)
        assert (await rig.put(begun, 0, b"a" * 40)).status_code == 200
        for offset in (0, 39, 41, 100):
            answer = await rig.put(begun, offset, b"b" * 10)
            assert (answer.status_code, answer.headers["upload-offset"]) == (409, "40")
            assert answer.json()["params"] == {"offset": 40}
        assert (await rig.put(begun, 40, b"b" * 61)).status_code == 413
        early = await rig.call("POST", begun, tail="/complete")
        assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete")

    asyncio.run(run())


@pytest.mark.parametrize("offset", ["", "-1", "1e3", "x", "٣", "9" * 20])
def test_an_offset_that_is_none_is_refused(rig: Rig, offset: str) -> None:
    async def run() -> None:
        answer = await rig.call("PUT", rig.begin(10), content=b"x", headers={"Upload-Offset": offset.encode()})
        assert answer.status_code == 400

    asyncio.run(run())


def test_a_damaged_part_counts_as_never_sent(rig: Rig) -> None:
    async def run() -> None:
        begun = rig.begin(20)
        bad = await rig.put(begun, 0, b"a" * 10, **{"X-Checksum-Sha256": "0" * 64})
        assert (bad.status_code, bad.json()["code"]) == (400, "part_damaged")
        assert (await rig.call("GET", begun)).json()["offset"] == 0
        good = await rig.put(begun, 0, b"b" * 10)
        assert good.json()["offset"] == 10
        assert rig.kept.part(rig.kept.find(begun.id, begun.token)).read_bytes() == b"b" * 10

    asyncio.run(run())


def test_a_part_that_breaks_off_counts_as_never_sent(rig: Rig) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"a" * 5

    async def run() -> None:
        begun = rig.begin(20)
        answer = await rig.put(begun, 0, half(), **{"Content-Length": "10"})  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (400, "broken_off")
        assert (await rig.call("GET", begun)).json()["offset"] == 0

    asyncio.run(run())


def test_a_second_connection_takes_over(rig: Rig) -> None:
    never = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"a" * 5
        await never.wait()

    async def run() -> None:
        begun = rig.begin(10)
        first = asyncio.create_task(rig.put(begun, 0, slow(), **{"Content-Length": "10"}))  # type: ignore[arg-type]
        await asyncio.sleep(0.1)
        assert (await rig.put(begun, 0, b"b" * 10)).status_code == 200
        assert (await asyncio.wait_for(first, 5)).json()["code"] == "upload_superseded"
        assert rig.kept.part(rig.kept.find(begun.id, begun.token)).read_bytes() == b"b" * 10

    asyncio.run(run())


def test_the_token_opens_one_upload_only(rig: Rig) -> None:
    async def run() -> None:
        mine, other = rig.begin(10), rig.begin(10)
        assert mine.token != other.token
        stranger = UploadBegun(id=mine.id, token=other.token, offset=0, chunk_bytes=1)
        for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/complete")):
            assert (await rig.call(method, stranger, tail=tail)).status_code == 404
            bare = await rig.http.request(method, f"/v1/uploads/{mine.id}{tail}")
            assert (bare.status_code, bare.json()["code"]) == (401, "unauthenticated")
        assert (await rig.call("DELETE", mine)).status_code == 204
        assert (await rig.call("DELETE", mine)).status_code == 404

    asyncio.run(run())


def test_the_same_file_goes_on_where_it_was_also_after_a_restart(rig: Rig) -> None:
    async def run() -> None:
        begun = rig.begin(20, fingerprint="f:20:1")
        await rig.put(begun, 0, b"a" * 10)
        # What a crash left behind what was acknowledged is not counted.
        with rig.kept.part(rig.kept.find(begun.id, begun.token)).open("ab") as file:
            file.write(b"garbage")
        again = Rig(rig.folders.root, OneProbe())
        resumed = again.begin(20, fingerprint="f:20:1")
        assert (resumed.id, resumed.token, resumed.offset) == (begun.id, begun.token, 10)
        assert again.begin(21, fingerprint="f:20:1").id != begun.id
        assert (await again.put(resumed, 10, b"b" * 10)).status_code == 200
        answer = await again.call("POST", resumed, tail="/complete")
        assert again.folders.path(answer.json()["target"]).read_bytes() == b"a" * 10 + b"b" * 10

    asyncio.run(run())


def test_what_can_never_end_well_is_not_begun(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("x.exe", 1), ("../../x", 1), ("noextension", 1), ("film.mp4", 101 * MB)):
        with pytest.raises(RefusedInputError):
            rig.begin(size, name)
    monkeypatch.setattr(folders_module, "SPARE_BYTES", 10**15)
    with pytest.raises(RefusedInputError) as full:
        rig.begin(1)
    assert full.value.code == "disk_full"
    monkeypatch.undo()
    monkeypatch.setattr(resumable, "MOST", 2)
    rig.begin(1)
    rig.begin(1)
    with pytest.raises(RefusedInputError) as many:
        rig.begin(1)
    assert many.value.code == "too_many_uploads"


def test_what_nobody_goes_on_with_is_removed_after_a_day(rig: Rig) -> None:
    old, new = rig.begin(10), rig.begin(10)
    meta = rig.folders.root / "uploading" / f"{old.id}.json"
    os.utime(meta, (0, time.time() - KEEP_S - 1))
    assert rig.kept.tidy() == 1
    with pytest.raises(NotHereError):
        rig.kept.find(old.id, old.token)
    assert rig.kept.find(new.id, new.token).size == 10


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=100)
def test_no_text_is_an_upload(upload: str, token: str) -> None:
    kept = Resumables(Folders(Path("/tmp/sluice-test-uploads")), max_bytes=1)
    with pytest.raises(NotHereError):
        kept.find(upload, token)


def test_a_part_is_bounded(rig: Rig) -> None:
    async def run() -> None:
        answer = await rig.put(rig.begin(100 * MB), 0, b"", **{"Content-Length": str(LARGEST_CHUNK + 1)})
        assert answer.status_code == 413

    asyncio.run(run())


def test_what_a_source_took_over_is_left_alone(rig: Rig) -> None:
    async def run() -> None:
        begun = rig.begin(4, "mine.mp4")
        await rig.put(begun, 0, b"film")
        whole = await rig.call("POST", begun, tail="/complete")
        (taken,) = rig.folders.adopt([whole.json()["target"]])
        again = await rig.call("POST", begun, tail="/complete")
        assert (again.status_code, again.json()["code"]) == (409, "upload_done")
        assert (await rig.call("DELETE", begun)).status_code == 204
        path = rig.folders.path(taken)
        assert (path.read_bytes(), rig.folders.given_name(path)) == (b"film", "mine.mp4")

    asyncio.run(run())
