"""What each rule of `paths.RULES` does, as Caddy is told. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from chalicelib.wire.live import HERE, HERE_HEADER, NODE_HEADER
from edge.web.front.links import pattern
from edge.web.front.paths import PAGES_OF_OTHER_NAMES, Name, Rule
from edge.web.front.settings import CloudUpstream, FrontSettings
from edge.web.front.text import handle, passing, quoted

_MONTH: Final = "max-age=2592000"
_YEAR: Final = "max-age=31536000"
_TYPES: Final = {
    "*.ts": "video/mp2t",
    "*.m3u8": "application/vnd.apple.mpegurl",
    "*.mp4": "video/mp4",
    "*.jpg": "image/jpeg",
    "*.json": "application/json",
}
PAGES_POLICY: Final = (
    "default-src 'self'; connect-src http: https:; media-src http: https: blob: mediastream:; worker-src blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Players play from anywhere, as their users say; all else that a page needs comes from here."""
_GUARDED: Final = f"""			header Content-Security-Policy "{PAGES_POLICY}"
			header Referrer-Policy no-referrer
"""
_DEEPEST: Final = 8
_NO_CALL: Final = (
    '{"type":"about:blank","title":"Not found","status":404,"detail":"there is no such path",'
    '"code":"not_found","params":{}}'
)


def _proxy(address: str) -> str:
    """Streams both ways; a connection is given up before the other side does (`edge.web.local.server`)."""
    return f"""			reverse_proxy {address} {{
				flush_interval -1
				transport http {{
					keepalive 60s
				}}
			}}"""


def _local(settings: FrontSettings, rule: Rule) -> str:
    return handle(rule, f"{passing(rule)}\n{_proxy(settings.local)}")


def _to_cloud(cloud: CloudUpstream) -> str:
    tls = "\n					tls" if cloud.tls else ""
    prefix = f"			rewrite * {cloud.prefix}{{uri}}\n" if cloud.prefix else ""
    return f"""{prefix}			reverse_proxy {cloud.address} {{
				header_up Host {cloud.host}
				transport http {{
					keepalive 60s{tls}
				}}"""


def _cloud(settings: FrontSettings, rule: Rule) -> str:
    body = f"""{passing(rule)}
			header ?Content-Security-Policy "frame-ancestors 'none'"
			header ?Referrer-Policy no-referrer
{_to_cloud(settings.cloud)}
				# What API Gateway says of a path that has no route; to a caller with a token it reads like a lie.
				@no_route header X-Amzn-Errortype MissingAuthenticationTokenException
				handle_response @no_route {{
					header -X-Amzn-Errortype
					@old vars_regexp {{http.request.orig_uri.path}} ^/terraform/
					handle @old {{
						header Content-Type "text/plain; charset=utf-8"
						respond "there is no such call
" 404
					}}
					handle {{
						header Content-Type application/problem+json
						respond `{_NO_CALL}` 404
					}}
				}}
			}}"""
    return handle(rule, body)


def _live(settings: FrontSettings, rule: Rule) -> str:
    # The cloud says who may; what is on this machine goes to the caller from here.
    here = f"""				header_up {NODE_HEADER} {settings.node}
				@here header {HERE_HEADER} *
				handle_response @here {{
					vars here {{rp.header.{HERE_HEADER}}}
					route {{
						rewrite * {HERE}/{{vars.here}}
						reverse_proxy {settings.local}
					}}
				}}
"""
    body = f"{passing(rule)}\n{_to_cloud(settings.cloud)}\n{here if settings.node else ''}			}}"
    return handle(rule, body)


def _recordings(settings: FrontSettings, rule: Rule) -> str:
    if settings.objects_dir is None:
        return _objects(settings, rule)
    types = "\n".join(
        f"						@type{n} path {pattern}\n						header @type{n} Content-Type {kind}"
        for n, (pattern, kind) in enumerate(_TYPES.items())
    )
    # The agent says whether it is a plain file: Caddy would follow a symbolic link.
    body = f"""{passing(rule)}
{_to_cloud(settings.cloud)}
				header_up X-Sluice-Accel 1
				@accel header X-Accel-Redirect *
				handle_response @accel {{
					vars object {{rp.header.X-Accel-Redirect}}
					copy_response_headers {{
						include Cache-Control Content-Disposition Access-Control-Allow-Origin X-Content-Type-Options
					}}
					route {{
						forward_auth {settings.local} {{
							uri /front/object
							header_up X-Sluice-Object {{vars.object}}
						}}
						rewrite * /{{vars.object}}
{types}
						root * {quoted(settings.objects_dir)}
						file_server {{
							index off.off
						}}
					}}
				}}
			}}"""
    return handle(rule, body)


