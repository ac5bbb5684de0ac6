"""What nginx tells the adapter, decoded. Names come percent-encoded, the query of a stream comes raw and last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

_SESSION: Final = ("app", "flashver", "swfurl", "tcurl", "pageurl", "addr")
_ORDER: Final = {
    "connect": (*_SESSION, "epoch", "call"),
    "disconnect": (*_SESSION, "clientid", "call", "app"),
    "publish": (*_SESSION, "clientid", "call", "name", "type"),
    "publish_done": (*_SESSION, "clientid", "call", "name"),
    "play": (*_SESSION, "clientid", "call", "name", "start", "duration", "reset"),
    "play_done": (*_SESSION, "clientid", "call", "name"),
}
"""The fields of each call in nginx's order (its source: ngx_rtmp_notify_module.c). A stream's query may hold any of
these names as well, so position decides, not the name."""
CALLS: Final = tuple(_ORDER)


@dataclass(frozen=True)
class Notice:
    """One notification. Bytes of names that are not UTF-8 are kept as surrogates."""

    call: str
    app: str
    client: str
    """nginx's number of the connection; unique while nginx runs; empty for `connect`."""
    ip: str
    name: str
    args: str
    tc_url: str
    page_url: str


def parse_notice(call: str, body: bytes) -> Notice:
    """Decode the body of a notification.

    Raises:
        KeyError: an unknown call.
    """
    fields: dict[str, str] = {}
    rest = body
    for key in _ORDER[call]:
        pair, _, after = rest.partition(b"&")
        name, separator, value = pair.partition(b"=")
        if not separator or name != key.encode():
            continue  # nginx leaves out a name that is empty
        fields.setdefault(key, unquote_to_bytes(value).decode("utf-8", "surrogateescape"))
        rest = after
    return Notice(
        call=call,
        app=fields.get("app", ""),
        client=fields.get("clientid", ""),
        ip=fields.get("addr", ""),
        name=fields.get("name", ""),
        args=rest.decode("utf-8", "surrogateescape"),
        tc_url=fields.get("tcurl", ""),
        page_url=fields.get("pageurl", ""),
    )
