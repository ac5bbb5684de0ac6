"""`sluice play`: who may watch, and links for them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from infra.cli.client import Api, CliError
from infra.cli.output import facts, show_json

app = typer.Typer(help="Who may watch; off until you switch it on.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
    else:
        facts([("links are needed", "yes" if found["auth"] else "no: anybody may watch")])


@app.command()
def show(as_json: Json = False) -> None:
    """Who may watch."""
    _show(Api.from_environment().call("GET", "/v1/settings/play"), as_json=as_json)


@app.command("set")
def set_(
    auth: Annotated[bool | None, typer.Option("--on/--off", help="Let in only who has a play link.")] = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="End the links that were given out.")] = False,
    as_json: Json = False,
) -> None:
    """Change who may watch. Who is watching goes on."""
    if auth is None and not rotate:
        raise CliError("Nothing to change. Give --on, --off or --rotate.")
    body = ({} if auth is None else {"auth": auth}) | ({"rotate": True} if rotate else {})
    _show(Api.from_environment().call("PATCH", "/v1/settings/play", body), as_json=as_json)


@app.command()
def link(
    stream: Annotated[str, typer.Argument(help="app/stream, such as live/mystream.")],
    expires: Annotated[int, typer.Option(help="Seconds until the links end.")] = 3600,
    node: Annotated[str, typer.Option(help="The node's id; needed when there are several.")] = "",
    host: Annotated[str, typer.Option(help="Under which name viewers reach the node.")] = "",
    as_json: Json = False,
) -> None:
    """Links with which anybody may watch a stream until they end."""
    body: dict[str, Any] = {"stream": stream, "expires_in_s": expires}
    body |= {name: value for name, value in (("node", node), ("host", host)) if value}
    made = Api.from_environment().call("POST", "/v1/streams/play-links", body)
    if as_json:
        show_json(made)
        return
    for name, url in [*made["urls"].items(), ("expires", made["expires_at"])]:
        if url:
            print(f"{name:<10}{url}")
