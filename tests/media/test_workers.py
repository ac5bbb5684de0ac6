"""Workers with the real FFmpeg between real servers."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.ffmpeg.workers.spec import Timing, WorkerReport, WorkerSpec
from edge.ffmpeg.workers.supervisor import Supervisor

from .rig import FFMPEG, FFPROBE, Rig, free_port

pytestmark = pytest.mark.media

QUICK = Timing(retry_first=0.2, retry_most=0.5, stall=3)


class Workers:
    """A supervisor in the test's loop, and every report it gave."""

    def __init__(self) -> None:
        self.seen: list[WorkerReport] = []
        self.supervisor = Supervisor(ffmpeg=FFMPEG, on_change=self.seen.append, timing=QUICK)

    def want(self, *specs: WorkerSpec) -> None:
        self.supervisor.apply({spec.id: spec for spec in specs})

    def states(self, worker: str) -> list[str]:
        return [r.state for r in self.seen if r.id == worker]

    def errors(self, worker: str) -> str:
        return "\n".join(r.last_error for r in self.seen if r.id == worker and r.last_error)


async def until(condition: Callable[[], Any], what: str) -> None:
    try:
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not within 30 s: {what}")


def play_out(scenario: Callable[[Workers], Awaitable[None]]) -> None:
    async def main() -> None:
        workers = Workers()
        try:
            await scenario(workers)
        finally:
            await workers.supervisor.close()

    asyncio.run(main())


def stream_row(rig: Rig, url: str) -> dict[str, Any]:
    rows = [s for s in rig.api("streams/?start=0&count=1000")["streams"] if s["url"] == url]
    return rows[0] if rows else {}


async def live(rig: Rig, path: str) -> None:
    """Publish, and wait until there is something to read: a worker that comes first would have to try again."""
    rig.loop(path)
    await until(lambda: stream_row(rig, f"/{path}").get("publish", {}).get("active"), f"{path} is live")


def test_a_push_carries_sound_and_picture_comes_back_when_killed_and_stops(rig: Rig) -> None:
    async def scenario(w: Workers) -> None:
        await live(rig, "live/source")
        w.want(WorkerSpec("d", rig.url("live/source"), rig.url("push/target?key=0123456789")))
        await until(lambda: rig.sink.of("on_hls", "target"), "the target gets segments")
        row = await asyncio.to_thread(stream_row, rig, "/push/target")
        assert (row["video"]["codec"], row["audio"]["codec"]) == ("H264", "AAC")
        await until(lambda: "running" in w.states("d"), "FFmpeg says so")
        assert w.states("d")[:3] == ["waiting", "starting", "running"]
        await until(lambda: any(r.bitrate_kbps for r in w.seen), "a bitrate")
        (report,) = w.supervisor.reports()
        assert report.pid
        os.kill(report.pid, signal.SIGKILL)
        await until(lambda: len(rig.sink.of("on_publish", "target")) >= 2, "it came back")
        await until(lambda: w.states("d").count("running") >= 2, "it runs again")
        w.want()
        await until(lambda: w.states("d")[-1] == "stopped", "it stops")
        client = rig.sink.of("on_publish", "target")[-1]["client_id"]
        await until(lambda: "on_close" in rig.sink.actions(client), "the target sees the end")

    play_out(scenario)


def test_a_push_that_is_stopped_is_seen_to_stand_still_and_started_again(rig: Rig) -> None:
    """Stopped as by a debugger or a frozen container: it lives, and sends nothing."""

    async def scenario(w: Workers) -> None:
        await live(rig, "live/source7")
        w.want(WorkerSpec("d", rig.url("live/source7"), rig.url("push/target7")))
        await until(lambda: "running" in w.states("d") and rig.sink.of("on_hls", "target7"), "the target gets segments")
        (report,) = w.supervisor.reports()
        assert report.pid
        os.kill(report.pid, signal.SIGSTOP)
        await until(lambda: w.states("d").count("running") >= 2, "another runs")
        assert "without progress" in w.errors("d")
        assert not Path(f"/proc/{report.pid}").exists(), "the stopped one is gone"
        segments = len(rig.sink.of("on_hls", "target7"))
        await until(lambda: len(rig.sink.of("on_hls", "target7")) > segments, "the target gets segments again")

    play_out(scenario)


