"""Section 9: callbacks."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.errors import UpstreamError
from chalicelib.domain.model.callbacks import CallbackSettings, CallbackTrace
from chalicelib.wiring.services import wiring

from .. import outside
from .calls import Call, Fields, route


class _Hooks(Fields):
    target: str = ""
    opaque: str = ""
    host: str = ""
    all: bool = False


@route("/mgmt/hooks/apply")
def apply(call: Call) -> Any:
    """Replace target, opaque, host and switch."""
    fields = call.fields(_Hooks)
    wiring.settings.set_callbacks(
        {
            "enabled": fields.all,
            "target": fields.target.strip(),
            "opaque": fields.opaque,
            "host": fields.host or outside.url() or call.base_url,
        }
    )


@route("/mgmt/hooks/query")
def query(_call: Call) -> Any:
    """Target, opaque, host, switch; and the last callback with its answer."""
    now = wiring.settings.get(CallbackSettings)
    trace = wiring.store.get(CallbackTrace) or CallbackTrace()
    return {
        "req": trace.request,
        "res": trace.response,
        "target": now.target,
        "opaque": now.opaque,
        "all": now.enabled,
        "host": now.host,
    }


@route("/mgmt/hooks/example", token=False)
def example(call: Call) -> Any:
    """A target to try with: agrees, or fails when asked to."""
    if call.query.get("fail") in ("true", "1"):
        raise UpstreamError("failed, as asked")
