"""`/edge/v1`: what edges call. How the calls arrive: `edge` (Chalice, in the host), `entries.edge` (a function)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from chalicelib.services.account.auth import bearer
from chalicelib.wire.base import Message
from chalicelib.wire.edge.enrolment import EnrollRequest
from chalicelib.wire.edge.events import EventBatch
from chalicelib.wire.edge.observed import SyncRequest
from chalicelib.wire.edge.publish import PublishRequest
from chalicelib.wire.questions import AuthorizeRequest, QuestionResult
from chalicelib.wire.uploads import UploadsRequest
from chalicelib.wiring.edges import EdgeWiring

from .problem_details import parse


@dataclass(frozen=True, slots=True)
class EdgeCall:
    """One call. `argument`: what stands in its path's braces."""

    authorization: str | None
    body: bytes
    argument: str = ""


def enroll(w: EdgeWiring, call: EdgeCall) -> BaseModel:
    """Give a node its identity."""
    return w.enrolment.enroll(parse(EnrollRequest, call.body))


def publish(w: EdgeWiring, call: EdgeCall) -> BaseModel:
    """May this client publish?"""
    return w.publish.decide(call.authorization, parse(PublishRequest, call.body))


def events(w: EdgeWiring, call: EdgeCall) -> BaseModel:
    """Facts from a node."""
    return w.events.take(w.auth.node_of(call.authorization), parse(EventBatch, call.body))


def sync(w: EdgeWiring, call: EdgeCall) -> BaseModel:
    """What the node sees for what it should do."""
    node = w.auth.node_of(call.authorization)
    return w.sync.sync(
        node, parse(SyncRequest, call.body), lambda found: w.enrolment.at_sync(found, bearer(call.authorization))
    )


def results(w: EdgeWiring, call: EdgeCall) -> BaseModel:
    """What the node says to a question."""
    node = w.auth.node_of(call.authorization)
    w.questions.take(node, call.argument, parse(QuestionResult, call.body))
    return Message()


def authorize(w: EdgeWiring, call: EdgeCall) -> BaseModel:
    """Who is this caller of a call that the node serves itself?"""
    w.auth.node_of(call.authorization)
    return w.callers.decide(parse(AuthorizeRequest, call.body))


def uploads(w: EdgeWiring, call: EdgeCall) -> BaseModel:
    """Where the node may put its objects."""
    return w.uploads.links(w.auth.node_of(call.authorization), parse(UploadsRequest, call.body))


CALLS: Final[dict[str, Callable[[EdgeWiring, EdgeCall], BaseModel]]] = {
    "enroll": enroll,
    "publish": publish,
    "events": events,
    "sync": sync,
    "results/{question}": results,
    "authorize": authorize,
    "uploads": uploads,
}
"""What follows `/edge/v1/`, each by POST."""
