"""`sluice explain`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from infra.cli.client import Api
from infra.cli.output import facts, show_json, table


def explain(
    stream: Annotated[str, typer.Argument(help="app/stream, such as live/mystream; or, with --session, a session.")],
    param: Annotated[str, typer.Option(help="What follows the name in the publish URL, such as ?secret=…")] = "",
    node: Annotated[str, typer.Option(help="The id of a node.")] = "",
    session: Annotated[bool, typer.Option("--session", help="Tell what became of a session.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Would a publish be admitted, recorded, pushed where, and why not. Changes nothing."""
    body: dict[str, Any] = {"stream": stream, "param": param} | ({"node": node} if node else {})
    body = {"session": stream} if session else body
    told = Api.from_environment().call("POST", "/v1/explain", body)
    if as_json:
        show_json(told)
        return
    gate, kept = told["admission"], told["recording"]
    asks = "; then the publish callback decides" if gate["asks"] else ""
    facts(
        [
            ("stream", told["stream"]),
            ("admitted", f"{_yes(gate['allowed'])}: {gate['reason']} ({gate['by']}){asks}"),
            ("recorded", f"{_yes(kept['recorded'])}: {kept['reason']}"),
            ("limits", "; ".join(limit["reason"] for limit in told["limits"]) or "none"),
        ]
    )
    rows = [[p["name"], _yes(p["pushed"]), p["reason"]] for p in told["pushes"]]
    table(["DESTINATION", "PUSHED", "WHY"], rows, "No destinations.")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
