"""`sluice rooms`, `limits`, `platforms`, `password`: what an owner decides."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.client import ALL, Api, CliError
from infra.cli.output import errors, facts, show_json, table

rooms = typer.Typer(help="Stream names with a secret of their own.", no_args_is_help=True)
limits = typer.Typer(help="Limits; all are off until you set them.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
LIMITS = ("max_streams", "max_pushes", "max_publish_minutes", "max_bitrate_kbps", "push_takeover_minutes")


@rooms.command("list")
def rooms_list(as_json: Json = False) -> None:
    """All rooms with their secrets."""
    items = list(Api.from_environment().items("/v1/rooms", ALL))
    if as_json:
        show_json(items)
        return
    rows = [[r["title"], r["stream"], r["secret"], r["created_at"], r["id"]] for r in items]
    table(["TITLE", "STREAM", "SECRET", "MADE", "ID"], rows, "No rooms. Make one: sluice rooms create TITLE")


@rooms.command("create")
def rooms_create(
    title: Annotated[str, typer.Argument(help="For you to remember it by.")],
    stream: Annotated[str, typer.Option("--stream", help="Its stream name; made up without.")] = "",
    secret: Annotated[str, typer.Option("--secret", help="Its secret; made up without.")] = "",
    as_json: Json = False,
) -> None:
    """Make a room; a stream name and a secret that are not given are made up."""
    given = {"title": title, "stream": stream, "secret": secret}
    room = Api.from_environment().call("POST", "/v1/rooms", {k: v for k, v in given.items() if v or k == "title"})
    if as_json:
        show_json(room)
    else:
        facts([(name, room[name]) for name in ("id", "title", "stream", "secret")])


@rooms.command("remove")
def rooms_remove(
    room: Annotated[str, typer.Argument(help="The room's id.")], yes: Yes = False, as_json: Json = False
) -> None:
    """Remove a room; its stream name goes back to the global secret."""
    api = Api.from_environment()
    found = api.call("GET", f"/v1/rooms/{room}")
    if not yes:
        typer.confirm(f"Remove the room {found['title'] or found['stream']}?", abort=True, err=True)
    api.call("DELETE", f"/v1/rooms/{room}")
    if as_json:
        show_json({"removed": room})
    else:
        errors.print(f"removed {room}", markup=False)


@limits.command("show")
def limits_show(as_json: Json = False) -> None:
    """The limits."""
    found = Api.from_environment().call("GET", "/v1/settings/limits")
    if as_json:
        show_json(found)
    else:
        facts([(name.replace("_", " "), "none" if found[name] is None else found[name]) for name in LIMITS])


@limits.command("set")
def limits_set(
    max_streams: Annotated[int | None, typer.Option(help="Streams live at the same time; -1: no limit.")] = None,
    max_pushes: Annotated[int | None, typer.Option(help="Pushes at the same time; -1: no limit.")] = None,
    max_publish_minutes: Annotated[int | None, typer.Option(help="Length of a publish; -1: no limit.")] = None,
    max_bitrate_kbps: Annotated[int | None, typer.Option(help="Bitrate of a stream; -1: no limit.")] = None,
    push_takeover_minutes: Annotated[
        int | None, typer.Option(help="After so long without a word of a node, others push what it pushed; -1: never.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change limits; what is not given stays."""
    values = (max_streams, max_pushes, max_publish_minutes, max_bitrate_kbps, push_takeover_minutes)
    given = dict(zip(LIMITS, values, strict=True))
    body = {name: None if value == -1 else value for name, value in given.items() if value is not None}
    if not body:
        raise CliError("Nothing to change. `sluice limits set --help` lists the limits.")
    changed = Api.from_environment().call("PATCH", "/v1/settings/limits", body)
    if as_json:
        show_json(changed)
    else:
        facts([(name.replace("_", " "), "none" if changed[name] is None else changed[name]) for name in LIMITS])


def platforms(as_json: Json = False) -> None:
    """The platforms that are known by name, and where their stream keys are found."""
    items = Api.from_environment().call("GET", "/v1/platforms")["items"]
    if as_json:
        show_json(items)
        return
    rows = [[p["id"], p["name"], p["server"] or "yours", p["key_page"]] for p in items]
    table(["PLATFORM", "NAME", "SERVER", "WHERE THE KEY IS"], rows, "")


def password(as_json: Json = False) -> None:
    """Set a new admin password. For who is on the machine and forgot it; asks twice, shows nothing."""
    new = typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    Api.from_environment().call("POST", "/v1/password", {"password": new})
    if as_json:
        show_json({"changed": True})
    else:
        errors.print("the password is changed", markup=False)
