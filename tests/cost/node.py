"""A node as the cloud hears it: what an agent sends in the course of a stream, and how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ulid import ULID

from .meter import Meter
from .world import World, first_secret

SYNCS_AN_HOUR: Final = 120
"""Every 30 s while something is live (`chalicelib/services/edges/sync.py`)."""
IDLE_SYNCS_AN_HOUR: Final = 60
POLLS_AN_HOUR: Final = 180
"""A long poll of its queue takes 20 s (`edge/cloud/nudges.py`)."""
FFMPEG: Final = "7.1.1-1ubuntu4~22.04.sav0 Copyright (c) 2000-2025 the FFmpeg developers"
_PROTOCOLS: Final = ["file", "http", "https", "rtmp", "rtmps", "srt", "tls", "udp", "tcp"]


class Node:
    """An enrolled node."""

    def __init__(self, world: World, nonce: str) -> None:
        self.world = world
        self.id, self.token = world.enroll(nonce)
        self._seq = 0
        self._revision = self._snapshot = ""
        self._beat = 0
        self.sessions: dict[str, dict[str, str]] = {}
        self.pushes: list[dict[str, Any]] = []

    def observed(self) -> dict[str, Any]:
        """What it sees; numbers change with each look, as they do."""
        self._beat += 1
        rate = 2500.0 + self._beat % 97 + 0.25
        sessions = [
            {
                "session": session, "stream": stream, "state": "live", "viewers": 20 + self._beat % 7,
                "bitrate_kbps": rate, "video": "H264 1920x1080", "audio": "AAC 48000 Hz", "protocol": "rtmp",
            }
            for session, stream in self.sessions.items()
        ]  # fmt: skip
        machine = {
            "cpu_percent": 20.0 + self._beat % 31, "cpus": 4, "memory_total_bytes": 8_000_000_000,
            "memory_available_bytes": 5_000_000_000 + self._beat * 4096, "disk_total_bytes": 80_000_000_000,
            "received_bytes_s": 3_000_000 + self._beat, "sent_bytes_s": 60_000_000 + self._beat,
        }  # fmt: skip
        return {
            "media_server": "srs", "media_server_up": True, "media_server_version": "7.0.18", "service_id": "k2p8s91x",
            "ffmpeg_version": FFMPEG, "sessions": sessions, "machine": machine, "host": "edge-1.example.com",
            "ffmpeg": {"version": FFMPEG, "protocols": _PROTOCOLS, "encoders": ["libx264", "aac"], "cards": True},
            "pushes": [push | {"bitrate_kbps": rate} for push in self.pushes], "pending_segments": self._beat % 3,
            "disk_free_bytes": 60_000_000_000 - self._beat * 1_000_000,
            "ports": {"http": 80, "https": 443, "rtmp": 1935, "srt": 10080, "rtc": 8000},
            "certificates": [{
                "domain": "edge-1.example.com", "state": "valid", "issuer": "Let's Encrypt R11",
                "not_before": "2026-10-01T00:00:00Z", "not_after": "2026-12-30T00:00:00Z",
            }],
        }  # fmt: skip

    def sync(self, **more: Any) -> tuple[dict[str, Any], Meter]:
        """One sync, with what the last one brought."""
        body = {
            "agent_version": "0.1", "observed": self.observed(), "revision": self._revision,
            "snapshot_revision": self._snapshot, "acked_seq": self._seq, "sent_at": datetime.now(UTC).isoformat(),
            "fetches_snapshot": True,
        }  # fmt: skip
        answer, meter = self.world.edge("sync", self.token, body | more)
        self._revision = answer["revision"]
        self._snapshot = (answer["snapshot"] or {}).get("revision") or self._snapshot
        return answer, meter

    def publish(self, session: str, stream: dict[str, str], param: str = "") -> Meter:
        """A client asks to publish."""
        body = {
            "session": session, "at": datetime.now(UTC).isoformat(), "stream": stream, "client_id": "c",
            "service_id": "s", "param": param or f"?secret={first_secret()}",
        }  # fmt: skip
        answer, meter = self.world.edge("publish", self.token, body)
        assert answer["decision"] == "allow", answer
        return meter

    def event(self, kind: str, session: str, **body: Any) -> dict[str, Any]:
        """An event, numbered."""
        self._seq += 1
        return {
            "id": str(ULID()), "seq": self._seq, "at": datetime.now(UTC).isoformat(), "session": session,
            "stream": self.sessions.get(session), "body": {"kind": kind, **body},
        }  # fmt: skip

    def tell(self, *events: dict[str, Any]) -> Meter:
        """Send a batch."""
        sent = {"events": list(events), "sent_at": (datetime.now(UTC) + timedelta(seconds=1)).isoformat()}
        answer, meter = self.world.edge("events", self.token, sent)
        assert all(r["outcome"] == "accepted" for r in answer["results"]), answer
        return meter

    def go_live(self, name: str) -> str:
        """A stream begins, is recorded, and is pushed where a destination wants it; gives its session."""
        session = str(ULID())
        stream = {"app": "live", "stream": name}
        self.publish(session, stream)
        self.sessions[session] = stream
        self.tell(self.event("session.admitted", session, client_id="c", service_id="s", client_ip="203.0.113.9"))
        self.tell(self.event("session.live", session))
        self.world.follow()
        answer, _ = self.sync()
        desired = answer["desired"] or {"sessions": [], "pushes": []}
        recording = next((s["recording"] for s in desired["sessions"] if s["session"] == session), None)
        if recording:
            self.tell(self.event("recording.started", session, recording=recording))
        for push in desired["pushes"]:
            if push["session"] == session:
                self._push(session, push)
        self.world.follow()
        return session

    def _push(self, session: str, push: dict[str, Any]) -> None:
        told = {"destination": push["destination"], "fence": push["fence"]}
        self.pushes.append(told | {"session": session, "state": "running", "attempt": 1})
        self.tell(self.event("push.state", session, **told, state="starting", attempt=1))
        self.tell(self.event("push.state", session, **told, state="running", attempt=1, bitrate_kbps=2500.0))

    def end(self, session: str) -> str:
        """A stream ends, its push stops, its last segment is stored; gives its recording."""
        self.tell(self.event("session.ended", session))
        self.world.follow()
        ended = [p for p in self.pushes if p["session"] == session]
        for push in ended:
            stopped = {"destination": push["destination"], "fence": push["fence"], "state": "stopped"}
            self.tell(self.event("push.state", session, **stopped))
        self.pushes = [p for p in self.pushes if p["session"] != session]
        recording = self._recording(session)
        done = {"recording": recording, "segments": 360, "duration_ms": 3_600_000, "bytes": 900_000_000}
        self.tell(self.event("recording.part_done", session, **done))
        self.sessions.pop(session)
        self.world.follow()
        return recording

    def _recording(self, session: str) -> str:
        from chalicelib.domain.model.sessions import Session

        found = self.world.wiring.store.get(Session, self.id, session)
        assert found is not None
        assert found.recording
        return found.recording
