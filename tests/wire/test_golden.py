"""Golden files pin every message between edge and cloud: what is in them must still be understood, and what we write
must still be them. Within a version, changes only add; a new field with a default needs no new file.

To add a message: add its file, then `SLUICE_WRITE_GOLDEN=1 pytest tests/wire` fills in the defaults once.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from chalicelib.wire import (
    callbacks,
    certificates,
    inputs,
    live,
    node_settings,
    questions,
    recording,
    secrets,
    sources,
    uploads,
)
from chalicelib.wire.edge.desired import Nudge, StoreCredentials, SyncResponse
from chalicelib.wire.edge.enrolment import EnrollRequest, EnrollResponse
from chalicelib.wire.edge.events import Event, EventBatch, EventBatchResponse, EventBody
from chalicelib.wire.edge.observed import FfmpegFound, SyncRequest
from chalicelib.wire.edge.publish import PublishRequest, PublishResponse
from chalicelib.wire.hooks import parse_hook

GOLDEN = Path(__file__).parent / "golden"
SEGMENT_KEY = "recordings/{recording}/{node}/{session}/00000007-2000-d.ts"

EVENT_KINDS = {
    "publish.refused",
    "session.admitted",
    "session.refused",
    "session.live",
    "session.ended",
    "recording.started",
    "recording.part_done",
    "push.state",
    "source.state",
    "media_server.state",
    "certificate.state",
    "callback.answered",
}
MODELS: dict[str, type[BaseModel]] = {
    "enroll_request": EnrollRequest,
    "enroll_response": EnrollResponse,
    "publish_request": PublishRequest,
    "publish_response_allow": PublishResponse,
    "publish_response_ask": PublishResponse,
    "publish_response_deny": PublishResponse,
    "event_batch": EventBatch,
    "event_batch_response": EventBatchResponse,
    "sync_request": SyncRequest,
    "sync_response": SyncResponse,
    "sync_response_unchanged": SyncResponse,
    "nudge": Nudge,
    "uploads_request": uploads.UploadsRequest,
    "uploads_response": uploads.UploadsResponse,
    "store_credentials_presigned": StoreCredentials,
    "asked": questions.Asked,
    "question_result": questions.QuestionResult,
    "question_session_kick": questions.KickQuestion,
    "question_live_thumbnail": live.ThumbnailQuestion,
    "thumbnail": live.Thumbnail,
    "question_live_history": live.HistoryQuestion,
    "history": live.History,
    "question_settings_apply": node_settings.ApplySettingsQuestion,
    "question_slate": inputs.SlateQuestion,
    "slate_answer": inputs.SlateAnswer,
    "question_certificate_query": certificates.CertificateQuery,
    "question_certificate_upload": certificates.CertificateUpload,
    "question_certificate_self_signed": certificates.CertificateSelfSigned,
    "question_certificate_obtain": certificates.CertificateObtain,
    "question_certificate_check": certificates.CertificateCheck,
    "certificate_result": certificates.CertificateResult,
    "certificate_check_result": certificates.CertificateCheckResult,
    "authorize_request": questions.AuthorizeRequest,
    "authorize_response": questions.AuthorizeResponse,
    "question_source_copy_file": inputs.CopyFileQuestion,
    "question_source_probe": inputs.ProbeQuestion,
    "question_source_adopt": inputs.AdoptQuestion,
    "question_source_discard": inputs.DiscardQuestion,
    "question_upload_begin": inputs.UploadBeginQuestion,
    "upload_begun": inputs.UploadBegun,
    "file_found": inputs.FileFound,
    "probe_answer": inputs.ProbeAnswer,
    "adopt_answer": inputs.AdoptAnswer,
    "desired_source": sources.DesiredSource,
    "desired_source_transcode": sources.DesiredSource,
    "observed_source": sources.ObservedSource,
    "ffmpeg_found": FfmpegFound,
    "question_callback_deliver": callbacks.DeliverQuestion,
    "callback_reply": callbacks.CallbackReply,
    "manifest": recording.SessionManifest,
    "accepted_secret": secrets.AcceptedSecret,
    **{f"event_{kind.replace('.', '_')}": Event for kind in sorted(EVENT_KINDS)},
}


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_message_is_understood_and_written_as_ever(name: str) -> None:
    data = golden(name)
    message = MODELS[name].model_validate(data)
    written = json.loads(message.model_dump_json())
    if os.environ.get("SLUICE_WRITE_GOLDEN"):
        (GOLDEN / f"{name}.json").write_text(json.dumps(written, indent=2) + "\n")
    assert covers(written, data) == []


@pytest.mark.parametrize("name", sorted(MODELS))
def test_unknown_fields_are_ignored(name: str) -> None:
    data = golden(name)
    assert MODELS[name].model_validate({**data, "of_the_future": {"x": 1}}) == MODELS[name].model_validate(data)


def test_every_message_and_kind_of_event_has_its_file() -> None:
    kinds = {golden(name)["body"]["kind"] for name, model in MODELS.items() if model is Event}
    adapter: TypeAdapter[Any] = TypeAdapter(EventBody)
    assert kinds == EVENT_KINDS == set(adapter.json_schema()["discriminator"]["mapping"])
    assert {p.stem for p in GOLDEN.glob("*.json")} == set(MODELS) | {p.stem for p in GOLDEN.glob("hook_*.json")}


@pytest.mark.parametrize("name", sorted(p.stem for p in GOLDEN.glob("hook_*.json")))
def test_the_hook_is_understood(name: str) -> None:
    text = (GOLDEN / f"{name}.json").read_bytes()
    hook = parse_hook(text)
    assert covers(json.loads(hook.model_dump_json()), golden(name), ignore={"stream_id"}) == []


def test_object_keys_are_as_ever() -> None:
    m = golden("manifest")
    key = SEGMENT_KEY.format(**m)
    parsed = recording.SegmentKey.parse(key)
    assert parsed == recording.SegmentKey(m["recording"], m["node"], m["session"], 7, 2000, discontinuity=True)
    assert str(parsed) == key
    assert recording.recording_id("01ARZ3NDEKTSV4RRFFQ69G5FAV") == golden("publish_response_allow")["plan"]["recording"]


def covers(written: Any, data: Any, at: str = "", ignore: frozenset[str] | set[str] = frozenset()) -> list[str]:
    """Where `written` lacks or changes something of `data`; more fields are no difference."""
    if isinstance(data, dict) and isinstance(written, dict):
        return [d for k, v in data.items() if k not in ignore for d in covers(written.get(k), v, f"{at}.{k}")]
    if isinstance(data, list) and isinstance(written, list) and len(data) == len(written):
        return [d for n, (w, v) in enumerate(zip(written, data, strict=True)) for d in covers(w, v, f"{at}[{n}]")]
    return [] if written == data else [f"{at}: {data!r} became {written!r}"]
