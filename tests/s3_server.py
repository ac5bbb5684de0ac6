"""An S3 server of others, as tests see it: `rclone serve s3` on a folder, stopped and started as wanted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.adapters.aws.s3_client import client_of
from chalicelib.domain.model.stores import ObjectStore

ACCESS, SECRET = "probeaccess", "probesecret0123456789"


@dataclass
class S3Server:
    """`folder` holds the buckets as folders."""

    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = str(Path(sys.executable).with_name("rclone"))
        argv = [program, "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{ACCESS},{SECRET}"]
        # It refuses to start where AWS_CA_BUNDLE names a file that it can't use.
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder.parent), "RCLONE_CONFIG": os.devnull}
        with (self.folder.parent / "rclone.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*argv, "--vfs-cache-mode", "off", str(self.folder)], env=env, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, (self.folder.parent / "rclone.log").read_text()
            assert time.monotonic() < deadline, "rclone does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url, timeout=2)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """As if its machine were lost."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def bucket(self, name: str) -> Path:
        """Make a bucket; its folder."""
        # Not by a folder: it looks for new ones now and then only.
        client_of(self.store(name)).create_bucket(Bucket=name)
        return self.folder / name

    def store(self, bucket: str, name: str = "s3-1", prefix: str = "") -> ObjectStore:
        """The bucket as the settings describe it."""
        return ObjectStore(
            id=name, endpoint=self.url, region="us-east-1", bucket=bucket, prefix=prefix, access_key=ACCESS,
            secret_key=SECRET,
        )  # fmt: skip


@contextmanager
def s3_server(folder: Path, port: int) -> Iterator[S3Server]:
    """Running for the length of the block."""
    (folder / "buckets").mkdir(parents=True, exist_ok=True)
    server = S3Server(folder / "buckets", port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
