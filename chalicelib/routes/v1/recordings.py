"""`/v1/recordings`, `/v1/shares`: the library, and links that share a part of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chalice import Response
from pydantic import Field

from chalicelib.services.recordings.finishing import PLAYLIST_TYPE
from chalicelib.services.recordings.library import MAX_SHARE_S
from chalicelib.wiring import wiring

from .. import outside
from ..views import Page, RecordingShown, View
from .base import Body, Call, Nothing, Paging, operation, secrets, v1


class NewShare(Body):
    """How long a link shall live."""

    expires_s: int = Field(default=86400, ge=60, le=MAX_SHARE_S)


class Finish(Body):
    """How a recording shall be finished."""

    force: bool = Field(default=False, description="true: without what its nodes have not uploaded.")


class Links(View):
    """Paths that give the files of one recording; null for what is not there (yet)."""

    hls: str
    mp4: str | None = Field(description="null until the recording is finished.")
    mp4s: list[str] = Field(description="All of them in order, where one can't hold the whole.")
    thumbnail: str | None


class Share(View):
    """Links that work until they expire."""

    links: Links
    expires_at: datetime


class Proof(View):
    """Every segment with the SHA-256 of what the store gave back, and every gap."""

    # Not `version`, which would be the version of something that can be edited.
    format: int = Field(alias="version")
    recording: str
    segments: list[dict[str, Any]]
    gaps: list[dict[str, Any]]


@operation("GET", "/v1/recordings", scope="read")
def list_recordings(call: Call[Paging]) -> Page[RecordingShown]:
    """Recordings, newest first."""
    page = wiring.library.page(call.sent.limit, call.sent.cursor)
    hidden = secrets()
    return Page[RecordingShown](
        items=[RecordingShown.of(wiring.running.shown(r), hidden) for r in page.items], cursor=page.cursor
    )


@operation("GET", "/v1/recordings/{recording}", scope="read")
def get_recording(call: Call[Nothing], recording: str) -> RecordingShown:
    """One recording."""
    return RecordingShown.of(wiring.running.shown(wiring.library.get(recording)), secrets())


@operation("DELETE", "/v1/recordings/{recording}", status=204)
def delete_recording(call: Call[Nothing], recording: str) -> None:
    """Remove a recording and all its files."""
    wiring.library.delete(recording)


@operation("GET", "/v1/recordings/{recording}/manifest", scope="read")
def get_manifest(call: Call[Nothing], recording: str) -> Proof:
    """The proof of a finished recording: segments, hashes, gaps."""
    return Proof.model_validate(wiring.library.manifest(recording))


@operation("POST", "/v1/recordings/{recording}/shares", status=201)
def share_recording(call: Call[NewShare], recording: str) -> Share:
    """A link that gives this recording to anyone until it expires."""
    path, expires = wiring.library.share(recording, call.sent.expires_s)
    found = wiring.library.get(recording)
    names = [f.name for f in found.files] or (["index.mp4"] if found.state == "ready" else [])
    mp4s = [f"{path}{name}" for name in names]
    picture = f"{path}thumbnail.jpg" if found.thumbnail else None
    links = Links(hls=f"{path}index.m3u8", mp4=mp4s[0] if mp4s else None, mp4s=mp4s, thumbnail=picture)
    return Share(links=links, expires_at=expires)


@operation("POST", "/v1/recordings/{recording}/end", scope="operate", status=202)
def end_recording(call: Call[Nothing], recording: str) -> None:
    """End a running recording now. A stream that is still live goes on in a new one."""
    wiring.cuts.end(recording)


@operation("POST", "/v1/recordings/{recording}/finish", scope="operate", status=202)
def finish_recording(call: Call[Finish], recording: str) -> RecordingShown:
    """Finish a recording again, or, with `force`, one whose node does not come back: what is missing becomes a gap.
    Nodes that were silent for a day are given up without being told to.
    """
    return RecordingShown.of(wiring.abandoned.finish(recording, force=call.sent.force), secrets())


def _redirect(location: str) -> Response:
    headers = {"Location": outside.location(location), "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}
    return Response("", status_code=302, headers=headers)


def _heads() -> bool:
    return bool(v1.current_request.method == "HEAD")


@operation("GET", "/v1/shares/{token}/{name}", scope=None, media=PLAYLIST_TYPE)
def shared_file(call: Call[Nothing], token: str, name: str) -> Response:
    """A file of a shared recording: the playlist itself, everything else as a redirect to the store."""
    recording = wiring.library.shared(token)
    if name == "index.m3u8":
        headers = {"Content-Type": PLAYLIST_TYPE, "Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
        return Response(wiring.library.playlist(recording), headers=headers)
    return _redirect(wiring.library.object_link(recording, name, head=_heads()))


@operation("GET", "/v1/shares/{token}/{name}/{session}/{segment}", scope=None, status=302)
def shared_segment(call: Call[Nothing], token: str, name: str, session: str, segment: str) -> Response:
    """A segment of a shared recording; `name` is its node. API Gateway takes one name for each place of a path."""
    recording = wiring.library.shared(token)
    return _redirect(wiring.library.object_link(recording, f"{name}/{session}/{segment}", head=_heads()))
