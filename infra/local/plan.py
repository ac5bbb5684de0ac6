"""The programs of an instance: how each is called, with which environment, and how one knows that it serves."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.identity import Identity
from infra.local.media import MediaServer, MediaSettings, hls_file, plan_media_server
from infra.local.settings import Settings
from infra.local.sockets import Sockets
from infra.local.tools import find_caddy, find_ffmpeg, find_ffprobe


@dataclass(frozen=True)
class Program:
    """A program to run; `log` is the name of its log."""

    name: str
    argv: list[str]
    env: dict[str, str]
    log: str
    cwd: Path | None = None
    stop_timeout_s: float = 5.0


@dataclass(frozen=True)
class Plan:
    """Everything that is to run. `kind` and `said` tell which media server was found, and why."""

    host: Program
    media: Program
    agent: Program
    front: Program
    kind: str
    said: str


def make_plan(settings: Settings, identity: Identity, sockets: Sockets) -> Plan:
    """Find the programs, write their configurations, say how they are run.

    Raises:
        MissingToolError: a program is missing; the message says what to install.
        edge.srs_conf.InvalidSettingError: a folder or port that the media server cannot be given.
        OSError: a folder cannot be made.
    """
    ffmpeg, ffprobe, caddy = (find(settings.environment) for find in (find_ffmpeg, find_ffprobe, find_caddy))
    media_settings = _media_settings(settings, identity)
    media = plan_media_server(media_settings, settings.environment)
    return Plan(
        host=_host(settings, identity, sockets, ffmpeg.path),
        media=_media(settings, media),
        agent=_agent(settings, identity, sockets, media_settings, media, ffmpeg.path, ffprobe.path),
        front=_front(settings, sockets, caddy.path),
        kind=media.kind,
        said=media.log_line.removeprefix("media server: "),
    )


def _media_settings(settings: Settings, identity: Identity) -> MediaSettings:
    return MediaSettings(
        agent_port=identity.ports["hooks"],
        hls_dir=settings.home / "media",
        work_dir=settings.home / "media-server",
        rtmp_port=settings.rtmp.number,
        srt_port=settings.srt.number,
        rtc_port=settings.rtc.number,
        api_port=identity.ports["media_api"],
        http_port=identity.ports["media_http"],
        rtmp_ip=settings.bind,
        rtc_candidate=settings.environment.get("CANDIDATE") or "*",
        hls_fragment_s=settings.hls_fragment_s,
        hls_window_s=max(60, 6 * settings.hls_fragment_s),
        hook_secret=identity.hook_secret,
        api_password=identity.media_password,
    )


def _environment(settings: Settings, **more: str) -> dict[str, str]:
    """Of the user's environment, only what programs need to run at all."""
    kept = {name: settings.environment[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in settings.environment}
    ours = {
        "PYTHONUNBUFFERED": "1",
        # Each thread would else have an arena of its own, which costs tens of megabytes (glibc, mallopt(3)).
        "MALLOC_ARENA_MAX": "2",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
        # Where it is anyway; Python would load all that it knows of its own build to find that out.
        "PYTHONTZPATH": "/usr/share/zoneinfo",
    }
    return kept | ours | more


def _host(settings: Settings, identity: Identity, sockets: Sockets, ffmpeg: str) -> Program:
    scratch = settings.home / "scratch"
    scratch.mkdir(exist_ok=True)
    environment = _environment(
        settings,
        SLUICE_HOME=str(settings.home),
        SLUICE_HOST_SOCKET=str(sockets.host),
        SLUICE_REPLICATION_SOCKET=str(sockets.replication),
        SLUICE_PUBLIC_URL=settings.public_url,
        SLUICE_OUTSIDE_URL=settings.outside_url,
        SLUICE_ALLOW_PRIVATE_TARGETS=_allowed(settings, "SLUICE_PRIVATE_TARGETS"),
        SLUICE_ALLOW_LOOPBACK_TARGETS=_allowed(settings, "SLUICE_LOOPBACK_TARGETS"),
        SLUICE_OWN_PORTS=_own_ports(settings, identity),
        SLUICE_FRONT_PORTS=f"{settings.http.number},{settings.https.number}",
        SLUICE_FFMPEG=ffmpeg,
        SLUICE_RECORD_DIR=str(settings.home / "record"),
        # On the file system of the recordings, so that what is finished there is moved and not copied.
        TMPDIR=str(scratch),
        POWERTOOLS_SERVICE_NAME="sluice",
    )
    return Program("host", [sys.executable, "-m", "infra.local.host"], environment, "host.log", stop_timeout_s=8)


def _allowed(settings: Settings, variable: str) -> str:
    """Whoever runs everything on one machine often has the target on it, or beside it: by default it may be there."""
    return "false" if settings.environment.get(variable) == "deny" else "true"


def _own_ports(settings: Settings, identity: Identity) -> str:
    """Where no callback may go. The front is open to everybody anyway, and has the example of a target."""
    ports = {*identity.ports.values(), settings.rtmp.number, settings.srt.number, settings.rtc.number}
    return ",".join(map(str, sorted(ports)))


def _media(settings: Settings, media: MediaServer) -> Program:
    environment = _environment(settings) | dict(media.env)
    return Program("media server", media.argv, environment, "media.log", media.cwd, stop_timeout_s=4)


def _agent(
    settings: Settings,
    identity: Identity,
    sockets: Sockets,
    media_settings: MediaSettings,
    media: MediaServer,
    ffmpeg: str,
    ffprobe: str,
) -> Program:
    ports = identity.ports
    environment = _environment(
        settings,
        SLUICE_CLOUD_SOCKET=str(sockets.host),
        SLUICE_LOCAL_SOCKET=str(sockets.agent),
        SLUICE_STATUS_SOCKET=str(sockets.status),
        SLUICE_JOIN_TOKEN_FILE=str(settings.run_dir / "join-token"),
        SLUICE_NODE_NAME=identity.node_name,
        SLUICE_AGENT_DIR=str(settings.home / "agent"),
        SLUICE_HLS_DIR=str(settings.home / "media"),
        SLUICE_DATA_DIR=str(settings.home),
        SLUICE_OBJECTS_DIR=str(settings.home / "objects"),
        SLUICE_PRIVATE_SOURCES=settings.environment.get("SLUICE_PRIVATE_SOURCES") or "allow",
        SLUICE_CALLBACKS_TO_SELF=settings.environment.get("SLUICE_LOOPBACK_TARGETS") or "allow",
        SLUICE_HOOK_LISTEN=f"127.0.0.1:{ports['hooks']}",
        SLUICE_HOOK_SECRET=identity.hook_secret,
        SLUICE_LOCAL_LISTEN=f"127.0.0.1:{ports['workers']}",
        SLUICE_SRS_API=f"http://127.0.0.1:{ports['media_api']}",
        SLUICE_SRS_API_PASSWORD=identity.media_password,
        SLUICE_SRS_RTMP=f"rtmp://{settings.here}:{settings.rtmp.number}",
        SLUICE_MEDIA_KIND=media.kind,
        SLUICE_SEGMENT_MODE="link",
        SLUICE_PUBLIC_PORTS=_public_ports(settings, media),
        SLUICE_PUBLIC_HOST=settings.public_host or urlsplit(settings.outside_url).hostname or "",
        SLUICE_PUBLIC_PREFIX=urlsplit(settings.outside_url).path,
        SLUICE_FRONT_ADMIN=f"unix/{sockets.front}",
        SLUICE_FRONT_HTTP=str(settings.http.number),
        SLUICE_FRONT_HTTPS=str(settings.https.number),
        SLUICE_FRONT_BIND=settings.bind,
        SLUICE_FRONT_LOG=str(settings.log_dir / "access.log"),
        SLUICE_SRS_HTTP=f"127.0.0.1:{ports['media_http']}",
        SLUICE_SRS_RTC_PORT=str(settings.rtc.number),
        **_hls_environment(media_settings, media),
        **_passed_on(settings.environment),
        FFMPEG_BIN=ffmpeg,
        FFPROBE_BIN=ffprobe,
    )
    return Program("agent", [sys.executable, "-m", "edge"], environment, "agent.log", stop_timeout_s=6)


def _public_ports(settings: Settings, media: MediaServer) -> str:
    ports = {"http": settings.http, "https": settings.https, "rtmp": settings.rtmp}
    if media.kind == "srs":
        ports |= {"srt": settings.srt, "rtc": settings.rtc}
    return ",".join(f"{name}={port.number}" for name, port in ports.items())


def _front(settings: Settings, sockets: Sockets, caddy: str) -> Program:
    """Caddy, which knows nothing yet but where the agent finds it."""
    from edge.web.front.caddyfile import startup

    path = settings.run_dir / "Caddyfile"
    path.write_text(startup(f"unix/{sockets.front}", settings.environment.get("SLUICE_ACME_RENEW_INTERVAL", "")))
    home = str(settings.home / "front")
    # Go keeps twice what it uses, unless it is told not to (runtime package, 'GOGC').
    environment = _environment(settings, XDG_DATA_HOME=home, XDG_CONFIG_HOME=home, GOGC="25")
    argv = [caddy, "run", "--config", str(path), "--adapter", "caddyfile"]
    return Program("front", argv, environment, "front.log", stop_timeout_s=3)


def _hls_environment(media_settings: MediaSettings, media: MediaServer) -> dict[str, str]:
    known = {
        "SLUICE_HLS_FRAGMENT_S": str(media_settings.hls_fragment_s),
        "SLUICE_HLS_WINDOW_S": str(media_settings.hls_window_s),
    }
    return known | ({"SLUICE_SRS_HLS_FILE": str(hls_file(media_settings))} if media.kind == "srs" else {})


def _passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """What the user says about WebRTC candidates, certificates, uploads and logs, as far as it is said."""
    names = ["NAME_LOOKUP", "PLATFORM_DOCKER", "CANDIDATE", "SLUICE_TLS_SHOW_KEY", "SLUICE_LOG_LEVEL"]
    names += ["SLUICE_OPEN_UPLOADS", "SLUICE_MAX_UPLOAD_MB", "YTDL_PROXY"]
    names += [name for name in environment if name.startswith("SLUICE_ACME_")]
    return {name: environment[name] for name in names if environment.get(name)}
