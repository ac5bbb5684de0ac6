"""The agent's settings, read from the environment once (and again on SIGHUP). The only reader of `os.environ`.

`SLUICE_ENV_FILE` may name a file of `KEY=value` lines that win over the environment; a running process can be told new
settings only through it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from chalicelib.wire.urls import bracketed
from edge.base.errors import ConfigError
from edge.base.sockets import LONGEST
from edge.options import DEFAULT_FRAGMENT_S, LETS_ENCRYPT, Authority, FrontOptions, Reach, RtcOptions

Address = tuple[str, int]
PAGES: Final = Path(__file__).resolve().parent / "web" / "pages"
_SOCKET: Final = re.compile(r"/[\w./@+=,~-]+", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_ADDRESS: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{1,253})):(?P<port>[0-9]{1,5})"
)
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{16,200}")
RELOADABLE: Final = frozenset({"cloud_url", "join_token", "log_level"})


@dataclass(frozen=True, slots=True)
class AcmeOptions:
    """Certificates of an authority. `show_key`: the compatible API may show the key, as its clients expect."""

    authority: Authority = field(default_factory=Authority)
    reach: Reach = field(default_factory=Reach)
    show_key: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. Secrets are left out of `repr`."""

    cloud_url: str
    join_token: str = field(repr=False)
    join_token_file: Path | None
    node_name: str
    agent_dir: Path
    hls_dir: Path
    hook_listen: Address
    status_listen: Address
    local_listen: Address
    """What the front hands to the agent; loopback."""
    srs_api: str
    srs_rtmp: str
    media_kind: Literal["srs", "stand-in"]
    ffmpeg: str
    ffprobe: str
    data_dir: Path | None
    """Where files that can be played lie, in `upload/` and `vlive/`; None: this node plays no files."""
    private_sources: bool
    """Whether URLs of sources and downloads may lead to private addresses. Cameras always may."""
    callbacks_to_self: bool
    """Whether callbacks that this node sends may go to this machine itself."""
    open_uploads: bool
    """Whether uploads need no credential, as old pages of the product that our users come from send none."""
    max_upload_bytes: int
    download_proxy: str = field(repr=False)
    """The proxy through which pages are downloaded; '' for none."""
    hls_window_s: float
    """How long segments are in playlists; not in the low-latency mode, which has its own."""
    segment_mode: Literal["link", "copy"]
    log_level: str
    public_ports: Mapping[str, int] = field(default_factory=dict)
    """Where users reach this node, by protocol; told to the cloud."""
    public_host: str = ""
    """Under which name or address; told to the cloud."""
    acme: AcmeOptions = field(default_factory=AcmeOptions)
    front: FrontOptions | None = None
    """None: no front is ours to drive."""
    hls_fragment_s: float = DEFAULT_FRAGMENT_S
    """How long segments are; not in the low-latency mode."""
    srs_hls_file: Path | None = None
    """Where SRS reads the modes of HLS; None: the media server is not SRS, or its modes are not ours to change."""
    rtc: RtcOptions = field(default_factory=RtcOptions)
    cloud_socket: Path | None = None
    """Where the cloud listens on this machine; None: it is reached by its URL."""
    local_socket: Path | None = None
    """Where the front finds the agent; None: at `local_listen`, which else serves our own workers alone."""
    status_socket: Path | None = None
    """Where the status page is; None: at `status_listen`."""
    hook_secret: str = field(default="", repr=False)
    """What the path of hooks has to hold; '': nothing."""
    srs_login: tuple[str, str] | None = field(default=None, repr=False)
    """User and password of the media server's API; None: it asks for none."""
    objects_dir: Path | None = None
    """The cloud's folder of recordings, if it is on this machine: the front serves its files where the cloud says."""

    def current_cloud_url(self) -> str:
        """The base URL of the API, without a closing slash."""
        return self.cloud_url.rstrip("/")

    def current_join_token(self) -> str:
        """The join token, or '' when there is none; read anew from its file when there is one."""
        if self.join_token_file is not None:
            try:
                return self.join_token_file.read_text().strip()
            except OSError:
                pass
        return self.join_token


