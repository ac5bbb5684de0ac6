"""`sluice destinations`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.cli.client import ALL, Api, CliError
from infra.cli.output import errors, facts, show_json, table

app = typer.Typer(help="Where streams are pushed.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Destination = Annotated[str, typer.Argument(help="The destination's name or id.")]


def find(api: Api, name: str) -> dict[str, Any]:
    """The destination of that name or id.

    Raises:
        CliError: there is none, or several have the name.
    """
    items = list(api.items("/v1/destinations", ALL))
    found = [d for d in items if d["id"] == name] or [d for d in items if d["name"] == name]
    if len(found) != 1:
        problem = "No destination is" if not found else "Several destinations are"
        raise CliError(f"{problem} called {name}; `sluice destinations list` shows them with their ids.")
    return dict(found[0])


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name of your choice.")],
    url: Annotated[str, typer.Argument(help="rtmp://, rtmps:// or srt:// URL, stream key included.")] = "",
    server: Annotated[str, typer.Option(help="Instead of a URL: the server, where the platform has none.")] = "",
    key: Annotated[str, typer.Option(help="Instead of a URL: the stream key, to the letter.")] = "",
    stream: Annotated[list[str] | None, typer.Option(help="Pattern such as /live/*; may be repeated.")] = None,
    platform: Annotated[str, typer.Option(help="youtube, twitch, bilibili, … or custom.")] = "custom",
    disabled: Annotated[bool, typer.Option("--disabled", help="Add it without pushing yet.")] = False,
    as_json: Json = False,
) -> None:
    """Add a destination: a URL, or --key with a --platform or a --server. Without --stream it takes whatever stream has
    been live longest.
    """
    where = {"url": url, "server": server, "key": key}
    body: dict[str, Any] = {field: value for field, value in where.items() if value}
    body |= {"name": name, "streams": stream or [], "platform": platform, "enabled": not disabled}
    new = Api.from_environment().call("POST", "/v1/destinations", body)
    if as_json:
        show_json(new)
    else:
        facts([("id", new["id"]), ("name", new["name"]), ("url", new["url"])])


@app.command()
def change(
    destination: Destination,
    url: Annotated[str, typer.Option(help="Another target, stream key included.")] = "",
    server: Annotated[str, typer.Option(help="Another server; goes with --key.")] = "",
    key: Annotated[str, typer.Option(help="Another stream key, to the letter; alone: for the same server.")] = "",
    name: Annotated[str, typer.Option(help="Another name; cuts nothing off.")] = "",
    stream: Annotated[list[str] | None, typer.Option(help="Other patterns; may be repeated.")] = None,
    platform: Annotated[str, typer.Option(help="Another platform.")] = "",
    as_json: Json = False,
) -> None:
    """Change a destination; what is not given stays. A push that runs starts anew when its target changes."""
    api = Api.from_environment()
    found = find(api, destination)
    given = {"url": url, "server": server, "key": key, "name": name, "streams": stream, "platform": platform}
    body = {field: value for field, value in given.items() if value}
    if not body:
        raise CliError("Say what is to change, for instance: sluice destinations change NAME --key KEY")
    changed = api.call("PATCH", f"/v1/destinations/{found['id']}", body | {"version": found["version"]})
    if as_json:
        show_json(changed)
    else:
        facts([("id", changed["id"]), ("name", changed["name"]), ("url", changed["url"])])


@app.command("list")
def list_(as_json: Json = False) -> None:
    """All destinations with what becomes of them."""
    items = list(Api.from_environment().items("/v1/destinations", ALL))
    if as_json:
        show_json(items)
        return
    rows = [[d["name"], d["id"], _state(d), ", ".join(d["streams"]) or "any", d["url"]] for d in items]
    table(["NAME", "ID", "STATE", "STREAMS", "URL"], rows, "No destinations. Add one: sluice destinations add NAME URL")


def _state(destination: dict[str, Any]) -> str:
    if not destination["enabled"]:
        return "off"
    push = destination["push"]
    if destination.get("waiting"):
        return str(destination["waiting"]["message"])
    if push and push.get("code"):
        return f"{push['state']}: {push['last_error']}"
    return str(push["state"]) if push else "waiting for a stream"


@app.command()
def status(destination: Destination, as_json: Json = False) -> None:
    """One destination and its push."""
    found = find(Api.from_environment(), destination)
    if as_json:
        show_json(found)
        return
    push = found.pop("push") or {}
    found.pop("version")
    facts([*found.items(), ("state", _state(found | {"push": push}))] + [(f"push {k}", v) for k, v in push.items()])


def _told(destination: str, call: str, body: dict[str, Any], said: str, *, as_json: bool) -> None:
    """Make a call of one destination, and say what came of it after its name."""
    api = Api.from_environment()
    answer = api.call("POST", f"/v1/destinations/{find(api, destination)['id']}/{call}", body)
    if as_json:
        show_json(answer)
    else:
        errors.print(f"{answer['name']} {said}", markup=False)


@app.command()
def enable(destination: Destination, as_json: Json = False) -> None:
    """Push to it again."""
    _told(destination, "enable", {}, "is on", as_json=as_json)


@app.command()
def disable(destination: Destination, as_json: Json = False) -> None:
    """Stop pushing to it."""
    _told(destination, "disable", {}, "is off", as_json=as_json)


@app.command()
def free(
    destination: Destination,
    force: Annotated[bool, typer.Option("--force", help="Also when its node answers.")] = False,
    as_json: Json = False,
) -> None:
    """Have another node push it although the node that did is lost and has not confirmed its stop."""
    _told(destination, "free", {"force": force}, "may be pushed by another node now", as_json=as_json)


@app.command()
def retry(destination: Destination, as_json: Json = False) -> None:
    """Try a push at once that waits for its next try. One that runs goes on."""
    _told(destination, "retry", {}, "is tried now", as_json=as_json)


@app.command()
def slate(
    destination: Destination,
    switch: Annotated[str, typer.Argument(help="on or off.")],
    file: Annotated[
        Path | None, typer.Option(help="An image or a clip on this machine.", exists=True, dir_okay=False)
    ] = None,
    card: Annotated[bool, typer.Option("--card", help="The card that every node has, instead of a file.")] = False,
    minutes: Annotated[int | None, typer.Option(min=1, max=1440, help="For how long at most.")] = None,
    as_json: Json = False,
) -> None:
    """Keep a target alive while its source is away, with a card, an image or a clip."""
    if switch not in ("on", "off"):
        raise CliError("Say on or off: sluice destinations slate NAME on")
    api = Api.from_environment()
    found = find(api, destination)
    wanted: dict[str, Any] = {"enabled": switch == "on"} | ({"minutes": minutes} if minutes else {})
    if file is not None:
        answer = api.upload(f"/terraform/v1/ffmpeg/vlive/upload/{quote(file.name, safe='')}", file)
        wanted["file"] = answer["data"]["target"]
    elif card:
        wanted["file"] = ""
    changed = api.call("PATCH", f"/v1/destinations/{found['id']}", {"slate": wanted})
    if as_json:
        show_json(changed)
        return
    shown = f"{changed['slate']['file'] or 'the card'}, for {changed['slate']['minutes']} minutes at the most"
    errors.print(f"{changed['name']}: {shown if changed['slate']['enabled'] else 'no slate'}", markup=False)


@app.command()
def remove(
    destination: Destination,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a destination; its push stops."""
    api = Api.from_environment()
    found = find(api, destination)
    if not yes:
        typer.confirm(f"Remove the destination {found['name']}?", abort=True, err=True)
    api.call("DELETE", f"/v1/destinations/{found['id']}")
    if as_json:
        show_json({"removed": found["id"]})
    else:
        errors.print(f"removed {found['name']}", markup=False)
