"""`sluice diagnostics`: a bundle for whoever helps, without secrets."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from chalicelib.wire import masking
from infra.cli import doctor
from infra.cli.client import Api, CliError
from infra.cli.data import write_private
from infra.cli.output import errors, show_json

MASK: Final = "***"
LOG_TAIL: Final = 512 * 1024
SHORTEST_SECRET: Final = 6
LOGS: Final = ("agent.log", "host.log", "front.log", "access.log")
"""The media server's log is left out: SRS writes publish secrets into it."""
_PATTERNS: Final = (
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), MASK),
    (re.compile(r"(/v1/shares/|/recordings/)[^/\s\"'?]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)([?&,;](?:[\w-]*(?:token|secret|key|pass\w*|sign\w*|sluice_\w+))=)[^&\s\"',]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"(?i)[^/\s\"']+(\.(?:flv|m3u8|aac|mp3|ts))\b"), rf"{MASK}\1"),
    (re.compile(r"(?i)\b((?:rtmps?|srt)://[^/\s\"'?]+)[/?][^\s\"']*"), rf"\1/{MASK}"),
)
ASKED: Final = ("nodes", "streams", "sessions", "recordings", "destinations", "deliveries", "events", "audit")

app_json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text without any of the secrets, longest first, so that none is left in part; and without what looks like
    one: the tokens of links, of which nobody keeps a list.
    """
    for secret in sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return masking.masked(text)


def by_pattern(text: str) -> str:
    """The text without what looks like a secret, whether it is known or not: the tokens of links, keys in queries, the
    names of streams in addresses of media, which may end in a secret.
    """
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in a file, or an empty one."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def known_secrets(home: Path, copy: dict[str, Any]) -> set[str]:
    """Everything secret that the instance's own file and its settings hold."""
    found: set[str] = set()
    kept = _object(home / "instance.json")
    found |= {v for k, v in kept.items() if k.endswith(("secret", "password", "token"))}
    found |= {v for k, v in _object(home / "agent" / "state.json").items() if k != "node"}
    publish = copy.get("publish", {})
    found |= {str(publish.get("secret", "")), *_strings(publish.get("retired", []))}
    found |= {str(copy.get("callbacks", {}).get(name, "")) for name in ("target", "opaque")}
    for room in copy.get("rooms", []):
        found |= {room["secret"], *_strings(room.get("extra", {}))}
    for destination in copy.get("destinations", []):
        url = destination["url"]
        found |= {url, url.rpartition("/")[2], *_strings(destination.get("slot") or {})}
    return {s for s in found if isinstance(s, str)}


def _tail(path: Path) -> str:
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG_TAIL))
        return log.read().decode("utf-8", "replace")


def _asked(api: Api, what: str) -> Any:
    query: dict[str, Any] = {} if what in ("nodes", "streams", "destinations") else {"limit": 100}
    try:
        return api.call("GET", f"/v1/{what}", **query)
    except CliError as error:
        return {"error": str(error)}


def _settings(api: Api, home: Path) -> dict[str, Any]:
    """The settings, whose secrets are to be masked. A token for support gets none, and needs none where there is no log
    that could hold one.

    Raises:
        CliError: they cannot be had, and there are logs.
    """
    try:
        return dict(api.call("GET", "/v1/backup"))
    except CliError:
        if any((home / "logs" / name).exists() for name in LOGS):
            raise
        return {}


def diagnostics(
    file: Annotated[Path, typer.Argument(help="The zip file to write.")], as_json: app_json = False
) -> None:
    """Write what is needed to help you into a file, without secrets. Look into it before you send it."""
    api = Api.from_environment()
    home = Path(os.environ.get("SLUICE_HOME") or "data")
    copy = _settings(api, home)
    secrets = known_secrets(home, copy)
    parts = {f"{what}.json": json.dumps(_asked(api, what), indent=1, ensure_ascii=False) for what in ASKED}
    parts["doctor.json"] = json.dumps([asdict(f) for f in doctor.findings()], indent=1, ensure_ascii=False)
    for name in LOGS:
        if (home / "logs" / name).exists():
            parts[f"logs/{name}"] = _tail(home / "logs" / name)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in parts.items():
            bundle.writestr(name, masked(by_pattern(text) if name.startswith("logs/") else text, secrets))
    write_private(file, content.getvalue())
    if as_json:
        show_json({"file": str(file), "parts": sorted(parts)})
    else:
        errors.print(f"{file} holds {len(parts)} parts; look into it before you send it", markup=False)
