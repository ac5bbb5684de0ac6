"""`sluice certificate`: what a node serves HTTPS with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.client import ALL, Api, CliError
from infra.cli.output import console, facts, show_json, table

app = typer.Typer(help="What a node serves HTTPS with.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Node = Annotated[str, typer.Option(help="The node's name or id; needed when there are several.")]
Domains = Annotated[list[str], typer.Argument(help="Domains that point to the node.")]
_PROVIDERS = {"": "self-signed (nobody chose yet)", "ssl": "a pair of its own", "lets": "Let's Encrypt"}


def _path(api: Api, node: str) -> str:
    """The path of the one node that is meant.

    Raises:
        CliError: there is none, or it is not clear which.
    """
    nodes = list(api.items("/v1/nodes", ALL))
    found = [n for n in nodes if not node or node in (n["id"], n["name"])]
    if len(found) != 1:
        hint = "`sluice nodes` shows them; name one with --node." if found or node else "No node has enrolled yet."
        raise CliError(hint)
    return f"/v1/nodes/{found[0]['id']}/certificate"


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    facts([("served with", _PROVIDERS[found["provider"]]), ("domains", ", ".join(found["domains"]))])
    if found["certificates"]:
        rows = [[c["domain"], c["state"], c["issuer"], c["not_after"], c["error"]] for c in found["certificates"]]
        table(["DOMAIN", "STATE", "ISSUER", "UNTIL", "WHY"], rows, "")


@app.command()
def show(node: Node = "", as_json: Json = False) -> None:
    """What a node serves HTTPS with, and until when."""
    api = Api.from_environment()
    _show(api.call("GET", _path(api, node)), as_json=as_json)


@app.command()
def upload(
    key: Annotated[Path, typer.Argument(help="File with the private key (PEM).", exists=True, dir_okay=False)],
    crt: Annotated[Path, typer.Argument(help="File with the certificate and its chain (PEM).", exists=True)],
    node: Node = "",
    as_json: Json = False,
) -> None:
    """Serve a pair of your own."""
    api = Api.from_environment()
    body = {"key": key.read_text(errors="replace"), "crt": crt.read_text(errors="replace")}
    _show(api.call("POST", f"{_path(api, node)}/upload", body), as_json=as_json)


@app.command("self-signed")
def self_signed(node: Node = "", as_json: Json = False) -> None:
    """Serve the node's own self-signed pair; browsers warn of it."""
    api = Api.from_environment()
    _show(api.call("POST", f"{_path(api, node)}/self-signed", {}), as_json=as_json)


@app.command()
def obtain(
    domains: Domains,
    node: Node = "",
    force: Annotated[bool, typer.Option("--force", help="Ask although the check found a problem.")] = False,
    as_json: Json = False,
) -> None:
    """Get certificates of Let's Encrypt and keep them renewed."""
    api = Api.from_environment()
    body = {"domains": domains, "force": force}
    _show(api.call("POST", f"{_path(api, node)}/obtain", body), as_json=as_json)


@app.command()
def check(domains: Domains, node: Node = "", as_json: Json = False) -> None:
    """Would Let's Encrypt reach the node by these domains? Ends with 1 when not."""
    api = Api.from_environment()
    found = api.call("POST", f"{_path(api, node)}/check", {"domains": domains})["items"]
    if as_json:
        show_json(found)
    else:
        for each in found:
            console.print(f"{each['domain']}: {each['problem'] or 'all is well'}", markup=False, soft_wrap=True)
    if any(each["problem"] for each in found):
        raise typer.Exit(1)
