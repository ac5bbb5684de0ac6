"""Section 6: HLS modes. `node` names the node that is meant; it need not be given while there is only one."""

from __future__ import annotations

from chalicelib.wiring.services import wiring

from .calls import Call, Fields, route


class _Node(Fields):
    node: str = ""


class _Plain(_Node):
    no_hls_ctx: bool = False


class _LowLatency(_Node):
    hls_low_latency: bool = False


@route("/mgmt/hphls/query")
def query_plain(call: Call) -> dict[str, bool]:
    """Whether playlists are plain files."""
    return {"noHlsCtx": wiring.node_configs.get(call.fields(_Node).node or None).hls_plain}


@route("/mgmt/hphls/update")
def update_plain(call: Call) -> None:
    """Make playlists plain files, or not."""
    sent = call.fields(_Plain)
    wiring.node_configs.change(sent.node or None, hls_plain=sent.no_hls_ctx)


@route("/mgmt/hlsll/query")
def query_low_latency(call: Call) -> dict[str, bool]:
    """Whether HLS has short fragments."""
    return {"hlsLowLatency": wiring.node_configs.get(call.fields(_Node).node or None).hls_low_latency}


@route("/mgmt/hlsll/update")
def update_low_latency(call: Call) -> None:
    """Give HLS short fragments, or not."""
    sent = call.fields(_LowLatency)
    wiring.node_configs.change(sent.node or None, hls_low_latency=sent.hls_low_latency)
