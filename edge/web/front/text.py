"""Pieces of a Caddyfile. Pure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from edge.web.front.paths import Rule

NOT_PLAIN: Final = "the path or the query is not one that is understood here; write it plainly"
_PROBLEM: Final = {"type": "about:blank", "title": "Bad request", "status": 400, "detail": NOT_PLAIN}


def quoted(text: str | Path) -> str:
    """A token of a Caddyfile that holds the text as it is; only a quotation mark needs its backslash."""
    return '"' + str(text).replace('"', '\\"') + '"'


def not_plain(matcher: str) -> str:
    """Refuses what fits, as the API refuses: clients read one kind of answer."""
    problem = json.dumps(_PROBLEM | {"code": "not_plain", "params": {}})
    return f"""		handle {matcher} {{
			header Content-Type application/problem+json
			respond `{problem}` 400
		}}
"""


def handle(rule: Rule, body: str) -> str:
    """The block of a rule, executed as written: another method than its own is refused first."""
    methods = " ".join(rule.methods)
    return f"""		@{rule.name} path {" ".join(rule.paths)}
		handle @{rule.name} {{
			route {{
				@other_method not method {methods}
				header @other_method Allow "{", ".join(rule.methods)}"
				error @other_method 405
{body}
			}}
		}}"""


def passing(rule: Rule) -> str:
    """What of a request is passed on; all other headers are dropped, hop-by-hop ones and claims about the client too.
    The host stays; Caddy adds the client's address, host and protocol itself.
    """
    names = {f"h{n}": name for n, name in enumerate(rule.headers)}
    kept = "\n".join(f"				{var} {{http.request.header.{name}}}" for var, name in names.items())
    back = "\n".join(
        f"			@{var} vars_regexp {var} .\n			request_header @{var} {name} {{vars.{var}}}"
        for var, name in names.items()
    )
    return f"""{_query(rule)}{_body(rule)}			vars {{
				host {{http.request.hostport}}
{kept}
			}}
			request_header -*
			request_header Host {{vars.host}}
{back}"""


def _body(rule: Rule) -> str:
    if rule.max_body is None:
        return ""
    # Zero would mean no limit; and a body that is announced is refused before anything is passed on.
    none = (
        "			@body header_regexp Content-Length [1-9]\n			error @body 413\n"
        if not rule.max_body
        else ""
    )
    return f"{none}			request_body {{\n				max_size {max(rule.max_body, 1)}B\n			}}\n"


def _query(rule: Rule) -> str:
    if not rule.query:
        return ""
    keys = "|".join(rule.query)
    return f"""			@other_query not vars_regexp {{http.request.uri.query}} `^(?:(?:{keys})(?:=[^&;]*)?(?:&|$))*$`
{not_plain("@other_query")}"""
