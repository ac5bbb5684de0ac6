"""`/v1`: the management API."""

from __future__ import annotations

from typing import Any, Final, Literal

from chalice import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field

from chalicelib.domain.errors import InvalidInputError, NotFoundError
from chalicelib.domain.model import CallbackSettings, PublishSettings, RecordSettings
from chalicelib.services.finishing import PLAYLIST_TYPE
from chalicelib.wiring import wiring

from . import views
from .problems import parse

v1 = Blueprint(__name__)
MAX_PAGE: Final = 100
View = dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewDestination(_Body):
    """`POST /v1/destinations`."""

    name: str = Field(min_length=1, max_length=100)
    url: str = Field(min_length=1, max_length=2000)
    platform: str = Field(default="custom", pattern=r"^[a-z0-9-]{1,40}$")
    streams: list[str] = Field(default=[], max_length=50)
    enabled: bool = True


class DestinationChange(_Body):
    """`PATCH /v1/destinations/{id}`: what is absent stays."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    url: str | None = Field(default=None, min_length=1, max_length=2000)
    platform: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,40}$")
    streams: list[str] | None = Field(default=None, max_length=50)
    enabled: bool | None = None
    version: int | None = None


class PublishChange(_Body):
    """`PATCH /v1/settings/publish`."""

    secret: str | None = None
    auth: bool | None = None
    version: int | None = None


class RecordChange(_Body):
    """`PATCH /v1/settings/record`."""

    enabled: bool | None = None
    globs: list[str] | None = Field(default=None, max_length=100)
    merge_window_s: int | None = None
    version: int | None = None


class CallbackChange(_Body):
    """`PATCH /v1/settings/callbacks`."""

    enabled: bool | None = None
    target: str | None = Field(default=None, max_length=2000)
    opaque: str | None = Field(default=None, max_length=2000)
    host: str | None = Field(default=None, max_length=500)
    on_unreachable: Literal["allow", "deny"] | None = None
    version: int | None = None


class NewShare(_Body):
    """`POST /v1/recordings/{id}/shares`."""

    expires_s: int = 86400


class NewJoinToken(_Body):
    """`POST /v1/join-tokens`."""

    name: str = Field(default="", max_length=100)


def _caller() -> str:
    return wiring.auth.check_api(v1.current_request.headers.get("authorization"))


def _body() -> bytes:
    raw: bytes = v1.current_request.raw_body
    return raw


def _query(name: str) -> str | None:
    found: dict[str, str] = v1.current_request.query_params or {}
    return found.get(name)


def _limit(default: int = 50) -> int:
    text = _query("limit") or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PAGE:
        raise InvalidInputError("limit", f"must be a whole number from 1 to {MAX_PAGE}")
    return int(text)


def _secrets() -> list[str]:
    return [wiring.settings.get(PublishSettings).secret]


@v1.route("/v1/health", methods=["GET"])
def health() -> View:
    """Whether the functions, the table and the secrets answer. Open, and says nothing else."""
    wiring.settings.get(PublishSettings)
    return {"status": "ok"}


@v1.route("/v1/nodes", methods=["GET"])
def list_nodes() -> View:
    """All nodes."""
    _caller()
    return {"items": [views.node(n) for n in wiring.overview.nodes()]}


@v1.route("/v1/nodes/{node}", methods=["GET"])
def get_node(node: str) -> View:
    """One node."""
    _caller()
    return views.node(wiring.overview.node(node))


@v1.route("/v1/join-tokens", methods=["POST"])
def create_join_token() -> Response:
    """A token with which one node may enrol within the hour; shown this once."""
    _caller()
    token, kept = wiring.auth.create_join_token(parse(NewJoinToken, _body()).name)
    return Response({"token": token, "expires_at": kept.expires_at and kept.expires_at.isoformat()}, status_code=201)


@v1.route("/v1/streams", methods=["GET"])
def list_streams() -> View:
    """What is live."""
    _caller()
    return {"items": [views.stream(s, _secrets()) for s in wiring.overview.streams()]}


@v1.route("/v1/streams/{session}", methods=["DELETE"])
def kick_stream(session: str) -> Response:
    """Cut a live stream's publisher off, by its session."""
    _caller()
    found = next((s.session for s in wiring.overview.streams() if s.session.id == session), None)
    if found is None:
        raise NotFoundError("no live stream has this session")
    wiring.pushes.nudge(wiring.overview.kick(found))
    return Response("", status_code=202)


@v1.route("/v1/sessions", methods=["GET"])
def list_sessions() -> View:
    """Sessions that are over, newest first."""
    _caller()
    page = wiring.overview.sessions(_limit(), _query("cursor"))
    return {"items": [views.session(s, _secrets()) for s in page.items], "cursor": page.cursor}


@v1.route("/v1/recordings", methods=["GET"])
def list_recordings() -> View:
    """Recordings, newest first."""
    _caller()
    page = wiring.library.page(_limit(), _query("cursor"))
    return {"items": [views.recording(r, _secrets()) for r in page.items], "cursor": page.cursor}


@v1.route("/v1/recordings/{recording}", methods=["GET"])
def get_recording(recording: str) -> View:
    """One recording."""
    _caller()
    return views.recording(wiring.library.get(recording), _secrets())


@v1.route("/v1/recordings/{recording}", methods=["DELETE"])
def delete_recording(recording: str) -> Response:
    """Remove a recording and all its files."""
    _caller()
    wiring.library.delete(recording)
    return Response("", status_code=204)


