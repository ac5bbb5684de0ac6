"""Callbacks received by servers that others wrote."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.conftest import free_port
from tests.e2e.system import System, new_name
from tests.waiting import until

from .conftest import program, seen
from .senders import PROGRAMS

pytestmark = pytest.mark.media
Count = Callable[[], int]
"""How many calls came."""
NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ default_type text/plain; return 200 "0"; }}
    }}
}}
"""


@contextmanager
def _python(_: Path, port: int) -> Iterator[Count]:
    """As the manual of `http.server` has it: HTTP/1.0, no length said."""
    came: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"0")

        def log_message(self, *_: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield lambda: len(came)
        server.shutdown()
        thread.join()


@contextmanager
def _child(argv: list[str], output: Path, port: int) -> Iterator[Count]:
    with output.open("ab") as out:
        child = subprocess.Popen(argv, stdout=out, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port), "it listens")
        yield lambda: output.read_text().count("\n")
    finally:
        child.terminate()
        child.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _node(folder: Path, port: int) -> AbstractContextManager[Count]:
    argv = [program("node", "nodejs"), str(PROGRAMS / "receiver.mjs"), str(port)]
    return _child(argv, folder / "lines", port)


def _nginx(folder: Path, port: int) -> AbstractContextManager[Count]:
    path = shutil.which("nginx", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"]))
    if path is None:
        pytest.skip("nginx is not there: apt-get install nginx")
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    (folder / "access.log").touch()
    return _child([path, "-p", str(folder), "-c", str(folder / "nginx.conf")], folder / "access.log", port)


RECEIVERS: dict[str, Callable[[Path, int], AbstractContextManager[Count]]] = {
    "Python http.server": _python,
    "Node http": _node,
    "nginx": _nginx,
}


def _told(system: System, name: str) -> dict[str, Any] | None:
    """The delivery of a stream's end, once the receiver took it."""
    found = system.api.call("GET", "/v1/deliveries", state="delivered", limit=50)["items"]
    ends = (d for d in found if d["action"] == "on_unpublish")
    return next((dict(d) for d in ends if d["payload"]["stream"] == name), None)


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_a_receiver_agrees_and_is_told(receiver: str, system: System, tmp_path: Path) -> None:
    name, port = new_name("told"), free_port()
    with RECEIVERS[receiver](tmp_path, port) as count:
        before = count()
        target = f"http://127.0.0.1:{port}/callbacks"
        system.api.call("PATCH", "/v1/settings/callbacks", {"enabled": True, "target": target})
        try:
            encoder = system.publish(name)
            system.live(name)
            assert count() > before, "it was asked"
            system.end(encoder)
            system.gone(name)
            told = until(lambda: _told(system, name), "it was told of the end", 30)
            assert len(told["attempts"]) == 1, "it was understood at once"
            assert count() >= before + 2
        finally:
            system.prepare()
        seen("callbacks", receiver, "asked, and told")
