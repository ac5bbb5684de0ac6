"""Sources and what they play, made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.model.sessions import OpenSession
from chalicelib.domain.model.sources import Source, SourceFile
from chalicelib.wire.names import StreamName
from chalicelib.wire.sources import Probed, SourceAudio, SourceFormat, SourceVideo

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
UUID = "7f240664-bee1-4bd8-b443-394259822f7c"


def file(**more: Any) -> SourceFile:
    return SourceFile(**{"uuid": UUID, "target": f"vlive/{UUID}.mp4", "type": "upload", "name": "film.mp4"} | more)


def source(name: str = "s", **more: Any) -> Source:
    base: dict[str, Any] = {"id": name, "kind": "file", "name": name, "node": "n1", "url": f"rtmp://t.example/a/{name}"}
    return Source(**base | {"inputs": [file()], "created_at": NOW, "updated_at": NOW} | more)


def live(stream: str, *, node: str = "n1", since: int = 0) -> OpenSession:
    name = StreamName(app="live", stream=stream)
    at = NOW.replace(second=since)
    return OpenSession(node=node, session=f"S-{stream}", stream=name, state="live", since=at)


def probed(video: str | None = "h264", audio: str | None = "aac", bit_rate: str = "1000000") -> Probed:
    return Probed(
        size=9,
        format=SourceFormat(bit_rate=bit_rate),
        video=SourceVideo(codec_name=video) if video else None,
        audio=SourceAudio(codec_name=audio) if audio else None,
    )
