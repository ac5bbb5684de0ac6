"""The configuration of SRS, as a pure function of its settings (names of directives: SRS 7 `conf/full.conf`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Final

from chalicelib.wire.names import SRT_VHOST
from chalicelib.wire.urls import bracketed
from edge.options import DEFAULT_FRAGMENT_S

HOOKS: Final = ("on_connect", "on_close", "on_publish", "on_unpublish", "on_play", "on_stop", "on_hls")
SRT_HOOKS: Final = ("on_publish", "on_unpublish", "on_play", "on_stop")

# SRS's parser has no quoting: blanks, ';', braces, '#' and quotes end a value, '$' and '[' are expanded in paths.
_PATH: Final = re.compile(r"/[\w./@:+=,~-]*", re.ASCII)
_CANDIDATE: Final = re.compile(r"\*|(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.?")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
_SERVER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


LATEST_CUT_S: Final = 10.0
"""A segment ends at a keyframe, or after this at any frame: encoders left to themselves send one every 8 to 10 s."""
_OVERDUE: Final = 2.1
"""The same in segments, where segments are long."""


class InvalidSettingError(ValueError):
    """A setting that may not stand in the configuration; the message names it and says why."""


@dataclass(frozen=True)
class SrsSettings:
    """What differs between installations. Folders are absolute; `*_s` are seconds; ports 1 to 65535."""

    run_dir: str
    """Folder of the pid file; SRS writes to it and creates nothing else there."""
    hls_dir: str
    """Root of the segments and playlists, and of what the media HTTP server serves."""
    agent_port: int
    rtmp_port: int = 1935
    api_port: int = 1985
    http_port: int = 8080
    rtc_port: int | None = 8000
    """UDP, on all addresses, as SRS reads no address here; None: no WebRTC."""
    srt_port: int | None = 10080
    """UDP, on all addresses likewise; None: no SRT."""
    rtc_candidate: str = "*"
    """IP address or name that WebRTC clients are told to send to; `*`: SRS asks its own interfaces."""
    rtmp_ip: str = ""
    """Address on which RTMP listens; empty: all. The HTTP servers are on 127.0.0.1 always."""
    rtmp_ipv6: bool = False
    """Whether RTMP listens on all IPv6 addresses, too, where it listens on all. SRS has no such thing for SRT and RTC:
    it takes a port there, and no address."""
    hook_ip: str = "127.0.0.1"
    """Where the agent listens. An address, never a name: a blocking lookup stalls the whole server."""
    hook_secret: str = field(default="", repr=False)
    """What the path of every hook holds, so that nobody else can send one; empty: nothing."""
    api_user: str = "sluice"
    api_password: str = field(default="", repr=False)
    """With what the HTTP API is called (SRS 5.0.152, 6.0.39 and later); empty: it asks for nothing."""
    log_file: str = ""
    """Empty: to the console."""
    server_id: str = ""
    """Empty: SRS makes one up at each start."""
    max_connections: int = 1000
    hls_fragment_s: float = DEFAULT_FRAGMENT_S
    hls_window_s: float = 60
    count_hls_viewers: bool = True
    """HLS viewers get a session of their own, with `on_play` and `on_stop`. Off for a cache in front of the edge."""
    hls_file: str = ""
    """A file with what `hls_modes` renders, which the agent may rewrite while SRS runs; empty: it is in place."""


def hls_modes(fragment_s: float, window_s: float, *, count_viewers: bool) -> str:
    """The directives of HLS that may change while SRS runs: a reload takes them, and publishers stay (SRS 7.0.18)."""
    return f"""\
hls_fragment {fragment_s:g};
hls_window {window_s:g};
hls_ctx {"on" if count_viewers else "off"};
hls_aof_ratio {max(_OVERDUE, LATEST_CUT_S / fragment_s):g};
"""


def render(settings: SrsSettings) -> str:
    """The whole configuration file.

    Raises:
        InvalidSettingError: a value could end its directive and begin another, or makes no sense.
    """
    _check(settings)
    parts = [_server(settings), _listeners(settings), _vhost(settings)]
    return "\n".join([*parts, _srt_vhost(settings)] if settings.srt_port is not None else parts)


def _check(s: SrsSettings) -> None:
    for name, path in (
        ("run_dir", s.run_dir),
        ("hls_dir", s.hls_dir),
        ("log_file", s.log_file or "/"),
        ("hls_file", s.hls_file or "/"),
    ):
        if not _PATH.fullmatch(path) or ".." in PurePosixPath(path).parts:
            raise InvalidSettingError(f"{name} must be an absolute path of letters, digits and ./@:+=,~_- without '..'")
    for name in ("agent_port", "rtmp_port", "api_port", "http_port", "rtc_port", "srt_port"):
        port: int | None = getattr(s, name)
        if port is not None and not 1 <= port <= 65535:
            raise InvalidSettingError(f"{name} must be between 1 and 65535")
    _check_addresses(s)
    for name, value in (("hook_secret", s.hook_secret), ("api_user", s.api_user), ("api_password", s.api_password)):
        if value and not _SECRET.fullmatch(value):
            raise InvalidSettingError(f"{name} may only hold letters, digits, _ and -, at most 200")
    if s.server_id and not _SERVER_ID.fullmatch(s.server_id):
        raise InvalidSettingError("server_id may only hold letters, digits, _ and -")
    if not 1 <= s.max_connections <= 100_000:
        raise InvalidSettingError("max_connections must be between 1 and 100000")
    if not 0.5 <= s.hls_fragment_s <= s.hls_window_s <= 3600:
        raise InvalidSettingError("hls_fragment_s and hls_window_s must be 0.5 to 3600, and the window the longer one")


def _check_addresses(s: SrsSettings) -> None:
    _check_address("hook_ip", s.hook_ip)
    if s.rtmp_ip:
        _check_address("rtmp_ip", s.rtmp_ip)
    if not _CANDIDATE.fullmatch(s.rtc_candidate):
        _check_address("rtc_candidate", s.rtc_candidate)


def _check_address(name: str, value: str) -> None:
    try:
        address = ip_address(value)
    except ValueError:
        raise InvalidSettingError(f"{name} must be an IP address") from None
    if "%" in str(address):  # ipaddress takes any text as the zone of an IPv6 address
        raise InvalidSettingError(f"{name} must be an IP address without a zone")


def _endpoint(ip: str, port: int) -> str:
    return f"{bracketed(ip)}:{port}" if ip else str(port)


def _on(port: int | None) -> str:
    return "off" if port is None else "on"


def _server(s: SrsSettings) -> str:
    log = f"srs_log_tank file;\nsrs_log_file {s.log_file};" if s.log_file else "srs_log_tank console;"
    identity = f"server_id {s.server_id};\n" if s.server_id else ""
    second = f" [::]:{s.rtmp_port}" if s.rtmp_ipv6 and not s.rtmp_ip else ""
    return f"""\
