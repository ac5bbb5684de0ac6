"""The commands of `sluice`."""

from __future__ import annotations

import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.cli import (
    callbacks,
    certificates,
    data,
    destinations,
    diagnostics,
    doctor,
    explain,
    letters,
    live,
    logins,
    nodes,
    owner,
    play,
    recordings,
    replicate,
    sources,
    stores,
    tokens,
)
from infra.cli.client import ALL, Api, CliError
from infra.cli.output import errors, facts, show_json, table
from infra.terminal import print_anyway

app = typer.Typer(
    name="sluice",
    help="Operate Sluice: streams, recordings, destinations, callbacks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
secret = typer.Typer(help="The publish secret.", no_args_is_help=True)
app.add_typer(nodes.app, name="nodes")
app.add_typer(logins.app, name="logins")
app.add_typer(logins.api_secret, name="api-secret")
app.command("sign-in-link")(logins.sign_in_link)
app.add_typer(recordings.app, name="recordings")
app.add_typer(destinations.app, name="destinations")
app.add_typer(sources.app, name="sources")
app.add_typer(stores.app, name="store")
app.add_typer(replicate.app, name="replicate")
app.add_typer(data.settings, name="settings")
app.add_typer(letters.app, name="dead-letters")
app.add_typer(secret, name="secret")
app.add_typer(callbacks.app, name="callbacks")
app.add_typer(certificates.app, name="certificate")
app.add_typer(tokens.app, name="tokens")
app.command("audit")(tokens.audit)
app.command("explain")(explain.explain)
app.add_typer(owner.rooms, name="rooms")
app.add_typer(owner.limits, name="limits")
app.add_typer(play.app, name="play")
app.add_typer(live.cards, name="test-cards")
for command in (
    owner.platforms,
    owner.password,
    data.backup,
    data.restore,
    diagnostics.diagnostics,
    live.picture,
    live.life,
):
    app.command()(command)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


@app.command()
def status(as_json: Json = False) -> None:
    """Whether the parts answer, and how much is going on."""
    api = Api.from_environment()
    health = api.call("GET", "/v1/health")
    system = api.call("GET", "/v1/system")
    edges, streams, targets = (list(api.items(f"/v1/{name}", ALL)) for name in ("nodes", "streams", "destinations"))
    pushing = [t for t in targets if t["push"] and t["push"]["state"] == "running"]
    view = {
        "api": api.url,
        "health": health["status"],
        "nodes": len(edges),
        "nodes_online": sum(n["state"] == "online" for n in edges),
        "streams_live": len(streams),
        "media_servers": _media_servers(edges),
        "destinations": len(targets),
        "destinations_pushing": len(pushing),
        "dead_letters": system["dead_letters"],
        "replication": _replication(system["replication"]),
    }
    if as_json:
        show_json(view)
    else:
        facts([(k.replace("_", " "), v) for k, v in view.items()])


def _media_servers(nodes: list[dict[str, Any]]) -> str:
    known = [(n["name"], n["observed"]) for n in nodes if n["state"] == "online" and n["observed"]]
    silent = [(n, since) for n, o in known if (since := o.get("media_server_silent_since"))]
    down = [n for n, o in known if not o["media_server_up"] and not o.get("media_server_silent_since")]
    said = [*(f"{n} does not answer since {since}" for n, since in silent), *(f"{n} is down" for n in down)]
    return "; ".join(said) or ("ok" if known else "-")


def _replication(found: dict[str, Any] | None) -> str:
    if found is None:
        return "off"
    lag = "" if found["lag_s"] is None else f", {found['lag_s']:.0f} s behind"
    return f"{found['state']} to {found['target']}{lag}" + (f" ({found['error']})" if found["error"] else "")


@app.command()
def streams(
    as_json: Json = False,
    kick: Annotated[str, typer.Option(help="Cut this live stream's publisher off (app/stream or its session).")] = "",
) -> None:
    """What is live."""
    api = Api.from_environment()
    items = list(api.items("/v1/streams", ALL))
    if kick:
        kicked = _kick(api, items, kick)
        if as_json:
            show_json(kicked)
        return
    if as_json:
        show_json(items)
        return
    rows = [
        [
            s["stream"],
            s["live_at"],
            s["viewers"],
            s["bitrate_kbps"],
            s["video"],
            s["audio"],
            s["protocol"],
            s["session"],
        ]
        for s in items
    ]
    columns = ["STREAM", "LIVE SINCE", "VIEWERS", "KBPS", "VIDEO", "AUDIO", "BY", "SESSION"]
    table(columns, rows, "Nothing is live. Publish to the URL that `make run` shows.")


def _kick(api: Api, items: list[dict[str, Any]], name: str) -> list[dict[str, str]]:
    found = [s for s in items if name in (s["stream"], s["session"])]
    if not found:
        raise CliError(f"No live stream is called {name}. `sluice streams` lists what is live.")
    for s in found:
        api.call("DELETE", f"/v1/streams/{s['session']}")
        errors.print(f"kicking {s['stream']}", markup=False)
    return [{"stream": s["stream"], "session": s["session"]} for s in found]


@app.command()
def events(
    as_json: Json = False,
    limit: Limit = 30,
    kind: Annotated[str, typer.Option(help="Only of this kind, such as publish.refused or session.")] = "",
    stream: Annotated[str, typer.Option(help="Only of this stream, app/stream.")] = "",
    since: Annotated[str, typer.Option(help="Only from this time on, such as 2026-11-22T12:00:00Z.")] = "",
    until: Annotated[str, typer.Option(help="Only before this time.")] = "",
) -> None:
    """The newest events."""
    given = {"kind": kind, "stream": stream, "since": since, "until": until}
    more = {name: value for name, value in given.items() if value}
    items = list(Api.from_environment().items("/v1/events", limit, **more))
    if as_json:
        show_json(items)
        return
    rows = [[e["at"], e["kind"], e["stream"] or e["data"].get("name", ""), _short(e["data"])] for e in items]
    table(["AT", "EVENT", "STREAM", "DETAILS"], rows, "Nothing has happened yet.")


@app.command()
def addresses(
    stream: Annotated[str, typer.Argument(help="app/stream")] = "live/livestream", as_json: Json = False
) -> None:
    """Where a stream is published and watched, or why not there."""
    found = Api.from_environment().call("GET", f"/v1/addresses?stream={quote(stream)}")
    if as_json:
        show_json(found)
        return
    rows = [[a["node_name"] or a["node"], a["direction"], a["protocol"], _address(a)] for a in found["items"]]
    table(["NODE", "FOR", "BY", "ADDRESS"], rows, "There is no node.")


def _address(shown: dict[str, Any]) -> str:
    why = f"not now: {shown['why']}" if shown["code"] else ""
    return "  ".join(filter(None, [shown["url"], why]))


def _short(data: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in data.items() if v not in (None, "", False))


@secret.command("show")
def secret_show(as_json: Json = False) -> None:
    """The publish secret."""
    found = Api.from_environment().call("GET", "/v1/settings/publish")
    if as_json:
        show_json(found)
    else:
        facts([("secret", found["secret"]), ("asked for", "yes" if found["auth"] else "no: anybody may publish")])


@secret.command("rotate")
def secret_rotate(
    value: Annotated[str, typer.Option(help="The new secret; made up when absent.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Set a new publish secret. Live streams go on; the next publish needs the new one."""
    import secrets

    if not yes:
        question = "Encoders that use the old secret will be refused at their next publish. Go on?"
        typer.confirm(question, abort=True, err=True)
    body = {"secret": value or secrets.token_hex(16)}
    changed = Api.from_environment().call("PATCH", "/v1/settings/publish", body)
    if as_json:
        show_json(changed)
    else:
        facts([("secret", changed["secret"])])
        if changed.get("uses"):
            _show_uses(changed["uses"])


@secret.command("uses")
def secret_uses(
    days: Annotated[int, typer.Option(min=1, max=90, help="How far back.")] = 7, as_json: Json = False
) -> None:
    """Who published with the publish secret lately, and has to be told of a new one."""
    found = Api.from_environment().call("GET", f"/v1/settings/publish/uses?days={days}")
    if as_json:
        show_json(found)
    else:
        _show_uses(found)


def _show_uses(uses: dict[str, Any]) -> None:
    rows = [
        [u["stream"], "live" if u["live"] else "ended", u["at"], u["protocol"], u["client_ip"], u["which"]]
        for u in uses["items"]
    ]
    table(["STREAM", "STATE", "CAME", "BY", "FROM", "SECRET"], rows, "Nobody published with it lately.")
    if uses["kept_in"]:
        errors.print(f"A publish secret stands in the target of: {', '.join(uses['kept_in'])}", markup=False)
    if own := [f"{k['of']} {k['name']}" for k in uses["own"] if k["goes_on"]]:
        errors.print(f"Of your own, on their own node, and need none: {', '.join(own)}", markup=False)


@app.command("doctor")
def doctor_command(as_json: Json = False) -> None:
    """What is not ready, and how to mend it."""
    raise typer.Exit(doctor.run(as_json=as_json))


@app.command()
def demo(as_json: Json = False) -> None:
    """Prove the whole product on real media: on the running instance, or on one started for it."""
    from infra.local import demo as steps

    raise typer.Exit(steps.main(as_json=as_json))


def main() -> None:
    """Entry point."""
    print_anyway()
    try:
        app()
    except CliError as error:
        errors.print(f"sluice: {error}", style="red", markup=False, highlight=False)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
