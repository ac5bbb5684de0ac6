"""Decides which media server runs, and how: SRS if there is one, else the stand-in."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from edge.options import DEFAULT_FRAGMENT_S
from edge.srs.srs_conf import SrsSettings, hls_modes, render

from .standin.settings import API_LOGIN, HOOK_SECRET
from .tools import SRS_IMAGE, MissingToolError, Tool, find_docker, find_nginx, find_srs

_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class MediaSettings:
    """Folders are absolute and made if missing; `*_s` are seconds; the agent listens on 127.0.0.1:`agent_port`.

    `hls_dir` and the agent's spool must be on one file system, as segments are hard-linked.
    """

    agent_port: int
    hls_dir: Path
    work_dir: Path
    rtmp_port: int = 1935
    srt_port: int | None = 10080
    rtc_port: int | None = 8000
    api_port: int = 1985
    http_port: int = 8080
    rtmp_ip: str = ""
    """Where RTMP listens; empty: on all addresses."""
    rtc_candidate: str = "*"
    hls_fragment_s: float = DEFAULT_FRAGMENT_S
    hls_window_s: float = 60
    hook_secret: str = field(default="", repr=False)
    """What the path of hooks holds; empty: nothing."""
    api_user: str = "sluice"
    api_password: str = field(default="", repr=False)
    """With what the HTTP API is called; empty: it asks for nothing."""


@dataclass(frozen=True)
class MediaServer:
    """How to run it: an argument list, what to add to the environment, and where. SIGTERM ends it."""

    kind: Literal["srs", "stand-in"]
    argv: list[str]
    cwd: Path
    log_line: str
    env: Mapping[str, str] = field(default_factory=dict)


def plan_media_server(settings: MediaSettings, env: Mapping[str, str] = os.environ) -> MediaServer:
    """Choose the media server and prepare its folders and configuration. First found: `SRS_BIN`, `srs` on the path,
    the Docker image of SRS if an engine answers, nginx with the RTMP module.

    Raises:
        MissingToolError: there is none of them; the message says what to install.
        edge.srs_conf.InvalidSettingError: a folder or port that SRS cannot be given.
        OSError: a folder cannot be made.
    """
    for folder in (settings.hls_dir, settings.work_dir):
        folder.mkdir(parents=True, exist_ok=True)
    if srs := find_srs(env):
        return _srs(settings, srs)
    if docker := find_docker(env):
        return _docker(settings, docker)
    return _standin(settings, env)


def has_ipv6() -> bool:
    """Whether programs of this machine can listen on IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def hls_file(settings: MediaSettings) -> Path:
    """Where SRS reads the modes of HLS."""
    return settings.work_dir / "hls.conf"


def _write_srs_conf(settings: MediaSettings) -> Path:
    conf, modes = settings.work_dir / "srs.conf", hls_file(settings)
    if not modes.exists():  # the agent keeps it
        modes.write_text(hls_modes(settings.hls_fragment_s, settings.hls_window_s, count_viewers=True))
    conf.write_text(
        render(
            SrsSettings(
                run_dir=str(settings.work_dir),
                hls_dir=str(settings.hls_dir),
                agent_port=settings.agent_port,
                rtmp_port=settings.rtmp_port,
                api_port=settings.api_port,
                http_port=settings.http_port,
                rtc_port=settings.rtc_port,
                srt_port=settings.srt_port,
                rtmp_ip=settings.rtmp_ip,
                rtc_candidate=settings.rtc_candidate,
                hls_fragment_s=settings.hls_fragment_s,
                hls_window_s=settings.hls_window_s,
                hls_file=str(modes),
                rtmp_ipv6=has_ipv6(),
                hook_secret=settings.hook_secret,
                api_user=settings.api_user,
                api_password=settings.api_password,
            )
        )
    )
    return conf


def _srs(settings: MediaSettings, srs: Tool) -> MediaServer:
    conf = _write_srs_conf(settings)
    line = f"media server: SRS {srs.version or '(version unknown)'}, {srs.path}, because of {_reason(srs)}"
    return MediaServer("srs", [srs.path, "-c", str(conf)], settings.work_dir, line)


def _reason(srs: Tool) -> str:
    return "SRS_BIN" if srs.why == "SRS_BIN" else "srs on the path"


def _docker(settings: MediaSettings, docker: Tool) -> MediaServer:
    """SRS in a container, on the host's network and with the same paths and owner, so that its segments can be linked.

    Not covered by a test, as the machines that run the tests have no Docker. Unlike a process, a container outlives a
    `docker run` that is killed with SIGKILL; `--rm` and the fixed name let the next start clear it away.
    """
    conf = _write_srs_conf(settings)
    folders = dict.fromkeys([str(settings.work_dir), str(settings.hls_dir)])
    volumes = [part for folder in folders for part in ("--volume", f"{folder}:{folder}")]
    argv = [docker.path, "run", "--rm", "--name", f"sluice-srs-{settings.rtmp_port}", "--network", "host"]
    argv += ["--user", f"{os.getuid()}:{os.getgid()}", *volumes, SRS_IMAGE, "./objs/srs", "-c", str(conf)]
    line = f"media server: SRS from the image {SRS_IMAGE}, because there is no SRS_BIN and no srs, but Docker answers"
    return MediaServer("srs", argv, settings.work_dir, line)


def _standin(settings: MediaSettings, env: Mapping[str, str]) -> MediaServer:
    try:
        nginx = find_nginx(env)
    except MissingToolError as error:
        raise MissingToolError(f"no media server: no SRS_BIN, no srs, no Docker engine; {error}") from None
    arguments = {
        "--rtmp-port": settings.rtmp_port,
        "--api-port": settings.api_port,
        "--http-port": settings.http_port,
        "--rtmp-ip": settings.rtmp_ip or ("::" if has_ipv6() else "0.0.0.0"),  # noqa: S104 - asked for: encoders come from elsewhere
        "--hook-url": f"http://127.0.0.1:{settings.agent_port}/hooks",
        "--hls-dir": settings.hls_dir,
        "--work-dir": settings.work_dir,
        "--hls-fragment": settings.hls_fragment_s,
        "--hls-window": settings.hls_window_s,
    }
    # Not as arguments: those are for everybody to read.
    secrets = {HOOK_SECRET: settings.hook_secret} if settings.hook_secret else {}
    secrets |= {API_LOGIN: f"{settings.api_user}:{settings.api_password}"} if settings.api_password else {}
    flags = [str(part) for pair in arguments.items() for part in pair]
    line = (
        f"media server: stand-in on nginx {nginx.version} (RTMP and HLS only: no SRT, WebRTC, HTTP-FLV), because there "
        "is no SRS_BIN, no srs on the path and no Docker engine"
    )
    return MediaServer("stand-in", [sys.executable, "-m", "infra.local.standin", *flags], _ROOT, line, secrets)
