"""What the front's configuration is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from .https import Https


@dataclass(frozen=True, slots=True)
class CloudUpstream:
    """Where calls of the API go. `address` is host:port, `prefix` what stands before every path, without a closing
    slash; it may hold one of Caddy's placeholders.
    """

    address: str
    host: str
    prefix: str = ""
    tls: bool = False


@dataclass(frozen=True, slots=True)
class StoreUpstream:
    """A store whose signed reads go through the front: the embedded cloud, or MinIO. `address` is host:port."""

    address: str
    bucket: str


@dataclass(frozen=True, slots=True)
class HlsFiles:
    """How playlists are served: from the media server, or as files (`plain`) that caches may keep `max_age_s`."""

    plain: bool = False
    max_age_s: int = 10


@dataclass(frozen=True, slots=True)
class FrontOptions:
    """What an operator sets. `bind` is the address on which the front listens; empty: on all."""

    admin: str
    http_port: int
    https_port: int | None
    bind: str
    access_log: Path
    pages: Path
    media_http: str
    """host:port of the media server's streams."""
    well_known: Path | None = None
    api_file: Path | None = None
    """The embedded cloud's id of the API, which a new deployment may change: the front reads it at each request."""
    store: StoreUpstream | None = None


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """Everything a configuration depends on. `local` and `media_api` are host:port on loopback."""

    options: FrontOptions
    cloud: CloudUpstream
    local: str
    media_api: str
    hls_dir: Path
    hls: HlsFiles = HlsFiles()
    https: Https | None = None
    play_auth: bool = False
    """Whether viewers need a link: the agent is asked before a playlist or a stream is given out."""


def cloud_upstream(url: str, api_file: Path | None) -> CloudUpstream:
    """Where the calls go when the cloud's API is at `url`.

    Raises:
        ConfigError: the URL is none that the front can forward to.
    """
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    if scheme not in {"http", "https"} or not host or any(c in url for c in " {}\"'\\\n"):
        raise ConfigError("the cloud's URL cannot be forwarded to: it must be http(s)://host[:port][/path]")
    address = host if ":" in host.rpartition("]")[2] else f"{host}:{443 if scheme == 'https' else 80}"
    prefix = f"/{path}".rstrip("/")
    if api_file is not None:
        prefix = f"/restapis/{{file.{api_file}}}/api/_user_request_"
    return CloudUpstream(address, host, prefix, tls=scheme == "https")
