"""What `sluice doctor` sees of an instance on this machine: while it runs, what it says of itself; else what `make run`
would find.
"""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from infra.cli.findings import BACKLOG_S, Finding, judge_ffmpeg, judge_version
from infra.cli.output import size
from infra.errors import InfraError
from infra.local.lock import holder
from infra.local.probe import ask, read_json
from infra.local.sockets import Sockets, sockets_of
from infra.local.tools import (
    MissingToolError,
    Tool,
    find_caddy,
    find_ffmpeg,
    find_ffprobe,
    find_nginx,
    find_srs,
    version_at,
)

LOW_DISK: Final = 2_000_000_000
STAND_IN: Final = "It does RTMP and HLS only. For SRT, WebRTC and HTTP-FLV install SRS and name it in SRS_BIN."


def findings(home: Path) -> Iterator[Finding]:
    """Everything about the instance in `home`, in the order in which one thing needs the other."""
    pid = holder(home / "run")
    if pid is None:
        yield Finding("instance", False, f"nothing runs in {home}", "Start it: `make run`. It would find what follows.")
        yield from _would_be_found()
    else:
        yield Finding("instance", True, f"runs in {home} (pid {pid})")
        yield from _running(home)
    yield _disk(home)


# while it runs


def _running(home: Path) -> Iterator[Finding]:
    try:
        sockets = sockets_of(home)
    except InfraError as error:
        yield Finding("sockets", False, str(error), error.hint)
        return
    status = read_json(sockets.status, "/status")
    yield _sockets(sockets)
    yield from _programs(status.get("programs", {}))
    yield _front(status)
    yield _segments(status.get("store") or {})
    yield from _host(sockets.host)


def _sockets(sockets: Sockets) -> Finding:
    where = {"host": sockets.host, "agent": sockets.agent, "status": sockets.status, "front": sockets.front}
    silent = [name for name, path in where.items() if not ask(path, "/healthz")[0]]
    if silent:
        hint = f"Look at the log of each in {sockets.folder.parent / 'logs'}; what ends is started again by itself."
        return Finding("sockets", False, f"{', '.join(silent)} do not answer in {sockets.folder}", hint)
    if stat.S_IMODE(sockets.folder.stat().st_mode) & 0o077:
        hint = f"chmod 700 {sockets.folder}"
        return Finding("sockets", False, f"others of this machine may enter {sockets.folder}", hint)
    return Finding("sockets", True, f"{', '.join(where)} answer in {sockets.folder}")


def _programs(programs: dict[str, str]) -> Iterator[Finding]:
    for name in ("ffmpeg", "ffprobe"):
        path = programs.get(name, "")
        version = version_at(name, path) if path else ""
        judged = judge_version(name, version)
        if not path:
            yield Finding(name, False, "-", "The agent does not say; look at its log.")
        elif not shutil.which(path):
            yield Finding(name, False, f"{path} is gone", "Install it again, or restart the instance to find another.")
        else:
            yield Finding(name, judged.ok, f"{judged.said} ({path})", judged.hint)


def _front(status: dict[str, Any]) -> Finding:
    front = status.get("front") or {}
    if front.get("loaded"):
        return Finding("front", True, "serves what the agent told it to")
    return Finding("front", False, str(front.get("error") or "not told yet"), "Look at logs/front.log and agent.log.")


def _segments(store: dict[str, Any]) -> Finding:
    """Whether recordings cost their room once, or twice until they are stored."""
    kind, copies = store.get("kind"), store.get("copies")
    if copies:
        hint = "The folders media, agent and objects lie on several file systems; on one, nothing is copied."
        return Finding("segments", True, "copied into the folder of the recordings", hint)
    if kind == "folder":
        said = "linked into the folder of the recordings" if copies is False else "to be linked; there was none yet"
        return Finding("segments", True, said)
    return Finding("segments", True, f"sent to: {kind}" if kind else "-")


def _host(socket: Path) -> Iterator[Finding]:
    status, body = ask(socket, "/healthz")
    if status == 503:
        silent = ", ".join(json.loads(body).get("silent", []))
        yield Finding(
            "host", False, f"these loops do nothing: {silent}", "Look at logs/host.log; restart the instance."
        )
    known = _metrics(ask(socket, "/metrics", timeout_s=10.0)[1].decode())
    yield _database(known)


def _metrics(text: str) -> dict[str, float]:
    """The numbers without labels, by name."""
    rows = [line.split() for line in text.splitlines() if line and line[0] != "#" and "{" not in line]
    return {row[0]: float(row[1]) for row in rows if len(row) == 2}


def _database(known: dict[str, float]) -> Finding:
    waiting = [known.get(name) for name in ("sluice_outbox_changes", "sluice_queue_messages")]
    changes, messages = ("-" if number is None else f"{number:.0f}" for number in waiting)
    said = f"{size(known.get('sluice_database_bytes'))}; {changes} changes and {messages} messages wait"
    late = max(known.get("sluice_outbox_age_seconds", 0), known.get("sluice_queue_late_seconds", 0))
    if late > BACKLOG_S:
        return Finding("database", False, f"{said}, the oldest for {late:.0f} s", "Look at logs/host.log.")
    return Finding("database", bool(known), said, "" if known else "The host gives no metrics; look at logs/host.log.")


def _disk(home: Path) -> Finding:
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:.1f} GB free"
    return Finding("disk", free > LOW_DISK, said, "" if free > LOW_DISK else "Free some space, or move SLUICE_HOME.")


# while it does not


def _would_be_found() -> Iterator[Finding]:
    yield _ffmpeg()
    yield _tool("ffprobe", find_ffprobe)
    yield _tool("caddy", find_caddy)
    yield _media_server()


def _tool(what: str, find: Callable[[], Tool]) -> Finding:
    try:
        tool = find()
    except MissingToolError as error:
        return Finding(what, False, "not found", str(error))
    return Finding(what, True, f"{tool.version or '-'} ({tool.path})")


def _ffmpeg() -> Finding:
    try:
        tool = find_ffmpeg()
        argv = [tool.path, "-hide_banner", "-protocols"]
        listed = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except (MissingToolError, OSError, subprocess.TimeoutExpired) as error:
        return Finding("ffmpeg", False, "not found", str(error))
    judged = judge_ffmpeg(tool.version, listed.stdout)
    return Finding("ffmpeg", judged.ok, f"{judged.said} ({tool.path})", judged.hint)


def _media_server() -> Finding:
    try:
        if found := find_srs():
            return Finding("media server", True, f"SRS {found.version or '-'} ({found.path})")
        nginx = find_nginx()
    except MissingToolError as error:
        return Finding("media server", False, "not found", str(error))
    return Finding("media server", True, f"the stand-in on nginx {nginx.version or '-'}", STAND_IN)
