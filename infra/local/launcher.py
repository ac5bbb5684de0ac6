"""`make run`: everything on one machine, in the order in which one needs the other."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from edge.front.caddyfile import startup
from infra.errors import InfraError
from infra.local.banner import addresses, banner
from infra.local.cloud import ACCOUNT, REGION, STAGE, Cloud
from infra.local.identity import Identity, load_identity, write_private
from infra.local.lock import hold
from infra.local.media import MediaServer, MediaSettings, hls_file, plan_media_server
from infra.local.ports import require_free
from infra.local.probe import answers, read_json, warm
from infra.local.settings import Settings
from infra.local.supervisor import Child, Supervisor
from infra.local.tools import find_caddy, find_ffmpeg, find_ffprobe

_TEND_S = 0.2


@dataclass
class Launcher:
    """One run of one instance. `run` returns when it was told to stop, with nothing left running."""

    settings: Settings
    console: Console
    _stop: bool = field(default=False, init=False)

    def run(self) -> None:
        """Start everything, say so, and look after it until a signal comes.

        Raises:
            InfraError: something is missing or in the way; whatever had been started is stopped.
        """
        for folder in (self.settings.home, self.settings.run_dir, self.settings.log_dir):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        with hold(self.settings.run_dir):
            ready = self.settings.run_dir / "ready.json"
            ready.unlink(missing_ok=True)
            supervisor = Supervisor(self._say, lambda: self._stop)
            try:
                identity = self._start(supervisor)
                write_private(ready, json.dumps(addresses(self.settings, identity) | {"pid": os.getpid()}, indent=1))
                while not self._stop:
                    supervisor.tend()
                    time.sleep(_TEND_S)
            except KeyboardInterrupt:
                pass
            finally:
                ready.unlink(missing_ok=True)
                if supervisor.busy:
                    self._say("stopping …")
                    supervisor.stop()
                    self._say(f"stopped; the data is kept in {self.settings.home}")

    def _asked_to_stop(self, *_: object) -> None:
        self._stop = True

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)

    def _step(self, what: str, action: Callable[[], str]) -> None:
        """Do one thing, and say what came of it and how long it took."""
        if self._stop:
            raise KeyboardInterrupt
        began = time.monotonic()
        said = action()
        self._say(f"  ✓ {what:15} {said}  ({time.monotonic() - began:.1f} s)")

    def _start(self, supervisor: Supervisor) -> Identity:
        settings = self.settings
        ffmpeg, ffprobe, caddy = (find(settings.environment) for find in (find_ffmpeg, find_ffprobe, find_caddy))
        identity = load_identity(settings)
        media = plan_media_server(_media_settings(settings, identity), settings.environment)
        self._require_ports(media)
        cloud = Cloud(settings, identity, ffmpeg.path, ffprobe.path)
        self._say("Sluice starts. The first time takes a little longer.")
        self._step("embedded cloud", lambda: self._start_cloud(supervisor, cloud))
        self._step("functions", lambda: "deployed" if cloud.ensure_deployed() else "unchanged")
        children = (
            ("media server", _media_child(settings, identity, media), media.log_line.removeprefix("media server: ")),
            ("front", _front_child(settings, identity, caddy.path), "waits for the agent"),
            ("agent", _agent_child(settings, identity, cloud, media, ffmpeg.path, ffprobe.path), identity.url),
        )
        for what, child, said in children:
            self._step(what, partial(_start_child, supervisor, child, said))
        self._step("warm functions", lambda: warm(f"{identity.url}/v1/health"))
        identity = replace(identity, publish_secret=_publish_secret(identity))
        self._say(banner(settings, identity, media.kind))
        return identity

    def _start_cloud(self, supervisor: Supervisor, cloud: Cloud) -> str:
        def redeploy() -> None:
            try:
                cloud.ensure_deployed()
            except InfraError as error:
                self._say(f"the functions could not be deployed again: {error}")

        child = cloud.child()
        supervisor.start(replace(child, after_restart=redeploy))
        return cloud.endpoint

    def _require_ports(self, media: MediaServer) -> None:
        settings = self.settings
        ports = [settings.http, settings.https, settings.rtmp]
        if media.kind == "srs":
            ports += [settings.srt, settings.rtc]
        for port in ports:
            require_free(port, settings.bind)


def _start_child(supervisor: Supervisor, child: Child, said: str) -> str:
    supervisor.start(child)
    return said


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
    )


def _environment(settings: Settings, **more: str) -> dict[str, str]:
    """Of the user's environment, only what programs need to run at all."""
    kept = {name: settings.environment[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in settings.environment}
    return kept | {"PYTHONUNBUFFERED": "1"} | more


def _media_child(settings: Settings, identity: Identity, media: MediaServer) -> Child:
    versions = f"http://127.0.0.1:{identity.ports['media_api']}/api/v1/versions"
    return Child(
        name="media server",
        argv=media.argv,
        env=_environment(settings) | dict(media.env),
        log=settings.log_dir / "media.log",
        cwd=media.cwd,
        ready=lambda: answers(versions),
        stop_timeout_s=4,
    )


def _agent_child(
    settings: Settings, identity: Identity, cloud: Cloud, media: MediaServer, ffmpeg: str, ffprobe: str
) -> Child:
    ports = identity.ports
    status = f"http://127.0.0.1:{ports['status']}/status"
    environment = _environment(
        settings,
        SLUICE_CLOUD_URL_FILE=str(cloud.url_file),
        SLUICE_JOIN_TOKEN_FILE=str(settings.run_dir / "join-token"),
        SLUICE_NODE_NAME=identity.node_name,
        SLUICE_AGENT_DIR=str(settings.home / "agent"),
        SLUICE_HLS_DIR=str(settings.home / "media"),
        SLUICE_DATA_DIR=str(settings.home),
        SLUICE_PRIVATE_SOURCES="allow",
        # As the functions here do: whoever runs everything on one machine has the target on it, too.
        SLUICE_CALLBACKS_TO_SELF="allow",
        SLUICE_HOOK_LISTEN=f"127.0.0.1:{ports['hooks']}",
        SLUICE_STATUS_LISTEN=f"127.0.0.1:{ports['status']}",
        SLUICE_LOCAL_LISTEN=f"127.0.0.1:{ports['local']}",
        SLUICE_SRS_API=f"http://127.0.0.1:{ports['media_api']}",
        SLUICE_SRS_RTMP=f"rtmp://127.0.0.1:{settings.rtmp.number}",
        SLUICE_MEDIA_KIND=media.kind,
        SLUICE_SEGMENT_MODE="link",
        SLUICE_PUBLIC_PORTS=_public_ports(settings, media),
        SLUICE_FRONT_ADMIN=f"127.0.0.1:{ports['front_admin']}",
        SLUICE_FRONT_HTTP=str(settings.http.number),
        SLUICE_FRONT_HTTPS=str(settings.https.number),
        SLUICE_FRONT_BIND=settings.bind,
        SLUICE_FRONT_LOG=str(settings.log_dir / "access.log"),
        SLUICE_FRONT_API_FILE=str(cloud.api_file),
        SLUICE_FRONT_STORE=f"{cloud.endpoint}/sluice-{STAGE}-{ACCOUNT}-{REGION}",
        SLUICE_SRS_HTTP=f"127.0.0.1:{ports['media_http']}",
        SLUICE_SRS_RTC_PORT=str(settings.rtc.number),
        **_hls_environment(_media_settings(settings, identity), media),
        **_passed_on(settings),
        FFMPEG_BIN=ffmpeg,
        FFPROBE_BIN=ffprobe,
    )
    return Child(
        name="agent",
        argv=[sys.executable, "-m", "edge"],
        env=environment,
        log=settings.log_dir / "agent.log",
        # The front serves what the agent has told it to.
        ready=lambda: _agent_is_ready(read_json(status)) and answers(f"{identity.url}/v1/health"),
        stop_timeout_s=6,
    )


def _publish_secret(identity: Identity) -> str:
    """The secret that holds now: it may have been changed since the first start."""
    url, headers = f"{identity.url}/v1/settings/publish", {"Authorization": f"Bearer {identity.api_secret}"}
    return str(read_json(url, headers).get("secret") or identity.publish_secret)


def _public_ports(settings: Settings, media: MediaServer) -> str:
    ports = {"http": settings.http, "https": settings.https, "rtmp": settings.rtmp}
    if media.kind == "srs":
        ports |= {"srt": settings.srt, "rtc": settings.rtc}
    return ",".join(f"{name}={port.number}" for name, port in ports.items())


def _agent_is_ready(status: dict[str, Any]) -> bool:
    """Enrolled, in touch with the cloud, and with a media server."""
    cloud, media = status.get("cloud", {}), status.get("media_server", {})
    return bool(status.get("node") and cloud.get("last_sync_age_s") is not None and media.get("up"))


def _front_child(settings: Settings, identity: Identity, caddy: str) -> Child:
    """Caddy, which knows nothing yet but where the agent finds it."""
    admin = f"127.0.0.1:{identity.ports['front_admin']}"
    path: Path = settings.run_dir / "Caddyfile"
    path.write_text(startup(admin, settings.environment.get("SLUICE_ACME_RENEW_INTERVAL", "")))
    home = str(settings.home / "front")
    return Child(
        name="front",
        argv=[caddy, "run", "--config", str(path), "--adapter", "caddyfile"],
        env=_environment(settings, XDG_DATA_HOME=home, XDG_CONFIG_HOME=home),
        log=settings.log_dir / "front.log",
        ready=lambda: answers(f"http://{admin}/config/"),
        stop_timeout_s=3,
    )


def _hls_environment(media_settings: MediaSettings, media: MediaServer) -> dict[str, str]:
    known = {
        "SLUICE_HLS_FRAGMENT_S": str(media_settings.hls_fragment_s),
        "SLUICE_HLS_WINDOW_S": str(media_settings.hls_window_s),
    }
    return known | ({"SLUICE_SRS_HLS_FILE": str(hls_file(media_settings))} if media.kind == "srs" else {})


def _passed_on(settings: Settings) -> dict[str, str]:
    """What the user says about WebRTC candidates and certificates, as far as it is said."""
    names = ["NAME_LOOKUP", "PLATFORM_DOCKER", "CANDIDATE", "SLUICE_TLS_SHOW_KEY"]
    names += [name for name in settings.environment if name.startswith("SLUICE_ACME_")]
    return {name: settings.environment[name] for name in names if settings.environment.get(name)}
