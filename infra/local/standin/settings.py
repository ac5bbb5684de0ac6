"""What the stand-in is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from edge.options import DEFAULT_FRAGMENT_S

HOOK_SECRET: Final = "SLUICE_HOOK_SECRET"  # noqa: S105 - a name
API_LOGIN: Final = "SLUICE_SRS_API_LOGIN"
"""In the environment of the stand-in: what the path of hooks holds, and `user:password` of the API."""
_SAFE_PATH: Final = re.compile(r"/[\w./@:+=,~-]*", re.ASCII)
_MAX_SOCKET_PATH: Final = 100


def _is_address(text: str) -> bool:
    try:
        return "%" not in str(ip_address(text))
    except ValueError:
        return False


class SettingsError(ValueError):
    """A setting that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Settings:
    """Folders are absolute; `*_s` are seconds; `hook_url` is the part before `/on_…`."""

    rtmp_port: int
    api_port: int
    http_port: int
    hook_url: str
    hls_dir: Path
    work_dir: Path
    nginx: str
    rtmp_module: str
    hls_fragment_s: float = DEFAULT_FRAGMENT_S
    hls_window_s: float = 60
    rtmp_ip: str = "127.0.0.1"
    slots: int = 32
    """Applications that can be in use at the same time."""
    hook_secret: str = field(default="", repr=False)
    api_login: str = field(default="", repr=False)
    """`user:password` that callers of the API have to show; empty: none."""

    def __post_init__(self) -> None:
        for name in ("hls_dir", "work_dir", "rtmp_module"):
            path = str(getattr(self, name))
            if not _SAFE_PATH.fullmatch(path) or ".." in path.split("/"):
                raise SettingsError(f"{name} must be an absolute path of letters, digits and ./@:+=,~_- without '..'")
        if not _is_address(self.rtmp_ip):
            raise SettingsError("rtmp_ip must be an IP address")
        if len(str(self.control_socket)) > _MAX_SOCKET_PATH:
            most = _MAX_SOCKET_PATH - len("/control/nginx.sock")
            raise SettingsError(f"work_dir is too long for a socket in it: at most {most} characters")
        if not self.hook_url.startswith("http://"):
            raise SettingsError("hook_url must begin with http://")

    @property
    def parts_dir(self) -> Path:
        """Where nginx writes its segments, one folder for each slot; nothing in it outlives a run."""
        return self.work_dir / "parts"

    @property
    def control_socket(self) -> Path:
        """Where nginx takes commands: no port, and in a folder of its own, so that nobody else can give them."""
        return self.work_dir / "control" / "nginx.sock"
