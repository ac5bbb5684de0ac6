"""Sources in the agent: workers follow what is desired, stops are confirmed, files come in by its own server."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from chalicelib.wire.edge.desired import Desired
from chalicelib.wire.names import StreamName
from chalicelib.wire.sources import DesiredSource, Encoding, PlayedInput, Rendition
from tests.unit.edge_agent.edge_fakes import World, abandon, until
from tests.unit.edge_agent.stories import go_live, leave, tell

PREFIX = "/terraform/v1/ffmpeg/vlive"


def source(*targets: str, name: str = "s1", fence: int = 1, **more: Any) -> DesiredSource:
    inputs = [PlayedInput(uuid=str(uuid.uuid4()), target=t) for t in targets]
    base: dict[str, Any] = {"source": name, "fence": fence, "kind": "file", "url": "rtmp://x/app/key"}
    return DesiredSource(**base | {"inputs": inputs} | more)


def film(w: World) -> str:
    target = f"vlive/{uuid.uuid4()}.mp4"
    (w.folder / "data" / target).write_bytes(b"film")
    return target


def states(w: World, name: str = "s1") -> list[tuple[int, str]]:
    said = [e["body"] for e in w.cloud.of_kind("source.state")]
    return [(s["fence"], s["state"]) for s in said if s["source"] == name]


async def desire(w: World, *sources: DesiredSource) -> None:
    w.cloud.desired = Desired(sources=list(sources))
    w.agent.sync.wake()


def wanted(w: World) -> dict[str, Any]:
    """The sources' workers are made before those of the pushes."""
    return dict(w.workers[-2].wanted)