def place(address: Address) -> str:
    """Host and port as they stand in a URL, an IPv6 address in brackets."""
    host, port = address
    return f"{bracketed(host)}:{port}"


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or a bracket is missing
        return False


class _Reader:
    """Reads values and gathers what is wrong with them, so that one run tells everything."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        return self._env.get(name, "").strip() or default

    def path(self, name: str) -> Path | None:
        value = self.text(name)
        return Path(value).absolute() if value else None

    def folder(self, name: str) -> Path:
        path = self.path(name)
        if path is None:
            self.problems.append(f"{name} is not set: name a folder")
        return path or Path()

    def url(self, name: str, schemes: tuple[str, ...], default: str = "") -> str:
        value = self.text(name, default)
        if value and not _is_url(value, schemes):
            self.problems.append(f"{name} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}")
        return value.rstrip("/")

    def prefix(self, name: str) -> str:
        """The beginning of paths: '' or `/segment/segment`."""
        value = self.text(name).rstrip("/")
        if value and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
            self.problems.append(f"{name} must be the beginning of a path, such as /sluice")
            return ""
        return value

    def address(self, name: str, default: str) -> Address:
        """Host and port, an IPv6 address without the brackets in which it has to be written."""
        found = _ADDRESS.fullmatch(self.text(name, default))
        if not found or (found["six"] and not _is_ipv6(found["six"])) or int(found["port"]) > 65535:
            example = default or "127.0.0.1:2019"
            self.problems.append(f"{name} must be host:port, for instance {example} or [::1]:{example.split(':')[1]}")
            return ("127.0.0.1", 0)
        return (found["six"] or found["host"], int(found["port"]))

    def seconds(self, name: str, default: float) -> float:
        try:
            value = float(self.text(name, str(default)))
        except ValueError:
            value = -1.0
        if not 0.5 <= value <= 86400:
            self.problems.append(f"{name} must be a number of seconds between 0.5 and 86400")
        return value

    def megabytes(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        if not text.isdecimal() or not 1 <= int(text) <= 10_000_000:
            self.problems.append(f"{name} must be a number of megabytes, for instance {default}")
            return default
        return int(text)

    def ports(self, name: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in filter(None, self.text(name).split(",")):
            protocol, _, port = entry.strip().partition("=")
            if not protocol.isalpha() or not port.isdecimal() or not 0 < int(port) < 65536:
                self.problems.append(f"{name} must look like http=2022,rtmp=1935,srt=10080,rtc=8000")
                return {}
            found[protocol] = int(port)
        return found

    def host(self, name: str) -> str:
        """A name or an address, IPv6 without its brackets; '' for none."""
        value = self.text(name)
        if value.startswith("[") and value.endswith("]"):
            value = value[1:-1]
        if value and not _HOST.fullmatch(value):
            self.problems.append(f"{name} must be a name or an address without a port, such as live.example.com")
            return ""
        return value

    def port(self, name: str, default: int) -> int | None:
        """A port; None for `off`."""
        value = self.text(name, str(default))
        if value == "off":
            return None
        if not value.isdecimal() or not 0 < int(value) < 65536:
            self.problems.append(f"{name} must be a port, from 1 to 65535")
            return default
        return int(value)

    def socket(self, name: str) -> Path | None:
        value = self.text(name)
        if value and (not _SOCKET.fullmatch(value) or len(value) > LONGEST):
            self.problems.append(f"{name} must be an absolute path of at most {LONGEST} plain characters")
            return None
        return Path(value) if value else None

    def admin(self, name: str) -> str:
        """Caddy's admin address: host:port, or `unix/` and the path of a socket."""
        value = self.text(name)
        if value.startswith("unix/"):
            path = value.removeprefix("unix/")
            if not _SOCKET.fullmatch(path) or len(path) > LONGEST:
                self.problems.append(f"{name} must be host:port or unix//path/of/a/socket")
            return value
        return place(self.address(name, ""))

    def secret(self, name: str) -> str:
        value = self.text(name)
        if value and not _SECRET.fullmatch(value):
            self.problems.append(f"{name} must be 16 to 200 letters, digits, - and _")
        return value

    def choice(self, name: str, options: tuple[str, ...]) -> str:
        value = self.text(name, options[0])
        if value not in options:
            self.problems.append(f"{name} must be one of {', '.join(options)}")
        return value