def _objects(settings: FrontSettings, rule: Rule) -> str:
    # What the console is led elsewhere for is brought here instead: its pages may connect to their own origin alone.
    body = f"""{passing(rule)}
{_to_cloud(settings.cloud)}
				@relayed header X-Sluice-Relay 1
				handle_response @relayed {{
					vars location {{rp.header.Location}}
					route {{
						rewrite * /front/relay
						reverse_proxy {settings.local} {{
							header_up X-Sluice-Location {{vars.location}}
							flush_interval -1
						}}
					}}
				}}
			}}"""
    return handle(rule, body)


def _unknown_call(_: FrontSettings, rule: Rule) -> str:
    return handle(
        rule,
        '			header Content-Type "text/plain; charset=utf-8"\n			respond "there is no such call\n" 404',
    )


def _files(root: Path, headers: str) -> str:
    """Files below a folder, by their own path; what begins with a dot is none."""
    return f"""			@hidden path_regexp (^|/)\\.
			error @hidden 404
{headers}
			root * {quoted(root)}
			file_server {{
				index off.off
			}}"""


def _well_known(settings: FrontSettings, rule: Rule) -> str:
    header = '			header Cache-Control "no-cache, max-age=0"'
    if settings.options.well_known is None:
        return handle(rule, f"{header}\n			error 404")
    body = f"""			uri strip_prefix /.well-known
{_files(settings.options.well_known, header)}"""
    return handle(rule, body)


def _pages(settings: FrontSettings, rule: Rule) -> str:
    headers = f"""{_GUARDED}			@lasting not path /tools/player.html /tools/xgplayer.html
			header @lasting Cache-Control "{_MONTH}"
"""
    # After the header: a page keeps the caching of the name that it was asked for by.
    names = "\n".join(f"			rewrite {name} {page}" for name, page in PAGES_OF_OTHER_NAMES.items())
    return handle(rule, _files(settings.options.pages, headers + names))


def _icon(settings: FrontSettings, rule: Rule) -> str:
    return handle(rule, _files(settings.options.pages, f'			header Cache-Control "{_MONTH}"'))


def _to_media_api(settings: FrontSettings) -> str:
    """With our credential; the caller's was dropped."""
    credential = settings.media_credential
    login = f"			request_header Authorization {quoted(credential)}\n" if credential else ""
    return f"{login}			reverse_proxy {settings.media_api}"


def _versions(settings: FrontSettings, rule: Rule) -> str:
    return handle(rule, f"			rewrite * /api/v1/versions?\n{passing(rule)}\n{_to_media_api(settings)}")


def _media_api(settings: FrontSettings, rule: Rule) -> str:
    body = f"""{passing(rule)}
			forward_auth {settings.local} {{
				uri /front/authorize
				copy_headers X-Sluice-Scope
			}}
			@whole header X-Sluice-Scope admin
			handle @whole {{
				route {{
					request_header -X-Sluice-Scope
					request_header -Authorization
					# The media server writes the paths that it is asked for into its log.
					uri query -token
{_to_media_api(settings)}
				}}
			}}
			handle {{
				rewrite * /front/media-api{{uri}}
				reverse_proxy {settings.local}
			}}"""
    return handle(rule, body)


def _playlists(settings: FrontSettings, rule: Rule) -> str:
    if not settings.hls.plain:
        return ""
    headers = f"""			header Cache-Control "public, max-age={settings.hls.max_age_s}"
			header Content-Type {_TYPES["*.m3u8"]}"""
    return handle(
        rule, f"{passing(rule)}\n{_viewer(settings)}{_without_links(settings)}{_files(settings.hls_dir, headers)}"
    )


def _viewer(settings: FrontSettings) -> str:
    """Asks the agent whether a viewer may watch. The media server asks too, but not for every playlist: a viewer whom
    it refused gets one all the same with an `hls_ctx` of its own making.
    """
    if not settings.play_auth:
        return ""
    return f"""			forward_auth {settings.local} {{
				uri /front/play
			}}
"""


def _segments(settings: FrontSettings, rule: Rule) -> str:
    headers = f"""			header Cache-Control "public, max-age=600"
			header Content-Type {_TYPES["*.ts"]}"""
    return handle(rule, _without_links(settings) + _files(settings.hls_dir, headers))


def _without_links(settings: FrontSettings) -> str:
    if not settings.links:
        return ""
    return f"			@links path_regexp `{pattern(settings.links)}`\n			error @links 404\n"


_BEYOND_ASCII: Final = r"[^\x00-\x7f]"
_NO_FLV: Final = (
    "The media server finds a name with letters beyond ASCII by RTMP and HLS only. Watch it by HLS, or give the stream "
    "a name in ASCII letters."
)


