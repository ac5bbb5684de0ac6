"""The HTTP callbacks of SRS, as it sends them (SRS documentation, 'HTTP Callback'; checked against 7.0.18)."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

MAX_HOOK_BYTES: Final = 256 * 1024

HookAction = Literal[
    "on_connect", "on_close", "on_publish", "on_unpublish", "on_play", "on_stop", "on_hls", "on_dvr", "on_forward"
]


class InvalidHookError(ValueError):
    """A hook body that cannot be understood; the message never repeats the body."""


class Hook(BaseModel):
    """One callback. Every hook has the first seven fields; the others depend on the action and default to empty."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    action: HookAction
    server_id: str = ""
    service_id: str = ""
    client_id: str = ""
    ip: str = ""
    vhost: str = ""
    app: str = ""

    stream: str = ""
    param: str = ""
    tcUrl: str = ""  # noqa: N815 - the field's name on the wire
    pageUrl: str = ""  # noqa: N815
    stream_url: str = ""

    duration: float = 0.0
    """Seconds, `on_hls` only."""
    cwd: str = ""
    file: str = ""
    url: str = ""
    m3u8: str = ""
    m3u8_url: str = ""
    seq_no: int = 0
    """Starts at 0 again after a restart or an idle clean-up: an order within one run, never an identity."""
    send_bytes: int = 0
    recv_bytes: int = 0


def parse_hook(body: bytes) -> Hook:
    """Parse the body of a hook leniently: SRS copies raw control bytes and bytes that are not UTF-8 from names into
    its JSON, and an unpublish must not be lost for that. Bytes that are not UTF-8 become U+FFFD.

    Raises:
        InvalidHookError: not a JSON object, an unknown action, a field of the wrong type, or over `MAX_HOOK_BYTES`.
    """
    if len(body) > MAX_HOOK_BYTES:
        raise InvalidHookError(f"hook body exceeds {MAX_HOOK_BYTES} bytes")
    try:
        data: Any = json.loads(body.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        raise InvalidHookError("hook body is not JSON") from error
    if not isinstance(data, dict):
        raise InvalidHookError("hook body is not a JSON object")
    try:
        return Hook.model_validate(data)
    except ValidationError as error:
        fields = ", ".join(sorted({str(e["loc"][0]) if e["loc"] else "?" for e in error.errors()}))
        raise InvalidHookError(f"hook fields are missing or of the wrong type: {fields}") from None
