"""`/v1/nodes`, `/v1/join-tokens`: the edges and the tokens they enrol with."""

from __future__ import annotations

from chalice import Response
from pydantic import Field

from chalicelib.wiring import wiring

from .. import views
from ..problems import parse
from .base import Body, View, caller, raw, v1


class NewJoinToken(Body):
    """`POST /v1/join-tokens`."""

    name: str = Field(default="", max_length=100)


@v1.route("/v1/nodes", methods=["GET"])
def list_nodes() -> View:
    """All nodes."""
    caller()
    return {"items": [views.node(n) for n in wiring.overview.nodes()]}


@v1.route("/v1/nodes/{node}", methods=["GET"])
def get_node(node: str) -> View:
    """One node."""
    caller()
    return views.node(wiring.overview.node(node))


@v1.route("/v1/join-tokens", methods=["POST"])
def create_join_token() -> Response:
    """A token with which one node may enrol within the hour; shown this once."""
    caller()
    token, kept = wiring.auth.create_join_token(parse(NewJoinToken, raw()).name)
    return Response({"token": token, "expires_at": kept.expires_at and kept.expires_at.isoformat()}, status_code=201)
