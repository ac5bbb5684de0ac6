"""What the front's configuration is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edge.base.errors import ConfigError
from edge.options import FrontOptions, HlsFiles
from edge.web.front.https import Https


@dataclass(frozen=True, slots=True)
class CloudUpstream:
    """Where calls of the API go. `address` is host:port, or `unix/` and the path of a socket; `prefix` what stands
    before every path, without a closing slash.
    """

    address: str
    host: str
    prefix: str = ""
    tls: bool = False


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """Everything a configuration depends on. `local` is host:port on loopback or a socket as in `CloudUpstream`,
    `media_api` host:port.
    """

    options: FrontOptions
    cloud: CloudUpstream
    local: str
    media_api: str
    hls_dir: Path
    hls: HlsFiles = field(default_factory=HlsFiles)
    https: Https | None = None
    play_auth: bool = False
    """Whether viewers need a link: the agent is asked before a playlist or a stream is given out."""
    media_credential: str = field(default="", repr=False)
    """The `Authorization` header that the media server's API asks for; '' for none."""
    objects_dir: Path | None = None
    """The cloud's folder of recordings on this machine; None: the cloud serves them itself."""
    node: str = ""
    """The node's id; '' before its first enrolment."""
    links: tuple[str, ...] = ()
    """Symbolic links in the HLS folder, which are not served."""


def cloud_upstream(url: str, socket: Path | None = None) -> CloudUpstream:
    """Where the calls go when the cloud's API is at `url`, or listens on a socket of this machine.

    Raises:
        ConfigError: the URL is none that the front can forward to.
    """
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    if scheme not in {"http", "https"} or not host or any(c in url for c in " {}\"'\\\n"):
        raise ConfigError("the cloud's URL cannot be forwarded to: it must be http(s)://host[:port][/path]")
    prefix = f"/{path}".rstrip("/")
    if socket is not None:
        return CloudUpstream(f"unix/{socket}", host, prefix)
    address = host if ":" in host.rpartition("]")[2] else f"{host}:{443 if scheme == 'https' else 80}"
    return CloudUpstream(address, host, prefix, tls=scheme == "https")
