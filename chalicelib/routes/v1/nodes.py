"""`/v1/nodes`, `/v1/join-tokens`: the edges and the tokens they enrol with."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from chalicelib.wiring import wiring

from ..views import SHOWN_SECRET, NodeShown, Page, View
from .base import Body, Call, Nothing, Paging, operation


class NewJoinToken(Body):
    """A join token to be made."""

    name: str = Field(default="", max_length=100)


class JoinToken(View):
    """A join token."""

    token: str = Field(json_schema_extra=SHOWN_SECRET)
    expires_at: datetime | None


@operation("GET", "/v1/nodes", scope="read")
def list_nodes(call: Call[Paging]) -> Page[NodeShown]:
    """The nodes."""
    page = wiring.overview.nodes(call.sent.limit, call.sent.cursor)
    return Page[NodeShown](items=[NodeShown.of(n) for n in page.items], cursor=page.cursor)


@operation("GET", "/v1/nodes/{node}", scope="read")
def get_node(call: Call[Nothing], node: str) -> NodeShown:
    """One node."""
    return NodeShown.of(wiring.overview.node(node))


@operation("POST", "/v1/join-tokens", status=201)
def create_join_token(call: Call[NewJoinToken]) -> JoinToken:
    """A token with which one node may enrol within the hour; shown this once."""
    token, kept = wiring.auth.create_join_token(call.sent.name)
    return JoinToken(token=token, expires_at=kept.expires_at)
