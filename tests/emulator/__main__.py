"""`make cloud`: the packaged functions on an emulator of AWS, for developers. On loopback, gone when it ends."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from infra.local.tools import find_ffmpeg, find_ffprobe

from .cloud import Cloud, emulated


def main() -> int:
    """Run until Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="sluice-cloud-") as folder:
        made = Cloud(Path(folder), 4566, find_ffmpeg().path, find_ffprobe().path)
        print("Packaging and deploying …", flush=True)
        with emulated(made) as cloud:
            print(f"API            {cloud.url}\nAuthorization  Bearer {cloud.first['api_secret']}")
            print(
                f"Join token     {cloud.first['join_token']}\nAWS            {cloud.endpoint}\nCtrl-C ends it.",
                flush=True,
            )
            try:
                signal.pause()
            except KeyboardInterrupt:
                return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
