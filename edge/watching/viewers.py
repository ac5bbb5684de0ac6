"""Who watches: counted by client, from `on_play` and `on_stop`, in memory only."""

from __future__ import annotations

from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import identity

MAX_CLIENTS = 200_000


def stream_of(hook: Hook) -> str:
    """The identity of the stream that a hook names, unvalidated. An HLS viewer asks for `name.m3u8`."""
    return identity(hook.vhost, f"{hook.app}/{hook.stream.removesuffix('.m3u8')}")


class Viewers:
    """Counts viewers per stream. A restart of the media server (a new `service_id`) empties it."""

    def __init__(self) -> None:
        self._service = ""
        self._watching: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def play(self, hook: Hook, stream: str) -> None:
        """A client plays a stream."""
        self.server(hook.service_id)
        self.stop(hook)
        if len(self._watching) >= MAX_CLIENTS:
            return
        self._watching[hook.client_id] = stream
        self._counts[stream] = self._counts.get(stream, 0) + 1

    def stop(self, hook: Hook) -> None:
        """A client left; unknown ones change nothing."""
        stream = self._watching.pop(hook.client_id, None)
        if stream is not None:
            self._counts[stream] -= 1
            if self._counts[stream] <= 0:
                del self._counts[stream]

    def server(self, service_id: str) -> None:
        """The media server's run of this moment."""
        if service_id != self._service:
            self._service = service_id
            self._watching.clear()
            self._counts.clear()

    def count(self, stream: str) -> int:
        """How many watch `str(StreamName)`."""
        return self._counts.get(stream, 0)
