"""`/edge/v1`: the edges, by Chalice."""

from __future__ import annotations

from collections.abc import Callable

from chalice import Blueprint, Response
from pydantic import BaseModel

from chalicelib.wiring.edges import EdgeWiring
from chalicelib.wiring.services import wiring

from .edge_calls import CALLS, EdgeCall

edge = Blueprint(__name__)


def _view(handle: Callable[[EdgeWiring, EdgeCall], BaseModel]) -> Callable[..., Response]:
    def view(question: str = "") -> Response:
        request = edge.current_request
        made = handle(wiring, EdgeCall(request.headers.get("authorization"), request.raw_body, question))
        return Response(made.model_dump_json(), headers={"Content-Type": "application/json"})

    view.__name__, view.__doc__ = handle.__name__, handle.__doc__
    return view


for _path, _handle in CALLS.items():
    edge.route(f"/edge/v1/{_path}", methods=["POST"])(_view(_handle))
