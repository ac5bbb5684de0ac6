"""What an operator sets of what is served here, by subject; `config` reads it, the rooms are given it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_FRAGMENT_S: Final = 2.0
"""What a viewer waits for before the first picture of a stream that has just begun."""
LETS_ENCRYPT: Final = "https://acme-v02.api.letsencrypt.org/directory"


@dataclass(frozen=True, slots=True)
class Authority:
    """Whom certificates are asked of (ACME). `root`: PEM file of whom to trust in talking to it; None: the system's."""

    directory: str = LETS_ENCRYPT
    root: Path | None = None
    email: str = ""


@dataclass(frozen=True, slots=True)
class HlsFiles:
    """How playlists are served: from the media server, or as files (`plain`) that caches may keep `max_age_s`. One that
    has not changed for `silent_s` is of a stream that is over.
    """

    plain: bool = False
    max_age_s: int = 1
    silent_s: float = 30.0


@dataclass(frozen=True, slots=True)
class FrontOptions:
    """What an operator sets. `bind` is the address on which the front listens; empty: on all. `admin` is where Caddy
    takes its configuration: host:port, or `unix/` and the path of a socket.
    """

    admin: str
    http_port: int
    https_port: int | None
    bind: str
    access_log: Path
    pages: Path
    media_http: str
    """host:port of the media server's streams."""
    well_known: Path | None = None
    prefix: str = ""
    """Below which path a proxy in front of it has everything, such as `/sluice`; '' for none."""


@dataclass(frozen=True, slots=True)
class RtcOptions:
    """What an operator sets. `name_lookup`: NAME_LOOKUP is not `off`; `docker`: PLATFORM_DOCKER is not `off`;
    `candidate`: CANDIDATE is set. `inner_port` is the one that the media server writes into its answers, `public_port`
    the one at which clients reach it; both UDP.
    """

    name_lookup: bool = True
    docker: bool = False
    candidate: bool = False
    inner_port: int = 8000
    public_port: int = 8000
    prefix: str = ""
    """As in `FrontOptions`."""
    available: bool = True
    """Whether the media server has WebRTC; the stand-in has not."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How the authority reaches nodes. Only tests have other values than these.

    `resolver`: a DNS server, host and port, instead of the system's. `http_port`: where it asks (RFC 8555, section 8.3:
    80). `allow_private`: it reaches private addresses too.
    """

    resolver: tuple[str, int] | None = None
    http_port: int = 80
    allow_private: bool = False
