"""A crowded instance: a thousand recordings, two hundred streams, five hundred destinations. The recordings are written
into the database of an instance that is stopped; the streams are told by a node that is made up and has no media.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from ulid import ULID

from .system import System

RECORDINGS: Final = 1000
STREAMS: Final = 200
DESTINATIONS: Final = 500
EVERY_S: Final = 2.0


def fill_library(home: Path, count: int = RECORDINGS) -> None:
    """Recordings, in a program of its own: the database of an instance has one user. The instance is stopped."""
    subprocess.run([sys.executable, "-m", "tests.e2e.crowd", str(home), str(count)], check=True)


def _write(home: Path, count: int) -> None:
    from chalicelib.config import Config
    from chalicelib.ports.store import Save
    from chalicelib.wiring.local import LocalAdapters
    from chalicelib.wiring.services import wiring

    wiring._given = Config.from_environment(
        {"SLUICE_HOME": str(home), "SLUICE_PUBLIC_URL": "http://127.0.0.1", "SLUICE_FFMPEG": "", "SLUICE_FFPROBE": ""}
    )
    now = datetime.now(UTC)
    for number in range(count):
        wiring.store.commit(Save(_recording(number, now - timedelta(minutes=7 * number))))
    assert isinstance(wiring.adapters, LocalAdapters)
    wiring.adapters.database.close()


def _recording(number: int, began: datetime) -> Any:
    from chalicelib.domain.model.recordings import RecordedTrack, Recording, RecordingPart
    from chalicelib.wire.names import StreamName

    ended = began + timedelta(minutes=5)
    part = RecordingPart(
        node="edge", started_at=began, ended_at=ended, done=True, segments=150, duration_ms=300_000, bytes=90_000_000
    )
    return Recording(
        id=str(uuid.uuid4()),
        stream=StreamName(app="live", stream=f"camera-{number % 40}"),
        state="ready" if number % 17 else "failed",
        started_at=began,
        ended_at=ended,
        finished_at=ended,
        updated_at=ended,
        parts={str(ULID.from_datetime(began)): part},
        mp4_bytes=88_000_000,
        mp4_duration_ms=300_000,
        gaps=0 if number % 5 else 2,
        title=f"Evening show {number} 夜场 🎬" if number % 3 else "",
        tracks=[RecordedTrack(kind="video", codec="h264", width=1280, height=720)],
    )


class MadeUpNode:
    """An edge with many streams, which tells fresh numbers as often as it is asked to."""

    def __init__(self, system: System, streams: int) -> None:
        join = system.api.call("POST", "/v1/join-tokens", {})["token"]
        body = {"join_token": join, "nonce": secrets.token_hex(16), "name": "crowd", "agent_version": "0.1"}
        self._http = httpx.Client(base_url=system.instance.at["url"], trust_env=False, timeout=30)
        given = self._post("enroll", body)
        self._http.headers["Authorization"] = f"Bearer {given['token']}"
        self.sessions = {str(ULID()): f"crowd-{n:03d}" for n in range(streams)}
        self._beat, self._seq = 0, 0
        self._over = threading.Event()

    def _post(self, call: str, body: dict[str, Any]) -> Any:
        answer = self._http.post(f"/edge/v1/{call}", json=body)
        answer.raise_for_status()
        return answer.json()

    def go_live(self) -> None:
        """All of them, as the agent tells it."""
        events = [event for session, name in self.sessions.items() for event in self._began(session, name)]
        for at in range(0, len(events), 100):
            self._post("events", {"events": events[at : at + 100]})
        self.sync()

    def end(self) -> None:
        ends = [self._event(session, name, kind="session.ended") for session, name in self.sessions.items()]
        for at in range(0, len(ends), 100):
            self._post("events", {"events": ends[at : at + 100]})

    def _began(self, session: str, name: str) -> list[dict[str, Any]]:
        admitted = {"kind": "session.admitted", "client_id": name, "service_id": "crowd", "client_ip": "192.0.2.1"}
        return [self._event(session, name, **admitted), self._event(session, name, kind="session.live")]

    def _event(self, session: str, name: str, **body: Any) -> dict[str, Any]:
        self._seq += 1
        told = {"id": str(ULID()), "seq": self._seq, "at": datetime.now(UTC).isoformat(), "session": session}
        return told | {"stream": {"app": "live", "stream": name}, "body": body}

    def sync(self) -> None:
        """One beat: every number is another one."""
        self._beat += 1
        seen = [
            {"session": session, "stream": {"app": "live", "stream": name}, "state": "live", "viewers": n % 7}
            | {"bitrate_kbps": 2500 + (n * 37 + self._beat * 11) % 900, "video": "H264 1280x720", "audio": "AAC"}
            for n, (session, name) in enumerate(self.sessions.items())
        ]
        self._post("sync", {"agent_version": "0.1", "observed": {"media_server_up": True, "sessions": seen}})

    @contextmanager
    def beating(self, every_s: float = EVERY_S) -> Iterator[None]:
        """It syncs meanwhile."""

        def run() -> None:
            while not self._over.wait(every_s):
                self.sync()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
            self.end()
            self._http.close()


def add_destinations(system: System, count: int = DESTINATIONS) -> None:
    """Switched off, all but a few."""
    for number in range(count):
        system.api.call(
            "POST",
            "/v1/destinations",
            {
                "name": f"Target {number:03d}",
                "url": f"rtmp://192.0.2.9/live/key-{number:04d}",
                "streams": [f"/live/crowd-{number:03d}"],
                "enabled": number % 50 == 0,
            },
        )


if __name__ == "__main__":
    _write(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(json.dumps({"recordings": int(sys.argv[2])}) + "\n")
