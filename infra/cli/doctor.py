"""`sluice doctor`: what is not ready, and how to mend it. It asks what runs, and does not guess from its own shell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.markup import escape

from infra.cli import here
from infra.cli.client import ALL, Api, CliError
from infra.cli.findings import BACKLOG_S, Finding, judge_version
from infra.cli.output import console, printable, show_json, size

_MEDIA_SERVERS: Final = {"srs": "SRS", "stand-in": "the stand-in"}


def _node(node: dict[str, Any]) -> Iterator[Finding]:
    name, seen = f"node {node['name']}", node["observed"]
    if node["state"] != "online" or seen is None:
        hint = "Is the agent running? Look at its log; it must reach the API."
        yield Finding(name, False, f"{node['state']}, last seen {node['last_seen'] or 'never'}", hint)
        return
    if since := seen.get("media_server_silent_since"):
        hint = "It works on, and no stream is ended for it: this machine is too busy. See what takes its processors."
        yield Finding(name, False, f"its media server does not answer since {since}", hint)
    elif not seen["media_server_up"]:
        yield Finding(name, False, "its media server is down", "Look at the media server's log.")
    elif seen["oldest_pending_s"] > BACKLOG_S:
        said = f"{seen['pending_segments']} segments and {seen['pending_events']} events wait"
        yield Finding(name, False, said, "The store or the API is slow or out of reach; nothing is lost meanwhile.")
    else:
        kind = seen["media_server"]
        server = f"{_MEDIA_SERVERS.get(kind, kind or '-')} {seen['media_server_version'] or '-'}"
        said = f"online, {server}, {size(seen.get('disk_free_bytes'))} free"
        yield Finding(name, True, said, here.STAND_IN if kind == "stand-in" else "")
    yield _ffmpeg_of(name, seen)


def _ffmpeg_of(name: str, seen: dict[str, Any]) -> Finding:
    """As the node sees it."""
    ffmpeg = seen.get("ffmpeg") or {}
    judged = judge_version(f"{name}, ffmpeg", ffmpeg.get("version") or seen.get("ffmpeg_version") or "")
    if judged.ok and (missing := ffmpeg.get("missing")):
        said = f"{judged.said} cannot {', '.join(missing)}"
        return Finding(judged.what, False, said, "Give the node a fuller build: FFMPEG_BIN.")
    return judged


def _cloud() -> Iterator[Finding]:
    try:
        api = Api.from_environment()
        api.call("GET", "/v1/health")
        nodes = list(api.items("/v1/nodes", ALL))
        dead = list(api.items("/v1/deliveries", 100, state="dead"))
        # A no to a question is an answer; a no to what was only told loses it.
        dead += [d for d in api.items("/v1/deliveries", 100, state="refused") if d["action"] != "on_publish"]
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
    yield Finding("callbacks", not dead, f"{len(dead)} were given up or refused" if dead else "no dead letters", hint)
    yield from _data(data)


def _data(data: dict[str, Any]) -> Iterator[Finding]:
    """What was given up, and the copy of the database elsewhere."""
    given_up = data["dead_letters"]
    hint = "See `sluice dead-letters list` and the log of the host; then `sluice dead-letters redrive ID`."
    said = "-" if given_up is None else f"{given_up or 'none'} given up"
    yield Finding("work", not given_up, said, hint if given_up else "")
    copy = data["replication"]
    if copy is not None:
        ok = copy["state"] == "ok"
        said = copy["state"] + (f": {copy['error']}" if copy["error"] else "")
        yield Finding("replication", ok, said, "" if ok else "Look at logs/replication.log; the data here is safe.")


def findings() -> list[Finding]:
    """Everything that was looked at: the instance of this machine, unless another is named, then what its API says."""
    elsewhere = os.environ.get("SLUICE_URL") and os.environ.get("SLUICE_TOKEN")
    home = Path(os.environ.get("SLUICE_HOME") or "data").absolute()
    return [*([] if elsewhere else here.findings(home)), *_cloud()]


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
