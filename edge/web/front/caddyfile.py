"""Renders the front's configuration for Caddy. Pure.

What stands behind the front obeys whoever reaches it. So a request is looked at in this order: a path that two
programs could read differently is refused; `OPTIONS` is answered; then the first rule of `paths.RULES` takes it, and
lets through what is on its list.
"""

from __future__ import annotations

from typing import Final

from chalicelib.wire.oryx import OPEN_HEADERS
from edge.options import FrontOptions
from edge.web.front.handlers import HANDLERS
from edge.web.front.paths import RULES, STRANGE
from edge.web.front.settings import FrontSettings
from edge.web.front.text import not_plain, quoted

_KNOWN: Final = r"v1|terraform|edge|console|players|tools|mgmt|api|rtc|recordings|\.well-known"
_ENDINGS: Final = r"\.(?:flv|m3u8|aac|mp3|ts)"
_MASKS: Final = (
    (r"\?.*", ""),
    # Names of streams may end in a secret, so that of a path that is no call and no page the application alone is kept.
    (rf"^(/(?:{_KNOWN})(?:/.*)?)$", "=$1"),
    (rf"^(/[^/.%]*)/.*?({_ENDINGS})$", "=$1/***$2"),
    ("^/.+$", "/***"),
    ("^=", ""),
    ("^(/recordings|/v1/shares)/[^/]+", "$1/***"),
    ("^(/rtc/v1/[a-z]*/?).*", "$1***"),
    (rf"[^/]*({_ENDINGS})$", "***$1"),
)
"""Applied one after the other to what is logged of a path; `=` marks what is to stay."""
_COMPATIBLE: Final = "/api/* /rtc/* /terraform /terraform/*"
"""Where clients look for permission to send credentials (Q4)."""
_LASTING_S: Final = 180 * 86400


def render(settings: FrontSettings) -> str:
    """The Caddyfile."""
    # HTTPS is put in afterwards, see `https`.
    return "\n".join([_global(settings.options), _site(settings)])


def startup(admin: str, renew_interval: str = "") -> str:
    """What Caddy is started with: little but the address at which the agent gives it the rest. How often it looks for
    certificates to renew is taken at the start only; empty: ten minutes, its own.
    """
    renew = f"\n	renew_interval {renew_interval}" if renew_interval else ""
    return f"{{\n{_common(admin)}{renew}\n}}\n"


def _filter(indent: str) -> str:
    """What Caddy writes about a request holds neither queries nor headers nor names: each may hold a secret."""
    masks = "\n".join(f"{indent}		regexp {quoted(pattern)} {quoted(by)}" for pattern, by in _MASKS)
    return f"""{indent}format filter {{
{indent}	request>uri multi_regexp {{
{masks}
{indent}	}}
{indent}	request>headers delete
{indent}	resp_headers delete
{indent}	request>tls delete
{indent}}}"""


def _common(admin: str) -> str:
    return f"""	admin {admin}
	persist_config off
	auto_https off
	log default {{
		level WARN
{_filter("		")}
	}}"""


def _global(options: FrontOptions) -> str:
    # A body may take its time: uploads have gigabytes.
    return f"""{{
{_common(options.admin)}
	servers {{
		timeouts {{
			read_header 10s
			idle 2m
		}}
		max_header_size 32KB
	}}
}}
"""


def _site(settings: FrontSettings) -> str:
    options = settings.options
    bind = f"	bind {options.bind}\n" if options.bind else ""
    handlers = "\n".join(filter(None, (HANDLERS[rule.name](settings, rule) for rule in RULES)))
    return f"""http://:{options.http_port} {{
{bind}{_access_log(settings.options)}
	route {{
{_headers(settings)}
		@strange vars_regexp {{http.request.uri}} `{STRANGE}`
{not_plain("@strange")}{_prefix(settings.options)}{_preflight()}
{handlers}
		error 404
	}}
	handle_errors {{
{_headers(settings)}
		header {{
			Content-Type "text/plain; charset=utf-8"
			defer
		}}
{_words()}
		respond "" {{err.status_code}}
	}}
}}
"""


def _words() -> str:
    """What errors of the front's own are answered with."""
    said = {
        400: "there is no such file",  # so the file server says it, where a file is named like a folder
        404: "there is no such file",
        405: "this path takes another method",
        413: "the body is too large for this path",
        502: "what answers this is not running; try again in a moment",
        504: "what answers this did not do so in time; try again in a moment",
    }
    # Not by `expression`, which says it in fewer words: each keeps a language of its own (CEL) in memory.
    return "\n".join(
        f"""		@e{status} vars {{http.error.status_code}} {status}
		respond @e{status} "{text}
" {404 if status == 400 else status}"""
        for status, text in said.items()
    )


def _headers(settings: FrontSettings) -> str:
    """On every answer once, whoever made it. Of those that are deferred, the last is the first to be applied."""
    lines = "\n".join(f'			{name} "{value}"' for name, value in OPEN_HEADERS.items())
    return f"""		@compatible path {_COMPATIBLE}
		header @compatible {{
			Access-Control-Allow-Credentials true
			defer
		}}
		# The server says it at both of its ports, and it is true of HTTPS.
		@unsealed protocol http
		header @unsealed -Alt-Svc
		header {{
{lines}
			X-Content-Type-Options nosniff
			-Access-Control-Allow-Credentials
			-X-Accel-Redirect
			-Via
			defer
		}}
{_lasting(settings)}"""


def _lasting(settings: FrontSettings) -> str:
    """Browsers keep to HTTPS where the certificate is an authority's: with one of our own that would lock users out."""
    trusted = settings.https.trusted if settings.https is not None else ()
    if not trusted:
        return ""
    return f"""		@trusted {{
			protocol https
			host {" ".join(map(quoted, trusted))}
		}}
		header @trusted {{
			Strict-Transport-Security "max-age={_LASTING_S}"
			defer
		}}"""


def _access_log(options: FrontOptions) -> str:
    return f"""	log {{
		output file {quoted(options.access_log)} {{
			roll_size 10MiB
			roll_keep 3
		}}
{_filter("		")}
	}}"""


def _prefix(options: FrontOptions) -> str:
    """Proxies take their prefix off or leave it: both are served."""
    if not options.prefix:
        return ""
    return f"""		@below path {options.prefix} {options.prefix}/*
		uri @below strip_prefix {options.prefix}
"""


def _preflight() -> str:
    """Answers browsers that ask whether a page of another origin may call: it may, with a bearer and no cookies."""
    return """		@preflight method OPTIONS
		handle @preflight {
			header -Content-Type
			respond 200
		}"""
