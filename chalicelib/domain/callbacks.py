"""The callbacks: what is sent, what counts as a yes, and when a failed one is tried again."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from chalicelib.domain.model.callbacks import CallbackSettings
from chalicelib.wire.names import StreamName

from .ids import derived_ulid
from .redact import MASK

RETRY_DELAYS_S: Final = (5, 30, 120, 600, 3600, 14400, 43200, 86400, 115200)
"""Between ten attempts, three days in all."""
PUBLISH_TIMEOUT_S: Final = 5.0
MAX_ANSWER_BYTES: Final = 65536
OPEN_FOLDER: Final = "/terraform/v1/hooks/record/hls/{}/"
GONE: Final = 410
"""The answer of a target that wants no more callbacks."""
NOT_REFUSING: Final = frozenset({404, 405, 408, 425, 429})
"""Answers 4xx which say that nobody takes callbacks there, or not now."""


def _names(stream: StreamName) -> dict[str, str]:
    return {"vhost": stream.vhost, "app": stream.app, "stream": stream.stream}


def publish_payload(request_id: str, settings: CallbackSettings, stream: StreamName, param: str) -> dict[str, Any]:
    """`on_publish`. The only payload with `param`, which holds the secret as the publisher sent it."""
    body: dict[str, Any] = {"request_id": request_id, "action": "on_publish", "opaque": settings.opaque}
    return body | _names(stream) | ({"param": param} if param else {})


def unpublish_payload(stream: StreamName) -> dict[str, Any]:
    """`on_unpublish`, without `request_id` and `opaque`, which are added when it is sent."""
    return {"action": "on_unpublish"} | _names(stream)


def record_begin_payload(stream: StreamName, recording: str) -> dict[str, Any]:
    """`on_record_begin`, completed when it is sent."""
    return {"action": "on_record_begin"} | _names(stream) | {"uuid": recording}


RECORD_END: Final = "on_record_end"
RECORDING_UPDATED: Final = "recording_updated"
OF_FINISHED: Final = frozenset({RECORD_END, RECORDING_UPDATED})
"""What tells of a finished recording, and where it is."""


def record_end_payload(
    stream: StreamName, recording: str, code: int, record_dir: str = "/data/record", action: str = RECORD_END
) -> dict[str, Any]:
    """`on_record_end`, or with the same fields another `action` of `OF_FINISHED`; completed when it is sent. `code` 0:
    finished; 100: given up before it was finished.
    """
    return (
        {"action": action}
        | _names(stream)
        | {
            "uuid": recording,
            "artifact_code": code,
            "artifact_path": f"{record_dir}/{recording}/index.mp4",
        }
    )


def complete_payload(
    payload: dict[str, Any], request_id: str, settings: CallbackSettings, base_url: str, folder: str = ""
) -> dict[str, Any]:
    """Add what is known only when a callback is sent. `folder`: the path of a recording's files, signed; '' where
    recordings are open.
    """
    done = {"request_id": request_id, "opaque": settings.opaque} | payload
    if done["action"] in OF_FINISHED:
        host = (settings.host or base_url).rstrip("/")
        done["artifact_url"] = f"{host}{folder or OPEN_FOLDER.format(done['uuid'])}index.mp4"
    return done


def kept_body(body: dict[str, Any]) -> dict[str, Any]:
    """A callback's body as it is kept: what the publisher sent, the user's own word and the way into a recording, which
    may all be secrets, are masked.
    """
    kept = {**body}
    for name in ("param", "opaque"):
        kept |= {name: MASK} if kept.get(name) else {}
    if "artifact_url" in kept:
        kept["artifact_url"] = re.sub(r"/v1/shares/[^/]+/", f"/v1/shares/{MASK}/", str(kept["artifact_url"]))
    return kept


def is_yes(status: int | None, body: bytes) -> bool:
    """Whether an answer means yes: status 200 and the bare integer `0`, or a JSON object whose integer `code` is 0 or
    absent.
    """
    if status != 200:
        return False
    if body == b"0":
        return True
    data = _read(body)
    if not isinstance(data, dict):
        return False
    code = data.get("code", 0)
    return type(code) is int and code == 0


def is_no(status: int | None, body: bytes) -> bool:
    """Whether an answer clearly means no: status 200 and an integer other than 0, bare or as the `code` of a JSON
    object; or a status 4xx that is about the callback (`NOT_REFUSING` are not).

    Whatever is neither a yes nor a no is a failure of the receiver, or nobody's answer.
    """
    if status != 200:
        return status is not None and 400 <= status < 500 and status not in NOT_REFUSING
    data = _read(body)
    code = data.get("code", 0) if isinstance(data, dict) else data
    return type(code) is int and code != 0


def settled_as(status: int | None, body: bytes) -> Literal["delivered", "refused", "dead"]:
    """What becomes of a delivery whose last answer this is."""
    if is_yes(status, body):
        return "delivered"
    return "refused" if is_no(status, body) else "dead"


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def end_id(recording: str, started_at: datetime) -> str:
    """The id of the one `on_record_end` of a recording."""
    return derived_ulid(started_at, f"record_end:{recording}")


def updated_id(recording: str, started_at: datetime, finish: str) -> str:
    """The id of the one `recording_updated` of a recording that was finished again as `finish`."""
    return derived_ulid(started_at, f"recording_updated:{recording}:{finish}")


def wait_s(age: timedelta) -> int:
    """After how many seconds a delivery that waits for another one is looked at again: seldom when it has waited for
    long. It is woken when the other one is done.
    """
    return int(min(max(age.total_seconds() / 4, 2), 60))


def next_attempt(attempts: int, now: datetime, jitter: float) -> datetime | None:
    """When to try again after `attempts` failed ones, or None when it is dead.

    `jitter` in [0, 1) shortens the delay by up to a fifth, so that a herd spreads.
    """
    if attempts > len(RETRY_DELAYS_S):
        return None
    return now + timedelta(seconds=RETRY_DELAYS_S[attempts - 1] * (1 - jitter / 5))