def test_a_file_is_played_and_its_stop_is_confirmed(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        target = film(w)
        await desire(w, source(target))
        await until(lambda: wanted(w))
        spec = wanted(w)["s1:1"]
        assert spec.input_url == str((w.folder / "data").resolve() / target)
        assert (spec.reading.kind, spec.reading.loop) == ("file", True)
        await until(lambda: states(w) == [(1, "running")])
        observed = await until(lambda: [s["observed"]["sources"] for s in w.cloud.syncs if s["observed"]["sources"]])
        assert observed[-1][0]["source"] == "s1"
        await desire(w)
        await until(lambda: states(w)[-1] == (1, "stopped"))
        assert wanted(w) == {}

    tell(tmp_path, story)


def test_several_files_are_a_list_and_urls_are_read_as_they_are(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        first, second = film(w), film(w)
        await desire(
            w,
            source(first, second, name="list", loop=False),
            source("rtsp://u:p@h/1", name="cam", kind="camera", silent_audio=True),
            source("rtmp://h/live/x", name="stream", kind="stream"),
        )
        await until(lambda: len(wanted(w)) == 3)
        playlist = wanted(w)["list:1"]
        assert (playlist.reading.kind, playlist.reading.loop) == ("playlist", False)
        lines = Path(playlist.input_url).read_text().splitlines()
        assert [line.rpartition("/")[2] for line in lines[1:]] == [t.rpartition("/")[2] + "'" for t in (first, second)]
        assert (wanted(w)["cam:1"].reading.kind, wanted(w)["cam:1"].reading.silent_audio) == ("camera", True)
        assert wanted(w)["stream:1"].reading.kind == "stream"

    tell(tmp_path, story)


def test_what_cannot_be_played_says_why_and_keeps_its_lease(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        gone = f"vlive/{uuid.uuid4()}.mp4"
        await desire(w, source(gone), source("/etc/passwd", name="s2"), source("file:///x", name="s3", kind="stream"))
        await until(lambda: len(w.cloud.of_kind("source.state")) == 3)
        said = {e["body"]["source"]: e["body"] for e in w.cloud.of_kind("source.state")}
        assert {s["state"] for s in said.values()} == {"retrying"}
        assert "bring it in again" in said["s1"]["last_error"]
        assert "must be upload or vlive" in said["s2"]["last_error"]
        assert "input URL must start" in said["s3"]["last_error"]
        assert wanted(w) == {}
        (w.folder / "data" / gone).write_bytes(b"film")
        w.agent.sources.apply()
        await until(lambda: list(wanted(w)) == ["s1:1"])

    tell(tmp_path, story)


def test_a_transcode_lives_as_long_as_its_session(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        low = Rendition(url="rtmp://x/app/low", encoding=Encoding(height=360))
        name = StreamName(app="live", stream="s")
        body: dict[str, Any] = {
            "kind": "transcode",
            "encoding": Encoding(),
            "renditions": [low],
            "session": session,
            "stream": name,
        }
        other = {**body, "session": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
        await desire(w, source(name="t", **body), source(name="u", fence=4, **other))
        await until(lambda: list(wanted(w)) == ["t:1"])
        spec = wanted(w)["t:1"]
        assert spec.input_url.startswith(f"{w.settings.srs_rtmp}/live/s?vhost=__defaultVhost__&sluice_pull=")
        assert spec.encode is not None
        assert spec.extra[0].encode.height == 360
        await until(lambda: states(w, "u") == [(4, "stopped")])
        await leave(w)
        await until(lambda: states(w, "t")[-1] == (1, "stopped"))

    tell(tmp_path, story)


def test_a_source_survives_a_restart_without_the_cloud(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await desire(w, source(film(w)))
        await until(lambda: states(w))
        w.cloud.down = True
        await w.restart()
        await until(lambda: wanted(w))
        w.cloud.down = False
        assert {state for _, state in states(w)} == {"running"}

    tell(tmp_path, story)


def test_a_source_that_was_taken_away_while_the_agent_was_down_is_confirmed(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await desire(w, source(film(w)))
        await until(lambda: states(w))
        await abandon(w.agent)
        w.cloud.desired = Desired()
        await w.launch()
        await until(lambda: states(w)[-1] == (1, "stopped"))

    tell(tmp_path, story)


# the agent's own server -----------------------------------------------------------------------------------------------


def form(name: str = "film.mp4", content: bytes = b"film") -> dict[str, Any]:
    return {"files": {"file": (name, content)}}


def test_an_upload_lies_where_it_is_said_and_needs_a_token_that_may_operate(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.cloud.known = {"Bearer good": "operate", "Bearer reader": "read"}
        upload = w.folder / "data" / "upload"
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{w.agent.local.port}{PREFIX}") as http:
            good = {"Authorization": "Bearer good"}
            taken = await http.post("/upload/my%20film.mp4", headers=good, **form("my film.mp4", b"x" * 3_000_000))
            data = taken.json()["data"]
            assert taken.json()["code"] == 0
            assert (upload / f"{data['uuid']}.mp4").stat().st_size == 3_000_000
            assert data["target"] == f"upload/{data['uuid']}.mp4"
            (upload / f"{data['uuid']}.mp4").unlink()
            for headers, status in (
                ({}, 401),
                ({"Authorization": "Bearer bad"}, 401),
                ({"Authorization": "Bearer reader"}, 403),
            ):
                assert (await http.post("/upload/film.mp4", headers=headers, **form())).status_code == status
            refused = [
                await http.post("/upload/film.exe", headers=good, **form("film.exe")),
                await http.post("/upload/film.mp4", headers=good, **form("other.mp4")),
                await http.post("/upload/film.mp4", headers=good, **form(content=b"")),
                await http.post("/upload/film.mp4", headers=good, content=b"no form"),
                await http.post("/upload/film.mp4", headers=good, **form(), data={"field": "x"}),
                await http.post("/upload/film.mp4", headers=good, **form(content=b"x" * 11_000_000)),
            ]
            assert [r.status_code for r in refused] == [400] * 5 + [413]
            assert "larger than" in refused[-1].text
            w.cloud.down = True
            away = await http.post("/upload/film.mp4", headers={"Authorization": "Bearer new"}, **form())
            assert away.status_code == 503
        assert list(upload.iterdir()) == [], "nothing is left of what was refused"

    tell(tmp_path, story)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"url": ""}', b'{"url": "ftp://h/x"}', b'{"url": 1}', b"[]", b"{"])
def test_downloads_take_a_token_and_a_url(tmp_path: Path, body: bytes) -> None:
    async def story(w: World) -> None:
        w.cloud.known = {"Bearer good": "admin", "token jwt": "admin"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{w.agent.local.port}{PREFIX}") as http:
            if body not in (b"[]", b"{"):
                assert (await http.post("/ytdl", content=body)).status_code == 401
            refused = await http.post("/ytdl", content=body, headers={"Authorization": "Bearer good"})
            assert refused.status_code == 500
            assert (await http.post("/ytdl", json={"token": "jwt", "url": "x"})).status_code == 500

    tell(tmp_path, story)
