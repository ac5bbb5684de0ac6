"""`/v1/uploads`: files for sources and slates. The parts go to the node itself, see `UPLOAD_PATHS`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from chalicelib.wiring.services import wiring

from ..views import SHOWN_SECRET, View
from .base import Body, Call, operation


class NewUpload(Body):
    """A file that is to be brought in."""

    name: str = Field(min_length=1, max_length=255, description="As it is called, with its extension.")
    size: int = Field(ge=1, description="Bytes.")
    fingerprint: str = Field(
        default="",
        max_length=200,
        description="Of the file, such as name, size and time of its last change: an unfinished upload with the same "
        "one goes on.",
        examples=["night loop.mp4:314572800:1795712435903"],
    )
    node: str = Field(default="", max_length=100, description="Where it goes; needed when there are several nodes.")


class UploadShown(View):
    """An upload that may go on."""

    id: str = Field(description="Its id.")
    node: str = Field(description="The node that it goes to.")
    path: str = Field(description="Where its parts go, at the front of that node.")
    token: str = Field(description="The bearer for that path.", json_schema_extra=SHOWN_SECRET)
    offset: int = Field(description="So many bytes are safe there: go on from there.")
    chunk_bytes: int = Field(description="So many bytes a part should have; the last may have fewer.")
    expires_at: datetime = Field(description="It is removed when nobody goes on with it until then.")


@operation("POST", "/v1/uploads", scope="operate", status=201)
def begin_upload(call: Call[NewUpload]) -> UploadShown:
    """Begin to upload a file, or go on with it. Its parts are then put to `path` of the node's front, with `token` as
    bearer; what was complete and no source plays is removed after two hours.
    """
    s = call.sent
    return UploadShown(**asdict(wiring.uploading.begin(s.node or None, s.name, s.size, s.fingerprint)))


_ID: Final = {
    "name": "upload",
    "in": "path",
    "required": True,
    "description": "The upload's id.",
    "schema": {"type": "string", "format": "uuid"},
}
_OFFSET: Final = {"Upload-Offset": {"description": "So many bytes are safe.", "schema": {"type": "integer"}}}
_STATE: Final = {
    "type": "object",
    "required": ["id", "name", "size", "offset", "done"],
    "properties": {
        "id": {"type": "string", "description": "Its id."},
        "name": {"type": "string", "description": "What the file is called."},
        "size": {"type": "integer", "description": "Bytes of the whole."},
        "offset": {"type": "integer", "description": "So many bytes are safe."},
        "done": {"type": "boolean", "description": "It is whole, and was looked into."},
    },
}


def _answers(good: dict[str, Any], **bad: str) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    common = {
        "400": "The path or what was sent is wrong.",
        "401": "The token is missing.",
        "404": "There is no such upload here, or the token is another's.",
    }
    said = common | {status.removeprefix("s"): words for status, words in bad.items()}
    return good | {status: {"description": words, "content": problem} for status, words in said.items()}


def _described(name: str, summary: str, more: str, responses: dict[str, Any], **rest: Any) -> dict[str, Any]:
    words = f"{more} Served by the node that the upload goes to, with the upload's own token."
    base = {"operationId": name, "tags": ["uploads"], "summary": summary, "description": words}
    return base | {"parameters": [_ID, *rest.pop("parameters", [])], "responses": responses} | rest


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


_TOLD: Final = {"200": {"description": "How far it is.", "headers": _OFFSET, "content": _json(_STATE)}}
_FOUND: Final = {
    "type": "object",
    "required": ["id", "target", "name", "size", "format", "video", "audio"],
    "properties": {
        "id": {"type": "string", "description": "Its id."},
        "target": {"type": "string", "description": "As a source's input names it, as `upload`."},
        "name": {"type": "string", "description": "What the file is called."},
        "size": {"type": "integer", "description": "Bytes."},
        "format": {
            "anyOf": [{"$ref": "#/components/schemas/SourceFormat"}, {"type": "null"}], "description": "The container.",
        },
        "video": {
            "anyOf": [{"$ref": "#/components/schemas/SourceVideo"}, {"type": "null"}], "description": "The picture.",
        },
        "audio": {
            "anyOf": [{"$ref": "#/components/schemas/SourceAudio"}, {"type": "null"}], "description": "The sound.",
        },
    },
}  # fmt: skip

UPLOAD_PATHS: Final[dict[str, Any]] = {
    "/v1/uploads/{upload}": {
        "get": _described("get_upload", "How much of it is safe", "Ask after a connection broke.", _answers(_TOLD)),
        "put": _described(
            "put_upload_part",
            "Bring a part of an upload",
            "A part counts as a whole or as never sent. A second connection takes the upload over from the first.",
            _answers(
                _TOLD,
                s400="It came damaged, or not to its end; send it again.",
                s409="It does not begin where the upload goes on; `Upload-Offset` says where that is.",
                s413="The part is larger than 16 MB, or longer than the file.",
                s507="The disk is full.",
            ),
            parameters=[
                {
                    "name": "Upload-Offset", "in": "header", "required": True, "schema": {"type": "integer"},
                    "description": "Where the part begins: so many bytes are safe.",
                },
                {
                    "name": "X-Checksum-Sha256", "in": "header",
                    "schema": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
                    "description": "The part's SHA-256 in hex; if it is there, the part is checked.",
                },
            ],
            requestBody={
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            },
        ),
        "delete": _described("cancel_upload", "Give an upload up", "", _answers({"204": {"description": "Done."}})),
    },
    "/v1/uploads/{upload}/complete": {
        "post": _described(
            "complete_upload",
            "Have an upload that is whole looked into",
            "It may be asked again and says the same.",
            _answers(
                {"200": {"description": "What is in it.", "content": _json(_FOUND)}},
                s400="It is nothing that can be played; it was removed.",
                s409="Parts of it are missing.",
            ),
        )
    },
}  # fmt: skip
"""The calls that the node answers, described as the others are; they are no routes here."""
