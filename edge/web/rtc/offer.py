"""What a client asks for that offers to publish or play by WebRTC, as the media server's hook would have it. Pure."""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import DEFAULT_VHOST

_STANDARD: Final = {"whip": "on_publish", "whep": "on_play"}
_OLDER: Final = {"publish": "on_publish", "play": "on_play"}
_UNNAMED: Final = ("live", "livestream")
"""What the media server takes where WHIP and WHEP name nothing (`SrsGoApiRtcWhip`)."""
_PATH: Final = re.compile(rf"/rtc/v1/({'|'.join((*_STANDARD, *_OLDER))})/?")


def offered(method: str, path: str, query: str, body: bytes) -> Hook | None:
    """None: this is no offer, or none that names a stream, which is the media server's to refuse."""
    found = _PATH.fullmatch(path)
    if method != "POST" or found is None:
        return None
    kind = found[1]
    return _hook(_STANDARD[kind], query) if kind in _STANDARD else _of_body(_OLDER[kind], query, body)


def _hook(action: str, query: str, named: tuple[str, str] | None = None) -> Hook | None:
    """`named`: application and stream, where they are not in the query."""
    try:
        found = {name: values[0] for name, values in parse_qs(query, max_num_fields=100).items()}
    except ValueError:
        return None
    app, stream = named or (found.get("app", _UNNAMED[0]), found.get("stream", _UNNAMED[1]))
    if not app or not stream:
        return None
    vhost = found.get("vhost", DEFAULT_VHOST)
    return Hook(action=action, vhost=vhost, app=app, stream=stream, param=f"?{query}")


def _of_body(action: str, query: str, body: bytes) -> Hook | None:
    """The older API, which has the stream in `streamurl`, as `webrtc://host/app/stream?secret=…`."""
    try:
        sent = json.loads(body)
        url = urlsplit(str(sent["streamurl"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    app, _, stream = unquote(url.path).strip("/").partition("/")
    return _hook(action, "&".join(filter(None, (url.query, query))), (app, stream))
