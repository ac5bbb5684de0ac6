"""The front: one address for the API, the media and the recordings. Renders the configuration of Caddy.

The emulator behind it obeys whoever reaches it. So the front lets only two kinds of requests through: calls to our API,
and signed reads of recordings; and from both it takes the headers by which the emulator could take them for anything
else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_API = ("/v1", "/terraform/v1", "/edge/v1", "/console", "/mgmt")
_MEDIA = ("*.flv", "*.m3u8", "*.ts", "*.aac", "*.mp3", "*.mp4", "*.m4s")
# What a client could claim about itself or its way here. Caddy sets X-Forwarded-For, -Host and -Proto anew.
_CLAIMS = ("X-Amz-*", "X-Amzn-*", "X-Real-Ip", "X-Forwarded-*", "Forwarded", "X-Ministack-*", "X-Host-Override")


@dataclass(frozen=True)
class FrontSettings:
    """Ports on loopback, except `port`, which listens on `bind` (empty: everywhere)."""

    port: int
    bind: str
    admin_port: int
    gateway_port: int
    media_http_port: int
    media_api_port: int
    bucket: str
    api_file: Path
    access_log: Path


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _without_claims(indent: str) -> str:
    return "\n".join(f"{indent}request_header -{name}" for name in _CLAIMS)


def _global(settings: FrontSettings) -> str:
    return f"""{{
	admin 127.0.0.1:{settings.admin_port}
	persist_config off
	auto_https off
	log default {{
		level WARN
	}}
}}"""


def _access_log(settings: FrontSettings) -> str:
    """Neither queries nor headers are logged: both may hold a secret."""
    return f"""	log {{
		output file {_quoted(settings.access_log)} {{
			roll_size 10MiB
			roll_keep 3
		}}
		format filter {{
			request>uri regexp "\\?.*" ""
			request>headers delete
			resp_headers delete
			request>tls delete
		}}
	}}"""


_NOT_FOUND = '{"type":"about:blank","title":"Not found","status":404,"detail":"there is no such path"}'


def _api(settings: FrontSettings) -> str:
    paths = " ".join(f"{path} {path}/*" for path in _API)
    return f"""		# A signature of AWS would make the emulator serve AWS's API instead of ours.
		@signed header_regexp Authorization (?i)^\\s*AWS
		respond @signed "This is no AWS endpoint" 400
		@api path {paths}
		handle @api {{
			# What API Gateway takes; larger things go to the store.
			request_body {{
				max_size 10MB
			}}
			rewrite * /restapis/{{file.{settings.api_file}}}/api/_user_request_{{uri}}
			reverse_proxy 127.0.0.1:{settings.gateway_port} {{
				header_up Host 127.0.0.1:{settings.gateway_port}
				# What API Gateway says of a path that has no route; to a caller with a token it reads like a lie.
				@no_route header X-Amzn-Errortype MissingAuthenticationTokenException
				handle_response @no_route {{
					header -X-Amzn-Errortype
					@compatible expression `{{http.request.orig_uri.path}}.startsWith("/terraform/")`
					handle @compatible {{
						header Content-Type "text/plain; charset=utf-8"
						header Access-Control-Allow-Origin *
						respond "there is no such call" 404
					}}
					handle {{
						header Content-Type application/problem+json
						respond `{_NOT_FOUND}` 404
					}}
				}}
			}}
		}}"""


def _preflight() -> str:
    """Answers browsers that ask whether a page of another origin may call: it may, with a bearer and no cookies."""
    return """		@preflight method OPTIONS
		handle @preflight {
			header Access-Control-Allow-Origin *
			header Access-Control-Allow-Headers *
			header Access-Control-Allow-Methods *
			header Access-Control-Expose-Headers *
			header -Content-Type
			respond 200
		}"""


def _recordings(settings: FrontSettings) -> str:
    """Signed URLs carry the emulator's own address as their host."""
    return f"""		@recording {{
			method GET HEAD
			path /{settings.bucket}/recordings/*
			query X-Amz-Signature=*
		}}
		handle @recording {{
			request_header -Authorization
			reverse_proxy 127.0.0.1:{settings.gateway_port} {{
				header_up Host 127.0.0.1:{settings.gateway_port}
			}}
		}}"""


def _media(settings: FrontSettings) -> str:
    return f"""		handle /rtc/* {{
			reverse_proxy 127.0.0.1:{settings.media_api_port}
		}}
		@store path /{settings.bucket} /{settings.bucket}/*
		handle @store {{
			respond 403
		}}
		@media path {" ".join(_MEDIA)}
		handle @media {{
			reverse_proxy 127.0.0.1:{settings.media_http_port} {{
				flush_interval -1
			}}
		}}"""


def render(settings: FrontSettings) -> str:
    """The Caddyfile."""
    bind = f"\n	bind {settings.bind}" if settings.bind else ""
    return f"""{_global(settings)}

http://:{settings.port} {{{bind}
{_access_log(settings)}
	route {{
{_without_claims("		")}
{_preflight()}
{_api(settings)}
{_recordings(settings)}
{_media(settings)}
		@root path /
		redir @root /v1/docs 302
		header Content-Type application/problem+json
		respond `{{"type":"about:blank","title":"Nothing is served here","status":404,"code":"not_found"}}` 404
	}}
}}
"""
