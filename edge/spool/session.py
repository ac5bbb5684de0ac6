"""A session as the spool keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from chalicelib.wire.names import StreamName

State = Literal["admitted", "live", "ended", "refused"]

Protocol = Literal["rtmp", "srt", "webrtc"]

ClientKey = tuple[str, str]
"""(SRS `service_id`, `client_id`)."""


@dataclass(slots=True)
class Session:
    """One publish. Times are UTC."""

    id: str
    stream: StreamName
    service_id: str
    client_id: str
    opened_at: datetime
    publish_no: int = 1
    state: State = "admitted"
    client_ip: str = ""
    protocol: Protocol = "rtmp"
    asked: str = ""
    """The stream's name as the media server has it, where that is not the composed one."""
    by: Literal["cloud", "snapshot"] = "cloud"
    how: str = ""
    """By what it was admitted, as the cloud said."""
    alone: bool = False
    """Whether the media server showed, when it was admitted, that nobody else publishes the stream: whoever did before
    was gone."""
    live_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str = ""
    inferred: bool = False
    planned: bool = False
    """Whether `recording` and `merge_window_s` are known to be the cloud's will."""
    recording: str | None = None
    merge_window_s: int = 30
    next_index: int = 0
    last_segment: tuple[int, int] | None = None
    """(start in ms, SRS's sequence number) of the newest segment, as its file name says."""
    broken: bool = False
    """Something is missing before the next segment."""
    rev: int = 0
    """How often it was saved."""

    @property
    def key(self) -> ClientKey:
        """Which client of which run of the media server."""
        return (self.service_id, self.client_id)

    @property
    def open(self) -> bool:
        """Not over yet."""
        return self.state in {"admitted", "live"}

    def to_json(self) -> str:
        """For the spool."""
        data = asdict(self) | {"stream": self.stream.model_dump()}
        return json.dumps(data, default=lambda v: v.isoformat())

    @staticmethod
    def from_json(text: str) -> Session:
        """Back from the spool.

        Raises:
            ValueError, KeyError, TypeError: not what `to_json` wrote.
        """
        data: dict[str, Any] = json.loads(text)
        for name in ("opened_at", "live_at", "ended_at"):
            data[name] = datetime.fromisoformat(data[name]) if data[name] else None
        data["stream"] = StreamName.model_validate(data["stream"])
        data["last_segment"] = tuple(data["last_segment"]) if data["last_segment"] else None
        return Session(**data)
