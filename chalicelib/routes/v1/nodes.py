"""`/v1/nodes`, `/v1/join-tokens`: the edges and the tokens they enrol with."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from chalicelib.wiring import wiring

from ..views import SHOWN_SECRET, NodeConfigShown, NodeShown, Page, View
from .base import Body, Call, Nothing, Paging, operation


class NewJoinToken(Body):
    """A join token to be made."""

    name: str = Field(default="", max_length=100)


class HlsChange(Body):
    """What is to change; what is absent stays."""

    plain: bool | None = None
    low_latency: bool | None = None


class NodeConfigChange(Body):
    """What is to change; what is absent stays."""

    hls: HlsChange = HlsChange()
    version: int | None = None


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


@operation("GET", "/v1/nodes/{node}/settings", scope="read")
def get_node_settings(call: Call[Nothing], node: str) -> NodeConfigShown:
    """The settings of one node."""
    return NodeConfigShown.of(wiring.node_configs.read(node))


@operation("PATCH", "/v1/nodes/{node}/settings")
def change_node_settings(call: Call[NodeConfigChange], node: str) -> NodeConfigShown:
    """Change the settings of one node; answered when the node runs with them. Live streams go on. When the node cannot
    be reached, or cannot do it, the answer is an error that says so, and the change is kept for later all the same.
    """
    hls = call.sent.hls
    changed = wiring.node_configs.change(
        node, hls_plain=hls.plain, hls_low_latency=hls.low_latency, version=call.version
    )
    return NodeConfigShown.of(changed)


@operation("DELETE", "/v1/nodes/{node}", status=204)
def revoke_node(call: Call[Nothing], node: str) -> None:
    """Revoke a node. Its token ends at once, its sessions end, what it pushed and played goes to other nodes, and its
    recordings are finished from what was uploaded. It cannot enrol again without a new identity.
    """
    wiring.fleet.revoke(node)


@operation("POST", "/v1/nodes/{node}/token", status=202)
def rotate_node_token(call: Call[Nothing], node: str) -> None:
    """Have a node take a new token with its next sync. The old one ends when the new one is first used."""
    wiring.enrolment.rotate(node)


@operation("POST", "/v1/join-tokens", status=201)
def create_join_token(call: Call[NewJoinToken]) -> JoinToken:
    """A token with which one node may enrol within the hour; shown this once."""
    token, kept = wiring.enrolment.create_join_token(call.sent.name)
    return JoinToken(token=token, expires_at=kept.expires_at)
