"""Section 8.4: what is live, and kicking it."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.errors import InvalidInputError, NotFoundError
from chalicelib.domain.model.sessions import Session
from chalicelib.wire.names import StreamName
from chalicelib.wiring.services import wiring

from .calls import Call, Fields, route, text_time


class _Stream(Fields):
    vhost: str = ""
    app: str = ""
    stream: str = ""


def _object(s: Session) -> dict[str, Any]:
    """`param` is left out: it holds the secret, which only the publish callback may carry."""
    found = {
        "vhost": s.stream.vhost,
        "app": s.stream.app,
        "stream": s.stream.stream,
        "server_id": s.service_id,
        "client_id": s.client_id,
        "update": text_time(s.live_at),
    }
    return {k: v for k, v in found.items() if v}


@route("/mgmt/streams/query")
def query(_call: Call) -> Any:
    """What is live; null when nothing is."""
    return {"streams": [_object(v.session) for v in wiring.overview.streams()] or None}


@route("/mgmt/streams/kickoff")
def kickoff(call: Call) -> Any:
    """Cut a publisher off; answers when the media server took it. It may come back at once."""
    fields = call.fields(_Stream)
    for name in ("vhost", "app", "stream"):
        if not getattr(fields, name):
            raise InvalidInputError(name, "must not be empty")
    try:
        stream = StreamName(vhost=fields.vhost, app=fields.app, stream=fields.stream)
    except ValueError:
        raise NotFoundError("no such stream is live") from None
    wiring.kicks.by_name(stream)
