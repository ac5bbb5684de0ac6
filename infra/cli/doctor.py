"""`sluice doctor`: what is not ready, and how to mend it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.markup import escape

from infra.cli.client import ALL, Api, CliError
from infra.cli.output import console, printable, show_json
from infra.local.tools import MissingToolError, Tool, find_caddy, find_ffmpeg, find_ffprobe, find_srs

OLDEST_FFMPEG: Final = (4, 4)
PROTOCOLS: Final = ("rtmp", "rtmps", "srt")
LOW_DISK: Final = 2_000_000_000
BACKLOG_S: Final = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `hint` says how to mend it."""

    what: str
    ok: bool
    said: str
    hint: str = ""


def version_of(text: str) -> tuple[int, int] | None:
    """Major and minor of FFmpeg's version line, None for a build that names none (a snapshot)."""
    found = re.match(r"n?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def judge_ffmpeg(version: str, protocols: str) -> Finding:
    """Whether an FFmpeg can do what pushes need, by its version and the output of `ffmpeg -protocols`."""
    number = version_of(version)
    if number is not None and number < OLDEST_FFMPEG:
        oldest = ".".join(map(str, OLDEST_FFMPEG))
        return Finding(
            "ffmpeg", False, f"{version} is too old", f"Install {oldest} or newer, or name it in FFMPEG_BIN."
        )
    outputs = set(protocols.partition("Output:")[2].split())
    missing = [p for p in PROTOCOLS if p not in outputs]
    if missing:
        hint = "Pushes to such URLs will fail. Name a fuller build in FFMPEG_BIN."
        return Finding("ffmpeg", False, f"{version} cannot write {', '.join(missing)}", hint)
    return Finding("ffmpeg", True, version)


def _tool(what: str, find: Callable[[], Tool | None]) -> Finding:
    try:
        tool = find()
    except MissingToolError as error:
        return Finding(what, False, "not found", str(error))
    return Finding(what, True, f"{tool.version} ({tool.path})") if tool else Finding(what, True, "none")


def _ffmpeg() -> Finding:
    try:
        tool = find_ffmpeg()
        argv = [tool.path, "-hide_banner", "-protocols"]
        listed = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except (MissingToolError, OSError, subprocess.TimeoutExpired) as error:
        return Finding("ffmpeg", False, "not found", str(error))
    return judge_ffmpeg(tool.version, listed.stdout)


def _media_server() -> Finding:
    found = find_srs()
    if found is not None:
        return Finding("media server", True, f"SRS {found.version} ({found.path})")
    hint = "The stand-in does RTMP and HLS only. For SRT, WebRTC and HTTP-FLV install SRS and name it in SRS_BIN."
    return Finding("media server", True, "the stand-in (no SRS found)", hint)


def _disk(home: Path) -> Finding:
    free = shutil.disk_usage(home if home.exists() else home.parent).free
    said = f"{free / 1e9:.1f} GB free"
    return Finding("disk", free > LOW_DISK, said, "" if free > LOW_DISK else "Free some space, or move SLUICE_HOME.")


def _links(home: Path) -> Finding:
    """Segments are kept by hard links: the media folder and the agent's must be on one file system."""
    media, agent = home / "media", home / "agent"
    if not (media.is_dir() and agent.is_dir()):
        return Finding("hard links", True, "not started yet")
    probe, link = media / ".probe", agent / ".probe"
    try:
        probe.write_bytes(b"")
        link.unlink(missing_ok=True)
        os.link(probe, link)
    except OSError as error:
        hint = "Put both on one file system, or set SLUICE_SEGMENT_MODE=copy."
        return Finding("hard links", False, f"cannot link from {media} to {agent}: {error.strerror}", hint)
    finally:
        probe.unlink(missing_ok=True)
        link.unlink(missing_ok=True)
    return Finding("hard links", True, "the media folder and the spool share a file system")


def _node(node: dict[str, Any]) -> Iterator[Finding]:
    name, seen = f"node {node['name']}", node["observed"]
    if node["state"] != "online" or seen is None:
        hint = "Is the agent running? Look at its log; it must reach the API."
        yield Finding(name, False, f"{node['state']}, last seen {node['last_seen'] or 'never'}", hint)
        return
    if not seen["media_server_up"]:
        yield Finding(name, False, "its media server is down", "Look at the media server's log.")
    elif seen["oldest_pending_s"] > BACKLOG_S:
        said = f"{seen['pending_segments']} segments and {seen['pending_events']} events wait"
        yield Finding(name, False, said, "The store or the API is slow or out of reach; nothing is lost meanwhile.")
    else:
        yield Finding(name, True, f"online, {seen['media_server']} {seen['media_server_version']}")


def _cloud() -> Iterator[Finding]:
    try:
        api = Api.from_environment()
        api.call("GET", "/v1/health")
        nodes = list(api.items("/v1/nodes", ALL))
        dead = list(api.items("/v1/deliveries", 100, state="dead"))
        data = api.call("GET", "/v1/system")
    except CliError as error:
        yield Finding("API", False, "not ready", str(error))
        return
    yield Finding("API", True, api.url)
    if not nodes:
        yield Finding("nodes", False, "none has enrolled", "Start the agent with a join token.")
    for node in nodes:
        yield from _node(node)
    hint = "See `sluice callbacks deliveries`; mend the target, then `sluice callbacks resend ID`." if dead else ""
    yield Finding("callbacks", not dead, f"{len(dead)} dead letters" if dead else "no dead letters", hint)
    yield from _data(data)


def _data(data: dict[str, Any]) -> Iterator[Finding]:
    """What was given up, and the copy of the database elsewhere."""
    given_up = data["dead_letters"] or 0
    hint = "See `sluice dead-letters list` and the log of the host; then `sluice dead-letters redrive ID`."
    yield Finding(
        "work", not given_up, f"{given_up} given up" if given_up else "none given up", hint if given_up else ""
    )
    copy = data["replication"]
    if copy is not None:
        ok = copy["state"] == "ok"
        said = copy["state"] + (f": {copy['error']}" if copy["error"] else "")
        yield Finding("replication", ok, said, "" if ok else "Look at logs/replication.log; the data here is safe.")


def findings() -> list[Finding]:
    """Everything that was looked at, in the order in which one thing needs the other."""
    home = Path(os.environ.get("SLUICE_HOME") or "data")
    tools = [_ffmpeg(), _tool("ffprobe", find_ffprobe), _tool("caddy", find_caddy), _media_server()]
    return [*tools, _disk(home), _links(home), *_cloud()]


def run(*, as_json: bool) -> int:
    """Look, tell, and return the exit status: 0 when all is ready."""
    found = findings()
    if as_json:
        show_json([asdict(f) for f in found])
    else:
        for f in found:
            mark = "[green]✓[/green]" if f.ok else "[red]✗[/red]"
            console.print(f"{mark} {escape(printable(f'{f.what}: {f.said}'))}", highlight=False, soft_wrap=True)
            if f.hint:
                console.print(f"    {f.hint}", style="dim", markup=False, highlight=False, soft_wrap=True)
    return 0 if all(f.ok for f in found) else 1
