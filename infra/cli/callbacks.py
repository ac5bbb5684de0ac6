"""`sluice callbacks`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.cli.client import Api, CliError
from infra.cli.output import errors, facts, show_json, table

app = typer.Typer(help="HTTP callbacks and their deliveries.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


class By(StrEnum):
    """Who sends."""

    cloud = "cloud"
    edge = "edge"


class State(StrEnum):
    """What became of a delivery."""

    pending = "pending"
    delivered = "delivered"
    refused = "refused"
    dead = "dead"


@app.command("show")
def show(as_json: Json = False) -> None:
    """Where callbacks go."""
    found = Api.from_environment().call("GET", "/v1/settings/callbacks")
    if as_json:
        show_json(found)
    else:
        facts([(k, found[k]) for k in ("enabled", "target", "opaque", "host", "on_unreachable", "sent_by", "node")])
        _warn(found)


def _warn(settings: dict[str, Any]) -> None:
    """What is risky, and why callbacks went off by themselves."""
    for name in ("warning", "disabled_reason"):
        if settings.get(name):
            errors.print(settings[name], style="yellow", markup=False, highlight=False)


@app.command("set")
def set_(
    target: Annotated[str | None, typer.Option(help="http(s) URL that gets the callbacks.")] = None,
    opaque: Annotated[str | None, typer.Option(help="Sent with every callback.")] = None,
    verify_tls: Annotated[
        bool | None,
        typer.Option("--verify-tls/--no-verify-tls", help="Whether its certificate must be valid."),
    ] = None,
    by: Annotated[
        By | None, typer.Option(help="Who sends: the cloud, or a node, which reaches its own network.")
    ] = None,
    node: Annotated[str | None, typer.Option(help="Which node sends; needed when there are several.")] = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Send callbacks or not.")] = None,
    as_json: Json = False,
) -> None:
    """Change where callbacks go."""
    changes: dict[str, Any] = {"target": target, "opaque": opaque, "enabled": enabled, "verify_tls": verify_tls}
    changes |= {"sent_by": by.value if by else None, "node": node}
    body = {k: v for k, v in changes.items() if v is not None}
    if not body:
        raise CliError("Nothing to change. Give --target, --opaque, --by, --node, --verify-tls, --on or --off.")
    changed = Api.from_environment().call("PATCH", "/v1/settings/callbacks", body)
    if as_json:
        show_json(changed)
    else:
        facts([(k, changed[k]) for k in ("enabled", "target", "opaque")])
        _warn(changed)


@app.command("deliveries")
def deliveries(
    state: Annotated[
        State | None, typer.Option(help="Only these; refused: the target said no; dead: the dead letters.")
    ] = None,
    as_json: Json = False,
    limit: Limit = 30,
) -> None:
    """Callbacks on their way, delivered, refused and dead."""
    chosen: dict[str, Any] = {"state": state.value} if state else {}
    items = list(Api.from_environment().items("/v1/deliveries", limit, **chosen))
    if as_json:
        show_json(items)
        return
    rows = [
        [d["created_at"], d["action"], d["state"], len(d["attempts"]), _outcome(d["attempts"]), d["id"]] for d in items
    ]
    table(["AT", "ACTION", "STATE", "TRIES", "LAST ANSWER", "ID"], rows, "No callback has been sent yet.")


def _outcome(attempts: list[dict[str, Any]]) -> str:
    if not attempts:
        return ""
    last = attempts[-1]
    return last["error"] or f"{last['status']} {last['answer'][:40]}"


@app.command("resend")
def resend(delivery: str, as_json: Json = False) -> None:
    """Send one callback once more."""
    again = Api.from_environment().call("POST", f"/v1/deliveries/{quote(delivery, safe='')}/resend", {})
    if as_json:
        show_json(again)
    else:
        errors.print(f"{again['action']} is on its way again", markup=False)


@app.command()
def check(
    target: Annotated[str, typer.Argument(help="http(s) URL; absent: where callbacks go.")] = "",
    as_json: Json = False,
) -> None:
    """Send a trial callback from where callbacks are sent, and say what is wrong. Ends with 1 when it failed."""
    said = Api.from_environment().call("POST", "/v1/callbacks/check", {"target": target} if target else {})
    if as_json:
        show_json(said)
    else:
        shown = ("target", "ok", "step", "explanation", "hint", "status", "answer", "duration_ms")
        facts([(name.replace("_", " "), said[name]) for name in shown])
    raise typer.Exit(0 if said["ok"] else 1)


@app.command()
def replay(
    begin: Annotated[str, typer.Argument(help="From when, such as 2026-11-22T12:00:00Z.")],
    end: Annotated[str, typer.Argument(help="Up to when; absent: now.")] = "",
    as_json: Json = False,
) -> None:
    """Send the callbacks of a time again, with new ids; as often as it takes."""
    api = Api.from_environment()
    sent, following = 0, begin
    while True:
        done = api.call("POST", "/v1/callbacks/replay", {"from": following} | ({"to": end} if end else {}))
        sent += done["deliveries"]
        if done["next_from"] in (None, following):
            break
        following = done["next_from"]
    if as_json:
        show_json({"deliveries": sent, "next_from": done["next_from"]})
    else:
        errors.print(f"{sent} callbacks are on their way again", markup=False)


signing = typer.Typer(help="What callbacks are signed with (Standard Webhooks).", no_args_is_help=True)
app.add_typer(signing, name="secret")


def _show_secret(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    facts([("secret", found["secret"]), ("previous", found["previous"]), ("previous until", found["previous_until"])])


@signing.command("show")
def secret_show(as_json: Json = False) -> None:
    """The signing secret; after a rotation with the one before."""
    _show_secret(Api.from_environment().call("GET", "/v1/callbacks/secret"), as_json=as_json)


@signing.command("rotate")
def secret_rotate(as_json: Json = False) -> None:
    """A new signing secret. For 24 hours callbacks are signed with both, so that no receiver has to hurry."""
    _show_secret(Api.from_environment().call("POST", "/v1/callbacks/secret/rotate", {}), as_json=as_json)
