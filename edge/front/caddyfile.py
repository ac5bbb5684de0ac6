"""Renders the front's configuration for Caddy, rule by rule of `paths.RULES`. Pure.

The cloud behind it obeys whoever reaches it, and the embedded one serves all of AWS. So the front lets only two kinds
of requests through: calls to our API, and signed reads of recordings; and from both it takes the headers by which they
could be taken for anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from chalicelib.wire.oryx import HEADERS

from .paths import PAGES_OF_OTHER_NAMES, RULES, Name, Rule
from .settings import FrontOptions, FrontSettings

# What a client could claim about itself or its way here. Caddy sets X-Forwarded-For, -Host and -Proto anew.
_CLAIMS: Final = ("X-Amz-*", "X-Amzn-*", "X-Real-Ip", "X-Forwarded-*", "Forwarded", "X-Ministack-*", "X-Host-Override")
# What Caddy writes about a request holds neither queries nor headers: both may hold a secret.
_FILTER: Final = """format filter {
			request>uri regexp "\\?.*" ""
			request>headers delete
			resp_headers delete
			request>tls delete
		}"""
_MONTH: Final = "max-age=2592000"
_YEAR: Final = "max-age=31536000"
_HLS: Final = "application/vnd.apple.mpegurl"
_TS: Final = "video/mp2t"
_NOT_FOUND: Final = '{"type":"about:blank","title":"Not found","status":404,"detail":"there is no such path"}'


def render(settings: FrontSettings) -> str:
    """The Caddyfile."""
    options = settings.options
    sites = [_site(settings, f"http://:{options.http_port}")]
    if options.https_port is not None and settings.https is not None:
        # Its certificates are put in afterwards, see `https`.
        sites.append(_site(settings, f"https://:{options.https_port}"))
    return "\n".join([_global(settings), _serving(settings), *sites])


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def startup(admin: str, renew_interval: str = "") -> str:
    """What Caddy is started with: little but the address at which the agent gives it the rest. How often it looks for
    certificates to renew is taken at the start only; empty: ten minutes, its own.
    """
    renew = f"\n	renew_interval {renew_interval}" if renew_interval else ""
    return f"{{\n{_common(admin)}{renew}\n}}\n"


def _common(admin: str) -> str:
    return f"""	admin {admin}
	persist_config off
	auto_https off
	log default {{
		level WARN
		{_FILTER}
	}}"""


def _global(settings: FrontSettings) -> str:
    return f"{{\n{_common(settings.options.admin)}\n}}\n"


def _serving(settings: FrontSettings) -> str:
    """What both sites serve."""
    handlers = "\n".join(_HANDLERS[rule.name](settings, rule) for rule in RULES)
    return f"""(serving) {{
{_access_log(settings.options)}
	route {{
{_without_claims("		")}
		header {{
{_headers("			")}
			defer
		}}
{_preflight()}
{handlers}
	}}
	handle_errors {{
		header {{
{_headers("			")}
			Content-Type "text/plain; charset=utf-8"
			X-Content-Type-Options nosniff
			defer
		}}
		@missing expression `{{err.status_code}} in [400, 404]`
		respond @missing "there is no such file
" 404
		respond "" {{err.status_code}}
	}}
}}
"""


def _site(settings: FrontSettings, address: str) -> str:
    bind = f"	bind {settings.options.bind}\n" if settings.options.bind else ""
    return f"{address} {{\n{bind}	import serving\n}}\n"


def _headers(indent: str) -> str:
    """On every answer once, whoever made it."""
    lines = [f'{indent}{name} "{value}"' for name, value in HEADERS.items()]
    return "\n".join([*lines, f"{indent}-Access-Control-Allow-Credentials", f"{indent}-Via"])


def _without_claims(indent: str) -> str:
    return "\n".join(f"{indent}request_header -{name}" for name in _CLAIMS)


def _access_log(options: FrontOptions) -> str:
    return f"""	log {{
		output file {_quoted(options.access_log)} {{
			roll_size 10MiB
			roll_keep 3
		}}
		{_FILTER}
	}}"""


def _preflight() -> str:
    """Answers browsers that ask whether a page of another origin may call: it may, with a bearer and no cookies."""
    return """		@preflight method OPTIONS
		handle @preflight {
			header -Content-Type
			respond 200
		}"""


def _handle(rule: Rule, body: str, matcher: str = "") -> str:
    """A block for the paths of a rule, executed as written; `matcher` narrows it."""
    return f"""		@{rule.name} {{
			path {" ".join(rule.paths)}{matcher}
		}}
		handle @{rule.name} {{
			route {{
{body}
			}}
		}}"""


def _local(settings: FrontSettings, rule: Rule) -> str:
    return _handle(rule, _proxy(settings.local))


def _proxy(address: str) -> str:
    """Streams both ways; a connection is given up before the other side does (`edge.local.server`)."""
    return f"""			reverse_proxy {address} {{
				flush_interval -1
				transport http {{
					keepalive 60s
				}}
			}}"""


def _cloud(settings: FrontSettings, rule: Rule) -> str:
    cloud = settings.cloud
    transport = "\n				transport http {\n					tls\n				}" if cloud.tls else ""
    body = f"""			# A signature of AWS would make the embedded cloud serve AWS's API instead of ours.
			@signed header_regexp Authorization (?i)^\\s*AWS
			respond @signed "This is no AWS endpoint" 400
			# What API Gateway takes; larger things go to the store.
			request_body {{
				max_size 10MB
			}}
			rewrite * {cloud.prefix}{{uri}}
			reverse_proxy {cloud.address} {{
				header_up Host {cloud.host}{transport}
				# What API Gateway says of a path that has no route; to a caller with a token it reads like a lie.
				@no_route header X-Amzn-Errortype MissingAuthenticationTokenException
				handle_response @no_route {{
					header -X-Amzn-Errortype
					@compatible expression `{{http.request.orig_uri.path}}.startsWith("/terraform/")`
					handle @compatible {{
						header Content-Type "text/plain; charset=utf-8"
						respond "there is no such call
" 404
					}}
					handle {{
						header Content-Type application/problem+json
						respond `{_NOT_FOUND}` 404
					}}
				}}
			}}"""
    return _handle(rule, body)


def _unknown_call(_: FrontSettings, rule: Rule) -> str:
    return _handle(
        rule,
        '			header Content-Type "text/plain; charset=utf-8"\n			respond "there is no such call\n" 404',
    )


def _files(root: Path, headers: str) -> str:
    """Files below a folder, by their own path; what begins with a dot is none."""
    return f"""			@hidden path_regexp (^|/)\\.
			error @hidden 404
{headers}
			root * {_quoted(root)}
			file_server {{
				index off.off
			}}"""


def _well_known(settings: FrontSettings, rule: Rule) -> str:
    header = '			header Cache-Control "no-cache, max-age=0"'
    if settings.options.well_known is None:
        return _handle(rule, f"{header}\n			error 404")
    body = f"""			uri strip_prefix /.well-known
{_files(settings.options.well_known, header)}"""
    return _handle(rule, body)


def _pages(settings: FrontSettings, rule: Rule) -> str:
    headers = f"""			@lasting not path /tools/player.html /tools/xgplayer.html
			header @lasting Cache-Control "{_MONTH}"
