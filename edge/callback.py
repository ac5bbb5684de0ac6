"""The user's publish callback, when this node must send it itself because its target is private."""

from __future__ import annotations

import json

import httpx

from chalicelib.wire.edge import OutgoingCallback

from .bounded import CallFailedError, call

MAX_ANSWER = 64 * 1024
MAX_TIMEOUT_S = 5.0


def accepts(status: int, body: bytes) -> bool:
    """Whether an answer means yes: 200 with exactly `0`, or a JSON object whose `code` is the integer 0 or absent."""
    if status != 200:
        return False
    if body == b"0":
        return True
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return False
    code = data.get("code", 0) if isinstance(data, dict) else 1
    return isinstance(code, int) and not isinstance(code, bool) and code == 0


async def ask(http: httpx.AsyncClient, callback: OutgoingCallback) -> bool:
    """Send the callback; whether its target agrees. No answer, a redirect or a huge answer is a no."""
    headers = {"Content-Type": "application/json"} | callback.headers
    try:
        answer = await call(
            http,
            "POST",
            callback.url,
            timeout_s=min(max(callback.timeout_s, 0.1), MAX_TIMEOUT_S),
            content=callback.body.encode(),
            headers=headers,
            max_answer=MAX_ANSWER,
        )
    except CallFailedError:
        return False
    return accepts(answer.status, answer.body)
