"""An edge beside an emulated cloud: media server and agent, as on a machine of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.local.media import MediaSettings, plan_media_server
from infra.local.probe import answers, read_json
from infra.local.supervisor import Child, Supervisor
from infra.local.tools import find_ffmpeg, find_ffprobe

from .cloud import Cloud

_KEPT: Final = ("PATH", "HOME", "LANG", "TZ")


def _environment(**more: str) -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | more


@contextmanager
def an_edge(cloud: Cloud, home: Path, ports: dict[str, int]) -> Iterator[str]:
    """Runs while the block does; gives the base URL for RTMP. `ports`: hooks, status, local, api, http, rtmp."""
    media_settings = MediaSettings(
        agent_port=ports["hooks"], hls_dir=home / "media", work_dir=home / "media-server", rtmp_port=ports["rtmp"],
        srt_port=None, rtc_port=None, api_port=ports["api"], http_port=ports["http"], rtmp_ip="127.0.0.1",
        hls_fragment_s=2,
    )  # fmt: skip
    media = plan_media_server(media_settings)
    status = f"http://127.0.0.1:{ports['status']}/status"
    agent = _environment(
        SLUICE_CLOUD_URL=cloud.edge_url,
        SLUICE_JOIN_TOKEN=cloud.first["join_token"],
        SLUICE_AGENT_DIR=str(home / "agent"),
        SLUICE_HLS_DIR=str(home / "media"),
        SLUICE_CALLBACKS_TO_SELF="allow",
        SLUICE_HOOK_LISTEN=f"127.0.0.1:{ports['hooks']}",
        SLUICE_STATUS_LISTEN=f"127.0.0.1:{ports['status']}",
        SLUICE_LOCAL_LISTEN=f"127.0.0.1:{ports['local']}",
        SLUICE_SRS_API=f"http://127.0.0.1:{ports['api']}",
        SLUICE_SRS_RTMP=f"rtmp://127.0.0.1:{ports['rtmp']}",
        SLUICE_MEDIA_KIND=media.kind,
        FFMPEG_BIN=find_ffmpeg().path,
        FFPROBE_BIN=find_ffprobe().path,
    )
    supervisor = Supervisor(lambda _: None, lambda: False)
    try:
        versions = f"http://127.0.0.1:{ports['api']}/api/v1/versions"
        supervisor.start(
            Child("media server", media.argv, _environment() | dict(media.env), home / "media.log", media.cwd,
                  lambda: answers(versions))
        )  # fmt: skip
        argv = [sys.executable, "-m", "edge"]
        supervisor.start(Child("agent", argv, agent, home / "agent.log", ready=lambda: _in_touch(status)))
        yield f"rtmp://127.0.0.1:{ports['rtmp']}"
    finally:
        supervisor.stop()


def _in_touch(status: str) -> bool:
    found = read_json(status)
    return bool(found.get("node") and found["cloud"]["last_sync_age_s"] is not None and found["media_server"]["up"])