def _media(settings: FrontSettings, rule: Rule) -> str:
    headers = f"			header Content-Type {_TYPES['*.m3u8']}"
    body = rf"""{passing(rule)}
{_viewer(settings)}			@beyond path_regexp {_BEYOND_ASCII}
			handle @beyond {{
				@playlist path *.m3u8
				handle @playlist {{
{_without_links(settings)}{_files(settings.hls_dir, headers)}
				}}
				respond "{_NO_FLV}" 404
			}}
			handle {{
				# Of a name with a dot SRS leaves out what is behind the last one, and serves this under the rest. The
				# first of these that fits is the only one that is done.
				@dotted path_regexp dotted ^([A-Za-z0-9_.~@:+=/-]*/[^/]+)\.[^/.]+(\.(?:flv|aac|mp3))$
				rewrite @dotted {{re.dotted.1}}{{re.dotted.2}}?{{query}}
				# It compares paths without decoding them.
				@plain path_regexp ^[A-Za-z0-9_.~@:+=/-]+$
				rewrite @plain {{path}}?{{query}}
				# What begins a viewer's session leads on to an address of its own.
				@begin {{
					path *.m3u8
					not query hls_ctx=*
				}}
				handle @begin {{
					# Without the agent it still begins, with the address that the media server gives.
					reverse_proxy {settings.local} {settings.options.media_http} {{
						lb_policy first
						lb_retries 1
						fail_duration 2s
					}}
				}}
				reverse_proxy {settings.options.media_http} {{
					flush_interval -1
				}}
			}}"""
    return handle(rule, body)


def _ups(prefix: str) -> str:
    """How pages at each depth lead to the top: `..` is where a proxy in front has it, too, whatever its prefix."""
    top = re.escape(prefix) if prefix else ""
    lines = [f'				~^(?:{top})?/[^/]*{"/[^/]*" * depth}$ "{"../" * depth}"' for depth in range(_DEEPEST)]
    return "\n".join([*lines, '				default ""'])


_APP: Final = "/console/app"
CONSOLE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    # OBS on the viewer's own computer, when he asks for it (decision 49).
    "connect-src 'self' ws://127.0.0.1:4455 ws://localhost:4455; "
    "worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


def _console(settings: FrontSettings, rule: Rule) -> str:
    # What is compressed first is written last: the page's places are filled in before.
    body = f"""			encode gzip
			@old path /console/ng_index.html /console/en_index.html
			rewrite @old /console/ng_index.html
			# The page is there at any depth, and leads from there to what it is made of.
			@page not path {_APP}/assets/* {_APP}/icon.svg /console/ng_index.html
			rewrite @page {_APP}/index.html
			map {{http.request.orig_uri.path}} {{up}} {{
{_ups(settings.options.prefix)}
			}}
			@index path {_APP}/index.html
			templates @index {{
				mime text/html
			}}
			header @index Cache-Control no-cache
			@named path {_APP}/assets/*
			header @named Cache-Control "{_YEAR}, immutable"
			@drawn path {_APP}/icon.svg /console/ng_index.html
			header @drawn Cache-Control "{_MONTH}"
			header Content-Security-Policy "{CONSOLE_POLICY}"
			header Referrer-Policy no-referrer
{_files(settings.options.pages, "")}"""
    return handle(rule, body)


_PAGES_OF_OLD: Final = {"record": "recordings", "forward": "restream", "live-room": "rooms"}
"""A scenario of the page of old → the page of the console."""


def _ui(settings: FrontSettings, rule: Rule) -> str:
    top = f"{settings.options.prefix}/console"
    by_tab = "\n".join(
        f"""			@old_{page} {{
				path */routers-scenario
				query tab={tab}
			}}
			redir @old_{page} {top}/{page} 302"""
        for tab, page in _PAGES_OF_OLD.items()
    )
    body = f"""			@old_settings path */routers-settings */routers-components
			redir @old_settings {top}/settings 302
{by_tab}
			redir * {top}/live 302"""
    return handle(rule, body)


def _start(settings: FrontSettings, rule: Rule) -> str:
    return handle(rule, f"			redir * {settings.options.prefix}/mgmt 302")


HANDLERS: Final[Mapping[Name, Callable[[FrontSettings, Rule], str]]] = {
    "local": _local,
    "uploads": _local,
    "live": _live,
    "recordings": _recordings,
    "objects": _objects,
    "cloud": _cloud,
    "unknown_call": _unknown_call,
    "well_known": _well_known,
    "icon": _icon,
    "console": _console,
    "pages": _pages,
    "rtc": _local,
    "versions": _versions,
    "media_api": _media_api,
    "playlists": _playlists,
    "segments": _segments,
    "media": _media,
    "ui": _ui,
    "start": _start,
}
