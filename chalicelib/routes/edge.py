"""`/edge/v1`: the edges."""

from __future__ import annotations

from chalice import Blueprint, Response
from pydantic import BaseModel

from chalicelib.services.account.auth import bearer
from chalicelib.wire.edge.enrolment import EnrollRequest
from chalicelib.wire.edge.events import EventBatch
from chalicelib.wire.edge.observed import SyncRequest
from chalicelib.wire.edge.publish import PublishRequest
from chalicelib.wire.questions import AuthorizeRequest, QuestionResult
from chalicelib.wire.uploads import UploadsRequest
from chalicelib.wiring import wiring

from .problems import parse

edge = Blueprint(__name__)
_JSON = {"Content-Type": "application/json"}


def _answer(message: BaseModel) -> Response:
    return Response(message.model_dump_json(), headers=_JSON)


def _authorization() -> str | None:
    header: str | None = edge.current_request.headers.get("authorization")
    return header


@edge.route("/edge/v1/enroll", methods=["POST"])
def enroll() -> Response:
    """Give a node its identity."""
    return _answer(wiring.enrolment.enroll(parse(EnrollRequest, edge.current_request.raw_body)))


@edge.route("/edge/v1/publish", methods=["POST"])
def publish() -> Response:
    """May this client publish?"""
    return _answer(wiring.publish.decide(_authorization(), parse(PublishRequest, edge.current_request.raw_body)))


@edge.route("/edge/v1/events", methods=["POST"])
def events() -> Response:
    """Facts from a node."""
    node = wiring.auth.node_of(_authorization())
    return _answer(wiring.events.take(node, parse(EventBatch, edge.current_request.raw_body)))


@edge.route("/edge/v1/sync", methods=["POST"])
def sync() -> Response:
    """What the node sees for what it should do."""
    node = wiring.auth.node_of(_authorization())
    answer = wiring.sync.sync(node, parse(SyncRequest, edge.current_request.raw_body))
    fresh = wiring.enrolment.at_sync(node, bearer(_authorization()))
    return _answer(answer.model_copy(update={"node_token": fresh}))


@edge.route("/edge/v1/results/{question}", methods=["POST"])
def results(question: str) -> Response:
    """What the node says to a question."""
    node = wiring.auth.node_of(_authorization())
    wiring.questions.take(node, question, parse(QuestionResult, edge.current_request.raw_body))
    return Response("{}", headers=_JSON)


@edge.route("/edge/v1/authorize", methods=["POST"])
def authorize() -> Response:
    """Who is this caller of a call that the node serves itself?"""
    wiring.auth.node_of(_authorization())
    return _answer(wiring.callers.decide(parse(AuthorizeRequest, edge.current_request.raw_body)))


@edge.route("/edge/v1/uploads", methods=["POST"])
def uploads() -> Response:
    """Where the node may put its objects."""
    node = wiring.auth.node_of(_authorization())
    return _answer(wiring.uploads.links(node, parse(UploadsRequest, edge.current_request.raw_body)))
