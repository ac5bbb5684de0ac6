"""Section 7: the HTTPS certificate of the node."""

from __future__ import annotations

from typing import Any

from chalicelib.wiring.services import wiring

from .calls import Call, Fields, route


class _OfNode(Fields):
    node: str = ""


class _Pair(_OfNode):
    key: str = ""
    crt: str = ""


class _Domain(_OfNode):
    domain: str = ""


@route("/mgmt/ssl")
def upload(call: Call) -> None:
    """Serve a pair, which has to match."""
    fields = call.fields(_Pair)
    wiring.certificates.upload(fields.node or None, fields.key, fields.crt)


@route("/mgmt/letsencrypt")
def letsencrypt(call: Call) -> None:
    """Have certificates for one domain, or several with `;` between them; answers when they are there."""
    fields = call.fields(_Domain)
    wiring.certificates.obtain(fields.node or None, fields.domain.split(";"))


@route("/mgmt/auto-self-signed-certificate")
def self_signed(call: Call) -> None:
    """Serve a self-signed pair, if nothing else was ever chosen."""
    wiring.certificates.self_signed(call.fields(_OfNode).node or None, only_if_none=True)


@route("/mgmt/cert/query")
def query(call: Call) -> Any:
    """What is served, with its key, which clients show."""
    found = wiring.certificates.query(call.fields(_OfNode).node or None, files=True)
    return {"provider": found.provider, "domain": ";".join(found.domains), "key": found.key, "crt": found.crt}
