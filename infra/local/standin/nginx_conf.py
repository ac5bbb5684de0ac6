"""The configuration of nginx, as a pure function (directives: nginx-rtmp-module 1.2.2)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from .settings import Settings

NO_FLV: Final = "This media server, the stand-in, has no HTTP-FLV: watch by HLS or RTMP, or use SRS (SRS_BIN)."
_KEPT_FRAGMENTS: Final = 300
_EARLY: Final = 0.9
"""A keyframe that comes a little early ends its segment all the same."""
_LATEST_CUT_S: Final = 10.0


def slot_name(number: int) -> str:
    """The name of a slot as an application of nginx."""
    return f"slot{number}"


def render(settings: Settings, notify_port: int) -> str:
    """The whole file. `notify_port`: where the adapter listens for what nginx tells and asks."""
    work = settings.work_dir
    temp = "\n".join(
        f"    {kind}_temp_path {work}/temp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
load_module {settings.rtmp_module};
# One process: it dies with the adapter, and clients of one stream always meet in it.
daemon off;
master_process off;
pid {work}/nginx.pid;
# Not info: nginx would log the query of every stream, secrets included.
error_log {work}/nginx.log warn;
events {{
    worker_connections 1024;
}}
{_rtmp(settings, f"http://127.0.0.1:{notify_port}")}
http {{
    access_log off;
{temp}
    server {{
        listen 127.0.0.1:{settings.http_port};
        root {settings.hls_dir};
        types {{
            application/vnd.apple.mpegurl m3u8;
            video/mp2t ts;
        }}
        add_header Cache-Control no-cache;
        location ~ \\.(flv|aac|mp3)$ {{
            default_type text/plain;
            return 501 "{NO_FLV}\\n";
        }}
    }}
    server {{
        listen unix:{settings.control_socket};
        location /control {{
            rtmp_control all;
        }}
        location /stat {{
            rtmp_stat all;
        }}
    }}
}}
"""


def _rtmp(settings: Settings, notify: str) -> str:
    slots = "\n".join(_slot(settings, slot_name(n), notify) for n in range(settings.slots))
    listen = "\n".join(f"        listen {address};" for address in _listens(settings.rtmp_ip, settings.rtmp_port))
    return f"""\
rtmp {{
    access_log off;
    server {{
{listen}
        chunk_size 60000;
        max_message 16M;
        # SRS waits 30 s for a hook; the adapter keeps that time, nginx must only be the more patient one.
        netcall_timeout 70s;
        notify_method post;
        on_connect {notify}/connect;
        on_disconnect {notify}/disconnect;
{slots}
    }}
}}"""


def _listens(ip: str, port: int) -> list[str]:
    """Where RTMP listens. `::` is all addresses, IPv4 by a socket of its own, which shows clients as they are."""
    if ":" not in ip:
        return [f"{ip}:{port}"]
    fourth = [f"0.0.0.0:{port}"] if ip_address(ip).is_unspecified else []
    return [*fourth, f"[{ip}]:{port} ipv6only=on"]


def _slot(settings: Settings, name: str, notify: str) -> str:
    # Sequential names are unique within one publish, also when a whole file is pushed within a millisecond; over
    # publishes they repeat, but by then the adapter has moved the fragments away. That is why hls_cleanup is off, and
    # hls_continuous too: a new publish would take up the old playlist.
    return f"""\
        application {name} {{
            live on;
            wait_key on;
            drop_idle_publisher 20s;
            on_publish {notify}/publish;
            on_publish_done {notify}/publish_done;
            on_play {notify}/play;
            on_play_done {notify}/play_done;
            hls on;
            hls_path {settings.parts_dir}/{name};
            hls_fragment {round(settings.hls_fragment_s * 1000 * _EARLY)}ms;
            hls_max_fragment {round(max(_LATEST_CUT_S, 2 * settings.hls_fragment_s) * 1000)}ms;
            hls_playlist_length {round(settings.hls_fragment_s * 1000 * _KEPT_FRAGMENTS)}ms;
            hls_fragment_naming sequential;
            hls_cleanup off;
            hls_continuous off;
        }}"""
