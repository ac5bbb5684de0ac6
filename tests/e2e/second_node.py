"""One more node of an instance, as it would stand on another machine: media server and agent, no front, no host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.media import MediaServer, MediaSettings, plan_media_server
from infra.local.tools import find_ffmpeg, find_ffprobe
from tests.waiting import until

from .system import System, free_port

PASSWORD, HOOK_SECRET = "of-the-second-node-media", "of-the-second-node-hooks"


@dataclass
class SecondNode:
    """`rtmp`: where it takes publishers; `media`: the folder of its media server's segments."""

    node: str
    rtmp: str
    media: Path
    agent: subprocess.Popen[bytes]
    server: subprocess.Popen[bytes]
    again: Callable[[], subprocess.Popen[bytes]]

    def kill(self) -> None:
        """As the machine's power would."""
        for process in (self.agent, self.server):
            process.kill()
            process.wait()

    def restart_agent(self) -> None:
        self.agent = self.again()


@contextmanager
def second_node(system: System, home: Path, name: str = "second") -> Iterator[SecondNode]:
    """It has joined, and the console lists it."""
    media, folder = home / "media", home / "agent"
    folder.mkdir(parents=True)
    ports = MediaSettings(
        agent_port=free_port(), hls_dir=media, work_dir=home / "media-server", rtmp_port=free_port(), srt_port=None,
        rtc_port=None, api_port=free_port(), http_port=free_port(), rtmp_ip="127.0.0.1", hook_secret=HOOK_SECRET,
        api_password=PASSWORD,
    )  # fmt: skip
    planned = plan_media_server(ports)
    join = system.api.call("POST", "/v1/join-tokens", {})["token"]
    known = {n["id"] for n in system.api.call("GET", "/v1/nodes")["items"]}
    server = _run(planned.argv, dict(planned.env), home / "media.log", planned.cwd)
    environment = _environment(system, ports, planned, join, name, home)

    def agent() -> subprocess.Popen[bytes]:
        return _run([sys.executable, "-m", "edge"], environment, home / "agent.log")

    started = agent()
    try:

        def joined() -> str | None:
            nodes = system.api.call("GET", "/v1/nodes")["items"]
            return next((n["id"] for n in nodes if n["id"] not in known and n["state"] == "online"), None)

        node = until(joined, "the second node has joined", 40)
        assert node is not None
        rtmp = f"rtmp://127.0.0.1:{ports.rtmp_port}/live"
        second = SecondNode(node, rtmp, media, started, server, agent)
        yield second
        started = second.agent
    finally:
        for process in (started, server):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def _run(argv: list[str], more: dict[str, str], log: Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with log.open("ab") as out:
        return subprocess.Popen(argv, env=kept | more, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def _environment(
    system: System, ports: MediaSettings, planned: MediaServer, join: str, name: str, home: Path
) -> dict[str, str]:
    return {
        "SLUICE_CLOUD_URL": system.instance.at["url"],
        "SLUICE_JOIN_TOKEN": join,
        "SLUICE_NODE_NAME": name,
        "SLUICE_AGENT_DIR": str(home / "agent"),
        "SLUICE_HLS_DIR": str(ports.hls_dir),
        "SLUICE_HOOK_LISTEN": f"127.0.0.1:{ports.agent_port}",
        "SLUICE_HOOK_SECRET": HOOK_SECRET,
        "SLUICE_STATUS_LISTEN": f"127.0.0.1:{free_port()}",
        "SLUICE_LOCAL_LISTEN": f"127.0.0.1:{free_port()}",
        "SLUICE_SRS_API": f"http://127.0.0.1:{ports.api_port}",
        "SLUICE_SRS_API_PASSWORD": PASSWORD,
        "SLUICE_SRS_RTMP": f"rtmp://127.0.0.1:{ports.rtmp_port}",
        "SLUICE_SRS_HTTP": f"127.0.0.1:{ports.http_port}",
        "SLUICE_MEDIA_KIND": planned.kind,
        "FFMPEG_BIN": find_ffmpeg().path,
        "FFPROBE_BIN": find_ffprobe().path,
    }
