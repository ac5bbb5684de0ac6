"""Puts the port at which clients reach the media server into its answers (section 15.2, Q36). Pure."""

from __future__ import annotations

import json
import re
from typing import Any


def with_port(body: bytes, inner: int, public: int) -> bytes:
    """The answer with `public` for `inner` in the lines that hold a candidate: an SDP, or JSON with one in `sdp`.
    All else, line ends included, stays as it is.
    """
    if inner == public or b"candidate" not in body:
        return body
    wrapped = _json(body)
    if wrapped is None:
        return _lines(body, inner, public)
    sdp = wrapped.get("sdp")
    if not isinstance(sdp, str):
        return body
    wrapped["sdp"] = _lines(sdp.encode(), inner, public).decode()
    return json.dumps(wrapped, separators=(",", ":"), ensure_ascii=False).encode()


def _json(body: bytes) -> dict[str, Any] | None:
    if not body.lstrip().startswith(b"{"):
        return None
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _lines(sdp: bytes, inner: int, public: int) -> bytes:
    lines = re.split(rb"(?<=\n)", sdp)
    old, new = b" %d " % inner, b" %d " % public
    return b"".join(line.replace(old, new) if b"candidate" in line else line for line in lines)
