"""A viewer's way to a distribution of the emulator, for programs that can't be told a Host header: an address of this
machine that passes everything on.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_OWN = {"host", "connection", "transfer-encoding", "keep-alive", "content-length"}


@contextmanager
def viewer(port: int, emulator: int, host: list[str]) -> Iterator[None]:
    """Listens while the block runs. `host`: where it leads to; filled in once that is known."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _OWN} | {"Host": host[0]}
            to = http.client.HTTPConnection("127.0.0.1", emulator, timeout=60)
            to.request(self.command, self.path, body or None, headers)
            answer = to.getresponse()
            said = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(said))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            self.wfile.write(said)
            to.close()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler._pass_on)
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