"""
    # After the header: a page keeps the caching of the name that it was asked for by.
    names = "\n".join(f"			rewrite {name} {page}" for name, page in PAGES_OF_OTHER_NAMES.items())
    return _handle(rule, _files(settings.options.pages, headers + names))


def _rtc(settings: FrontSettings, rule: Rule) -> str:
    return _handle(rule, _proxy(settings.local))


def _versions(settings: FrontSettings, rule: Rule) -> str:
    return _handle(rule, f"			reverse_proxy {settings.media_api}")


def _media_api(settings: FrontSettings, rule: Rule) -> str:
    body = f"""			forward_auth {settings.local} {{
				uri /front/authorize
			}}
			# The media server writes the paths that it is asked for into its log.
			uri query -token
			request_header -Authorization
			reverse_proxy {settings.media_api}"""
    return _handle(rule, body)


def _store_rule(settings: FrontSettings, rule: Rule) -> Rule | None:
    store = settings.options.store
    if store is None:
        return None
    paths = tuple(path.replace("<bucket>", store.bucket) for path in rule.paths)
    return Rule(rule.name, paths, rule.handling, rule.caller)


def _recordings(settings: FrontSettings, rule: Rule) -> str:
    """Signed URLs carry the store's own address as their host."""
    store, known = settings.options.store, _store_rule(settings, rule)
    if store is None or known is None:
        return ""
    body = f"""			request_header -Authorization
			reverse_proxy {store.address} {{
				header_up Host {store.address}
			}}"""
    return _handle(known, body, "\n			method GET HEAD\n			query X-Amz-Signature=*")


def _store(settings: FrontSettings, rule: Rule) -> str:
    known = _store_rule(settings, rule)
    return "" if known is None else _handle(known, "			respond 403")


def _playlists(settings: FrontSettings, rule: Rule) -> str:
    if not settings.hls.plain:
        return ""
    headers = f"""			header Cache-Control "public, max-age={settings.hls.max_age_s}"
			header Content-Type {_HLS}"""
    return _handle(rule, _viewer(settings) + _files(settings.hls_dir, headers))


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
			header Content-Type {_TS}"""
    return _handle(rule, _files(settings.hls_dir, headers))


def _media(settings: FrontSettings, rule: Rule) -> str:
    body = f"""{_viewer(settings)}			reverse_proxy {settings.options.media_http} {{
				flush_interval -1
			}}"""
    return _handle(rule, body)


def _ui(settings: FrontSettings, rule: Rule) -> str:
    body = rf"""			@main path_regexp ^/mgmt(/?|/index\.html|.*/routers-.*)$
			rewrite @main /mgmt/index.html
			@asset not path /mgmt/index.html
{_files(settings.options.pages, f'			header @asset Cache-Control "{_YEAR}"')}"""
    return _handle(rule, body)


def _else(_: FrontSettings, __: Rule) -> str:
    return "		redir * /mgmt 302"


_HANDLERS: Final[Mapping[Name, Callable[[FrontSettings, Rule], str]]] = {
    "local": _local,
    "cloud": _cloud,
    "unknown_call": _unknown_call,
    "well_known": _well_known,
    "pages": _pages,
    "rtc": _rtc,
    "versions": _versions,
    "media_api": _media_api,
    "recordings": _recordings,
    "store": _store,
    "playlists": _playlists,
    "segments": _segments,
    "media": _media,
    "ui": _ui,
    "else": _else,
}
