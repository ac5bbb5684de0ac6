"""A callback target on loopback that agrees to everything and keeps what it got."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Callback = dict[str, Any]


@dataclass
class Received:
    """The callbacks so far, in the order in which they came. `answer` decides what is answered."""

    url: str
    calls: list[Callback] = field(default_factory=list)
    answer: Callable[[Callback], tuple[int, bytes]] = lambda _: (200, b"0")
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, body: Callback) -> None:
        """Keep a callback."""
        with self._changed:
            self.calls.append(body)
            self._changed.notify_all()

    def actions(self, stream: str) -> list[str]:
        """What came for a stream, in order."""
        return [str(c["action"]) for c in self.calls if c.get("stream") == stream]

    def wait_for(self, action: str, stream: str, timeout_s: float) -> Callback | None:
        """The callback, as soon as it is there; None when it does not come in time."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for call in self.calls:
                    if call["action"] == action and call.get("stream") == stream:
                        return call
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)


@contextmanager
def receiver() -> Iterator[Received]:
    """Serve on a free port of loopback for the length of the block."""
    received = Received("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            received.add(body)
            status, text = received.answer(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received.url = f"http://127.0.0.1:{server.server_address[1]}/callbacks"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
