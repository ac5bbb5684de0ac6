"""`sluice nodes`: the edges, listed, named, drained, given new tokens, removed."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.cli.client import ALL, Api, CliError
from infra.cli.output import errors, facts, show_json, table

app = typer.Typer(help="The edges. Without a command: list them.", invoke_without_command=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Name = Annotated[str, typer.Argument(help="The node's name or id.", metavar="NODE")]


@app.callback()
def nodes(context: typer.Context, as_json: Json = False) -> None:
    """The edges. Without a command: list them."""
    if context.invoked_subcommand is not None:
        return
    items = list(Api.from_environment().items("/v1/nodes", ALL))
    if as_json:
        show_json(items)
        return
    rows = [
        [
            n["name"],
            n["id"],
            "draining" if n["draining"] else n["state"],
            _media(n["observed"]),
            _ffmpeg(n["observed"]),
            n["sessions"],
            n["last_seen"],
        ]
        for n in items
    ]
    columns = ["NAME", "ID", "STATE", "MEDIA SERVER", "FFMPEG", "LIVE", "LAST SEEN"]
    table(columns, rows, "No node has enrolled yet.")
    for node in items:
        for feature, lacks in ((node["observed"] or {}).get("ffmpeg") or {}).get("missing", {}).items():
            errors.print(f"{node['name']}: FFmpeg cannot {feature}: it lacks {', '.join(lacks)}", markup=False)


def _media(observed: dict[str, Any] | None) -> str:
    if not observed or not observed["media_server"]:
        return ""
    since = observed.get("media_server_silent_since")
    up = f" (does not answer since {since})" if since else "" if observed["media_server_up"] else " (down)"
    return f"{observed['media_server']} {observed['media_server_version']}{up}".strip()


def _ffmpeg(observed: dict[str, Any] | None) -> str:
    return str((observed or {}).get("ffmpeg_version") or "")


def _find(api: Api, name: str) -> dict[str, Any]:
    items = list(api.items("/v1/nodes", ALL))
    found = [n for n in items if n["id"] == name] or [n for n in items if n["name"] == name]
    if len(found) != 1:
        problem = "No node is" if not found else "Several nodes are"
        raise CliError(f"{problem} called {name}; `sluice nodes` shows them with their ids.")
    return found[0]


@app.command("set-aside")
def set_aside(
    node: Name,
    retry: Annotated[bool, typer.Option("--retry", help="Try all of it again.")] = False,
    as_json: Json = False,
) -> None:
    """What a node could not tell or store and has set aside."""
    api = Api.from_environment()
    path = f"/v1/nodes/{_find(api, node)['id']}/set-aside"
    found = api.call("POST", f"{path}/retry", {}) if retry else api.call("GET", path)
    if as_json:
        show_json(found)
        return
    if retry:
        errors.print(f"{found['retried']} are tried again")
    rows = [["event", e["seq"], e["id"], e["reason"]] for e in found["events"]]
    rows += [["segment", s["index"], s["session"], s["reason"]] for s in found["segments"]]
    table(["WHAT", "NUMBER", "ID", "WHY"], rows, "Nothing is set aside.")


@app.command()
def join(name: Annotated[str, typer.Option(help="For you to remember it by.")] = "", as_json: Json = False) -> None:
    """A token with which one new node may enrol within the hour; shown this once."""
    made = Api.from_environment().call("POST", "/v1/join-tokens", {"name": name})
    if as_json:
        show_json(made)
    else:
        facts([("join token", made["token"]), ("expires", made["expires_at"])])


@app.command()
def revoke(node: Name, yes: Yes = False, as_json: Json = False) -> None:
    """End a node: its token ends at once, its streams end, others may push what it pushed."""
    api = Api.from_environment()
    found = _find(api, node)
    if not yes:
        typer.confirm(f"Revoke the node {found['name']}? It cannot come back as what it was.", abort=True, err=True)
    api.call("DELETE", _path(found), force="true")
    if as_json:
        show_json({"revoked": found["id"]})
    else:
        errors.print(f"revoked {found['name']}", markup=False)


def _path(node: dict[str, Any], more: str = "") -> str:
    return f"/v1/nodes/{quote(node['id'], safe='')}{more}"


@app.command()
def rename(node: Name, name: Annotated[str, typer.Argument(help="Its new name.")], as_json: Json = False) -> None:
    """Give a node another name."""
    api = Api.from_environment()
    changed = api.call("PATCH", _path(_find(api, node)), {"name": name})
    if as_json:
        show_json(changed)
    else:
        errors.print(f"it is called {changed['name']} now", markup=False)


def _drain(node: str, what: str, said: str, *, as_json: bool) -> None:
    api = Api.from_environment()
    changed = api.call("POST", _path(_find(api, node), f"/{what}"), {})
    if as_json:
        show_json(changed)
    else:
        errors.print(f"{changed['name']} {said}", markup=False)


@app.command()
def drain(node: Name, as_json: Json = False) -> None:
    """Have a node take no new streams; those that are live go on. `sluice nodes resume` undoes it."""
    _drain(node, "drain", "takes no new streams", as_json=as_json)


@app.command()
def resume(node: Name, as_json: Json = False) -> None:
    """Have a node that was drained take new streams again."""
    _drain(node, "resume", "takes new streams", as_json=as_json)


@app.command()
def remove(
    node: Name,
    force: Annotated[bool, typer.Option("--force", help="Also while streams are live there; they end.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Remove a node: its token ends at once, others may push what it pushed, and it is not listed any more."""
    api = Api.from_environment()
    found = _find(api, node)
    if not yes:
        typer.confirm(f"Remove the node {found['name']}? It cannot come back as what it was.", abort=True, err=True)
    query: dict[str, str | int] = {"force": "true"} if force else {}
    api.call("DELETE", _path(found), None, **query)
    if as_json:
        show_json({"removed": found["id"]})
    else:
        errors.print(f"removed {found['name']}", markup=False)


@app.command()
def rotate(node: Name, as_json: Json = False) -> None:
    """Have a node take a new token with its next sync; the old one ends when the new one is first used."""
    api = Api.from_environment()
    found = _find(api, node)
    api.call("POST", f"/v1/nodes/{quote(found['id'], safe='')}/token")
    if as_json:
        show_json({"rotating": found["id"]})
    else:
        errors.print(f"{found['name']} gets a new token", markup=False)