def test_a_dead_target_is_tried_again_and_disturbs_no_other(rig: Rig) -> None:
    async def scenario(w: Workers) -> None:
        await live(rig, "live/source2")
        dead = f"rtmp://127.0.0.1:{free_port()}/app/dead-secret-key"
        w.want(
            WorkerSpec("dead", rig.url("live/source2"), dead),
            WorkerSpec("good", rig.url("live/source2"), rig.url("push/target2")),
        )
        await until(lambda: w.states("dead").count("retrying") >= 3, "three tries")
        await until(lambda: rig.sink.of("on_hls", "target2"), "the good one gets segments")
        assert w.states("good") == ["waiting", "starting"] + ["running"] * (len(w.states("good")) - 2)
        assert "Connection refused" in w.errors("dead")
        assert "dead-secret-key" not in w.errors("dead")

    play_out(scenario)


def test_a_source_that_is_not_there_yet_is_waited_for(rig: Rig) -> None:
    async def scenario(w: Workers) -> None:
        w.want(WorkerSpec("d", rig.url("live/late"), rig.url("push/target3")))
        await until(lambda: w.states("d"), "it starts")
        rig.loop("live/late")
        await until(lambda: rig.sink.of("on_hls", "target3"), "the target gets segments")

    play_out(scenario)


def test_srt_carries_sound_and_picture(rig: Rig, tmp_path: Path) -> None:
    async def scenario(w: Workers) -> None:
        await live(rig, "live/source4")
        port, received = free_port(), tmp_path / "received.ts"
        listen = f"srt://127.0.0.1:{port}?mode=listener&passphrase=0123456789"
        listener = rig.run([FFMPEG, "-nostdin", "-v", "error", "-i", listen, "-c", "copy", "-y", str(received)])
        w.want(WorkerSpec("d", rig.url("live/source4"), f"srt://127.0.0.1:{port}?passphrase=0123456789"))
        await until(lambda: received.exists() and received.stat().st_size > 100_000, "media arrives")
        w.want()
        await until(lambda: w.states("d")[-1] == "stopped", "it stops")
        listener.send_signal(signal.SIGINT)
        await asyncio.to_thread(listener.wait, 20)
        argv = [FFPROBE, "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", str(received)]
        codecs = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
        assert {c.strip(",") for c in codecs} == {"h264", "aac"}

    play_out(scenario)


@contextmanager
def black_hole() -> Iterator[int]:
    """A server that accepts and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
        server.listen()
        yield server.getsockname()[1]


def test_a_target_that_never_answers_is_given_up_and_tried_again(rig: Rig) -> None:
    async def scenario(w: Workers) -> None:
        await live(rig, "live/source5")
        with black_hole() as port:
            w.want(WorkerSpec("d", rig.url("live/source5"), f"rtmp://127.0.0.1:{port}/app/key5"))
            await until(lambda: w.states("d").count("starting") >= 2, "a second try")
        assert "without progress" in w.errors("d")
        assert "running" not in w.states("d")

    play_out(scenario)


@contextmanager
def impostor(folder: Path) -> Iterator[tuple[int, list[bytes]]]:
    """A TLS server with a certificate that nobody signed, and what it was sent inside of TLS."""
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    argv += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(argv, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    got: list[bytes] = []
    server = socket.create_server(("127.0.0.1", free_port()))

    def serve() -> None:
        while True:
            try:
                plain, _ = server.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as secure:
                    got.append(secure.recv(4096))
            except OSError:
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], got
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program: apt-get install openssl")
def test_an_rtmps_target_with_a_false_certificate_is_never_talked_to(rig: Rig, tmp_path: Path) -> None:
    async def scenario(w: Workers) -> None:
        await live(rig, "live/source6")
        with impostor(tmp_path) as (port, got):
            w.want(WorkerSpec("d", rig.url("live/source6"), f"rtmps://localhost:{port}/app/key6-secret"))
            await until(lambda: w.states("d").count("retrying") >= 2, "two refusals")
            assert b"".join(got) == b""
        assert "running" not in w.states("d")
        assert "key6-secret" not in w.errors("d")

    play_out(scenario)
