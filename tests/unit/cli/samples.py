"""One of everything, as the API shows it."""

from __future__ import annotations

from typing import Any

ID = "11111111-1111-4111-8111-111111111111"
NODE = {
    "id": "n1",
    "name": "edge",
    "state": "online",
    "draining": False,
    "last_seen": "2026-11-22T12:00:00Z",
    "sessions": 1,
    "observed": {
        "media_server": "srs",
        "media_server_version": "7.0.18",
        "media_server_up": True,
        "oldest_pending_s": 0.0,
        "pending_segments": 0,
        "pending_events": 0,
    },
}
STREAM = {
    "stream": "live/x",
    "session": "S1",
    "live_at": "2026-11-22T12:00:00.5Z",
    "viewers": 3,
    "bitrate_kbps": 812.4,
    "video": "H264 640x360",
    "audio": "AAC",
    "protocol": "rtmp",
}
PUSH = {"node": "n1", "session": "S1", "fence": 1, "state": "running", "bitrate_kbps": 800.0}
DESTINATION = {
    "id": "d1",
    "name": "Tube",
    "platform": "custom",
    "url": "rtmp://a.example.com/live2/***",
    "streams": ["/live/*"],
    "enabled": True,
    "version": 1,
    "push": PUSH,
}
WORKER = {"node": "n1", "session": None, "fence": 1, "state": "running", "bitrate_kbps": 900.0, "last_error": None}
SOURCE = {
    "id": "s1",
    "name": "Loop",
    "kind": "file",
    "node": "n1",
    "url": "rtmp://a.example.com/live2/***",
    "inputs": [{"uuid": ID, "name": "film.mp4", "type": "file", "target": f"vlive/{ID}.mp4", "size": 5}],
    "enabled": True,
    "loop": True,
    "silent_audio": False,
    "streams": [],
    "created_at": "2026-11-22T12:00:00Z",
    "updated_at": "2026-11-22T12:00:00Z",
    "version": 1,
    "worker": WORKER,
    "waits_for": "",
}
SLATE = {"enabled": True, "file": "", "minutes": 5}
RECORDING = {
    "id": ID,
    "stream": "live/x",
    "state": "ready",
    "started_at": "2026-11-22T12:00:00Z",
    "duration_ms": 61_500,
    "bytes": 1_500_000,
    "gaps": 0,
}
MANIFEST = {"segments": [{"index": 0, "duration_ms": 2000, "bytes": 5, "sha256": "ab" * 32}], "gaps": []}
DELIVERY = {
    "id": "D1",
    "action": "on_unpublish",
    "state": "dead",
    "created_at": "2026-11-22T12:00:00Z",
    "attempts": [{"status": 500, "answer": "no", "error": ""}],
}
EVENT = {"at": "2026-11-22T12:00:00Z", "kind": "session.ended", "stream": "live/x", "data": {"reason": "unpublish"}}
CALLBACKS = {"enabled": True, "target": "http://h/cb", "opaque": "", "host": "", "on_unreachable": "deny"}
CALLBACKS |= {"sent_by": "cloud", "node": ""}
ROOM = {"id": "R1", "title": "Mine", "stream": "r1", "secret": "x" * 16, "created_at": "2026-11-22T12:00:00Z"}
TOKEN = {
    "id": "T1",
    "name": "ci",
    "scope": "read",
    "kind": "api",
    "created_at": "2026-11-22T12:00:00Z",
    "expires_at": None,
    "last_used": None,
}
LIMITS = dict.fromkeys(
    ("max_streams", "max_pushes", "max_publish_minutes", "max_bitrate_kbps", "push_takeover_minutes")
)
SIGNING = {"secret": "whsec_x", "previous": None, "previous_until": None}
TRIAL = {
    "target": "http://h/***",
    "ok": True,
    "step": "done",
    "explanation": "the target took the callback",
    "hint": "",
    "status": 200,
    "answer": "0",
    "duration_ms": 4,
}
EXPLAINED = {
    "stream": "live/x",
    "admission": {"allowed": False, "reason": "no secret was given", "by": "global", "asks": False},
    "recording": {"recorded": True, "reason": "every stream is recorded"},
    "limits": [{"code": "busy", "params": {}, "reason": "the stream is live already"}],
    "pushes": [{"name": "Tube", "pushed": True, "reason": "its pattern /live/* matches"}],
}
ADDRESS = {"node": "n1", "node_name": "edge", "direction": "publish", "protocol": "rtmp", "code": "", "why": ""}
ADDRESS |= {"url": "rtmp://h/live/x?secret=s", "server": "rtmp://h/live", "key": "x?secret=s"}
ADDRESSES = [ADDRESS, ADDRESS | {"protocol": "srt", "url": "", "code": "host_unknown", "why": "say the host"}]
AUDIT = {
    "at": "2026-11-22T12:00:00Z",
    "who": "api-secret",
    "address": "127.0.0.1",
    "action": "create_token",
    "path": "/v1/tokens",
    "status": 201,
    "outcome": "done",
    "fields": {"name": "ci"},
}
SYSTEM = {
    "database_bytes": 4096,
    "dead_letters": 2,
    "replication": {"state": "behind", "target": "s3://b/p", "lag_s": 70.5, "synced_at": None, "error": "no answer"},
}
READY: dict[str, Any] = {
    "level": "bad",
    "at": "2026-11-22T12:00:00Z",
    "findings": [
        {"code": "work_given_up", "level": "bad", "of": "work", "name": "", "said": "2 given up", "hint": "See."},
        {
            "code": "replication_failing", "level": "bad", "of": "data", "name": "replication",
            "said": "behind: no answer", "hint": "Look at logs/replication.log.",
        },
        {
            "code": "dead_letters", "level": "warn", "of": "callbacks", "name": "", "said": "1 was given up",
            "hint": "Mend the target, then `sluice callbacks resend ID`.",
        },
        {"code": "node_ready", "level": "good", "of": "node", "name": "edge", "said": "online", "hint": ""},
    ],
}  # fmt: skip
OWN = {
    "id": "folder", "kind": "folder", "current": False, "recordings": 3, "endpoint": "", "region": "", "bucket": "",
    "prefix": "", "path_style": True, "access_key": "",
}  # fmt: skip
BUCKET = OWN | {"id": "s3-1", "kind": "s3", "current": True, "bucket": "b", "prefix": "p", "region": "eu"}
STORES = {"current": "s3-1", "stores": [OWN, BUCKET], "version": 1}
LETTER = {
    "id": "change-1", "origin": "changes", "subject": "DEST#d1", "at": "2026-11-22T12:00:00Z", "tries": 8, "error": "x",
}  # fmt: skip
LOGIN = {
    "id": "L1",
    "kind": "console",
    "address": "192.0.2.1",
    "created_at": "2026-11-22T12:00:00Z",
    "last_used": "2026-11-22T12:00:00Z",
    "expires_at": "2026-12-22T12:00:00Z",
    "current": False,
}
RECORD = {"enabled": True, "globs": [], "merge_window_s": 30, "open_recordings": False, "link_days": 7, "version": 1}
COPY = {"made_at": "2026-11-22T12:00:00Z", "destinations": [], "rooms": []}
PLATFORM = {"id": "youtube", "name": "YouTube", "server": "rtmp://a.rtmp.youtube.com/live2", "key_page": "https://h/"}
CERTIFICATE = {
    "provider": "lets",
    "domains": ["a.example.com"],
    "certificates": [
        {"domain": "a.example.com", "state": "valid", "issuer": "R11", "not_after": "2027-01-22T12:00:00Z", "error": ""}
    ],
}
SHARE = {"id": "s1", "label": "Ann", "created_at": "2026-11-22T12:00:00Z", "expires_at": "2026-11-23T12:00:00Z"}
LINKS = {
    "links": {"hls": "/v1/shares/t/index.m3u8", "mp4": "/v1/shares/t/index.mp4"},
    "expires_at": "2026-11-23T12:00:00Z",
}
