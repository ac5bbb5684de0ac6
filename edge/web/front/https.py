"""The part of Caddy's configuration that serves HTTPS, as JSON: a Caddyfile ties a certificate to its site, while here
any certificate that holds the name is served, and one pair where none does. Pure.

Names of Caddy's own: https://caddyserver.com/docs/json/apps/tls/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.options import Authority

_LOG_MB: Final = 5


@dataclass(frozen=True, slots=True)
class Https:
    """`pair`: a file with key and chain, found under `name`; its `content` (a hash) tells an old pair from a new one in
    the same file. It is served where nothing better is. `domains` get certificates of the authority, kept in `storage`;
    what becomes of that is in `log`. `trusted`: names whose certificate browsers accept, as an authority made it.
    """

    pair: Path
    content: str
    name: str
    storage: Path
    log: Path
    domains: tuple[str, ...] = ()
    authority: Authority = field(default_factory=Authority)
    trusted: tuple[str, ...] = ()


def secure(config: dict[str, Any], https: Https, *, http_port: int, https_port: int) -> None:
    """Put HTTPS into an adapted configuration: its server listens at both ports, as a second one would keep everything
    that it serves in memory twice.
    """
    web = config["apps"]["http"]
    # The authority's question comes to the HTTP port, and Caddy answers it there by itself.
    web["http_port"], web["https_port"] = http_port, https_port
    for server in web["servers"].values():
        server["automatic_https"] = {"disable": True}
        server["listen"] += [f"{address.removesuffix(f':{http_port}')}:{https_port}" for address in server["listen"]]
        # All but the port for HTTP has TLS then.
        server["tls_connection_policies"] = [{"default_sni": https.name, "fallback_sni": https.name}]
    config["apps"]["tls"] = {
        "certificates": {
            "load_files": [{"certificate": str(https.pair), "key": str(https.pair)}],
            "automate": list(https.domains),
        },
        "automation": {"policies": [_policy(https)] if https.domains else []},
    }
    config["storage"] = {"module": "file_system", "root": str(https.storage)}
    logs = config.setdefault("logging", {}).setdefault("logs", {})
    logs["certificates"] = {
        "writer": {"output": "file", "filename": str(https.log), "roll_size_mb": _LOG_MB, "roll_keep": 2},
        "encoder": {"format": "json"},
        "include": ["tls"],
        "level": "INFO",
    }


def _policy(https: Https) -> dict[str, Any]:
    # By TLS-ALPN it would ask on port 443, which may lead elsewhere; the check before looks at port 80.
    issuer: dict[str, Any] = {
        "module": "acme",
        "ca": https.authority.directory,
        "challenges": {"tls-alpn": {"disabled": True}},
    }
    if https.authority.email:
        issuer["email"] = https.authority.email
    if https.authority.root:
        issuer["trusted_roots_pem_files"] = [str(https.authority.root)]
    return {"subjects": list(https.domains), "issuers": [issuer]}
