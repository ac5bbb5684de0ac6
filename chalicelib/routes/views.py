"""What `/v1` shows of the entities: never a secret, names with a secret in them masked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chalicelib.domain import redact
from chalicelib.domain.model import (
    CallbackSettings,
    Delivery,
    Destination,
    LedgerEvent,
    PublishSettings,
    Recording,
    RecordSettings,
    Session,
)
from chalicelib.services.overview import NodeView, StreamView
from chalicelib.services.targets import Target
from chalicelib.wire.names import StreamName

View = dict[str, Any]


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _name(name: StreamName, secrets: list[str]) -> View:
    shown = redact.stream_name(name, secrets)
    return {"stream": str(shown), "vhost": shown.vhost, "app": shown.app, "name": shown.stream}


def session(s: Session, secrets: list[str]) -> View:
    """A session."""
    return _name(s.stream, secrets) | {
        "id": s.id,
        "node": s.node,
        "state": s.state,
        "admitted_at": _time(s.admitted_at),
        "live_at": _time(s.live_at),
        "ended_at": _time(s.ended_at),
        "reason": s.reason,
        "inferred": s.inferred,
        "client_ip": s.client_ip,
        "protocol": s.protocol,
        "recording": s.recording,
    }


def stream(v: StreamView, secrets: list[str]) -> View:
    """A live stream."""
    o = v.observed
    return session(v.session, secrets) | {
        "session": v.session.id,
        "stale": v.stale,
        "viewers": o.viewers if o else 0,
        "bitrate_kbps": o.bitrate_kbps if o else None,
        "video": o.video if o else None,
        "audio": o.audio if o else None,
    }


def node(v: NodeView) -> View:
    """A node."""
    seen = v.seen
    state = "never seen" if seen is None else "lost" if seen.lost else "online"
    return {
        "id": v.node.id,
        "name": v.node.name,
        "state": "revoked" if v.node.revoked else state,
        "created_at": _time(v.node.created_at),
        "last_seen": _time(seen.last_seen) if seen else None,
        "agent_version": seen.agent_version if seen else "",
        "observed": seen.observed.model_dump(mode="json", exclude={"sessions"}) if seen else None,
        "sessions": len(seen.observed.sessions) if seen else 0,
    }


def recording(r: Recording, secrets: list[str]) -> View:
    """A recording."""
    return _name(r.stream, secrets) | {
        "id": r.id,
        "state": r.state,
        "started_at": _time(r.started_at),
        "ended_at": _time(r.ended_at),
        "finished_at": _time(r.finished_at),
        "updated_at": _time(r.updated_at),
        "segments": r.segments,
        "duration_ms": r.duration_ms,
        "bytes": r.bytes,
        "mp4_bytes": r.mp4_bytes,
        "mp4_duration_ms": r.mp4_duration_ms,
        "thumbnail": r.thumbnail,
        "gaps": r.gaps,
        "error": r.error,
        "sessions": sorted(r.parts),
    }


def destination(d: Destination) -> View:
    """A destination without its key."""
    return {
        "id": d.id,
        "name": d.name,
        "platform": d.platform,
        "url": redact.target_url(d.url),
        "streams": d.streams,
        "enabled": d.enabled,
        "created_at": _time(d.created_at),
        "updated_at": _time(d.updated_at),
        "version": d.version,
    }


def target(t: Target) -> View:
    """A destination with its push."""
    held = t.lease is not None and t.lease.held
    push: View | None = None
    if t.lease is not None and held:
        push = {"node": t.lease.node, "session": t.lease.session, "fence": t.lease.fence, "state": "waiting"}
        if t.status is not None and t.status.fence == t.lease.fence:
            push |= {
                "state": t.status.state,
                "attempt": t.status.attempt,
                "bitrate_kbps": t.status.bitrate_kbps,
                "last_error": t.status.last_error,
                "at": _time(t.status.at),
            }
    return destination(t.destination) | {"push": push}


def event(e: LedgerEvent) -> View:
    """An entry of the ledger."""
    return {
        "id": e.id,
        "at": _time(e.at),
        "kind": e.kind,
        "node": e.node,
        "session": e.session,
        "stream": e.stream,
        "data": e.data,
    }


def delivery(d: Delivery) -> View:
    """A delivery with all its attempts."""
    return {
        "id": d.id,
        "action": d.action,
        "state": d.state,
        "created_at": _time(d.created_at),
        "due_at": _time(d.due_at) if d.state == "pending" else None,
        "payload": {k: v for k, v in d.payload.items() if k != "param"},
        "attempts": [a.model_dump(mode="json") for a in d.attempts],
    }


def publish_settings(s: PublishSettings) -> View:
    """Who may publish; the one place that shows the publish secret, to who may change it."""
    return {"secret": s.secret, "auth": s.auth, "version": s.version}


def record_settings(s: RecordSettings) -> View:
    """What is recorded."""
    return {"enabled": s.enabled, "globs": s.globs, "merge_window_s": s.merge_window_s, "version": s.version}


def callback_settings(s: CallbackSettings) -> View:
    """Where callbacks go."""
    return {
        "enabled": s.enabled,
        "target": s.target,
        "opaque": s.opaque,
        "host": s.host,
        "on_unreachable": s.on_unreachable,
        "version": s.version,
    }
