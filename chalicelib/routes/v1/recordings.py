"""`/v1/recordings`, `/v1/shares`: the library, and links that share a part of it."""

from __future__ import annotations

from chalice import Response

from chalicelib.services.finishing import PLAYLIST_TYPE
from chalicelib.wiring import wiring

from .. import views
from ..problems import parse
from .base import Body, View, caller, cursor, limit, raw, secrets, v1


class NewShare(Body):
    """`POST /v1/recordings/{id}/shares`."""

    expires_s: int = 86400


def _redirect(location: str) -> Response:
    return Response("", status_code=302, headers={"Location": location, "Cache-Control": "no-store"})


@v1.route("/v1/recordings", methods=["GET"])
def list_recordings() -> View:
    """Recordings, newest first."""
    caller()
    page = wiring.library.page(limit(), cursor())
    return {"items": [views.recording(r, secrets()) for r in page.items], "cursor": page.cursor}


@v1.route("/v1/recordings/{recording}", methods=["GET"])
def get_recording(recording: str) -> View:
    """One recording."""
    caller()
    return views.recording(wiring.library.get(recording), secrets())


@v1.route("/v1/recordings/{recording}", methods=["DELETE"])
def delete_recording(recording: str) -> Response:
    """Remove a recording and all its files."""
    caller()
    wiring.library.delete(recording)
    return Response("", status_code=204)


@v1.route("/v1/recordings/{recording}/manifest", methods=["GET"])
def get_manifest(recording: str) -> View:
    """The proof of a finished recording: segments, hashes, gaps."""
    caller()
    return wiring.library.manifest(recording)


@v1.route("/v1/recordings/{recording}/shares", methods=["POST"])
def share_recording(recording: str) -> Response:
    """A link that gives this recording to anyone until it expires."""
    caller()
    path, expires = wiring.library.share(recording, parse(NewShare, raw()).expires_s)
    links = {"hls": f"{path}index.m3u8", "mp4": f"{path}index.mp4", "thumbnail": f"{path}thumbnail.jpg"}
    return Response({"links": links, "expires_at": expires.isoformat()}, status_code=201)


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
