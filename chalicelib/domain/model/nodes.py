"""Edges: who they are, what they said, what they are asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from chalicelib.domain.model.base import Entity
from chalicelib.wire.edge.observed import ObservedNode
from chalicelib.wire.questions import QuestionResult


class Node(Entity):
    """One edge."""

    id: str
    name: str
    created_at: datetime
    token_hash: str
    snapshot_key: str = Field(repr=False)
    queue_url: str | None = None
    revoked: bool = False
    rotate: bool = False
    """It is to get a new token; its old one ends when the new one is first used."""
    next_hash: str = ""
    """Of the token that was handed over and was not used yet."""
    named: bool = False
    """Its owner gave it its name, which then stays when it enrols again."""
    draining: bool = False
    """It takes no new streams; see `Drained`, by which admission knows."""
    removed: bool = False
    """It is not shown any more. What is left keeps its identity from coming back."""


class Heartbeat(Entity):
    """That a node spoke, written by every sync: so it is small, in no index, and nothing follows from it. What else the
    node said lies beside it, as `NodeTold`.
    """

    node: str
    last_seen: datetime
    agent_version: str = ""
    acked_seq: int = 0
    interval_s: float = 60.0
    lost: bool = False
    clock_skew_s: float | None = None
    """By how much the node's clock is ahead of ours, the way between them included; None: not told."""
    numbers: dict[str, Any] = {}
    """What is another at every look: fields of `ObservedNode`."""
    told: dict[str, str] = {}
    """The parts that the node told, each with a digest of what it said."""
    observed: ObservedNode | None = None
    """All that it said, as versions before kept it; None since."""


class NodeTold(Entity):
    """A part of what a node said, written when it is another than before: its facts, or some of its sessions, pushes
    or sources.
    """

    node: str
    part: str
    body: dict[str, Any] = {}
    """Fields of `ObservedNode`."""


class NodeSeen(Heartbeat):
    """What a node last said, put together again."""

    observed: ObservedNode = ObservedNode()


class NodeLooked(Entity):
    """Until when somebody looks at what a node tells of its streams: so long it tells it often."""

    node: str
    until: datetime


class Drained(Entity):
    """The nodes that take no new streams, in one place: a publish is decided with one read."""

    nodes: list[str] = []


class NodeConfig(Entity):
    """What the owner set for one node. `hls_plain`: playlists are files that caches may keep."""

    node: str
    hls_plain: bool = False
    hls_low_latency: bool = False


class OpenQuestion(Entity):
    """What somebody waits for a node to answer; read with the rest of what the node has to know. `body` may hold
    secrets.
    """

    node: str
    id: str
    kind: str
    deadline: datetime
    body: dict[str, Any] = Field(default={}, repr=False)


class QuestionAnswer(Entity):
    """What the node answered; waits for whoever asked."""

    id: str
    at: datetime
    result: QuestionResult = Field(repr=False)
