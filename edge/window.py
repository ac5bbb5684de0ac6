"""What others see of the agent: the cloud with each sync, operators on the status page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from chalicelib.wire.edge.observed import ObservedNode, ObservedSession
from edge import AGENT_VERSION
from edge.spool.session import Session

from .parts import Parts


class Window:
    """Reads the parts as they are now."""

    def __init__(self, parts: Parts) -> None:
        self._of = parts

    def observe(self) -> ObservedNode:
        """What goes into a sync, except for the backlog."""
        return ObservedNode(
            media_server=self._of.settings.media_kind,
            media_server_up=self._of.watch.up,
            media_server_silent_since=self._of.watch.silent_since,
            media_server_version=self._of.watch.version,
            service_id=self._of.watch.service_id,
            ffmpeg_version=self._of.ffmpeg.version,
            ffmpeg=self._of.ffmpeg,
            sessions=[self._observed(s) for s in self._of.book.opened()],
            pushes=self._of.pushes.observed(),
            sources=self._of.sources.observed(),
            disk_free_bytes=_disk_free(self._of.settings.agent_dir),
            spool_healthy=self._of.spool.healthy,
            store_error=self._of.uploads.error,
            stalled=self._of.loops.unwell(),
            machine=self._of.machine.look(),
            ports=dict(self._of.settings.public_ports),
            host=self._of.settings.public_host,
            certificates=self._of.certificates.observed(),
        )

    def _observed(self, session: Session) -> ObservedSession:
        name = str(session.stream)
        stream = self._of.watch.seen.of(name)
        mine = stream if stream is not None and stream.cid == session.client_id else None
        now_kbps = self._of.numbers.kbps(session.id, self._of.clock.monotonic())
        return ObservedSession(
            session=session.id,
            stream=session.stream,
            state="live" if session.state == "live" else "admitted",
            viewers=self._of.viewers.count(name) if session.state == "live" else 0,
            bitrate_kbps=mine.bitrate_kbps if mine and now_kbps is None else now_kbps,
            video=mine.video if mine else None,
            audio=mine.audio if mine else None,
            protocol=session.protocol,
        )

    def report(self) -> dict[str, Any]:
        """The status page. Holds no stream names: they may end in a secret."""
        last, silent = self._of.sync.last_at, self._of.watch.silent_since
        return {
            "version": AGENT_VERSION,
            "node": self._of.identity.node,
            "media_server": {
                "kind": self._of.settings.media_kind,
                "up": self._of.watch.up,
                "silent_since": silent.isoformat() if silent else None,
                "service_id": self._of.watch.service_id,
                "version": self._of.watch.version,
            },
            "cloud": {
                "reachable": self._of.cloud.reachable,
                "last_sync_age_s": None if last is None else round(self._of.clock.monotonic() - last, 1),
                "snapshot_revision": self._of.snapshot.revision,
                "credentials": self._of.credentials.current is not None,
            },
            "spool": {"healthy": self._of.spool.healthy, "kept": self._of.spool.kept, "error": self._of.uploads.error},
            "loops": self._of.loops.report(),
            "store": self._of.store.report(),
            "programs": {"ffmpeg": self._of.settings.ffmpeg, "ffprobe": self._of.settings.ffprobe},
            "front": self._of.front.report(),
            "events_sent": self._of.sender.sent,
            "segments_uploaded": self._of.uploads.segments,
            "bytes_uploaded": self._of.uploads.bytes,
            "thumbnails_made": self._of.thumbnails.made,
            "sessions": [
                {"id": s.id, "state": s.state, "segments": s.next_index, "recording": s.recording, "planned": s.planned}
                for s in self._of.book.opened()
            ],
            "pushes": [p.model_dump() for p in self._of.pushes.observed() if p.state != "stopped"],
        }


def _disk_free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
