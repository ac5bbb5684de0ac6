"""After all that: the secrets are where they may be, and nowhere else. Runs last, over what the other tests left."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import httpx
import pytest

from .rtmp_sink import RtmpSink
from .system import System, new_name, until

pytestmark = pytest.mark.media


def _holds(path: Path, canaries: dict[str, str]) -> list[str]:
    content = path.read_bytes()
    return [what for what, secret in canaries.items() if secret.encode() in content]


def test_no_secret_is_in_a_log_a_callback_or_a_key(system: System, sink: RtmpSink) -> None:
    name, key = new_name("canary"), new_name("stream-key")
    target = system.add_destination(name, sink.url(key))
    dead = new_name("dead-key")
    system.add_destination(name, f"rtmp://user:{dead}@127.0.0.1:1/app/{dead}?auth={dead}")
    encoders = [system.publish(name), system.publish(name + system.secret, suffix="")]
    system.live(name)
    system.live(f"{name}***")
    until(lambda: system.push(target).get("state") == "running", "the push runs")
    assert system.refused(f"live/{name}?secret={system.secret}"), "the stream is live already"
    link = system.api.call("POST", "/v1/streams/play-links", {"stream": f"live/{name}"})
    httpx.get(link["urls"]["hls"], trust_env=False, timeout=10)
    for encoder in encoders:
        system.end(encoder)
    system.gone(name)
    system.recorded(name)
    system.assert_told(name)
    system.assert_told(f"{name}***")
    until(lambda: [r for r in system.recordings(f"{name}***") if r["state"] == "ready"], "it is finished", 60)
    canaries = system.secrets() | {"stream key": key, "dead stream key": dead, "play link": link["token"]}

    logs = [p for p in (system.home / "logs").rglob("*") if p.is_file()]
    assert {"agent.log", "access.log", "host.log"} <= {p.name for p in logs}
    # The media server writes what it is asked into its own log, and SRS offers no way to keep queries out of it:
    # the file is for its owner alone.
    media_logs = [p for p in logs if p.name.startswith("media.log")]
    for path in logs:
        if path not in media_logs:
            assert _holds(path, canaries) == [], path.name
    for path in [*media_logs, system.home / "launcher.log"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE((system.home / "logs").stat().st_mode) == 0o700

    for call in list(system.received.calls):
        body = {k: v for k, v in call.items() if not (call["action"] == "on_publish" and k == "param")}
        assert [what for what, secret in canaries.items() if secret in json.dumps(body)] == [], call["action"]
    assert set(system.callbacks(f"{name}***")) == set(system.callbacks(name)), "told under the name that is shown"
    for path in (system.home / "objects").rglob("*"):
        assert not any(secret in str(path.relative_to(system.home)) for secret in canaries.values())
    for listing in ("events", "deliveries", "recordings", "sessions", "streams", "destinations", "nodes"):
        text = json.dumps(system.api.call("GET", f"/v1/{listing}"))
        assert not [what for what, secret in canaries.items() if secret in text], listing
