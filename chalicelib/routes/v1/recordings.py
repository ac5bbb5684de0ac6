"""`/v1/recordings`, `/v1/shares`: the library, and links that share a part of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from chalice import Response
from pydantic import Field

from chalicelib.domain import redact
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.recordings import Recording
from chalicelib.services.recordings.artifacts import PLAYLIST_TYPE
from chalicelib.services.recordings.library import MAX_SHARE_S, Wanted
from chalicelib.services.recordings.shares import Opened
from chalicelib.wiring.services import wiring

from .. import outside
from ..files import accelerated
from ..views import Items, Page, RecordingShown, View
from .base import Body, Call, Moment, Nothing, Search, operation, secrets, v1

PRINTED: Final = r"^[^\x00-\x1f\x7f]*$"
"""Nothing that steers a terminal."""


class Recordings(Search):
    """Which recordings."""

    stream: str | None = Field(
        default=None, max_length=400, description="Only of this stream, by its whole name.", examples=["live/show"]
    )
    state: Literal["recording", "finishing", "ready", "failed"] | None = Field(
        default=None, description="Only in this state."
    )
    node: str | None = Field(default=None, max_length=100, description="Only those to which this node has a part.")
    from_: Moment | None = Field(default=None, alias="from", description="Only what began then or later.")
    to: Moment | None = Field(default=None, description="Only what began before.")
    trashed: bool = Field(default=False, description="true: those in the trash, and only they.")
    unremoved: bool = Field(
        default=False,
        description="true: those whose removal for good failed, and only they; `removal` says why. They are in neither "
        "of the other lists.",
    )
    sort: Literal["-started_at", "started_at"] = Field(
        default="-started_at",
        description="-: the newest first. The trash goes by when they came there, and what could not be removed by "
        "when it is tried again.",
    )


class NewShare(Body):
    """How long a link shall live."""

    expires_s: int = Field(default=86400, ge=60, le=MAX_SHARE_S, description="Seconds.")
    label: str = Field(default="", max_length=100, pattern=PRINTED, description="Whom it is for, as it is listed.")


class RecordingChange(Body):
    """What is to change; what is absent stays."""

    title: str | None = Field(
        default=None, max_length=200, pattern=PRINTED, description="As it is shown; '' shows the stream's name."
    )
    keep: bool | None = Field(default=None, description="true: it is kept whatever its age.")


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
    """Links that work until they expire, or until their share is revoked."""

    id: str = Field(description="By which it is revoked; '' for links that are in no list.")
    links: Links = Field(description="The links.")
    expires_at: datetime = Field(description="When they end.")


class ShareShown(View):
    """A share that was given out and is good. Its link is shown once, when it is made."""

    id: str = Field(description="By which it is revoked.")
    label: str = Field(description="Whom it is for.")
    created_at: datetime = Field(description="When it was made.")
    expires_at: datetime = Field(description="When it ends.")


class GapShown(View):
    """Media that was published and is not in the recording."""

    at_ms: int = Field(description="Where it is on the recording's own time line, in ms.")
    length_ms: int | None = Field(description="How much is missing, in ms; null where nobody knows.")
    code: str = Field(
        description="Why: missing_file, corrupt, disk_full, edge_lost or unknown.", examples=["missing_file"]
    )
    note: str = Field(description="More about it.")
    session: str = Field(description="The session of which it is.")


class Proof(View):
    """Every segment with the SHA-256 of what the store gave back, and every gap."""

    # Not `version`, which would be the version of something that can be edited.
    format: int = Field(alias="version")
    recording: str
    segments: list[dict[str, Any]]
    gaps: list[dict[str, Any]]


def _wanted(sent: Recordings, hidden: list[str]) -> Wanted:
    """What is asked for. Names are searched as they are shown: what is masked in them is not found."""

    def names(r: Recording) -> tuple[str, ...]:
        return str(redact.stream_name(r.stream, hidden)), r.title

    return Wanted(
        stream=sent.stream or "",
        state=sent.state or "",
        node=sent.node or "",
        since=sent.from_,
        until=sent.to,
        q=sent.q or "",
        trashed=sent.trashed,
        unremoved=sent.unremoved,
        newest=sent.sort == "-started_at",
        names=names,
    )


@operation("GET", "/v1/recordings", scope="read")
def list_recordings(call: Call[Recordings]) -> Page[RecordingShown]:
    """Recordings, newest first. A page may hold fewer than `limit` while there is a `cursor`: what does not fit is read
    and left out, and a call reads a bounded part.
    """
    sent, hidden = call.sent, secrets()
    if sent.trashed and sent.unremoved:
        raise InvalidInputError(
            "unremoved", "what could not be removed is not in the trash; ask for one of both", code="one_of_both"
        )
    page = wiring.library.page(_wanted(sent, hidden), sent.limit, sent.cursor)
    return Page[RecordingShown](items=[_shown(r, hidden) for r in page.items], cursor=page.cursor)


def _shown(recording: Recording, hidden: list[str]) -> RecordingShown:
    return RecordingShown.of(wiring.running.shown(recording), hidden)


@operation("GET", "/v1/recordings/{recording}", scope="read")
def get_recording(call: Call[Nothing], recording: str) -> RecordingShown:
    """One recording."""
    return _shown(wiring.library.get(recording), secrets())


@operation("PATCH", "/v1/recordings/{recording}", scope="operate")
def change_recording(call: Call[RecordingChange], recording: str) -> RecordingShown:
    """Give a recording a title, or have it kept whatever its age."""
    return _shown(wiring.trash.edit(recording, call.sent.model_dump(exclude_none=True)), secrets())


@operation("DELETE", "/v1/recordings/{recording}", status=204)
def delete_recording(call: Call[Nothing], recording: str) -> None:
    """Move a recording to the trash. Links to it end at once. It can be restored until the trash is emptied, after
    `trash_days` of the settings.
    """
    wiring.trash.put(recording)


@operation("POST", "/v1/recordings/{recording}/restore")
def restore_recording(call: Call[Nothing], recording: str) -> RecordingShown:
    """Take a recording out of the trash; links to it work again. Of one that could not be removed, what is left comes
    back.
    """
    return _shown(wiring.trash.restore(recording), secrets())


@operation("POST", "/v1/recordings/{recording}/purge", status=204)
def purge_recording(call: Call[Nothing], recording: str) -> None:
    """Remove a recording of the trash, and all its files, for good; or try that again. A removal that fails is tried
    ten times, over about a day; then it waits for this call.
    """
    wiring.trash.purge(recording)


@operation("GET", "/v1/recordings/{recording}/gaps", scope="read")
def list_gaps(call: Call[Nothing], recording: str) -> Items[GapShown]:
    """Where a finished recording has its gaps, the first 1,000. None are known while it runs."""
    found = wiring.library.gaps(recording)
    return Items[GapShown](
        items=[
            GapShown(at_ms=g.at_ms, length_ms=g.length_ms, code=g.reason, note=g.note, session=g.session) for g in found
        ]
    )


@operation("GET", "/v1/recordings/{recording}/manifest", scope="read")
def get_manifest(call: Call[Nothing], recording: str) -> Proof:
    """The proof of a finished recording: segments, hashes, gaps."""
    return Proof.model_validate(wiring.library.manifest(recording))


@operation("POST", "/v1/recordings/{recording}/shares", status=201)
def share_recording(call: Call[NewShare], recording: str) -> Share:
    """A link that gives this recording to anyone until it expires or is revoked."""
    path, share = wiring.library.share(recording, call.sent.expires_s, call.sent.label)
    return Share(id=share.id, links=_links(recording, path), expires_at=share.expires_at)


@operation("GET", "/v1/recordings/{recording}/shares")
def list_shares(call: Call[Nothing], recording: str) -> Items[ShareShown]:
    """The links to this recording that were given out and are good."""
    wiring.library.get(recording)
    found = wiring.library.shares(recording)
    return Items[ShareShown](
        items=[ShareShown(id=s.id, label=s.label, created_at=s.created_at, expires_at=s.expires_at) for s in found]
    )


@operation("DELETE", "/v1/recordings/{recording}/shares/{share}", status=204)
def revoke_share(call: Call[Nothing], recording: str, share: str) -> None:
    """End a link: it is refused from now on."""
    wiring.library.revoke(recording, share)


@operation("POST", "/v1/recordings/{recording}/links", scope="read", changes=False)
def watch_recording(call: Call[Nothing], recording: str) -> Share:
    """Links to watch a recording with, for six hours. They are in no list of shares, and end with the recording."""
    path, expires = wiring.library.watch(recording)
    return Share(id="", links=_links(recording, path), expires_at=expires)


def _links(recording: str, path: str) -> Links:
    found = wiring.library.get(recording)
    names = [f.name for f in found.files] or (["index.mp4"] if found.state == "ready" else [])
    mp4s = [f"{path}{name}" for name in names]
    picture = f"{path}thumbnail.jpg" if found.thumbnail else None
    return Links(hls=f"{path}index.m3u8", mp4=mp4s[0] if mp4s else None, mp4s=mp4s, thumbnail=picture)


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


def _file(opened: Opened, path: str) -> Response:
    """A file of a recording: from our own front or host where they have it, so that a link which was revoked leads to
    nothing; from the store else, where the front may fetch it by itself.
    """
    recording = opened.recording
    key = wiring.library.served(recording, path)
    if key is not None:
        return accelerated(key, v1.current_request)
    location = wiring.library.object_link(recording, path, head=v1.current_request.method == "HEAD")
    headers = {"Location": outside.location(location), "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}
    return Response("", status_code=302, headers=headers | ({"X-Sluice-Relay": "1"} if opened.relayed else {}))


@operation("GET", "/v1/shares/{token}/{name}", scope=None, media=PLAYLIST_TYPE)
def shared_file(call: Call[Nothing], token: str, name: str) -> Response:
    """A file of a shared recording. Where the files lie in a store of elsewhere, it is a redirect there."""
    opened = wiring.library.shared(token)
    if name == "index.m3u8":
        headers = {"Content-Type": PLAYLIST_TYPE, "Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
        return Response(wiring.library.playlist(opened.recording), headers=headers)
    return _file(opened, name)


@operation("GET", "/v1/shares/{token}/{name}/{session}/{segment}", scope=None)
def shared_segment(call: Call[Nothing], token: str, name: str, session: str, segment: str) -> Response:
    """A segment of a shared recording; `name` is its node. API Gateway takes one name for each place of a path."""
    return _file(wiring.library.shared(token), f"{name}/{session}/{segment}")
