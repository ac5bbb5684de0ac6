"""`/v1/nodes`, `/v1/join-tokens`: the edges and the tokens they enrol with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from chalicelib.wire.questions import SetAsideQuestion
from chalicelib.wiring.services import wiring

from ..views import SHOWN_SECRET, NodeConfigShown, NodeShown, Page, View
from .base import Body, Call, Nothing, Paging, Query, operation
from .listing import Key, found_in, part


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


class NodesWanted(Paging):
    """Which nodes, in which order."""

    search: str = Field(default="", max_length=200, description="Only with all these words in name or id.")
    state: Literal["", "never seen", "online", "lost", "revoked", "draining"] = Field(
        default="", description="Only what is so now."
    )
    sort: Literal["id", "name", "last_seen", "created_at", "-name", "-last_seen", "-created_at"] = Field(
        default="id", description="By what; with a minus the other way round."
    )


class NodeChange(Body):
    """What is to change."""

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", description="For people.", examples=["Frankfurt"]
    )
    version: int | None = Field(default=None, description="The one you saw; another one is a conflict.")


class Removal(Query):
    """How a node is removed."""

    force: bool = Field(default=False, description="Also while streams are live there; they end.")


SORTS: Final[dict[str, Callable[[NodeShown], Key]]] = {
    "id": lambda n: (n.id, n.id),
    "name": lambda n: (n.name.casefold(), n.id),
    "last_seen": lambda n: (n.last_seen.timestamp() if n.last_seen else 0.0, n.id),
    "created_at": lambda n: (n.created_at.timestamp(), n.id),
}


def _fits(wanted: NodesWanted, n: NodeShown) -> bool:
    so = n.draining if wanted.state == "draining" else wanted.state in ("", n.state)
    return so and found_in(wanted.search, n.name, n.id)


@operation("GET", "/v1/nodes", scope="read")
def list_nodes(call: Call[NodesWanted]) -> Page[NodeShown]:
    """The nodes."""
    wanted = call.sent
    found = [n for v in wiring.overview.all_nodes() if _fits(wanted, n := NodeShown.of(v))]
    key, down = SORTS[wanted.sort.lstrip("-")], wanted.sort.startswith("-")
    page = part(found, key, wanted.limit, wanted.cursor, down=down)
    return Page[NodeShown](items=page.items, cursor=page.cursor)


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


@operation("PATCH", "/v1/nodes/{node}")
def rename_node(call: Call[NodeChange], node: str) -> NodeShown:
    """Give a node another name."""
    wiring.fleet.rename(node, call.sent.name, call.version)
    return NodeShown.of(wiring.overview.node(node))


@operation("POST", "/v1/nodes/{node}/drain", scope="operate")
def drain_node(call: Call[Nothing], node: str) -> NodeShown:
    """Have a node take no new streams. Those that are live go on, and so do its own sources and pushes."""
    wiring.fleet.drain(node, True)
    return NodeShown.of(wiring.overview.node(node))


@operation("POST", "/v1/nodes/{node}/resume", scope="operate")
def resume_node(call: Call[Nothing], node: str) -> NodeShown:
    """Have a node take new streams again."""
    wiring.fleet.drain(node, False)
    return NodeShown.of(wiring.overview.node(node))


@operation("DELETE", "/v1/nodes/{node}", status=204)
def remove_node(call: Call[Removal], node: str) -> None:
    """Remove a node. Its token ends at once, what it pushed and played goes to other nodes, and its recordings are
    finished from what was uploaded. While streams are live there, or while it still pushes, that is a 409, unless it is
    forced: then its sessions end. It cannot enrol again without a new identity.
    """
    wiring.fleet.remove(node, force=call.sent.force)


class SetAsideEventShown(View):
    """An event that the cloud, or something before it, refused."""

    seq: int = Field(description="Its number at the node.")
    id: str = Field(description="Its id.")
    reason: str = Field(description="Why it was refused.")


class SetAsideSegmentShown(View):
    """A segment that could not be stored. It is still on the node."""

    session: str = Field(description="Its session.")
    index: int = Field(description="Its place in the session.")
    recording: str | None = Field(description="The recording that does without it.")
    bytes: int = Field(description="Its size.")
    reason: str = Field(description="Why it was not stored.")


class SetAsideShown(View):
    """What a node could not tell or store, the oldest first, a hundred of each at most."""

    events: list[SetAsideEventShown]
    segments: list[SetAsideSegmentShown]
    retried: int = Field(description="How many were begun with again by this call.")


@operation("GET", "/v1/nodes/{node}/set-aside", scope="read")
def list_set_aside(call: Call[Nothing], node: str) -> SetAsideShown:
    """What a node could not tell or store and has set aside. Nothing of it is lost."""
    return SetAsideShown.model_validate(wiring.questions.ask(node, SetAsideQuestion()))


@operation("POST", "/v1/nodes/{node}/set-aside/retry", scope="operate")
def retry_set_aside(call: Call[Nothing], node: str) -> SetAsideShown:
    """Have a node try all of that again. What it answers is what is still set aside."""
    return SetAsideShown.model_validate(wiring.questions.ask(node, SetAsideQuestion(retry=True)))


@operation("POST", "/v1/nodes/{node}/token", status=202)
def rotate_node_token(call: Call[Nothing], node: str) -> None:
    """Have a node take a new token with its next sync. The old one ends when the new one is first used."""
    wiring.enrolment.rotate(node)


@operation("POST", "/v1/join-tokens", status=201)
def create_join_token(call: Call[NewJoinToken]) -> JoinToken:
    """A token with which one node may enrol within the hour; shown this once."""
    token, kept = wiring.enrolment.create_join_token(call.sent.name)
    return JoinToken(token=token, expires_at=kept.expires_at)