listen {_endpoint(s.rtmp_ip, s.rtmp_port)}{second};
daemon off;
# Told by the supervisor when to go, and never by a parent that was replaced.
asprocess off;
max_connections {s.max_connections};
work_dir {s.run_dir};
pid {s.run_dir}/srs.pid;
{identity}{log}
srs_log_level trace;
# The name of each released version is of no use here, and asking for it is a request to the outside.
query_latest_version off;
"""


def _auth(s: SrsSettings) -> str:
    if not s.api_password:
        return ""
    return f"""
    auth {{
        enabled on;
        username {s.api_user};
        password {s.api_password};
    }}"""


def _hook_base(s: SrsSettings) -> str:
    base = f"http://{_endpoint(s.hook_ip, s.agent_port)}/hooks"
    return f"{base}/{s.hook_secret}" if s.hook_secret else base


def _listeners(s: SrsSettings) -> str:
    return f"""\
http_api {{
    enabled on;
    listen {_endpoint("127.0.0.1", s.api_port)};
    crossdomain off;{_auth(s)}
    raw_api {{
        enabled on;
        allow_reload on;
    }}
}}
http_server {{
    enabled on;
    listen {_endpoint("127.0.0.1", s.http_port)};
    dir {s.hls_dir};
    crossdomain off;
}}
rtc_server {{
    enabled {_on(s.rtc_port)};
    listen {s.rtc_port or 8000};
    candidate {s.rtc_candidate};
    # The agent names the address that a client can reach (edge.web.rtc): neither all that this machine has, nor a name
    # that the client put there, whose lookup would block the whole server.
    api_as_candidates off;
    use_auto_detect_network_ip off;
    resolve_api_domain off;
    keep_api_domain off;
}}
srt_server {{
    enabled {_on(s.srt_port)};
    listen {s.srt_port or 10080};
    default_app live;
    tlpktdrop on;
}}
"""


def _modes(s: SrsSettings) -> str:
    if s.hls_file:
        return f"        include {s.hls_file};"
    text = hls_modes(s.hls_fragment_s, s.hls_window_s, count_viewers=s.count_hls_viewers)
    return "\n".join(f"        {line}" for line in text.splitlines())


def _vhost(s: SrsSettings) -> str:
    modes = _modes(s)
    base = _hook_base(s)
    hooks = "\n".join(f"        {action} {base}/{action};" for action in HOOKS)
    # hls_dispose 0 and hls_cleanup off: the agent collects what it has linked; SRS would delete segments right after
    # it announced them. [timestamp] in the name: [seq] starts at 0 again after a restart, and would overwrite.
    return f"""\
vhost __defaultVhost__ {{
    tcp_nodelay on;
    min_latency off;
    http_hooks {{
        enabled on;
{hooks}
    }}
    hls {{
        enabled on;
        hls_path {s.hls_dir};
        hls_m3u8_file [app]/[stream].m3u8;
        hls_ts_file [app]/[stream]-[seq]-[timestamp].ts;
{modes}
        # A keyframe every 2 s comes a millisecond early now and then; at 1.0 its segment would last until the next one.
        hls_td_ratio 0.9;
        hls_wait_keyframe on;
        hls_dts_directly on;
        hls_ts_ctx off;
        hls_cleanup off;
        hls_dispose 0;
    }}
    http_remux {{
        enabled on;
        mount [vhost]/[app]/[stream].flv;
    }}
    rtc {{
        enabled {_on(s.rtc_port)};
        rtmp_to_rtc on;
        rtc_to_rtmp on;
        # Browsers send keyframes when they are asked to. Without one every 2 s, segments begin amid pictures.
        pli_for_rtmp 2.0;
    }}
    srt {{
        enabled {_on(s.srt_port)};
        srt_to_rtmp on;
    }}
}}
"""


def _srt_vhost(s: SrsSettings) -> str:
    """Where viewers by SRT find streams that came in another way; the agent copies them there. Nothing else happens."""
    base = _hook_base(s)
    hooks = "\n".join(f"        {action} {base}/{action};" for action in SRT_HOOKS)
    return f"""\
vhost {SRT_VHOST} {{
    http_hooks {{
        enabled on;
{hooks}
    }}
    srt {{
        enabled on;
        srt_to_rtmp off;
    }}
}}
"""
