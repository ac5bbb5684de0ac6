"""One suite for every `SnapshotFiles`: in memory, in a folder, in a bucket over HTTP."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from chalicelib.adapters.aws.signing import Keys
from chalicelib.adapters.aws.snapshots import S3Snapshots
from chalicelib.adapters.local.snapshots import FolderSnapshots
from chalicelib.domain.errors import NotFoundError, UnavailableError
from chalicelib.ports.objects import SnapshotFiles
from tests.fakes import FakeSnapshotFiles

BODY = b'[{"hash":"00","length":8,"stream":"x"}]'


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch, refusal: int = 0) -> Iterator[S3Snapshots]:
    """A bucket that knows whole objects; `refusal`: what it answers instead."""
    objects: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def _reply(self, status: int, body: bytes = b"") -> None:
            self.send_response(refusal or status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self) -> None:
            objects[urlsplit(self.path).path] = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(200)

        def do_GET(self) -> None:
            found = objects.get(urlsplit(self.path).path)
            self._reply(200 if found is not None else 404, found or b"")

        def do_DELETE(self) -> None:
            objects.pop(urlsplit(self.path).path, None)
            self._reply(204)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        yield S3Snapshots("bucket", "us-east-1", keys=lambda: Keys("AKID", "secret", "token"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(params=["memory", "folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SnapshotFiles]:
    if request.param == "memory":
        yield FakeSnapshotFiles()
    elif request.param == "folder":
        yield FolderSnapshots(tmp_path / "snapshots")
    else:
        with bucket(monkeypatch) as found:
            yield found


def test_what_was_written_is_read(files: SnapshotFiles) -> None:
    files.write("a.json", BODY)
    files.write("a.json", BODY)
    assert files.read("a.json") == BODY


def test_what_is_not_there_is_said_to_be(files: SnapshotFiles) -> None:
    with pytest.raises(NotFoundError):
        files.read("none.json")
    files.remove("none.json")


def test_what_was_removed_is_gone(files: SnapshotFiles) -> None:
    files.write("a.json", BODY)
    files.remove("a.json")
    with pytest.raises(NotFoundError):
        files.read("a.json")


def test_who_has_the_link_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with bucket(monkeypatch) as files:
        files.write("a.json", BODY)
        with urlopen(files.link("a.json")) as answer:
            assert answer.read() == BODY


def test_a_bucket_that_says_no_is_said_to_be_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    with bucket(monkeypatch, refusal=503) as files:
        for ask in (lambda: files.write("a.json", BODY), lambda: files.read("a.json"), lambda: files.remove("a.json")):
            with pytest.raises(UnavailableError):
                ask()


def test_nobody_else_reads_the_folder(tmp_path: Path) -> None:
    files = FolderSnapshots(tmp_path / "snapshots")
    files.write("a.json", BODY)
    assert stat.S_IMODE((tmp_path / "snapshots").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "snapshots" / "a.json").stat().st_mode) == 0o600
