"""Secrets are where they may be, and nowhere else: not in logs, callbacks, object keys or what the API lists."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Final

from .system import System

_LISTINGS: Final = ("events", "deliveries", "recordings", "sessions", "streams", "destinations", "nodes")


def assert_hidden(system: System, canaries: dict[str, str]) -> None:
    """`canaries`: what must not be seen, by what it is. Looks through all that the instance has left so far."""
    _logs(system.home, canaries)
    for call in list(system.received.calls):
        body = {k: v for k, v in call.items() if not (call["action"] == "on_publish" and k == "param")}
        assert _held(json.dumps(body), canaries) == [], call["action"]
    for path in (system.home / "objects").rglob("*"):
        assert _held(str(path.relative_to(system.home)), canaries) == [], "a key"
    for listing in _LISTINGS:
        assert _held(json.dumps(system.api.call("GET", f"/v1/{listing}")), canaries) == [], listing


def _logs(home: Path, canaries: dict[str, str]) -> None:
    logs = [p for p in (home / "logs").rglob("*") if p.is_file()]
    assert {"agent.log", "access.log", "host.log"} <= {p.name for p in logs}
    # The media server writes what it is asked into its own log, and SRS offers no way to keep queries out of it:
    # the file is for its owner alone.
    media_logs = [p for p in logs if p.name.startswith("media.log")]
    for path in logs:
        if path not in media_logs:
            assert _held(path.read_text(errors="replace"), canaries) == [], path.name
    for path in [*media_logs, home / "launcher.log"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE((home / "logs").stat().st_mode) == 0o700


def _held(text: str, canaries: dict[str, str]) -> list[str]:
    """What of it the text holds, by its name: a failing test shows no secret."""
    return [what for what, secret in canaries.items() if secret in text]