def _with_file(env: Mapping[str, str]) -> Mapping[str, str]:
    name = env.get("SLUICE_ENV_FILE", "").strip()
    if not name:
        return env
    try:
        lines = Path(name).read_text().splitlines()
    except OSError as error:
        raise ConfigError(f"SLUICE_ENV_FILE {name} cannot be read: {error.strerror}") from error
    pairs = [line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#")]
    return {**env, **{key.strip(): value.strip() for key, _, value in pairs}}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings.

    Raises:
        ConfigError: with every problem found, one a line.
    """
    read = _Reader(_with_file(os.environ if environ is None else environ))
    settings = Settings(
        cloud_url=read.url(
            "SLUICE_CLOUD_URL", ("http", "https"), "http://cloud" if read.text("SLUICE_CLOUD_SOCKET") else ""
        ),
        join_token=read.text("SLUICE_JOIN_TOKEN"),
        join_token_file=read.path("SLUICE_JOIN_TOKEN_FILE"),
        node_name=read.text("SLUICE_NODE_NAME", "edge")[:100],
        agent_dir=read.folder("SLUICE_AGENT_DIR"),
        hls_dir=read.folder("SLUICE_HLS_DIR"),
        hook_listen=read.address("SLUICE_HOOK_LISTEN", "127.0.0.1:8085"),
        status_listen=read.address("SLUICE_STATUS_LISTEN", "127.0.0.1:8086"),
        local_listen=read.address("SLUICE_LOCAL_LISTEN", "127.0.0.1:8087"),
        srs_api=read.url("SLUICE_SRS_API", ("http",), "http://127.0.0.1:1985"),
        srs_rtmp=read.url("SLUICE_SRS_RTMP", ("rtmp",), "rtmp://127.0.0.1:1935"),
        media_kind=cast('Literal["srs", "stand-in"]', read.choice("SLUICE_MEDIA_KIND", ("srs", "stand-in"))),
        ffmpeg=read.text("FFMPEG_BIN", "ffmpeg"),
        ffprobe=read.text("FFPROBE_BIN", "ffprobe"),
        data_dir=read.path("SLUICE_DATA_DIR"),
        private_sources=read.choice("SLUICE_PRIVATE_SOURCES", ("allow", "deny")) == "allow",
        callbacks_to_self=read.choice("SLUICE_CALLBACKS_TO_SELF", ("deny", "allow")) == "allow",
        open_uploads=read.choice("SLUICE_OPEN_UPLOADS", ("off", "on")) == "on",
        max_upload_bytes=read.megabytes("SLUICE_MAX_UPLOAD_MB", 20_000) * 1024 * 1024,
        download_proxy=read.url("YTDL_PROXY", ("http", "https", "socks5")),
        hls_window_s=read.seconds("SLUICE_HLS_WINDOW_S", 60.0),
        segment_mode=cast('Literal["link", "copy"]', read.choice("SLUICE_SEGMENT_MODE", ("link", "copy"))),
        log_level=read.choice("SLUICE_LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        public_ports=read.ports("SLUICE_PUBLIC_PORTS"),
        public_host=read.host("SLUICE_PUBLIC_HOST"),
        acme=_acme(read),
        front=_front(read),
        hls_fragment_s=read.seconds("SLUICE_HLS_FRAGMENT_S", DEFAULT_FRAGMENT_S),
        srs_hls_file=read.path("SLUICE_SRS_HLS_FILE"),
        rtc=_rtc(read),
        cloud_socket=read.socket("SLUICE_CLOUD_SOCKET"),
        local_socket=read.socket("SLUICE_LOCAL_SOCKET"),
        status_socket=read.socket("SLUICE_STATUS_SOCKET"),
        hook_secret=read.secret("SLUICE_HOOK_SECRET"),
        srs_login=_srs_login(read),
        objects_dir=read.path("SLUICE_OBJECTS_DIR"),
    )
    if not settings.cloud_url:
        read.problems.append("SLUICE_CLOUD_URL is not set: the base URL of the cloud's API (or SLUICE_CLOUD_SOCKET)")
    if read.problems:
        raise ConfigError("\n".join(read.problems))
    return settings


def _front(read: _Reader) -> FrontOptions | None:
    if not read.text("SLUICE_FRONT_ADMIN"):
        return None
    data = read.path("SLUICE_DATA_DIR")
    return FrontOptions(
        admin=read.admin("SLUICE_FRONT_ADMIN"),
        http_port=read.port("SLUICE_FRONT_HTTP", 2022) or 2022,
        https_port=read.port("SLUICE_FRONT_HTTPS", 2443),
        bind=read.host("SLUICE_FRONT_BIND"),
        access_log=read.path("SLUICE_FRONT_LOG") or read.folder("SLUICE_AGENT_DIR") / "access.log",
        pages=PAGES,
        media_http=place(read.address("SLUICE_SRS_HTTP", "127.0.0.1:8080")),
        well_known=(data or read.folder("SLUICE_AGENT_DIR")) / ".well-known",
        prefix=read.prefix("SLUICE_PUBLIC_PREFIX"),
    )


def _srs_login(read: _Reader) -> tuple[str, str] | None:
    password = read.secret("SLUICE_SRS_API_PASSWORD")
    return (read.text("SLUICE_SRS_API_USER", "sluice"), password) if password else None


def _acme(read: _Reader) -> AcmeOptions:
    resolver = read.address("SLUICE_ACME_RESOLVER", "") if read.text("SLUICE_ACME_RESOLVER") else None
    port = read.port("SLUICE_ACME_HTTP_PORT", 80) or 80
    private = read.choice("SLUICE_ACME_ALLOW_PRIVATE", ("off", "on")) == "on"
    return AcmeOptions(
        authority=Authority(
            directory=read.url("SLUICE_ACME_CA", ("https",), LETS_ENCRYPT),
            root=read.path("SLUICE_ACME_ROOT"),
            email=read.text("SLUICE_ACME_EMAIL"),
        ),
        reach=Reach(resolver=resolver, http_port=port, allow_private=private),
        show_key=read.choice("SLUICE_TLS_SHOW_KEY", ("on", "off")) == "on",
    )


def _rtc(read: _Reader) -> RtcOptions:
    inner = read.port("SLUICE_SRS_RTC_PORT", 8000) or 8000
    return RtcOptions(
        name_lookup=read.text("NAME_LOOKUP", "on") != "off",
        docker=read.text("PLATFORM_DOCKER", "off") != "off",
        candidate=bool(read.text("CANDIDATE")),
        available=read.text("SLUICE_MEDIA_KIND") != "stand-in",
        inner_port=inner,
        public_port=read.ports("SLUICE_PUBLIC_PORTS").get("rtc", inner),
        prefix=read.prefix("SLUICE_PUBLIC_PREFIX"),
    )


def needs_restart(old: Settings, new: Settings) -> list[str]:
    """The names of settings that differ and that a running agent cannot change."""
    return [
        f.name for f in fields(Settings) if f.name not in RELOADABLE and getattr(old, f.name) != getattr(new, f.name)
    ]


SettingsSource = Callable[[], Settings]
"""Gives the settings of this moment; a reload replaces them."""
