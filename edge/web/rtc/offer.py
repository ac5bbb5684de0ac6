"""What a client asks for that offers to publish by WebRTC, as the media server's hook would have it. Pure."""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import DEFAULT_VHOST

_WHIP: Final = re.compile(r"/rtc/v1/whip/?")
_PUBLISH: Final = re.compile(r"/rtc/v1/publish/?")


def offered(method: str, path: str, query: str, body: bytes) -> Hook | None:
    """None: this is no offer to publish, or none that names a stream, which is the media server's to refuse."""
    if method != "POST":
        return None
    if _WHIP.fullmatch(path):
        return _hook(query, "", "")
    return _of_body(query, body) if _PUBLISH.fullmatch(path) else None


def _hook(query: str, app: str, stream: str) -> Hook | None:
    try:
        found = {name: values[0] for name, values in parse_qs(query, max_num_fields=100).items()}
    except ValueError:
        return None
    app, stream = app or found.get("app", ""), stream or found.get("stream", "")
    if not app or not stream:
        return None
    vhost = found.get("vhost", DEFAULT_VHOST)
    return Hook(action="on_publish", vhost=vhost, app=app, stream=stream, param=f"?{query}")


def _of_body(query: str, body: bytes) -> Hook | None:
    """The older API, which has the stream in `streamurl`, as `webrtc://host/app/stream?secret=…`."""
    try:
        sent = json.loads(body)
        url = urlsplit(str(sent["streamurl"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    app, _, stream = unquote(url.path).strip("/").partition("/")
    return _hook("&".join(filter(None, (url.query, query))), app, stream)
