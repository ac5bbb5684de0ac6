"""`python -m infra.local.standin`: the command line of the stand-in."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from edge.options import DEFAULT_FRAGMENT_S
from infra.local.tools import MissingToolError, find_nginx

from .nginx import NginxError
from .server import run
from .settings import API_LOGIN, HOOK_SECRET, Settings, SettingsError


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="standin", description="A stand-in for SRS: RTMP and HLS, with SRS's hooks.")
    for name in ("rtmp", "api", "http"):
        parser.add_argument(f"--{name}-port", type=int, required=True)
    parser.add_argument("--rtmp-ip", default="127.0.0.1", help="address on which RTMP listens")
    parser.add_argument("--hook-url", required=True, help="what precedes /on_publish and the like")
    parser.add_argument("--hls-dir", type=Path, required=True)
    parser.add_argument("--work-dir", type=Path, required=True, help="for nginx's configuration, log and parts")
    parser.add_argument("--hls-fragment", type=float, default=DEFAULT_FRAGMENT_S, help="seconds")
    parser.add_argument("--hls-window", type=float, default=60, help="seconds")
    parser.add_argument("--slots", type=int, default=32, help="applications in use at the same time")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run the stand-in; the exit status. 2: it was told something that cannot work."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    arguments = _parse(argv)
    try:
        nginx = find_nginx()
        settings = Settings(
            rtmp_port=arguments.rtmp_port,
            api_port=arguments.api_port,
            http_port=arguments.http_port,
            hook_url=arguments.hook_url,
            hls_dir=arguments.hls_dir.absolute(),
            work_dir=arguments.work_dir.absolute(),
            nginx=nginx.path,
            rtmp_module=nginx.rtmp_module,
            hls_fragment_s=arguments.hls_fragment,
            hls_window_s=arguments.hls_window,
            rtmp_ip=arguments.rtmp_ip,
            slots=arguments.slots,
            hook_secret=os.environ.get(HOOK_SECRET, ""),
            api_login=os.environ.get(API_LOGIN, ""),
        )
        return asyncio.run(run(settings))
    except (MissingToolError, SettingsError, NginxError, OSError) as error:
        logging.getLogger(__name__).error("stand-in cannot run: %s", error)  # noqa: TRY400 - the message is enough
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
