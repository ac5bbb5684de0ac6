"""Section 11.1 and 11.2: recording."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.settings import RecordSettings
from chalicelib.services.recordings.running import Take
from chalicelib.wiring.services import wiring

from .calls import Call, Fields, route, text_time


class _All(Fields):
    all: bool = False


class _Globs(Fields):
    globs: list[str] = Field(default=[])


class _Process(Fields):
    post_process: str = ""
    post_cp_dir: str = ""


class _Uuid(Fields):
    uuid: str = ""


def _uuid(call: Call) -> str:
    found = call.fields(_Uuid).uuid
    if not found:
        raise InvalidInputError("uuid", "must not be empty")
    return found


def _item(take: Take) -> dict[str, Any]:
    r = take.recording
    return {
        "uuid": r.id,
        "vhost": r.stream.vhost,
        "app": r.stream.app,
        "stream": r.stream.stream,
        "progress": take.running,
        "update": text_time(r.updated_at),
        "nn": take.segments,
        "duration": take.duration_ms / 1000,
        "size": take.bytes,
    }


@route("/hooks/record/query")
def query(_call: Call) -> Any:
    """The record settings."""
    now = wiring.settings.get(RecordSettings)
    return {"all": now.enabled, "home": wiring.config.record_dir, "globs": now.globs, "processCpDir": now.copy_to}


@route("/hooks/record/apply")
def apply(call: Call) -> Any:
    """Switch recording on or off."""
    wiring.settings.set_record(enabled=call.fields(_All).all)


@route("/hooks/record/globs")
def globs(call: Call) -> Any:
    """Replace the patterns."""
    wiring.settings.set_record(globs=call.fields(_Globs).globs)


@route("/hooks/record/post-processing")
def post_processing(call: Call) -> Any:
    """Where finished MP4s are copied as well."""
    fields = call.fields(_Process)
    if fields.post_process != "post-cp-file":
        raise InvalidInputError("postProcess", "must be post-cp-file")
    wiring.settings.set_copy_to(fields.post_cp_dir)


@route("/hooks/record/files")
def files(_call: Call) -> Any:
    """Running and finished recordings, newest first."""
    return [_item(take) for take in wiring.running.all()]


@route("/hooks/record/end")
def end(call: Call) -> Any:
    """End a running recording now."""
    wiring.cuts.end(_uuid(call))


@route("/hooks/record/remove")
def remove(call: Call) -> Any:
    """Remove a finished recording with all its files."""
    wiring.library.delete(_uuid(call))
