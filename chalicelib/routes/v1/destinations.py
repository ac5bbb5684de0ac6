"""`/v1/destinations`: where streams are pushed."""

from __future__ import annotations

from chalice import Response
from pydantic import Field

from chalicelib.wiring import wiring

from .. import views
from ..problems import parse
from .base import Body, View, caller, raw, v1


class NewDestination(Body):
    """`POST /v1/destinations`."""

    name: str = Field(min_length=1, max_length=100)
    url: str = Field(min_length=1, max_length=2000)
    platform: str = Field(default="custom", pattern=r"^[a-z0-9-]{1,40}$")
    streams: list[str] = Field(default=[], max_length=50)
    enabled: bool = True


class DestinationChange(Body):
    """`PATCH /v1/destinations/{id}`: what is absent stays."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    url: str | None = Field(default=None, min_length=1, max_length=2000)
    platform: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,40}$")
    streams: list[str] | None = Field(default=None, max_length=50)
    enabled: bool | None = None
    version: int | None = None


@v1.route("/v1/destinations", methods=["GET"])
def list_destinations() -> View:
    """All destinations with their pushes."""
    caller()
    return {"items": [views.target(t) for t in wiring.targets.all()]}


@v1.route("/v1/destinations", methods=["POST"])
def add_destination() -> Response:
    """Add a destination."""
    caller()
    body = parse(NewDestination, raw())
    new = wiring.targets.add(
        name=body.name, url=body.url, platform=body.platform, streams=body.streams, enabled=body.enabled
    )
    return Response(views.destination(new), status_code=201)


@v1.route("/v1/destinations/{destination}", methods=["GET"])
def get_destination(destination: str) -> View:
    """One destination with its push."""
    caller()
    return views.target(wiring.targets.get(destination))


@v1.route("/v1/destinations/{destination}", methods=["PATCH"])
def change_destination(destination: str) -> View:
    """Change a destination; what is absent stays."""
    caller()
    body = parse(DestinationChange, raw())
    changes = body.model_dump(exclude_none=True, exclude={"version"})
    return views.destination(wiring.targets.change(destination, changes, body.version))


@v1.route("/v1/destinations/{destination}", methods=["DELETE"])
def remove_destination(destination: str) -> Response:
    """Remove a destination; its push stops."""
    caller()
    wiring.targets.remove(destination)
    return Response("", status_code=204)