@v1.route("/v1/recordings/{recording}/manifest", methods=["GET"])
def get_manifest(recording: str) -> View:
    """The proof of a finished recording: segments, hashes, gaps."""
    _caller()
    return wiring.library.manifest(recording)


@v1.route("/v1/recordings/{recording}/shares", methods=["POST"])
def share_recording(recording: str) -> Response:
    """A link that gives this recording to anyone until it expires."""
    _caller()
    path, expires = wiring.library.share(recording, parse(NewShare, _body()).expires_s)
    links = {"hls": f"{path}index.m3u8", "mp4": f"{path}index.mp4", "thumbnail": f"{path}thumbnail.jpg"}
    return Response({"links": links, "expires_at": expires.isoformat()}, status_code=201)


def _redirect(location: str) -> Response:
    return Response("", status_code=302, headers={"Location": location, "Cache-Control": "no-store"})


@v1.route("/v1/shares/{token}/{name}", methods=["GET"])
def shared_file(token: str, name: str) -> Response:
    """A file of a shared recording: the playlist itself, everything else as a redirect to the store."""
    recording = wiring.library.shared(token)
    if name == "index.m3u8":
        headers = {"Content-Type": PLAYLIST_TYPE, "Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
        return Response(wiring.library.playlist(recording).encode(), headers=headers)
    return _redirect(wiring.library.object_link(recording, name))


@v1.route("/v1/shares/{token}/{node}/{session}/{name}", methods=["GET"])
def shared_segment(token: str, node: str, session: str, name: str) -> Response:
    """A segment of a shared recording."""
    recording = wiring.library.shared(token)
    return _redirect(wiring.library.object_link(recording, f"{node}/{session}/{name}"))


@v1.route("/v1/destinations", methods=["GET"])
def list_destinations() -> View:
    """All destinations with their pushes."""
    _caller()
    return {"items": [views.target(t) for t in wiring.targets.all()]}


@v1.route("/v1/destinations", methods=["POST"])
def add_destination() -> Response:
    """Add a destination."""
    _caller()
    body = parse(NewDestination, _body())
    new = wiring.targets.add(
        name=body.name, url=body.url, platform=body.platform, streams=body.streams, enabled=body.enabled
    )
    return Response(views.destination(new), status_code=201)


@v1.route("/v1/destinations/{destination}", methods=["GET"])
def get_destination(destination: str) -> View:
    """One destination with its push."""
    _caller()
    return views.target(wiring.targets.get(destination))


@v1.route("/v1/destinations/{destination}", methods=["PATCH"])
def change_destination(destination: str) -> View:
    """Change a destination; what is absent stays."""
    _caller()
    body = parse(DestinationChange, _body())
    changes = body.model_dump(exclude_none=True, exclude={"version"})
    return views.destination(wiring.targets.change(destination, changes, body.version))


@v1.route("/v1/destinations/{destination}", methods=["DELETE"])
def remove_destination(destination: str) -> Response:
    """Remove a destination; its push stops."""
    _caller()
    wiring.targets.remove(destination)
    return Response("", status_code=204)


@v1.route("/v1/settings/publish", methods=["GET"])
def get_publish() -> View:
    """Who may publish."""
    _caller()
    return views.publish_settings(wiring.settings.get(PublishSettings))


@v1.route("/v1/settings/publish", methods=["PATCH"])
def change_publish() -> View:
    """Change who may publish; live streams go on."""
    _caller()
    body = parse(PublishChange, _body())
    changed = wiring.settings.set_publish(secret=body.secret, auth=body.auth, version=body.version)
    return views.publish_settings(changed)


@v1.route("/v1/settings/record", methods=["GET"])
def get_record() -> View:
    """What is recorded."""
    _caller()
    return views.record_settings(wiring.settings.get(RecordSettings))


@v1.route("/v1/settings/record", methods=["PATCH"])
def change_record() -> View:
    """Change what is recorded."""
    _caller()
    body = parse(RecordChange, _body())
    changed = wiring.settings.set_record(
        enabled=body.enabled, globs=body.globs, merge_window_s=body.merge_window_s, version=body.version
    )
    return views.record_settings(changed)


@v1.route("/v1/settings/callbacks", methods=["GET"])
def get_callbacks() -> View:
    """Where callbacks go."""
    _caller()
    return views.callback_settings(wiring.settings.get(CallbackSettings))


@v1.route("/v1/settings/callbacks", methods=["PATCH"])
def change_callbacks() -> View:
    """Change where callbacks go."""
    _caller()
    body = parse(CallbackChange, _body())
    changes: dict[str, object] = body.model_dump(exclude_none=True, exclude={"version"})
    return views.callback_settings(wiring.settings.set_callbacks(changes, body.version))


@v1.route("/v1/deliveries", methods=["GET"])
def list_deliveries() -> View:
    """Callbacks on their way, delivered and dead, newest first."""
    _caller()
    return {"items": [views.delivery(d) for d in wiring.overview.deliveries(_limit())]}


@v1.route("/v1/deliveries/{delivery}/resend", methods=["POST"])
def resend_delivery(delivery: str) -> Response:
    """Send a callback once more."""
    _caller()
    again = wiring.callbacks.resend(delivery)
    wiring.callbacks.announce(again)
    return Response(views.delivery(again), status_code=202)


@v1.route("/v1/events", methods=["GET"])
def list_events() -> View:
    """The newest events of the ledger, newest first."""
    _caller()
    return {"items": [views.event(e) for e in wiring.overview.events(_limit())]}
